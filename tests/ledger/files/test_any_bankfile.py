"""Whatever a bank's day file holds: what is written reads back, and no cut and no other bytes pass unseen."""

from __future__ import annotations

import hashlib
import io
from datetime import date as day_of
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BankFileError
from ledger.files.bankfile import PROBLEMS_MAX, FileTotals, read
from ledger.files.bankline import BankLine, Lines
from ledger.files.layout import Layout
from ledger.rules.dues import KINDS
from tests.support.day_file import BANK, DATE, FULL, ODD, file, line, taken

pytestmark = pytest.mark.slow


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
        lines = [line._replace(line=line.line - 1) for line in lines]
    written = file(layout, lines, date=date)
    taken_lines, totals = taken(layout, written, date=date)
    assert taken_lines == lines
    collected = sum(line.amount for line in lines if line.state == "S" and KINDS[line.code] == "premium")
    paid = sum(line.amount for line in lines if line.state == "S" and KINDS[line.code] == "benefit")
    assert totals == FileTotals(BANK, date, len(lines), collected, paid, hashlib.sha256(written).hexdigest())


@settings(max_examples=60)
@given(lines=bank_lines())
def test_what_a_layout_leaves_out_comes_back_empty(lines: list[BankLine]) -> None:
    lines = [line._replace(terminal=line.terminal.strip() or "T") for line in lines]
    kept = [line for line in lines if line.state == "S"]
    assert taken(ODD, file(ODD, lines))[0] == [
        line._replace(line=number, branch="", rrn="", due="", receipt="")
        for number, line in enumerate(kept, 2)
    ]


@given(lines=bank_lines(), layout=st.sampled_from([*FULL, ODD]), size=st.integers(1, 70))
@settings(max_examples=60)
def test_how_a_stream_hands_out_its_bytes_makes_no_difference(
    lines: list[BankLine], layout: Layout, size: int
) -> None:
    class Drops(io.BytesIO):
        def read(self, _limit: int | None = -1, /) -> bytes:
            return super().read(size)

    lines = [line._replace(terminal="T0000001") for line in lines]
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
            taken_lines, said = taken(layout, bytes(altered))
        except BankFileError:
            continue
        assert said == totals._replace(digest=said.digest)
        assert said.digest != totals.digest
        assert sum(ours != theirs for ours, theirs in zip(taken_lines, lines, strict=True)) <= 1


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
