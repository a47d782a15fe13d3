"""A layout of banks' day files that is not in order is refused by key and reason."""

from __future__ import annotations

import re

import pytest

from ledger.errors import LayoutError
from ledger.files.layout import parse
from tests.support.day_layouts import DELIMITED, FIXED

TERMINAL, STAN = '{ name = "terminal" }', '{ name = "stan" }'
AMOUNT = '{ name = "amount", unit = "yuan", sign = "leading", plus = "+", minus = "reversed", pad = "zero" }'
SENT_AT = '{ name = "sent_at", format = "MMDDhhmmss" }'
COUNT, COLLECTED = '{ name = "count", pad = "blank" }', '{ name = "collected", unit = "fen" }'
FIXED_TERMINAL = '{ name = "terminal", width = 8, pad = "none" }'
TRAILER = (
    'columns = [{ name = "count", width = 1 }, { name = "paid", width = 16, unit = "yuan", pad = "blank" }]'
)
NAMES = (
    "must be one of 'terminal', 'branch', 'rrn', 'policy', 'due', 'receipt', 'code', 'state', 'ignored',"
    " 'sent_at', 'sent_date', 'sent_time', 'stan', 'amount'"
)
ONE_CHARACTER = "separator: must be one ASCII character, no letter, digit, blank, sign, point or line end"
CODES = "must be one of 500000, 501000, 502000, 260000, 261000, 262000, 263000"
WORD = "the bank's word must be printable, with no blanks around it"
NO_WIDTHS = "a delimited file has no widths"
BOTH = "must be a date and a time, such as MMDDhhmmss or YYYY-MM-DD hh:mm:ss"
SIGN = "(collected).sign: must be leading or trailing where plus or minus say something"
TABLE = "must be a table with columns, 1 to 64 of them"
BYTES = "must be a number of bytes, 1 to 255"
MOMENT = "detail.columns: needs either sent_at, or sent_date and sent_time"


def refused(source: str) -> str:
    with pytest.raises(LayoutError) as caught:
        parse(source, "mine")
    layout, colon, reason = str(caught.value).partition(": ")
    assert (layout, colon) == ("layout mine", ": ")
    return reason


def test_a_record_has_up_to_64_columns() -> None:
    some = ", ".join(['{ name = "ignored" }'] * 60)
    full = DELIMITED.replace('"date", format = "YYYY-MM-DD" }', '"date", format = "YYYY-MM-DD" }, ' + some)
    assert len(parse(full, "mine").header) == 64
    assert refused(full.replace(some, some + ', { name = "ignored" }')) == (
        "header: must be a table with columns, 1 to 64 of them"
    )


@pytest.mark.parametrize("key", ["header", "detail", "trailer", "codes", "states"])
def test_a_part_that_is_no_table_is_refused(key: str) -> None:
    without = re.sub(rf"(?s)\[{key}\]\n.*?(?=\n\[|\Z)", "", FIXED)
    reason = "must be a table with at least one entry" if key in ("codes", "states") else TABLE
    assert refused(f"{key} = 1\n{without}") == f"{key}: {reason}"
    if key == "detail":
        assert refused(without) == f"{key}: {reason}"


