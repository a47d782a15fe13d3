"""A layout of banks' day files that is in order is taken: what its file says is what its columns are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LayoutError
from ledger.files.layout import Column, Layout, parse
from ledger.files.layout_file import FIGURES, IGNORED, MOMENTS, MONEY, TEXTS
from tests.support.day_layouts import DELIMITED, FIXED

LAYOUTS = Path(__file__).parents[3] / "ledger" / "files" / "layouts"


def test_a_layout_of_separators_is_what_its_keys_say() -> None:
    assert parse(DELIMITED, "mine") == Layout(
        name="mine",
        separator="|",
        encoding="gb18030",
        line_end="\r\n",
        lists_reversed=True,
        header=(
            Column("", "首"),
            Column("bank"),
            Column("date", format="YYYY-MM-DD"),
            Column("ignored"),
        ),
        detail=(
            Column("terminal"),
            Column("branch", pad="blank"),
            Column("sent_at", format="MMDDhhmmss"),
            *map(Column, ("stan", "rrn", "code", "policy", "due")),
            Column("amount", "", 0, "zero", "", "yuan", "leading", "+", "reversed"),
            *map(Column, ("receipt", "state", "ignored", "ignored")),
        ),
        trailer=(
            Column("count", pad="blank"),
            Column("collected"),
            Column("paid", "", 0, "none", "", "fen", "trailing", "", "payout"),
            Column("net", "", 0, "none", "", "fen", "leading", " ", "collection"),
        ),
        codes={"A1": "500000"},
        states={"完成": "S"},
    )


def test_a_layout_of_widths_is_what_its_keys_say_and_what_they_leave_out() -> None:
    codes = ("500000", "501000", "502000", "260000", "261000", "262000", "263000")
    assert parse(FIXED, "mine") == Layout(
        name="mine",
        separator="",
        encoding="utf-8",
        line_end="\n",
        lists_reversed=True,
        header=(
            Column("", "H", 1, "blank"),
            Column("", "保", 5, "blank"),
            Column("date", "", 5, format="MM.DD"),
        ),
        detail=(
            Column("sent_date", "", 10, format="YYYY/MM/DD"),
            Column("sent_time", "", 8, format="hh:mm:ss"),
            Column("terminal", "", 8, "none"),
            Column("stan", "", 6),
            Column("code", "", 6, "blank"),
            Column("amount", "", 12, "zero"),
            Column("state", "", 1, "blank"),
            Column("ignored", "", 255, "blank"),
        ),
        trailer=(Column("count", "", 1, "zero"), Column("paid", "", 16, "blank", unit="yuan")),
        codes={code: code for code in codes},
        states={"S": "S", "R": "R"},
    )


def test_the_names_of_columns_by_what_they_hold() -> None:
    texts = ("terminal", "branch", "rrn", "policy", "due", "receipt", "code", "state", "bank", "ignored")
    assert sorted(TEXTS) == sorted(texts)
    assert sorted(MOMENTS) == ["date", "sent_at", "sent_date", "sent_time"]
    assert sorted(MONEY) == ["amount", "collected", "net", "paid"]
    assert (FIGURES, IGNORED) == (("count", "collected", "paid", "net"), "ignored")


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        (DELIMITED, "lists_reversed = true\n", ""),
        (FIXED, 'form = "fixed"', 'form = "fixed"\nencoding = "utf-8"\nline_end = "LF"'),
        (FIXED, 'form = "fixed"', 'form = "fixed"\nseparator = ""'),
        (FIXED, '{ name = "stan" }', '{ name = "stan", width = 6 }'),
        (FIXED, 'format = "hh:mm:ss"', 'format = "hh:mm:ss", width = 8'),
        (FIXED, '{ literal = "H" }', '{ literal = "H", width = 1 }'),
        (FIXED, 'name = "code", width = 6', 'name = "code", width = 6, pad = "blank"'),
        (
            FIXED,
            'width = 12, unit = "fen"',
            'width = 12, unit = "fen", pad = "zero", sign = "none", minus = "never"',
        ),
    ],
)
def test_a_key_that_says_what_holds_anyhow_changes_nothing(source: str, old: str, new: str) -> None:
    assert source.count(old) == 1
    assert parse(source.replace(old, new), "mine") == parse(source, "mine")


@pytest.mark.parametrize(
    "separator", [",", "|", ";", "\\t", "#", "~", "!", "/", ":", "@", "[", "`", "{", "\\u007f"]
)
def test_a_separator_is_any_character_that_no_number_or_name_has(separator: str) -> None:
    source = DELIMITED.replace('"|"', f'"{separator}"')
    assert len(parse(source, "mine").separator) == 1


@pytest.mark.parametrize(
    "wording",
    [
        "YYYYMMDDhhmmss",
        "MMDDhhmmss",
        "MMDDhh:mm:ss",
        "MM-DD hh:mm:ss",
        "YYYY/MM/DDThh:mm:ss",
        "YYYY.MM.DDhhmmss",
    ],
)
def test_a_date_and_a_time_stand_in_one_column_with_the_signs_that_banks_write(wording: str) -> None:
    layout = parse(DELIMITED.replace("MMDDhhmmss", wording), "mine")
    assert layout.detail[2].format == wording


def test_lines_need_no_state_where_the_bank_leaves_out_what_was_reversed() -> None:
    without = DELIMITED.replace("reversed = true", "reversed = false").replace('{ name = "state" },', "")
    assert not parse(without, "mine").carries("state")


def test_a_count_in_the_header_shows_a_cut_where_there_is_no_trailer() -> None:
    start, _, _ = FIXED.partition("[trailer]")
    counted = start.replace('{ literal = "H" }', '{ name = "count", width = 4 }')
    assert parse(counted, "mine").trailer == ()


SOURCES = [file.read_text("utf-8") for file in sorted(LAYOUTS.glob("*.toml"))]
VALUES = (
    "1",
    "-1",
    "true",
    '""',
    '"x"',
    '"yuan"',
    '"blank"',
    "[]",
    '["a"]',
    "{}",
    "1.5",
    "9999999",
    "1979-05-27",
    "nan",
    "[[]]",
    "{ a = 1 }",
)


@given(source=st.sampled_from(SOURCES), data=st.data())
def test_any_value_in_a_layout_is_taken_or_a_layout_error(source: str, data: st.DataObject) -> None:
    values = list(re.finditer(r'= ("[^"]*"|\d+|true|false)', source))
    place = data.draw(st.sampled_from(values))
    altered = source[: place.start(1)] + data.draw(st.sampled_from(VALUES)) + source[place.end(1) :]
    try:
        assert parse(altered, "mine").detail
    except LayoutError as error:
        assert str(error).startswith("layout mine: ")
