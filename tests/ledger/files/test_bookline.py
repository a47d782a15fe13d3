"""One line of the file of dues: what it holds, what is wrong with it, and what it counts for."""

from __future__ import annotations

import pytest

from ledger.files.bookline import (
    HEADER,
    HEADER_WITH_SERVING,
    HEADER_WITHOUT_PAYEES,
    KINDS,
    LINE_BYTES_MAX,
    STATES,
    TRAILER,
    WITHDRAWN,
    DueLine,
    Row,
    good_row,
    row_of,
    without_end,
)
from ledger.files.leftout import ANY_ROW, ControlTotals, Span
from tests.support.dues_file import DATE, PERSON, leaving, row

BADLY = "110105194912310021"
ALONE = "P1,active,王伟,,,,,,"
TOTAL = f"TOTAL,{DATE},1,1,30000,0,,,"

NOT_POLICY = ("policy", "not 1 to 24 of A-Z, 0-9 and -")
NOT_STATE = ("state", "not one of active, lapsed, pending, terminated")
NOT_NAME = ("holder", "not a name of 1 to 120 printable characters")
NOT_DUE = ("due", "not 1 to 20 of A-Z, 0-9 and -")
NOT_CODE = ("code", "not one of 500000, 501000, 502000, 260000, 261000, 262000, 263000")
NOT_DATE = ("due_date", "not a date, YYYYMMDD")
NOT_AMOUNT = ("amount_fen", "not a whole number of fen, 1 to 999999999999")
NOT_EMPTY = ("beneficiary", "must be empty for a premium")
NEEDED = ("beneficiary", "needed for a benefit")
NOT_PAYEE = ("payee", "not a name of 1 to 120 printable characters")
NO_PAYEE = ("payee", "must be empty for a premium")
PAID = {"code": "260000", "beneficiary": PERSON}
NOT_RESIDENT = (
    "beneficiary",
    "not a valid identity number; any other document has its kind before it, as passport:",
)
NOT_LAST = ("", "holder of a WITHDRAWN line, and all behind its amount, must be empty")
NOT_BEHIND = ("", "whatever is behind the figures of the TOTAL line must be empty")
NOT_COUNT = "not a whole number of 1 to 17 digits"
NOT_GONE = ("withdrawn", "neither empty nor a whole number from 1")


def padded(fields: list[str]) -> list[str]:
    """The fields of a line of a file without who serves, with the three columns that it does not have."""
    return [*fields, "", "", ""] if fields else []


def test_the_words_of_the_file() -> None:
    assert HEADER == "policy,state,holder,due,code,due_date,amount_fen,beneficiary,payee"
    assert HEADER.removesuffix(",payee") == HEADER_WITHOUT_PAYEES
    assert f"{HEADER},grace_until,serving,serving_phone" == HEADER_WITH_SERVING
    assert (TRAILER, WITHDRAWN, LINE_BYTES_MAX) == ("TOTAL", "WITHDRAWN", 2048)
    assert sorted(STATES) == ["active", "lapsed", "pending", "terminated"]
    assert dict(KINDS) == {
        **dict.fromkeys(("500000", "501000", "502000"), "premium"),
        **dict.fromkeys(("260000", "261000", "262000", "263000"), "benefit"),
    }


