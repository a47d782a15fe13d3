"""A bank's day file with any fault is refused whole, and told by line, column and reason."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from ledger.errors import BankFileError
from ledger.files.bankfile import PROBLEMS_MAX, read
from ledger.files.layout import Column, Layout
from tests.support.day_file import (
    BANK,
    COMMAS,
    CONTRARY,
    DATE,
    FIXED,
    LINES,
    MARK,
    MARKLESS,
    ODD,
    RECEIPT,
    STANDARD,
    Drops,
    file,
    line,
    taken,
)


def problems(data: bytes, layout: Layout = STANDARD, bank: str = BANK, date: str = DATE) -> list[str]:
    with pytest.raises(BankFileError) as caught:
        taken(layout, data, bank, date)
    assert all(isinstance(problem.column, str) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def standard(*rows: str, header: str = f"H|{BANK}|{DATE}|1", trailer: str | None = None) -> bytes:
    trailer = f"T|{len(rows)}|{120_000 * len(rows)}|0" if trailer is None else trailer
    return "".join(f"{line}\n" for line in (header, *rows, trailer) if line).encode()


def row(stan: str = "000001", policy: str = "P1", amount: str = "120000", state: str = "S") -> str:
    return f"{MARK}{stan}|RRN000000001|500000|{policy}|D1|{amount}|{RECEIPT}|{state}"


@pytest.mark.parametrize(
    ("data", "wordings"),
    [
        (b"", ["line 1: the header is missing: the file is empty"]),
        (standard(row(), header=""), ["line 1: the header is missing"]),
        (standard(row(), header=f"H|01030000|{DATE}|1"), ["line 1, bank: another bank's"]),
        (standard(row(), header=f"H|X{BANK}|{DATE}|1"), ["line 1, bank: another bank's"]),
        (standard(row(), header=f"H|{BANK}|20261125|1"), ["line 1, date: another date's"]),
        (standard(row(), header=f"H|{BANK}|today|1"), ["line 1, date: not YYYYMMDD"]),
        (standard(row(), header=f"H|{BANK}|{DATE}|2"), ["line 1: not the text that the layout has there"]),
        (standard(row(), header=f"H|{BANK}|{DATE}"), ["line 1: 4 columns expected, 3 found"]),
        (
            standard(row(state="X"), header=f"H|01030000|{DATE}|2"),
            ["line 1, bank: another bank's", "line 1: not the text that the layout has there"],
        ),
        (standard(row(), f"H|{BANK}|{DATE}|1", trailer="T|1|120000|0"), ["line 3: a second header"]),
        (standard(row(), trailer=""), ["line 3: the trailer is missing: the file was cut short"]),
        (
            standard(row(), "T|1|120000|0", trailer="T|1|120000|0"),
            ["line 4: nothing may follow the trailer"],
        ),
        (
            standard(row(), "T|1|120000|0", row(), row(), trailer="T|3|0|0"),
            ["line 4: nothing may follow the trailer"],
        ),
        (standard(row()) + b"\n", ["line 4: nothing may follow the trailer"]),
        (standard(row()) + b"x", ["line 4: nothing may follow the trailer"]),
        (
            standard(row(state="X")) + b"x",
            ["line 2, state: not one of the layout's states", "line 4: nothing may follow the trailer"],
        ),
        (standard(row())[:-1], ["line 3: has no end: the file was cut short"]),
        (standard(row())[:30], ["line 2: has no end: the file was cut short"]),
        (standard(row())[:10], ["line 1: has no end: the file was cut short"]),
        (standard(row() + "\n", trailer="T|1|120000|0"), ["line 3: neither a detail line nor the trailer"]),
        (standard(row(), "x", trailer="T|1|120000|0"), ["line 3: neither a detail line nor the trailer"]),
        (standard(row(), "DD|", trailer="T|1|120000|0"), ["line 3: neither a detail line nor the trailer"]),
        (standard(row(), "D|", trailer="T|1|120000|0"), ["line 3: 12 columns expected, 2 found"]),
        (standard(row(), trailer="T|1|120000"), ["line 3: 4 columns expected, 3 found"]),
        (standard(row(), trailer="T|2|120000|0"), ["line 3, count: the file says 2, its lines make 1"]),
        (
            standard(row(), row("000002"), trailer="T|3|240001|2"),
            [
                "line 4, count: the file says 3, its lines make 2",
                "line 4, collected: the file says 240001, its lines make 240000",
                "line 4, paid: the file says 2, its lines make 0",
            ],
        ),
        (standard(row(), trailer="T|1|120000|-1"), ["line 3, paid: not whole fen"]),
        (standard(row(), trailer=f"T|{'1' * 18}|120000|0"), ["line 3, count: not a whole number"]),
        (
            standard(row(), trailer=f"T|{'9' * 17}|120000|0"),
            ["line 3, count: the file says a number of 17 digits, its lines make 1"],
        ),
        (standard(row(state="X"), trailer="T|2|0|0"), ["line 2, state: not one of the layout's states"]),
        (standard(row(), header=f"H|{BANK}|{DATE}|1\r"), ["line 1: ends in CRLF, where the layout has LF"]),
        (standard(row() + "\r"), ["line 2: ends in CRLF, where the layout has LF"]),
        (standard(row()).replace(b"\n", b"\r\n"), ["line 1: ends in CRLF, where the layout has LF"]),
    ],
)
def test_a_file_that_is_not_whole_or_not_this_one_is_refused(data: bytes, wordings: list[str]) -> None:
    assert problems(data) == wordings


CRLF = file(MARKLESS).splitlines(keepends=True)
TWO = file(CONTRARY).splitlines(keepends=True)[:3]
HEADED = file(ODD).splitlines(keepends=True)
SUMS = b"2;11.24;01020000;-74399;-120000;456.01+\n"


TITLED = replace(MARKLESS, name="titled", header=(Column("", "mine"),))
COUNTED = replace(STANDARD, name="counted", header=(Column("", "H"), Column("count")), trailer=())


@pytest.mark.parametrize(
    ("layout", "data", "wordings"),
    [
        (MARKLESS, b"", ["line 1: the trailer is missing: the file was cut short"]),
        (MARKLESS, b"".join(CRLF[:2]), ["line 2: 3 columns expected, 12 found"]),
        (
            MARKLESS,
            CRLF[0] + CRLF[1][:-2] + b"\n" + CRLF[2] + CRLF[4],
            ["line 2: holds an LF, where the layout has CRLF"],
        ),
        (MARKLESS, b"x\n", ["line 1: ends in LF, where the layout has CRLF"]),
        (MARKLESS, b"x\r", ["line 1: has no end: the file was cut short"]),
        (MARKLESS, CRLF[0] + b"1\t0.00\t-120000\r\n", ["line 2, collected: not whole fen"]),
        (
            MARKLESS,
            CRLF[0] + b"1\t0\t120000\r\n",
            ["line 2, paid: not yuan with two decimals with a leading sign"],
        ),
        (MARKLESS, CRLF[0] + b"1\t0.00\t120000\r\n" * 2, ["line 2: 12 columns expected, 3 found"]),
        (MARKLESS, CRLF[0] + b"1\t-0.01\t120000\r\n", ["line 2, paid: the file says -1, its lines make 0"]),
        (ODD, b"", ["line 1: the header is missing: the file is empty"]),
        (
            ODD,
            HEADED[0],
            [
                "line 1, count: the file says 2, its lines make 0",
                "line 1, net: the file says 74399, its lines make 0",
            ],
        ),
        (
            ODD,
            b"".join([*HEADED, b"x\n"]),
            ["line 4: 88 bytes expected, 1 found"],
        ),
        (CONTRARY, b"".join(TWO), ["line 4: the trailer is missing: the file was cut short"]),
        (CONTRARY, b"".join([*TWO, SUMS, SUMS]), ["line 5: nothing may follow the trailer"]),
        (CONTRARY, b"".join([*TWO, b"E;1\n"]), ["line 4: 6 columns expected, 2 found"]),
        (
            CONTRARY,
            b"".join([*TWO, b"0" * 200 + b"1;11.24;1020000;0;+0;0.00+\n"]),
            [
                "line 4, count: the file says 1, its lines make 2",
                "line 4, net: the file says 0, its lines make -74399",
                "line 4, collected: the file says 0, its lines make -120000",
                "line 4, paid: the file says 0, its lines make 45601",
            ],
        ),
        (
            CONTRARY,
            b"".join([*TWO, b"1" + b"0" * 17 + b";11.24;01020000;0;+0;0.00+\n"]),
            ["line 4, count: not a whole number"],
        ),
        (
            CONTRARY,
            b"".join([*TWO[:2], b"D;;1;500000;S;1;1124101112\n", SUMS]),
            ["line 3, terminal: empty", "line 3, stan: not 6 digits"],
        ),
        (
            CONTRARY,
            b"".join([*TWO, b"2;11.25;01020001;-74399;-120000;456.01+\n"]),
            ["line 4, date: another date's", "line 4, bank: another bank's"],
        ),
        (MARKLESS, CRLF[0] + CRLF[1] + b"x", ["line 3: has no end: the file was cut short"]),
        (TITLED, b"mine\r\n", ["line 2: the trailer is missing: the file was cut short"]),
        (COUNTED, b"H|1\nX\n", ["line 2: neither a detail line nor the trailer"]),
        (
            ODD,
            HEADED[0] + b"XXXX\n" * 2,
            ["line 2: 88 bytes expected, 4 found", "line 3: 88 bytes expected, 4 found"],
        ),
        (COMMAS, file(COMMAS)[:-1] + b"0\n", ["line 6, net: not yuan with two decimals with a leading sign"]),
        (
            COMMAS,
            file(COMMAS, LINES[:1]) + b"#,2026-11-24,01020000\n",
            ["line 4: nothing may follow the trailer"],
        ),
        (
            COMMAS,
            file(COMMAS, []).replace("合计".encode(), b"#,"),
            ["line 2: a second header", "line 3: the trailer is missing: the file was cut short"],
        ),
        (FIXED, file(FIXED).replace(b"\r\n", b"\n"), ["line 1: ends in LF, where the layout has CRLF"]),
        (
            FIXED,
            file(FIXED).replace(b"-000000000456.01", b"+000000000456.01"),
            ["line 3, amount: its sign contradicts the code or the state"],
        ),
        (
            FIXED,
            file(FIXED).replace(b"\r\n9", b"\r\n\r\n9"),
            ["line 6: neither a detail line nor the trailer"],
        ),
        (
            FIXED,
            file(FIXED, bank="01020000\xa0".encode("latin-1").decode("gb18030", "replace")[:8] + "1"),
            ["line 1, bank: another bank's"],
        ),
    ],
)
def test_a_file_of_another_layout_is_refused_as_one_of_the_standards_is(
    layout: Layout, data: bytes, wordings: list[str]
) -> None:
    assert problems(data, layout) == wordings


@pytest.mark.parametrize(
    ("bank", "written", "is_same"),
    [
        ("01020000", "01020000", True),
        ("01020000", "00001020000", True),
        ("1020000", "01020000", True),
        ("01020000", "1020000", True),
        ("01020000", "01020001", False),
        ("010200000001", "10200000001", False),
        ("01020000", "010200000", False),
    ],
)
def test_a_bank_may_be_spelled_with_leading_zeros_up_to_eleven_digits(
    bank: str, written: str, is_same: bool
) -> None:
    data = file(STANDARD, bank=written)
    if is_same:
        assert taken(STANDARD, data, bank)[1].bank == bank
    else:
        assert problems(data, bank=bank) == ["line 1, bank: another bank's"]


@pytest.mark.parametrize("around", [b"\xa0", b"X"])
def test_nothing_but_blanks_may_stand_around_a_bank(around: bytes) -> None:
    blanks = file(FIXED).replace(b"01020000   2", b"  01020000 2")
    assert taken(FIXED, blanks)[1].bank == BANK
    other = file(FIXED).replace(b"01020000   2", b"01020000" + around + b"  2")
    assert problems(other, FIXED) == ["line 1, bank: another bank's"]


def test_a_line_in_another_encoding_is_named() -> None:
    data = standard(row(), row(policy="@"), row(policy="P 1"), row(policy="@")).replace(
        b"@", "保单".encode("gb18030")
    )
    said = "not utf-8; it reads as GB18030 (GBK)"
    assert problems(data) == [f"line 3: {said}", f"line 5: {said}"]
    assert problems(data.replace(b"P 1", b"\xff")) == [
        f"line 3: {said}",
        "line 4: not utf-8",
        f"line 5: {said}",
    ]
    assert problems(b"\xff" + data) == ["line 1: the header is missing"]


def test_half_a_character_in_a_column_of_bytes_is_named() -> None:
    policy = "保单甲".encode("gb18030")
    assert problems(file(FIXED).replace(policy, policy[:-1] + b"\xff"), FIXED) == [
        "line 3, policy: not printable text of at most 32 characters"
    ]


LONGEST = 12 * 257 * 4


@pytest.mark.parametrize(
    ("length", "wording"),
    [(LONGEST + 1, "12 columns expected, 2 found"), (LONGEST + 2, f"longer than {LONGEST} bytes")],
)
def test_a_line_longer_than_any_can_be_is_told_so(length: int, wording: str) -> None:
    assert problems(standard("D|".ljust(length, "x"))) == [f"line 2: {wording}"]


@pytest.mark.parametrize("length", [LONGEST + 2, 300_000, 600_000])
def test_a_line_that_never_ends_is_not_read_to_its_end(length: int) -> None:
    stream = io.BytesIO(standard(row(), trailer="") + b"x" * length)
    with pytest.raises(BankFileError) as caught:
        list(read(STANDARD, stream, BANK, DATE))
    assert [str(problem) for problem in caught.value.problems] == ["line 3: longer than 12336 bytes"]
    assert stream.tell() <= 2 * 262_144


def test_nothing_is_read_behind_a_line_that_is_too_long() -> None:
    start = standard(row(), trailer="") + b"x" * (LONGEST + 2)
    stream = Drops(start + b"\n" + row(state="X").encode() + b"\n", len(start))
    with pytest.raises(BankFileError) as caught:
        list(read(STANDARD, stream, BANK, DATE))
    assert [str(problem) for problem in caught.value.problems] == ["line 3: longer than 12336 bytes"]


@pytest.mark.parametrize(
    ("layout", "longest"), [(FIXED, 170), (ODD, 88), (MARKLESS, 12_336), (CONTRARY, 7_196)]
)
def test_the_longest_line_is_the_layouts(layout: Layout, longest: int) -> None:
    assert problems(b"x" * (longest + 2), layout) == [f"line 1: longer than {longest} bytes"]
    assert problems(b"x" * (longest + 1), layout) == ["line 1: has no end: the file was cut short"]


def test_the_first_twenty_problems_of_a_file_are_told() -> None:
    assert PROBLEMS_MAX == 20
    reasons = [f"line {number}, state: not one of the layout's states" for number in range(2, 50)]
    bad = [row(state="X")] * 30
    assert problems(standard(*bad)) == reasons[:20]
    assert problems(standard(*bad[:20])) == reasons[:20]
    assert problems(standard(*bad[:19], row())) == reasons[:19]


def test_lines_before_a_problem_are_handed_out_before_it_is_told() -> None:
    reader = iter(read(STANDARD, io.BytesIO(standard(row(), row(state="X"), row("000002"))), BANK, DATE))
    assert [next(reader), next(reader)] == [line(), line(4, stan="000002")]
    with pytest.raises(BankFileError):
        next(reader)
