"""Layouts of banks' day files: one that is not in order is refused by key and reason."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LayoutError
from ledger.layout import load, parse, shipped

SOURCE = files("ledger").joinpath("layouts", "standard.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("separator =", "seperator =", "seperator: no such key here: did you mean 'separator'?"),
        (
            '"delimited"',
            '"delimitted"',
            "form: must be one of 'delimited', 'fixed': did you mean 'delimited'?",
        ),
        ('separator = "|"', 'separator = "||"', "separator: must be one ASCII character"),
        ('separator = "|"', 'separator = "-"', "separator: must be one ASCII character"),
        ('separator = "|"', "separator = 1", "separator: must be one ASCII character"),
        ('encoding = "utf-8"', 'encoding = "gbk"', "encoding: must be one of 'utf-8', 'gb18030'"),
        ("lists_reversed = true", "lists_reversed = 1", "lists_reversed: must be true or false"),
        ('{ name = "terminal" }', '{ name = "termnal" }', "did you mean 'terminal'?"),
        ('{ name = "terminal" }', '{ literal = "x" }', "detail.columns: terminal is missing"),
        ('{ name = "terminal" }', '{ name = "stan" }', "detail.columns: stan stands there twice"),
        ('{ name = "terminal" }', '{ naem = "stan" }', "detail.columns[2]: needs either name or literal"),
        (
            '{ name = "terminal" }',
            '{ name = "terminal", width = 8 }',
            "width: a delimited file has no widths",
        ),
        (
            '{ name = "terminal" }',
            '{ name = "terminal", pad = "zero" }',
            "pad: text is not filled with zeros",
        ),
        ('{ name = "terminal" }', '{ name = "terminal", unit = "fen" }', "unit: no such key here"),
        ('{ literal = "D" }', '{ literal = "D|" }', "literal: holds the separator"),
        ('"MMDDhhmmss"', '"MMDDhhmm"', "detail.columns[4] (sent_at).format: must be a date and a time"),
        ('"MMDDhhmmss"', '"DDMMhhmmss"', "format: must be a date and a time"),
        (
            '"amount", unit = "fen"',
            '"amount"',
            "detail.columns[10] (amount).unit: must be one of 'fen', 'yuan'",
        ),
        (
            '"amount", unit = "fen"',
            '"amount", unit = "fen", minus = "payout"',
            "sign: must be leading or trailing",
        ),
        (
            '"paid", unit',
            '"paid", sign = "leading", minus = "reversed", unit',
            "minus: must be one of never, payout",
        ),
        ('    { name = "state" },\n', "", "detail.columns: state is missing, and lists_reversed is true"),
        ('S = "S"', 'S = "done"', "states.S: must be one of S, R"),
        ('S = "S"', '" S" = "S"', "states. S: the bank's word must be printable"),
        ("\n[trailer]", "\n[ending]", "ending: no such key here"),
        ('{ name = "count" }', '{ name = "count", format = "0" }', "format: no such key here"),
        ("[detail]", "[detail", "layout mine: "),
    ],
)
def test_a_layout_that_is_not_in_order_is_refused_by_key_and_reason(old: str, new: str, said: str) -> None:
    assert old in SOURCE
    with pytest.raises(LayoutError) as caught:
        parse(SOURCE.replace(old, new, 1), "mine")
    assert str(caught.value).startswith("layout mine: ")
    assert said in str(caught.value)


def test_a_layout_without_a_trailer_or_a_count_cannot_show_a_cut_and_is_refused() -> None:
    start, _, rest = SOURCE.partition("\n[trailer]")
    with pytest.raises(LayoutError, match="a cut could not be seen"):
        parse(start + rest.partition("]\n")[2], "mine")


def test_a_layout_that_nobody_ships_is_named_with_those_that_there_are() -> None:
    with pytest.raises(
        LayoutError, match=r"no layout 'standrad'; there are csv-yuan.*did you mean 'standard'"
    ):
        load("standrad")


SOURCES = [files("ledger").joinpath("layouts", f"{name}.toml").read_text("utf-8") for name in shipped()]
VALUES = ("1", "-1", "true", '""', '"x"', '"yuan"', '"blank"', "[]", '["a"]', "{}", "1.5", "9999999")


@given(source=st.sampled_from(SOURCES), data=st.data())
def test_any_value_in_a_layout_is_taken_or_a_layout_error(source: str, data: st.DataObject) -> None:
    values = list(re.finditer(r'= ("[^"]*"|\d+|true|false)', source))
    place = data.draw(st.sampled_from(values))
    altered = source[: place.start(1)] + data.draw(st.sampled_from(VALUES)) + source[place.end(1) :]
    try:
        assert parse(altered, "mine").detail
    except LayoutError as error:
        assert str(error).startswith("layout mine: ")