@pytest.mark.parametrize(
    ("line", "text"),
    [(b"a\n", b"a"), (b"a\r\n", b"a"), (b"a", b"a"), (b"a\r", b"a"), (b"\na\n\n", b"\na\n"), (b"\n", b"")],
)
def test_the_end_of_a_line_is_one_lf_or_crlf(line: bytes, text: bytes) -> None:
    assert without_end(line) == text


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, []),
        ({"policy": "A-Z09" + "P" * 19}, []),
        ({"policy": ""}, [NOT_POLICY]),
        ({"policy": "p1"}, [NOT_POLICY]),
        ({"policy": "P" * 25}, [NOT_POLICY]),
        ({"policy": "P１"}, [NOT_POLICY]),
        ({"policy": "P1\n"}, [NOT_POLICY]),
        *(({"state": state}, []) for state in ("pending", "lapsed", "terminated")),
        ({"state": "Active"}, [NOT_STATE]),
        ({"state": ""}, [NOT_STATE]),
        ({"holder": "王"}, []),
        ({"holder": "一" * 20 + "龿"}, []),
        ({"holder": "一鿿"}, []),
        ({"holder": "A"}, []),
        ({"holder": "王" * 120}, []),
        ({"holder": "MARIA DE LA LUZ·阿依古丽"}, []),
        ({"holder": "王\ue863"}, []),
        ({"holder": ""}, [NOT_NAME]),
        ({"holder": "王" * 121}, [NOT_NAME]),
        ({"holder": "王\t伟"}, [NOT_NAME]),
        ({"holder": "王\r伟"}, [NOT_NAME]),
        ({"holder": "王\x85伟"}, [NOT_NAME]),
        ({"holder": "王\u202e伟"}, [NOT_NAME]),
        ({"holder": "王\u2028伟"}, [NOT_NAME]),
        ({"holder": "王\u2029伟"}, [NOT_NAME]),
        ({"holder": " 王伟"}, [NOT_NAME]),
        ({"holder": "王伟\u3000"}, [NOT_NAME]),
        ({"due": "A-Z09" + "D" * 15}, []),
        ({"due": ""}, [NOT_DUE]),
        ({"due": "d1"}, [NOT_DUE]),
        ({"due": "D" * 21}, [NOT_DUE]),
        *(({"code": code}, []) for code in ("501000", "502000")),
        ({"code": "310000"}, [NOT_CODE]),
        ({"code": ""}, [NOT_CODE]),
        ({"code": "310000", "beneficiary": PERSON}, [NOT_CODE]),
        ({"due_date": "20260229"}, [NOT_DATE]),
        ({"due_date": "2026W011"}, [NOT_DATE]),
        ({"due_date": "2026-1-1"}, [NOT_DATE]),
        ({"amount": "1"}, []),
        ({"amount": "9" * 12}, []),
        ({"amount": "0"}, [NOT_AMOUNT]),
        ({"amount": ""}, [NOT_AMOUNT]),
        ({"amount": "-1"}, [NOT_AMOUNT]),
        ({"amount": "300.00"}, [NOT_AMOUNT]),
        ({"amount": "030000"}, [NOT_AMOUNT]),
        ({"amount": "1_000"}, [NOT_AMOUNT]),
        ({"amount": "１"}, [NOT_AMOUNT]),
        ({"amount": "1" + "0" * 12}, [NOT_AMOUNT]),
        ({"beneficiary": PERSON}, [NOT_EMPTY]),
        *(({"code": code, "beneficiary": PERSON}, []) for code in ("260000", "261000", "262000", "263000")),
        ({"code": "260000"}, [NEEDED]),
        ({"code": "260000", "beneficiary": BADLY}, [NOT_RESIDENT]),
        ({"code": "260000", "beneficiary": "E12345678"}, [NOT_RESIDENT]),
        ({"code": "260000", "beneficiary": "passport:E12345678"}, []),
        (
            {"code": "260000", "beneficiary": "passport:E1234567890"},
            [("beneficiary", "not a valid number of its kind, passport")],
        ),
        (
            {"code": "260000", "beneficiary": "company:91350100M000100Y44"},
            [("beneficiary", "not a valid number of its kind, company")],
        ),
        (
            {"code": "260000", "beneficiary": "pass:E12345678"},
            [
                (
                    "beneficiary",
                    "not a kind of document; there are resident, passport, hk-macao-permit, taiwan-permit,"
                    " permanent-residence, hk-identity, company, other",
                )
            ],
        ),
        (
            {
                "policy": "p",
                "state": "x",
                "holder": "",
                "due": "d",
                "code": "1",
                "due_date": "2",
                "amount": "x",
            },
            [NOT_POLICY, NOT_STATE, NOT_NAME, NOT_DUE, NOT_CODE, NOT_DATE, NOT_AMOUNT],
        ),
        ({"amount": "x", "beneficiary": PERSON}, [NOT_AMOUNT, NOT_EMPTY]),
        *(
            ({**PAID, "payee": name}, [])
            for name in ("", "李四", "A", "王" * 120, "李\ue863", "MARIA·阿依古丽")
        ),
        *(
            ({**PAID, "payee": name}, [NOT_PAYEE])
            for name in (
                "王" * 121,
                "李\t四",
                "李\x00四",
                "李\u202e四",
                "李\u2028四",
                " 李四",
                "李四\u3000",
                " ",
            )
        ),
        ({"payee": "李四"}, [NO_PAYEE]),
        ({"code": "1", "payee": "李四"}, [NOT_CODE]),
        ({"code": "260000", "payee": "\x7f"}, [NEEDED, NOT_PAYEE]),
    ],
)
def test_every_column_of_a_due_is_checked_by_itself(
    given: dict[str, str], faults: list[tuple[str, str]]
) -> None:
    line = row(**given)
    assert row_of(f"{line}\n".encode()) == Row(padded(line.split(",")), faults)


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, []),
        ({"code": "260000"}, []),
        ({"policy": ""}, [NOT_POLICY]),
        ({"due": ""}, [NOT_DUE]),
        ({"code": "310000"}, [NOT_CODE]),
        ({"due_date": "20260229"}, [NOT_DATE]),
        ({"amount": ""}, [NOT_AMOUNT]),
        ({"holder": "王伟"}, [NOT_LAST]),
        ({"beneficiary": PERSON}, [NOT_LAST]),
        ({"policy": "p", "holder": "王伟"}, [NOT_POLICY, NOT_LAST]),
        ({"code": "260000", "payee": "李四"}, [NOT_LAST]),
    ],
)
def test_every_column_of_a_due_that_leaves_is_checked_by_itself(
    given: dict[str, str], faults: list[tuple[str, str]]
) -> None:
    line = leaving(**given)
    assert row_of(line.encode()) == Row(padded(line.split(",")), faults)


