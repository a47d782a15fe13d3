"""The open breaks' figures: read back as they were written; anything else is refused, and not repeated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.files.open_breaks_file import (
    BYTES_MAX,
    ROWS_MAX,
    Figures,
    FiguresRefused,
    Outstanding,
    parse,
    write,
)

ROW = ["01020000", "bank_only", "20261124", 1, 100]


def content(**changes: object) -> bytes:
    return json.dumps({"version": 1, "told_at": 7, "rows": [ROW], **changes}).encode()


def changed(place: int, value: object) -> bytes:
    return content(rows=[[*ROW[:place], value, *ROW[place + 1 :]]])


NO_JSON = "is no JSON"
COLUMNS = "version, told_at and rows are to be there, and nothing else"


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (b"", NO_JSON),
        (b"\xff", NO_JSON),
        (b"[" * 500_000, NO_JSON),
        (b" " * BYTES_MAX, NO_JSON),
        (b" " * (BYTES_MAX + 1), "more than 1000000 bytes"),
        (b"[]", COLUMNS),
        (b"{}", COLUMNS),
        (content(more=1), COLUMNS),
        (content(version=2), "is of another version than 1"),
        (content(version=True), "is of another version than 1"),
        (content(version=1.0), "is of another version than 1"),
        (content(told_at="7"), "told_at is no time"),
        (content(told_at=-1), "told_at is no time"),
        (content(rows={}), "rows is no list of 10000 at most"),
        (content(rows=[1] * (ROWS_MAX + 1)), "rows is no list of 10000 at most"),
        (content(rows=[1] * ROWS_MAX), "row 1 is not bank, cls, date, breaks, amount"),
        (content(rows=[ROW, ROW]), "a bank has a class and date twice"),
        (content(rows=[ROW, [*ROW[:3], 7, 7]]), "a bank has a class and date twice"),
        (content(rows=[ROW[:4]]), "row 1 is not bank, cls, date, breaks, amount"),
        (content(rows=[ROW, "abcde"]), "row 2 is not bank, cls, date, breaks, amount"),
        (changed(0, "<b>"), "row 1: bank is not in order"),
        (changed(0, "٣"), "row 1: bank is not in order"),
        (changed(0, ""), "row 1: bank is not in order"),
        (changed(0, "1" * 12), "row 1: bank is not in order"),
        (changed(0, 1), "row 1: bank is not in order"),
        (changed(1, "Bank only"), "row 1: cls is not in order"),
        (changed(1, "a" * 21), "row 1: cls is not in order"),
        (changed(1, None), "row 1: cls is not in order"),
        (changed(2, "20261301"), "row 1: date is not in order"),
        (changed(2, 20261101), "row 1: date is not in order"),
        (changed(3, 1.5), "row 1: breaks is not in order"),
        (changed(3, True), "row 1: breaks is not in order"),
        (changed(4, -1), "row 1: amount is not in order"),
        (changed(4, 2**53), "row 1: amount is not in order"),
    ],
)
def test_what_is_not_such_figures_is_refused_with_what_is_wrong(data: bytes, wording: str) -> None:
    with pytest.raises(FiguresRefused) as refused:
        parse(data)
    assert str(refused.value) == wording


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        ["0", "a", "20280229", 0, 0],
        ["99999999999", "abcdefghijklmnopqrst", "99991231", 2**53 - 1, 2**53 - 1],
    ],
)
def test_each_column_has_its_least_and_its_most(row: list[object]) -> None:
    assert parse(content(rows=[row])) == Figures(7, (Outstanding(*row),))  # type: ignore[arg-type]


def test_a_bank_may_have_each_class_on_each_date_and_another_bank_too() -> None:
    all_rows = [
        [bank, cls, date, 1, 100] for bank in "12" for cls in "ab" for date in ("20261123", "20261124")
    ]
    assert len(parse(content(rows=all_rows)).rows) == 8


def test_figures_are_written_as_json_that_a_person_can_read() -> None:
    assert write(Figures(7, (Outstanding("1", "exception_advice", "20261124", 2, 30),))) == (
        b'{\n "version": 1,\n "told_at": 7,\n "rows": [\n  [\n   "1",\n   "exception_advice",\n'
        b'   "20261124",\n   2,\n   30\n  ]\n ]\n}\n'
    )


@pytest.mark.parametrize("place", range(5))
def test_what_is_refused_is_not_repeated(place: int) -> None:
    with pytest.raises(FiguresRefused) as refused:
        parse(changed(place, "6222020200112233445"))
    assert "6222" not in str(refused.value)


rows = st.builds(
    Outstanding,
    st.from_regex(r"[0-9]{1,11}", fullmatch=True).filter(str.isascii),
    st.sampled_from(("bank_only", "ours_only", "exception_advice")),
    st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8)),
    st.integers(0, 10**6),
    st.integers(0, 2**53 - 1),
)


@given(st.integers(0, 2**53 - 1), st.lists(rows, max_size=20, unique_by=lambda row: row[:3]))
def test_figures_are_read_as_they_were_written(told_at: int, given_rows: list[Outstanding]) -> None:
    figures = Figures(told_at, tuple(given_rows))
    assert parse(write(figures)) == figures


json_like = st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)


@given(st.binary(max_size=200) | json_like)
def test_any_bytes_at_all_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(FiguresRefused):
        parse(data)
