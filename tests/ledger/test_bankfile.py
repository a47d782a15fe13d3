"""Banks' day files: what is written is read back in every layout; a file with any fault is refused whole."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import date as day_of
from datetime import timedelta
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.bankfile import PROBLEMS_MAX, BankLine, FileTotals, read, write
from ledger.bankline import Lines
from ledger.bookfile import KINDS
from ledger.errors import BankFileError
from ledger.layout import Layout, load, parse, shipped

BANK, DATE = "01020000", "20261124"
STANDARD = load("standard")
ALL = [load(name) for name in shipped()]

# What no shipped layout has: figures in the header, no marks, no trailer, no year, lost columns.
ODD = parse(
    """
form = "fixed"
encoding = "gb18030"
lists_reversed = false
[header]
columns = [
  { name = "date", format = "MMDD" }, { name = "count", width = 8, pad = "blank" },
  { name = "net", width = 20, pad = "blank", unit = "fen", sign = "trailing", plus = " ", minus = "payout" },
]
[detail]
columns = [
  { name = "amount", width = 14, pad = "blank", unit = "yuan", sign = "trailing", minus = "collection" },
  { name = "sent_time", format = "hh:mm:ss" }, { name = "stan" }, { name = "sent_date", format = "MM-DD" },
  { name = "terminal", width = 8 }, { name = "code", width = 7 }, { name = "policy", width = 40 },
]
""",
    "odd",
)
MARKLESS = parse(
    """