@pytest.mark.parametrize(
    ("line", "fields", "faults"),
    [
        (ALONE, ALONE.split(","), []),
        ("p1,x,,,,,,,", ["p1", "x", *[""] * 7], [NOT_POLICY, NOT_STATE, NOT_NAME]),
        (
            "P1,active,王伟,,,,,x,",
            ["P1", "active", "王伟", *[""] * 4, "x", ""],
            [NOT_DUE, NOT_CODE, NOT_DATE, NOT_AMOUNT],
        ),
        ('P1,active,"A, ""B""",,,,,,', ["P1", "active", 'A, "B"', *[""] * 6], []),
        (TOTAL, TOTAL.split(","), []),
        (TOTAL[:-2] + "12,,", [*TOTAL.split(",")[:6], "12", "", ""], []),
        ("a,b", [], [("", "9 columns expected, 2 found")]),
        ("", [], [("", "9 columns expected, 1 found")]),
        (ALONE + ",", [], [("", "9 columns expected, 10 found")]),
        ('P1,active,"王"伟,,,,,', [], [("", "quotes that do not match")]),
        ('P1,active,"王伟,,,,,', [], [("", "quotes that do not match")]),
    ],
)
def test_a_line_is_read_by_its_columns(line: str, fields: list[str], faults: list[tuple[str, str]]) -> None:
    assert row_of(line.encode() + b"\r\n") == Row(padded(fields), faults)
    if fields:
        assert good_row(line.encode() + b"\n") == Row(padded(fields), [])


@pytest.mark.parametrize("line", [row(), row(**PAID), ALONE, TOTAL, leaving(), "a,b", ""])
def test_a_file_without_payees_has_one_column_less_in_every_line(line: str) -> None:
    without = line.removesuffix(",").encode()
    wanted = row_of(line.encode())
    if wanted.fields:
        assert row_of(without, 8) == wanted
        assert good_row(without) == good_row(line.encode())
    assert row_of(line.encode() + b",", 8).faults == [
        ("", f"8 columns expected, {line.count(',') + 2} found")
    ]


def test_a_line_in_another_encoding_has_no_columns() -> None:
    assert row_of(ALONE.encode("gb18030")) == Row([], [("", "not UTF-8")])


@pytest.mark.parametrize(
    ("total", "faults"),
    [
        ("TOTAL,20261301,1,1,30000,0,,,", [("business_date", "not a date, YYYYMMDD")]),
        (f"TOTAL,{DATE},0,{'9' * 17},0,0,1{'0' * 16},,", []),
        (f"TOTAL,{DATE},01,1,30000,0,,,", [("policies", NOT_COUNT)]),
        (f"TOTAL,{DATE},1,-1,30000,0,,,", [("dues", NOT_COUNT)]),
        (f"TOTAL,{DATE},1,1,,0,,,", [("premium", NOT_COUNT)]),
        (f"TOTAL,{DATE},1,1,0,{PERSON},,,", [("benefit", NOT_COUNT)]),
        *((f"TOTAL,{DATE},1,1,0,0,{text},,", [NOT_GONE]) for text in ("0", "01", "x", "1" * 18)),
        *((f"TOTAL,{DATE},1,1,30000,0,,{last}", [NOT_BEHIND]) for last in ("0,", ",0", "0,0")),
    ],
)
def test_every_column_of_the_total_line_is_checked_by_itself(
    total: str, faults: list[tuple[str, str]]
) -> None:
    assert row_of(total.encode()) == Row(padded(total.split(",")), faults)


NOTHING, ONE_POLICY = Span(), Span(ControlTotals(), ControlTotals(policies=1))
ONE_GONE = Span(ControlTotals(withdrawn=1), ControlTotals(withdrawn=1))
PREMIUM = Span(ControlTotals(dues=1, premium=30_000), ControlTotals(dues=1, premium=30_000))
BENEFIT = Span(ControlTotals(dues=1, benefit=30_000), ControlTotals(dues=1, benefit=30_000))
ANY_PREMIUM = Span(ControlTotals(dues=1, premium=1), ControlTotals(dues=1, premium=999_999_999_999))
ANY_KIND = Span(ControlTotals(dues=1), ControlTotals(dues=1, premium=30_000, benefit=30_000))
UNREAD = Span(ControlTotals(dues=1, premium=30_000), ControlTotals(policies=1, dues=1, premium=30_000))