@pytest.mark.parametrize(
    ("source", "old", "new", "reason"),
    [
        (DELIMITED, "separator =", "seperator =", "seperator: no such key here; did you mean 'separator'?"),
        (DELIMITED, "separator =", "sum =", "sum: no such key here"),
        (
            DELIMITED,
            '"delimited"',
            '"delimitted"',
            "form: must be one of 'delimited', 'fixed'; did you mean 'delimited'?",
        ),
        (DELIMITED, '"delimited"', "1", "form: must be one of 'delimited', 'fixed'"),
        (DELIMITED, 'form = "delimited"', "", "form: must be one of 'delimited', 'fixed'"),
        (DELIMITED, '"gb18030"', '"gbk"', "encoding: must be one of 'utf-8', 'gb18030'"),
        (DELIMITED, '"CRLF"', '"CR"', "line_end: must be one of 'LF', 'CRLF'; did you mean 'CRLF'?"),
        (DELIMITED, "lists_reversed = true", "lists_reversed = 1", "lists_reversed: must be true or false"),
        *(
            (DELIMITED, '"|"', text, ONE_CHARACTER)
            for text in ('"||"', '"-"', '""', "1", '"A"', '"Z"', '"a"', '"z"')
        ),
        *(
            (DELIMITED, '"|"', text, ONE_CHARACTER)
            for text in ('"0"', '"9"', '" "', '"+"', '"."', '"\\n"', '"\\r"')
        ),
        *((DELIMITED, '"|"', text, ONE_CHARACTER) for text in ('"。"', '"\\u0080"', '"\\U0010ffff"')),
        (DELIMITED, 'separator = "|"', "", ONE_CHARACTER),
        (FIXED, '"fixed"', '"fixed"\nseparator = "|"', "separator: a file of fixed widths has none"),
        (DELIMITED, 'A1 = "500000"', "", "codes: must be a table with at least one entry"),
        (DELIMITED, '"500000"', '"310000"', f"codes.A1: {CODES}"),
        (DELIMITED, '"500000"', "500000", f"codes.A1: {CODES}"),
        (DELIMITED, '"500000"', '["500000"]', f"codes.A1: {CODES}"),
        (DELIMITED, "A1 =", '"" =', f"codes.: {WORD}"),
        (DELIMITED, "A1 =", '"A " =', f"codes.A : {WORD}"),
        (DELIMITED, "A1 =", '"A\\u0007" =', f"codes.A\x07: {WORD}"),
        (DELIMITED, '"完成" = "S"', "", "states: must be a table with at least one entry"),
        (DELIMITED, '"完成" =', '" 完成" =', f"states. 完成: {WORD}"),
        (DELIMITED, '= "S"', '= "done"', "states.完成: must be one of S, R"),
        (DELIMITED, '= "S"', '= ""', "states.完成: must be one of S, R"),
        (DELIMITED, '= "S"', '= "SR"', "states.完成: must be one of S, R"),
        (DELIMITED, TERMINAL, '{ naem = "x" }', "detail.columns[1]: needs either name or literal"),
        (
            DELIMITED,
            TERMINAL,
            '{ name = "x", literal = "y" }',
            "detail.columns[1]: needs either name or literal",
        ),
        (DELIMITED, TERMINAL, '"terminal"', "detail.columns[1]: needs either name or literal"),
        (DELIMITED, TERMINAL, '"name"', "detail.columns[1]: needs either name or literal"),
        (DELIMITED, TERMINAL, "1", "detail.columns[1]: needs either name or literal"),
        (DELIMITED, TERMINAL, '{ name = ["stan"] }', f"detail.columns[1].name: {NAMES}"),
        (DELIMITED, '"gb18030"', '["utf-8"]', "encoding: must be one of 'utf-8', 'gb18030'"),
        (
            DELIMITED,
            TERMINAL,
            '{ name = "termnal" }',
            f"detail.columns[1].name: {NAMES}; did you mean 'terminal'?",
        ),
        (DELIMITED, TERMINAL, "{ name = 1 }", f"detail.columns[1].name: {NAMES}"),
        (DELIMITED, TERMINAL, '{ literal = "x" }', "detail.columns: terminal is missing"),
        (DELIMITED, TERMINAL, "{ literal = 1 }", "detail.columns[1].literal: must be printable text"),
        (
            DELIMITED,
            TERMINAL,
            '{ literal = "x\\u0007" }',
            "detail.columns[1].literal: must be printable text",
        ),
        (DELIMITED, TERMINAL, '{ literal = "x|" }', "detail.columns[1].literal: holds the separator"),
        (DELIMITED, TERMINAL, '{ literal = "x", pad = "none" }', "detail.columns[1].pad: no such key here"),
        (DELIMITED, TERMINAL, '{ literal = "x", width = 1 }', f"detail.columns[1].width: {NO_WIDTHS}"),
        (
            DELIMITED,
            TERMINAL,
            '{ literal = "x", widht = 1 }',
            "detail.columns[1].widht: no such key here; did you mean 'width'?",
        ),
        (DELIMITED, TERMINAL, STAN, "detail.columns: stan stands there twice"),
        (DELIMITED, STAN, '{ name = "rrn" }', "detail.columns: rrn stands there twice"),
        (DELIMITED, STAN + ",", "", "detail.columns: stan is missing"),
        (DELIMITED, '{ name = "code" },', "", "detail.columns: code is missing"),
        (
            DELIMITED,
            '{ name = "state" },',
            "",
            "detail.columns: state is missing, and lists_reversed is true",
        ),
        (DELIMITED, AMOUNT, '{ name = "ignored" }', "detail.columns: amount is missing"),
        (DELIMITED, SENT_AT, f'{SENT_AT}, {{ name = "sent_time", format = "hhmmss" }}', MOMENT),
        (DELIMITED, SENT_AT, f'{SENT_AT}, {{ name = "sent_date", format = "MMDD" }}', MOMENT),
        (DELIMITED, SENT_AT, '{ name = "sent_time", format = "hhmmss" }', MOMENT),
        (DELIMITED, SENT_AT, '{ name = "sent_date", format = "MMDD" }', MOMENT),
        (
            DELIMITED,
            TERMINAL,
            '{ name = "terminal", unit = "fen" }',
            "detail.columns[1] (terminal).unit: no such key here",
        ),
        (
            DELIMITED,
            TERMINAL,
            '{ name = "terminal", width = 8 }',
            f"detail.columns[1] (terminal).width: {NO_WIDTHS}",
        ),
        (
            DELIMITED,
            TERMINAL,
            '{ name = "terminal", pad = "zero" }',
            "detail.columns[1] (terminal).pad: text is not filled with zeros",
        ),
        (
            DELIMITED,
            TERMINAL,
            '{ name = "terminal", pad = "zeros" }',
            "detail.columns[1] (terminal).pad: must be one of 'none', 'blank', 'zero'; did you mean 'zero'?",
        ),
        (
            DELIMITED,
            STAN,
            '{ name = "stan", pad = "zero" }',
            "detail.columns[4] (stan).pad: no such key here",
        ),
        (DELIMITED, STAN, '{ name = "stan", width = 6 }', f"detail.columns[4] (stan).width: {NO_WIDTHS}"),
        (DELIMITED, '"MMDDhhmmss"', '"MMDDhhmm"', f"detail.columns[3] (sent_at).format: {BOTH}"),
        (DELIMITED, '"MMDDhhmmss"', '"DDMMhhmmss"', f"detail.columns[3] (sent_at).format: {BOTH}"),
        (DELIMITED, '"MMDDhhmmss"', "1", f"detail.columns[3] (sent_at).format: {BOTH}"),
        (DELIMITED, ', format = "MMDDhhmmss"', "", f"detail.columns[3] (sent_at).format: {BOTH}"),
        (
            DELIMITED,
            '"MMDDhhmmss"',
            '"MMDDhhmmss", pad = "none"',
            "detail.columns[3] (sent_at).pad: no such key here",
        ),
        (
            DELIMITED,
            '"MMDDhhmmss"',
            '"MMDDhhmmss", width = 10',
            f"detail.columns[3] (sent_at).width: {NO_WIDTHS}",
        ),
        (
            DELIMITED.replace('"|"', '":"'),
            '"MMDDhhmmss"',
            '"MMDD hh:mm:ss"',
            "detail.columns[3] (sent_at).format: holds the separator",
        ),
        (
            DELIMITED,
            '"YYYY-MM-DD"',
            '"hhmmss"',
            "header.columns[3] (date).format: must be a date such as YYYYMMDD, YYYY-MM-DD or MMDD",
        ),
        (
            FIXED,
            '"YYYY/MM/DD"',
            '"YYYY/DD/MM"',
            "detail.columns[1] (sent_date).format: must be a date such as YYYYMMDD, YYYY-MM-DD or MMDD",
        ),
        (
            FIXED,
            '"hh:mm:ss"',
            '"hh.mm.ss"',
            "detail.columns[2] (sent_time).format: must be a time, hhmmss or hh:mm:ss",
        ),
        (DELIMITED, 'unit = "yuan", ', "", "detail.columns[9] (amount).unit: must be one of 'fen', 'yuan'"),
        (
            DELIMITED,
            '"yuan"',
            '"fenn"',
            "detail.columns[9] (amount).unit: must be one of 'fen', 'yuan'; did you mean 'fen'?",
        ),
        (
            DELIMITED,
            'sign = "leading", plus = "+"',
            'sign = "before"',
            "detail.columns[9] (amount).sign: must be one of 'none', 'leading', 'trailing'",
        ),
        (
            DELIMITED,
            'plus = "+"',
            'plus = "-"',
            "detail.columns[9] (amount).plus: must be one of '', '+', ' '",
        ),
        (
            DELIMITED,
            '"reversed"',
            '"reverse"',
            "detail.columns[9] (amount).minus: must be one of 'never', 'payout', 'collection', 'reversed'"
            "; did you mean 'reversed'?",
        ),
        (
            DELIMITED,
            '"payout"',
            '"collection"',
            "trailer.columns[3] (paid).minus: must be one of 'never', 'payout'",
        ),
        (
            DELIMITED,
            COLLECTED,
            '{ name = "collected", unit = "fen", minus = "payout" }',
            "trailer.columns[2] (collected).minus: must be one of 'never', 'collection'",
        ),
        (
            DELIMITED,
            ', minus = "collection"',
            "",
            "trailer.columns[4] (net).minus: must be one of 'payout', 'collection'",
        ),
        (
            DELIMITED,
            COLLECTED,
            '{ name = "collected", unit = "fen", plus = "" }',
            f"trailer.columns[2] {SIGN}",
        ),
        (
            DELIMITED,
            COLLECTED,
            '{ name = "collected", unit = "fen", minus = "collection" }',
            f"trailer.columns[2] {SIGN}",
        ),
        (
            DELIMITED,
            COLLECTED,
            '{ name = "collected", unit = "fen", format = "x" }',
            "trailer.columns[2] (collected).format: no such key here",
        ),
        (
            DELIMITED,
            COUNT,
            '{ name = "count", unit = "fen" }',
            "trailer.columns[1] (count).unit: no such key here",
        ),
        (
            DELIMITED,
            COUNT,
            '{ name = "count", pad = "left" }',
            "trailer.columns[1] (count).pad: must be one of 'none', 'blank', 'zero'",
        ),
        (DELIMITED, COUNT, '{ name = "count", width = 2 }', f"trailer.columns[1] (count).width: {NO_WIDTHS}"),
        (
            DELIMITED,
            COUNT,
            '{ name = "amount", unit = "fen" }',
            "trailer.columns[1].name: must be one of 'bank', 'ignored', 'date', 'count', 'collected', 'paid',"
            " 'net'; did you mean 'count'?",
        ),
        (DELIMITED, "[trailer]", '[trailer]\nmark = "x"', "trailer.mark: no such key here"),
        (DELIMITED, "[detail]", "[detial]", "detial: no such key here; did you mean 'detail'?"),
        (FIXED, TRAILER, "columns = []", f"trailer: {TABLE}"),
        (FIXED, TRAILER, "columns = 1", f"trailer: {TABLE}"),
        (FIXED, TRAILER, "", f"trailer: {TABLE}"),
        (
            FIXED,
            TRAILER,
            'columns = [{ name = "bank", width = 1 }]',
            "trailer.columns: needs at least one of count, collected, paid, net",
        ),
        (
            FIXED,
            "[trailer]\n" + TRAILER,
            "",
            "trailer: is missing, and the header carries no count: a cut could not be seen",
        ),
        (
            FIXED,
            FIXED_TERMINAL,
            '{ name = "terminal", pad = "none" }',
            f"detail.columns[3] (terminal).width: {BYTES}",
        ),
        *(
            (
                FIXED,
                FIXED_TERMINAL,
                f'{{ name = "terminal", width = {width} }}',
                f"detail.columns[3] (terminal).width: {BYTES}",
            )
            for width in ("0", "256", "true", '"8"')
        ),
        (FIXED, 'width = 12, unit = "fen"', 'unit = "fen"', f"detail.columns[6] (amount).width: {BYTES}"),
        (FIXED, STAN, '{ name = "stan", width = 7 }', "detail.columns[4] (stan).width: must be 6"),
        (FIXED, STAN, '{ name = "stan", width = "6" }', f"detail.columns[4] (stan).width: {BYTES}"),
        (FIXED, '"hh:mm:ss"', '"hh:mm:ss", width = 6', "detail.columns[2] (sent_time).width: must be 8"),
        (FIXED, "width = 5", "width = 2", "header.columns[2].width: the literal takes 3 bytes"),
        (FIXED, "width = 5", "width = 1", "header.columns[2].width: the literal takes 3 bytes"),
        (FIXED, "width = 5", "width = 256", f"header.columns[2].width: {BYTES}"),
        (FIXED, '{ literal = "保", width = 5 }', '{ literal = "" }', f"header.columns[2].width: {BYTES}"),
    ],
)
def test_a_layout_that_is_not_in_order_is_refused_by_key_and_reason(
    source: str, old: str, new: str, reason: str
) -> None:
    assert source.count(old) == 1
    assert refused(source.replace(old, new)) == reason


def test_a_cut_could_not_be_seen_in_a_file_without_header_and_trailer() -> None:
    lines = FIXED[FIXED.index("[detail]") : FIXED.index("[trailer]")]
    assert refused(f'form = "fixed"\n{lines}') == (
        "trailer: is missing, and the header carries no count: a cut could not be seen"
    )
