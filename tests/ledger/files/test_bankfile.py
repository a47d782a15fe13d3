"""Banks' day files: written as their layout has them, read whole, refused whole with any fault."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest

from ledger.errors import BankFileError
from ledger.files.bankfile import FileTotals, read, write
from ledger.files.bankline import BankLine
from ledger.files.layout import Column, Layout
from tests.support.day_file import (
    BANK,
    COMMAS,
    CONTRARY,
    DATE,
    FIXED,
    FULL,
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

FILES = (
    (
        STANDARD,
        [
            "H|01020000|20261124|1\n",
            f"{MARK}000001|RRN000000001|500000|P1|D1|120000|{RECEIPT}|S\n",
            f"{MARK}000002|RRN000000001|260000|保单甲|D1|45601||S\n",
            f"{MARK}000003|RRN000000001|500000|P1|D1|1|{RECEIPT}|R\n",
            f"{MARK}000004|RRN000000001|263000|P1||120000|{RECEIPT}|R\n",
            "T|4|120000|45601\n",
        ],
    ),
    (
        COMMAS,
        [
            "#,2026-11-24,01020000\n",
            *(
                f"RRN000000001,2026-11-24 10:11:12,{rest}\n"
                for rest in (
                    f"000001,T0000001,B00000000000001,1200.00,DS01,交易成功,P1,D1,{RECEIPT}",
                    "000002,T0000001,B00000000000001,456.01,DF01,交易成功,保单甲,D1,",
                    f"000003,T0000001,B00000000000001,0.01,DS01,已冲正,P1,D1,{RECEIPT}",
                    f"000004,T0000001,B00000000000001,1200.00,DF04,已冲正,P1,,{RECEIPT}",
                )
            ),
            "合计,-743.99\n",
        ],
    ),
    (
        MARKLESS,
        [
            f"{state}\tT0000001\tB00000000000001\tRRN000000001\t{rest}\r\n"
            for state, rest in (
                ("完成", f"P1\tD1\t{RECEIPT}\t000001\t20261124101112\t500000\t备注\t120000"),
                ("完成", "保单甲\tD1\t\t000002\t20261124101112\t260000\t备注\t45601"),
                ("撤", f"P1\tD1\t{RECEIPT}\t000003\t20261124101112\t500000\t备注\t-1"),
                ("撤", f"P1\t\t{RECEIPT}\t000004\t20261124101112\t263000\t备注\t-120000"),
            )
        ]
        + ["4\t-456.01\t120000\r\n"],
    ),
    (
        ODD,
        [
            f"1124{2:8}{74399:19} \n",
            f"      1200.00-10:11:1200000111-24T0000001500000 {'P1':40}\n",
            f"        456.0110:11:1200000211-24T0000001260000 保单甲{'':34}\n",
        ],
    ),
    (
        CONTRARY,
        [
            "\n",
            "D;T0000001;000001;500000;S;120000;1124101112\n",
            "D;T0000001;000002;260000;S;45601;1124101112\n",
            "D;T0000001;000003;500000;R;-1;1124101112\n",
            "D;T0000001;000004;263000;R;-120000;1124101112\n",
            "4;11.24;01020000;-74399;-120000;456.01+\n",
        ],
    ),
)


@pytest.mark.parametrize(("layout", "lines"), FILES, ids=[layout.name for layout, _ in FILES])
def test_a_file_is_written_as_its_layout_has_it_and_read_back(layout: Layout, lines: list[str]) -> None:
    written = list(write(layout, BANK, DATE, iter(LINES)))
    assert written == [line.encode(layout.encoding) for line in lines]
    taken_lines, totals = taken(layout, b"".join(written))
    kept = [line for line in LINES if line.state == "S" or layout.lists_reversed]
    lost = {name: "" for name in ("branch", "rrn", "policy", "due", "receipt") if not layout.carries(name)}
    first = 2 if layout.header else 1
    assert taken_lines == [line._replace(line=number, **lost) for number, line in enumerate(kept, first)]
    digest = hashlib.sha256(b"".join(written)).hexdigest()
    assert totals == FileTotals(BANK, DATE, len(kept), 120_000, 45_601, digest)


def test_a_fixed_file_counts_bytes() -> None:
    lines = file(FIXED).split(b"\r\n")
    assert lines[0].decode("gb18030") == "银保代收代付对账文件" + " " * 10 + "01020000   20261124"
    assert {len(line) for line in lines[1:5]} == {170}
    assert b"-000000000456.01" in lines[2]
    assert lines[5:] == [b"9" + b"0000000004" + b"000000000001200.00" + b"000000000000456.01", b""]


@pytest.mark.parametrize("layout", [STANDARD, FIXED], ids=lambda one: one.name)
def test_a_file_without_lines_is_written_and_read_back(layout: Layout) -> None:
    written = file(layout, [])
    expected = FileTotals(BANK, DATE, 0, 0, 0, hashlib.sha256(written).hexdigest())
    assert taken(layout, written) == ([], expected)
    assert file(MARKLESS, []) == b"0\t0.00\t0\r\n"


def test_sums_are_over_all_lines_that_are_done() -> None:
    lines = [
        line(2, amount=1),
        line(3, amount=20),
        line(4, code="260000", amount=300),
        line(5, code="261000", amount=4_000),
        line(6, code="501000", amount=50_000),
        line(7, code="262000", amount=600_000),
        line(8, amount=7, state="R"),
    ]
    written = file(STANDARD, lines)
    assert written.splitlines()[-1] == b"T|7|50021|604300"
    expected = FileTotals(BANK, DATE, 7, 50_021, 604_300, hashlib.sha256(written).hexdigest())
    assert taken(STANDARD, written) == (lines, expected)


def test_lines_are_written_as_they_come_where_no_header_has_to_count_them() -> None:
    given = iter(LINES)
    written = write(STANDARD, BANK, DATE, given)
    assert next(written) == b"H|01020000|20261124|1\n"
    assert next(written).endswith(b"|120000|202611240100000000015|S\n")
    assert list(given) == list(LINES[1:])


@pytest.mark.parametrize(
    ("layout", "bank", "lines", "problem"),
    [
        (STANDARD, BANK, [line(), line(state="X")], "line 3, state: the layout cannot say this value"),
        (MARKLESS, BANK, [line(), line(amount=0)], "line 2, amount: the layout cannot say this value"),
        (
            ODD,
            BANK,
            [line(state="R"), line(policy="P" * 41)],
            "line 2, policy: the layout cannot say this value",
        ),
        (STANDARD, BANK, [line(policy="P|1")], "line 2: the layout cannot say this value"),
        (FIXED, "0" * 12, [], "line 1, bank: the layout cannot say this value"),
    ],
)
def test_what_a_layout_cannot_say_is_not_written(
    layout: Layout, bank: str, lines: list[BankLine], problem: str
) -> None:
    with pytest.raises(BankFileError) as caught:
        file(layout, lines, bank)
    assert [str(problem) for problem in caught.value.problems] == [problem]


@pytest.mark.parametrize(("header", "number"), [(FIXED.header, 4), ((), 3)])
def test_a_figure_that_the_trailer_cannot_hold_is_named_there(
    header: tuple[Column, ...], number: int
) -> None:
    narrow = (FIXED.trailer[0], Column("collected", width=3, pad="zero"))
    layout = replace(FIXED, header=header, trailer=narrow)
    with pytest.raises(BankFileError) as caught:
        file(layout, LINES[:2])
    problem = f"line {number}, collected: the layout cannot say this value"
    assert [str(problem) for problem in caught.value.problems] == [problem]


def test_a_date_that_is_none_is_refused_before_anything_is_read_or_written() -> None:
    with pytest.raises(ValueError, match="day"):
        read(STANDARD, io.BytesIO(), BANK, "20261131")
    with pytest.raises(ValueError, match="day"):
        file(STANDARD, date="20261131")


@pytest.mark.parametrize("size", [1, 7, 170, 171, 172, 1_000])
@pytest.mark.parametrize("layout", [*FULL, ODD, CONTRARY], ids=lambda one: one.name)
def test_a_file_is_read_a_block_at_a_time_whatever_the_stream_hands_out(layout: Layout, size: int) -> None:
    data = file(layout)
    stream = Drops(data, size)
    reader = read(layout, stream, BANK, DATE)
    assert (list(reader), reader.totals) == taken(layout, data)
    assert stream.asked == {262_144}


def test_totals_are_there_only_when_the_file_was_read_whole() -> None:
    reader = read(STANDARD, io.BytesIO(file(STANDARD)), BANK, DATE)
    next(iter(reader))
    with pytest.raises(ValueError, match=r"^the file has not been read to its end$"):
        _ = reader.totals
    assert len(list(reader)) == 3
    assert reader.totals.lines == 4