form = "delimited"
separator = "\\t"
encoding = "gb18030"
line_end = "CRLF"
[detail]
columns = [
  { name = "state" }, { name = "terminal" }, { name = "branch" }, { name = "rrn" }, { name = "policy" },
  { name = "due" }, { name = "receipt" }, { name = "stan" }, { name = "sent_at", format = "YYYYMMDDhhmmss" },
  { name = "code", pad = "blank" }, { literal = "备注" },
  { name = "amount", unit = "fen", pad = "zero", sign = "leading", minus = "reversed" },
]
[trailer]
columns = [
  { name = "count" }, { name = "paid", unit = "yuan", sign = "leading", minus = "payout" },
  { name = "collected", unit = "fen" },
]
[states]
"完成" = "S"
"撤" = "R"
""",
    "markless",
)
FULL = [*ALL, MARKLESS]


def line(number: int = 2, **given: object) -> BankLine:
    values: dict[str, object] = {
        "terminal": "T0000001",
        "branch": "B00000000000001",
        "sent_at": "20261124101112",
        "stan": "000001",
        "rrn": "RRN000000001",
        "code": "500000",
        "policy": "P1",
        "due": "D1",
        "amount": 120_000,
        "receipt": "202611240100000000015",
        "state": "S",
    }
    return BankLine(number, **{**values, **given})  # type: ignore[arg-type]


LINES = (
    line(2),
    line(3, stan="000002", code="260000", amount=45_601, policy="保单甲", receipt=""),
    line(4, stan="000003", state="R", amount=1),
    line(5, stan="000004", code="263000", state="R", due=""),
)


def file(layout: Layout, lines: Sequence[BankLine] = LINES, bank: str = BANK, date: str = DATE) -> bytes:
    return b"".join(write(layout, bank, date, lines))


def taken(
    layout: Layout, data: bytes, bank: str = BANK, date: str = DATE
) -> tuple[list[BankLine], FileTotals]:
    reader = read(layout, io.BytesIO(data), bank, date)
    return list(reader), reader.totals


def problems(data: bytes, layout: Layout = STANDARD, bank: str = BANK, date: str = DATE) -> list[str]:
    with pytest.raises(BankFileError) as caught:
        taken(layout, data, bank, date)
    return [str(problem) for problem in caught.value.problems]


def standard(*rows: str, header: str = f"H|{BANK}|{DATE}|1", trailer: str | None = None) -> bytes:
    trailer = f"T|{len(rows)}|{120_000 * len(rows)}|0" if trailer is None else trailer
    return "".join(f"{one}\n" for one in (header, *rows, trailer) if one).encode()


def row(**given: object) -> str:
    one = {name: str(value) for name, value in line()._asdict().items()} | {"mark": "D"}
    one["sent_at"] = one["sent_at"][4:]  # the standard layout has no year
    one |= {name: str(value) for name, value in given.items()}
    names = "mark terminal branch sent_at stan rrn code policy due amount receipt state"
    return "|".join(one[name] for name in names.split())


def text(limit: int) -> st.SearchStrategy[str]:
    """Text of at most so many bytes in GB18030 that every layout can hold: no blanks at its ends."""
    characters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|,\t")
    some = st.text(characters, max_size=limit) | st.text("保单AZ09- ", max_size=limit)
    return some.map(lambda one: one.strip(" ")).filter(lambda one: len(one.encode("gb18030")) <= limit)


@st.composite
def bank_lines(draw: st.DrawFn, date: str = DATE) -> list[BankLine]:
    lines = []
    for number in range(2, 2 + draw(st.integers(0, 5))):
        day = day_of.fromisoformat(date) + timedelta(draw(st.integers(-182, 182)))
        lines.append(
            BankLine(
                number,
                draw(st.text("TZ019*/ ", min_size=8, max_size=8).filter(str.strip)),
                draw(st.text("BZ019 ", min_size=15, max_size=15)),
                f"{day:%Y%m%d}{draw(st.times()):%H%M%S}",
                draw(st.text("0123456789", min_size=6, max_size=6)),
                draw(text(12)),
                draw(st.sampled_from(list(KINDS))),
                draw(text(32)),
                draw(text(20)),
                draw(st.integers(1, 10**12 - 1)),
                draw(text(24)),
                draw(st.sampled_from("SR")),
            )
        )
    return lines


@pytest.mark.parametrize("layout", FULL, ids=lambda one: one.name)
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_written_reads_back_with_its_totals(layout: Layout, data: st.DataObject) -> None:
    date = data.draw(st.sampled_from([DATE, "20261231", "20270101", "20240301"]))
    lines = data.draw(bank_lines(date))
    if not layout.header:
        lines = [one._replace(line=one.line - 1) for one in lines]
    written = file(layout, lines, date=date)
    found, totals = taken(layout, written, date=date)
    assert found == lines
    collected = sum(one.amount for one in lines if one.state == "S" and KINDS[one.code] == "premium")
    paid = sum(one.amount for one in lines if one.state == "S" and KINDS[one.code] == "benefit")
    assert totals == FileTotals(BANK, date, len(lines), collected, paid, hashlib.sha256(written).hexdigest())


@settings(max_examples=60)
@given(lines=bank_lines())
def test_what_a_layout_leaves_out_comes_back_empty(lines: list[BankLine]) -> None:
    lines = [one._replace(terminal=one.terminal.strip() or "T") for one in lines]
    kept = [one for one in lines if one.state == "S"]
    assert taken(ODD, file(ODD, lines))[0] == [
        one._replace(line=number, branch="", rrn="", due="", receipt="") for number, one in enumerate(kept, 2)
    ]


@given(lines=bank_lines(), layout=st.sampled_from([*FULL, ODD]), size=st.integers(1, 70))
@settings(max_examples=60)
def test_how_a_stream_hands_out_its_bytes_makes_no_difference(
    lines: list[BankLine], layout: Layout, size: int
) -> None:
    class Drops(io.BytesIO):
        def read(self, _limit: int | None = -1, /) -> bytes:
            return super().read(size)

    lines = [one._replace(terminal="T0000001") for one in lines]
    data = file(layout, lines)
    reader = read(layout, Drops(data), BANK, DATE)
    assert (list(reader), reader.totals) == taken(layout, data)


@pytest.mark.parametrize("layout", [*FULL, ODD], ids=lambda one: one.name)
def test_a_file_cut_at_any_byte_is_refused(layout: Layout) -> None:
    whole = file(layout)
    assert taken(layout, whole)
    for length in range(len(whole)):
        with pytest.raises(BankFileError):
            taken(layout, whole[:length])


@pytest.mark.parametrize("layout", [*FULL, ODD], ids=lambda one: one.name)
@pytest.mark.parametrize("flip", [1, 4, 0x29, 0x80])
def test_a_byte_that_flips_is_refused_or_changes_one_line_and_no_figure(layout: Layout, flip: int) -> None:
    whole = file(layout)
    lines, totals = taken(layout, whole)
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= flip
        try:
            found, said = taken(layout, bytes(altered))
        except BankFileError:
            continue
        assert said == totals._replace(digest=said.digest)
        assert said.digest != totals.digest
        assert sum(ours != theirs for ours, theirs in zip(found, lines, strict=True)) <= 1


@given(
    data=st.binary(max_size=200) | st.text("HDT|,01\r\n9#-", max_size=80).map(str.encode), first=st.booleans()
)
def test_any_bytes_are_a_file_or_a_bank_file_error(data: bytes, first: bool) -> None:
    for layout in (*FULL, ODD):
        candidate = file(layout).partition(b"\n")[0] + b"\n" + data if first else data
        try:
            _, totals = taken(layout, candidate)
        except BankFileError as error:
            assert 1 <= len(error.problems) <= PROBLEMS_MAX
        else:
            assert totals.digest == hashlib.sha256(candidate).hexdigest()


@given(data=st.data(), layout=st.sampled_from([*FULL, ODD]))
def test_what_is_told_of_a_bad_line_is_a_fault_that_it_has(data: st.DataObject, layout: Layout) -> None:
    """The two ways of reading agree: a column is blamed if, and only if, the line is not taken."""
    columns = Lines(layout, DATE)
    good = columns.text(line(terminal="T0000001"))
    place = data.draw(st.integers(0, len(good) - 1))
    put = data.draw(st.sampled_from(["", "|", " ", "-", "9", "X", "\x07", "\x85", "."]))
    bad = good[:place] + put + good[place + 1 :]
    faults = columns.faults(bad)
    if columns.take(2, bad) is None:
        assert faults
        assert all(reason for _, reason in faults)
    else:
        assert faults == [("amount", "its sign contradicts the code or the state")]


def test_the_standard_layout_is_the_protocols() -> None:
    assert file(STANDARD, LINES[:3]).decode().splitlines() == [
        "H|01020000|20261124|1",
        "D|T0000001|B00000000000001|1124101112|000001|RRN000000001|500000|P1|D1|120000|202611240100000000015|S",
        "D|T0000001|B00000000000001|1124101112|000002|RRN000000001|260000|保单甲|D1|45601||S",
        "D|T0000001|B00000000000001|1124101112|000003|RRN000000001|500000|P1|D1|1|202611240100000000015|R",
        "T|3|120000|45601",
    ]


def test_the_fixed_layout_counts_bytes() -> None:
    lines = file(load("fixed-gb18030")).split(b"\r\n")
    assert lines[0].decode("gb18030") == "银保代收代付对账文件" + " " * 10 + "01020000   20261124"
    assert {len(one) for one in lines[1:5]} == {170}
    assert b"-000000000456.01" in lines[2]
    assert lines[5:] == [b"9" + b"0000000004" + b"000000000001200.00" + b"000000000000456.01", b""]


def test_the_commas_layout_speaks_the_banks_words() -> None:
    lines = file(load("csv-yuan")).decode().splitlines()
    assert lines[0] == "#,2026-11-24,01020000"
    assert lines[2].startswith(
        "RRN000000001,2026-11-24 10:11:12,000002,T0000001,B00000000000001,456.01,DF01,交易成功,保单甲,"
    )
    assert lines[5] == "合计,-743.99"


def test_the_year_of_a_date_is_the_one_nearest_to_the_files() -> None:
    new_year = file(load("csv-yuan"), [line(sent_at="20261231235959")], date="20270101")
    assert b",2026-12-31 23:59:59," in new_year
    other_year = new_year.replace(b"2026-12-31", b"2027-12-31")
    assert problems(other_year, load("csv-yuan"), date="20270101") == [
        "line 2, sent_at: no such date, or not within half a year of the file's"
    ]
    for date, sent_at in (("20270101", "20261231235959"), ("20261231", "20270101000000")):
        without_year = file(STANDARD, [line(sent_at=sent_at)], date=date)
        assert f"|{sent_at[4:]}|".encode() in without_year
        assert [one.sent_at for one in taken(STANDARD, without_year, date=date)[0]] == [sent_at]
    leap_day = file(STANDARD, [line(sent_at="20280229101112")], date="20280301")
    assert taken(STANDARD, leap_day, date="20280301")[0][0].sent_at == "20280229101112"


@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        ({"terminal": ""}, "terminal", "empty"),
        ({"terminal": "T\x07"}, "terminal", "not printable text of at most 255 characters"),
        ({"branch": "B" * 256}, "branch", "not printable text of at most 255 characters"),
        ({"sent_at": "1324101112"}, "sent_at", "no such date, or not within half a year of the file's"),
        ({"sent_at": "0230101112"}, "sent_at", "no such date, or not within half a year of the file's"),
        ({"sent_at": "1124241112"}, "sent_at", "not MMDDhhmmss"),
        ({"sent_at": "112410111"}, "sent_at", "not MMDDhhmmss"),
        ({"sent_at": "112410111٣"}, "sent_at", "not MMDDhhmmss"),
        ({"stan": "1"}, "stan", "not 6 digits"),
        ({"stan": "00000٣"}, "stan", "not 6 digits"),
        ({"code": "310000"}, "code", "not one of the layout's codes"),
        ({"code": ""}, "code", "not one of the layout's codes"),
        ({"policy": "\u0085"}, "policy", "not printable text of at most 255 characters"),
        ({"amount": "0"}, "amount", "not 1 to 999999999999 fen"),
        ({"amount": "-120000"}, "amount", "not whole fen"),
        ({"amount": "0120000"}, "amount", "not whole fen"),
        ({"amount": "120000.00"}, "amount", "not whole fen"),
        ({"amount": "120_000"}, "amount", "not whole fen"),
        ({"amount": "1200000000000"}, "amount", "not whole fen"),
        ({"amount": "１"}, "amount", "not whole fen"),
        ({"state": "s"}, "state", "not one of the layout's states"),
        ({"state": "S\r"}, "", "ends in CRLF, where the layout has LF"),
        ({"due": "D1|x"}, "", "12 columns expected, 13 found"),
    ],
)
def test_a_bad_column_is_named_and_its_value_not_repeated(
    bad: dict[str, str], column: str, reason: str
) -> None:
    where = f"line 2, {column}" if column else "line 2"
    assert problems(standard(row(**bad))) == [f"{where}: {reason}"]


def test_every_fault_of_a_line_and_of_every_line_is_told_up_to_what_a_person_reads() -> None:
    assert len(problems(standard(row(stan="", amount=""), row(state="")))) == 3
    assert len(problems(standard(*[row(state="X")] * 50))) == PROBLEMS_MAX


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1: the header is missing: the file is empty"),
        (standard(row(), header=""), "line 1: the header is missing"),
        (standard(row(), header=f"H|01030000|{DATE}|1"), "line 1, bank: another bank's"),
        (standard(row(), header=f"H|{BANK}|20261125|1"), "line 1, date: another date's"),
        (standard(row(), header=f"H|{BANK}|today|1"), "line 1, date: not YYYYMMDD"),
        (standard(row(), header=f"H|{BANK}|{DATE}|2"), "line 1: not the text that the layout has there"),
        (standard(row(), header=f"H|{BANK}|{DATE}"), "line 1: 4 columns expected, 3 found"),
        (standard(row(), f"H|{BANK}|{DATE}|1"), "line 3: a second header"),
        (standard(row(), trailer=""), "line 3: the trailer is missing: the file was cut short"),
        (standard(row(), "T|1|120000|0"), "line 4: nothing may follow the trailer"),
        (standard(row()) + b"\n", "line 4: nothing may follow the trailer"),
        (standard(row()) + b"x", "line 4: nothing may follow the trailer"),
        (standard(row())[:-1], "line 3: has no end: the file was cut short"),
        (standard(row() + "\n"), "line 3: neither a detail line nor the trailer"),
        (standard(row(), "x"), "line 3: neither a detail line nor the trailer"),
        (standard(row(), trailer="T|2|120000|0"), "line 3, count: the file says 2, its lines make 1"),
        (
            standard(row(), trailer="T|1|120001|0"),
            "line 3, collected: the file says 120001, its lines make 120000",
        ),
        (standard(row(), trailer="T|1|120000|1"), "line 3, paid: the file says 1, its lines make 0"),
        (standard(row(), trailer="T|1|120000|-1"), "line 3, paid: not whole fen"),
        (standard(row(), trailer=f"T|{'1' * 18}|120000|0"), "line 3, count: not a whole number"),
        (standard(row(policy="P" * 20_000)), "line 2: longer than 12336 bytes"),
        (standard(row(policy="P" * 300_000)), "line 2: longer than 12336 bytes"),
    ],
)
def test_a_file_that_is_not_whole_or_not_this_one_is_refused(data: bytes, problem: str) -> None:
    assert problem in problems(data)


def test_a_line_in_another_encoding_is_named() -> None:
    data = standard(row(), row(policy="@"), row()).replace(b"@", "保单".encode("gb18030"))
    assert problems(data) == ["line 3: not utf-8"]


def test_half_a_character_in_a_column_of_bytes_is_named() -> None:
    layout = load("fixed-gb18030")
    whole = file(layout)
    policy = "保单甲".encode("gb18030")
    assert problems(whole.replace(policy, policy[:-1] + b"\xff"), layout) == [
        "line 3, policy: not printable text of at most 32 characters"
    ]


def test_a_sign_that_contradicts_the_code_is_refused() -> None:
    layout = load("fixed-gb18030")
    assert problems(file(layout).replace(b"-000000000456.01", b"+000000000456.01"), layout) == [
        "line 3, amount: its sign contradicts the code or the state"
    ]


def test_a_reversed_line_is_refused_where_the_bank_lists_none() -> None:
    source = files("ledger").joinpath("layouts", "standard.toml").read_text("utf-8")
    silent = parse(source.replace("lists_reversed = true", "lists_reversed = false"), "silent")
    assert taken(silent, file(silent))[0] == list(LINES[:2])
    assert problems(file(STANDARD), silent)[:2] == [
        f"line {number}, state: reversed, where the layout says that such lines are left out"
        for number in (4, 5)
    ]


def test_line_ends_are_the_layouts() -> None:
    fixed = load("fixed-gb18030")
    assert problems(file(fixed).replace(b"\r\n", b"\n"), fixed) == [
        "line 1: ends in LF, where the layout has CRLF"
    ]
    assert problems(file(STANDARD).replace(b"\n", b"\r\n")) == [
        "line 1, : not the text that the layout has there".replace(", ", "")
    ]


def test_totals_are_there_only_when_the_file_was_read_whole() -> None:
    reader = read(STANDARD, io.BytesIO(file(STANDARD)), BANK, DATE)
    next(iter(reader))
    with pytest.raises(ValueError, match="not been read to its end"):
        _ = reader.totals
    assert len(list(reader)) == 3
    assert reader.totals.lines == 4


def test_a_bank_may_be_spelled_with_leading_zeros() -> None:
    assert taken(STANDARD, file(STANDARD, bank=BANK.zfill(11)))[1].bank == BANK


@pytest.mark.parametrize(
    ("layout", "bad", "column"),
    [
        (STANDARD, {"policy": "P|1"}, "detail"),
        (STANDARD, {"code": "310000"}, "code"),
        (STANDARD, {"state": "X"}, "state"),
        (STANDARD, {"amount": 0}, "amount"),
        (STANDARD, {"amount": 10**12}, "amount"),
        (STANDARD, {"sent_at": "20261331000000"}, "sent_at"),
        (load("fixed-gb18030"), {"terminal": "T1"}, "terminal"),
        (load("fixed-gb18030"), {"policy": "保" * 17}, "policy"),
        (load("fixed-gb18030"), {"due": " D1"}, "due"),
        (load("csv-yuan"), {"sent_at": "20270229000000"}, "sent_at"),
        (STANDARD, {"sent_at": "20251124101112"}, "sent_at"),
    ],
)
def test_what_a_layout_cannot_say_is_not_written(layout: Layout, bad: dict[str, object], column: str) -> None:
    with pytest.raises(BankFileError) as caught:
        file(layout, [line(**bad)])
    [problem] = caught.value.problems
    assert (problem.line, problem.column or "detail") == (2, column)
