"""The open breaks' figures: read back as they were written; anything else is refused, and not repeated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.outstanding import BYTES_MAX, ROWS_MAX, Figures, FiguresRefused, Outstanding, parse, write

ROW = ["01020000", "bank_only", "20261124", 1, 100]
rows = st.builds(
    Outstanding,
    st.from_regex(r"[0-9]{1,11}", fullmatch=True).filter(str.isascii),
    st.sampled_from(("bank_only", "ours_only", "misfit")),
    st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8)),
    st.integers(0, 10**6),
    st.integers(0, 2**53 - 1),
)


@given(st.integers(0, 2**53 - 1), st.lists(rows, max_size=20, unique_by=lambda row: row[:3]))
def test_figures_are_read_as_they_were_written(told_at: int, given_rows: list[Outstanding]) -> None:
    figures = Figures(told_at, tuple(given_rows))
    assert parse(write(figures)) == figures


def content(**changes: object) -> bytes:
    return json.dumps({"version": 1, "told_at": 7, "rows": [ROW], **changes}).encode()


def changed(place: int, value: object) -> bytes:
    return content(rows=[[*ROW[:place], value, *ROW[place + 1 :]]])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 500_000, "is no JSON"),
        (b"[]", "version, told_at and rows are to be there"),
        (b"{}", "version, told_at and rows are to be there"),
        (content(more=1), "and nothing else"),
        (content(version=2), "another version than 1"),
        (content(version=True), "another version than 1"),
        (content(told_at="7"), "told_at is no time"),
        (content(told_at=-1), "told_at is no time"),
        (content(rows={}), "rows is no list"),
        (content(rows=[1] * (ROWS_MAX + 1)), "rows is no list"),
        (content(rows=[ROW, ROW]), "twice"),
        (content(rows=[ROW[:4]]), "row 1 is not bank, cls, date, breaks, amount"),
        (content(rows=[ROW, "x"]), "row 2 is not"),
        (changed(0, "<b>"), "row 1: bank is not in order"),
        (changed(0, "٣"), "row 1: bank is not in order"),
        (changed(1, "Bank only"), "row 1: cls is not in order"),
        (changed(2, "20261301"), "row 1: date is not in order"),
        (changed(3, 1.5), "row 1: breaks is not in order"),
        (changed(3, True), "row 1: breaks is not in order"),
        (changed(4, -1), "row 1: amount is not in order"),
        (changed(4, 2**53), "row 1: amount is not in order"),
        (b" " * (BYTES_MAX + 1), f"more than {BYTES_MAX} bytes"),
    ],
)
def test_what_is_not_such_figures_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(FiguresRefused, match=said):
        parse(data)


@pytest.mark.parametrize("place", range(5))
def test_what_is_refused_is_not_repeated(place: int) -> None:
    with pytest.raises(FiguresRefused) as refused:
        parse(changed(place, "6222020200112233445"))
    assert "6222" not in str(refused.value)


json_like = st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)


@given(st.binary(max_size=200) | json_like)
def test_any_bytes_at_all_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(FiguresRefused):
        parse(data)