@pytest.mark.parametrize(
    ("line", "flags", "policy", "due", "span"),
    [
        (row(), (False, True, True), "P1", "D1", PREMIUM),
        (row(code="260000"), (False, True, True), "P1", "D1", BENEFIT),
        (row(amount="x"), (False, True, True), "P1", "D1", ANY_PREMIUM),
        (row(amount=""), (False, True, True), "P1", "D1", ANY_PREMIUM),
        (row(code="x"), (False, True, True), "P1", "D1", ANY_KIND),
        (row(policy="p"), (False, True, True), "", "D1", UNREAD),
        (row(due="d"), (False, True, True), "P1", "", PREMIUM),
        (row(policy="", due=""), (False, True, True), "", "", UNREAD),
        (ALONE, (False, False, False), "P1", "", NOTHING),
        ("p1" + ALONE[2:], (False, False, False), "", "", ONE_POLICY),
        (leaving(), (True, True, False), "P1", "D9", ONE_GONE),
        (leaving(policy="p1", due="d9"), (True, True, False), "", "", ONE_GONE),
        (leaving(policy="p1", amount="x"), (True, True, False), "", "D9", ONE_GONE),
        ("x", (False, False, False), "", "", ANY_ROW),
    ],
)
def test_a_row_tells_what_it_is_and_what_it_counts_for(
    line: str, flags: tuple[bool, bool, bool], policy: str, due: str, span: Span
) -> None:
    read = row_of(line.encode())
    assert (read.leaves, read.has_due, read.brings) == flags
    assert (read.policy, read.due) == (policy, due)
    assert read.span == span


def test_the_total_line_brings_no_due() -> None:
    assert not good_row(TOTAL.encode()).brings


@pytest.mark.parametrize(
    ("line", "due"),
    [
        (row(), DueLine("D1", "P1", "500000", "premium", DATE, 30_000, "", "")),
        (
            row(code="260000", beneficiary=PERSON),
            DueLine("D1", "P1", "260000", "benefit", DATE, 30_000, PERSON),
        ),
        (
            row(code="263000", beneficiary="passport:E12345678"),
            DueLine("D1", "P1", "263000", "benefit", DATE, 30_000, "E12345678", "passport"),
        ),
        (
            row(code="260000", beneficiary=PERSON, payee="李四"),
            DueLine("D1", "P1", "260000", "benefit", DATE, 30_000, PERSON, payee="李四"),
        ),
        (leaving(), DueLine("D9", "P1", "500000", "premium", DATE, 30_000, "", "")),
        (leaving("P2", code="260000"), DueLine("D9", "P2", "260000", "benefit", DATE, 30_000, "", "")),
    ],
)
def test_a_good_row_is_its_due(line: str, due: DueLine) -> None:
    assert row_of(line.encode()).due_line() == good_row(line.encode()).due_line() == due


def test_a_due_shows_nobodys_number_or_name() -> None:
    due = good_row(row(code="260000", beneficiary=PERSON, payee="李四").encode()).due_line()
    assert repr(due) == "DueLine('D1', policy 'P1')"


def test_dues_of_one_code_and_date_share_their_texts() -> None:
    first, other = (good_row(row(due=due).encode()).due_line() for due in ("D1", "D2"))
    assert (first.code is other.code, first.due_date is other.due_date) == (True, True)


def test_the_end_of_grace_and_who_serves_are_checked() -> None:
    benefit = row(code="260000", beneficiary=PERSON)
    not_phone = "neither empty nor a phone number of 3 to 17 digits, `-` and a leading +"
    for start, rest, faults in (
        (row(), "20270123,,", []),
        (row(), f"{DATE},王芳,+86-571-88880000", []),
        (row(), ",ORPHAN,95500", []),
        (ALONE, ",营业部,95500", []),
        (row(), "20261123,,", [("grace_until", "earlier than due_date")]),
        (row(), "2027123,,", [("grace_until", "not a date, YYYYMMDD")]),
        (benefit, "20270123,,", [("grace_until", "must be empty for a benefit")]),
        (row(), ", 王芳,", [("serving", "not a name of 1 to 120 printable characters")]),
        (row(), ",,12", [("serving_phone", not_phone)]),
        (row(), f",,{PERSON[:17]}0", [("serving_phone", not_phone)]),
        (leaving(), "20270123,,", [NOT_LAST]),
        (leaving(), ",,95500", [NOT_LAST]),
        (TOTAL, ",,1", [NOT_BEHIND]),
    ):
        assert row_of(f"{start},{rest}\n".encode(), 12).faults == faults, (start, rest)
    assert row_of(f"{ALONE},,营业部,95500\n".encode(), 12).has_due is False
    assert row_of(f"{row()},20270123,,\n".encode(), 12).due_line().grace_until == "20270123"
