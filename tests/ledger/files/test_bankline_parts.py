"""Parts of a line of a bank's day file: columns, numbers, dates and texts, as a layout has them."""

from __future__ import annotations

import re

import pytest

from ledger.files.bankline import (
    AMOUNT_MAX,
    COLUMN_CHARACTERS_MAX,
    FIGURE_MAX,
    date_text,
    join,
    meant,
    number_of,
    number_text,
    pattern,
    split,
    wire_encoding,
    wire_text,
)
from ledger.files.layout import Column, Layout
from tests.support.day_file import FIXED, MARKLESS, STANDARD

NO_TEXT = "not printable text of at most 255 characters"
GB = "保单甲".encode("gb18030").decode("latin-1")


def test_the_limits_of_an_amount_a_figure_and_a_column() -> None:
    assert (AMOUNT_MAX, FIGURE_MAX, COLUMN_CHARACTERS_MAX) == (999_999_999_999, 99_999_999_999_999_999, 256)


def test_bytes_become_text_in_the_layouts_encoding_or_one_by_one_where_widths_count_them() -> None:
    assert [wire_encoding(layout) for layout in (STANDARD, MARKLESS, FIXED)] == [
        "utf-8",
        "gb18030",
        "latin-1",
    ]
    assert [wire_text(layout, "保单甲") for layout in (STANDARD, MARKLESS, FIXED)] == ["保单甲", "保单甲", GB]
    with pytest.raises(UnicodeEncodeError):
        wire_text(FIXED, "\ud800")


COUNT, BANK = Column("count", width=4, pad="zero"), Column("bank", width=3, pad="blank")


@pytest.mark.parametrize(
    ("layout", "text", "parts"),
    [
        (STANDARD, "12|3", (["12", "3"], "")),
        (STANDARD, "|", (["", ""], "")),
        (STANDARD, "12", ([], "2 columns expected, 1 found")),
        (STANDARD, "1|2|3", ([], "2 columns expected, 3 found")),
        (FIXED, "0012 AB", (["0012", " AB"], "")),
        (FIXED, "0012 A", ([], "7 bytes expected, 6 found")),
        (FIXED, "0012 ABC", ([], "7 bytes expected, 8 found")),
    ],
)
def test_a_line_is_split_at_its_separators_or_by_widths(
    layout: Layout, text: str, parts: tuple[list[str], str]
) -> None:
    assert split(layout, (COUNT, BANK), text) == parts


@pytest.mark.parametrize(
    ("layout", "column", "texts", "joined"),
    [
        (STANDARD, BANK, {"bank": "1"}, "0012|1"),
        (STANDARD, BANK, {}, "0012|"),
        (STANDARD, Column("", "T"), {"": "X"}, "0012|T"),
        (FIXED, BANK, {"bank": "1"}, "00121  "),
        (FIXED, BANK, {}, "0012   "),
        (FIXED, Column("", "保", 4, "blank"), {}, "0012\xb1\xa3  "),
        (FIXED, Column("net", width=4, pad="blank"), {"net": "-1"}, "0012  -1"),
    ],
)
def test_a_record_is_joined_from_its_texts_each_filled_up(
    layout: Layout, column: Column, texts: dict[str, str], joined: str
) -> None:
    assert join(layout, (COUNT, column), {"count": "0012", **texts}) == joined


def test_a_figure_is_filled_up_before_it_and_text_behind_it() -> None:
    columns = tuple(Column(name, width=4, pad="blank") for name in ("count", "paid", "bank"))
    assert join(FIXED, columns, {"count": "12", "paid": "34", "bank": "56"}) == "  12  3456  "


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"count": "012"}, "too long, or too short where nothing fills it up"),
        ({"count": "00012"}, "too long, or too short where nothing fills it up"),
    ],
)
def test_a_record_whose_text_does_not_fit_names_the_column(texts: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=r"^count$") as caught:
        join(FIXED, (BANK, COUNT), texts)
    assert str(caught.value.__cause__) == reason


def amount(
    unit: str = "fen",
    sign: str = "none",
    plus: str = "",
    pad: str = "none",
    width: int = 0,
    name: str = "amount",
) -> Column:
    return Column(name, "", width, pad, "", unit, sign, plus)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (amount(), ("0", "5", "120000", "120000")),
        (amount("yuan"), ("0.00", "0.05", "1200.00", "1200.00")),
        (amount(sign="leading"), ("0", "5", "120000", "-120000")),
        (amount(sign="trailing", plus="+"), ("0+", "5+", "120000+", "120000-")),
        (amount("yuan", "leading", " "), (" 0.00", " 0.05", " 1200.00", "-1200.00")),
        (amount("fen", "leading", "", "zero", 8), ("00000000", "00000005", "00120000", "-0120000")),
        (amount("yuan", "trailing", "+", "zero", 9), ("00000.00+", "00000.05+", "01200.00+", "01200.00-")),
        (amount("fen", "none", "", "blank", 8), ("0", "5", "120000", "120000")),
    ],
)
def test_a_number_is_written_by_its_unit_sign_and_what_fills_it_up(
    column: Column, texts: tuple[str, ...]
) -> None:
    numbers = ((0, False), (5, False), (120_000, False), (120_000, True))
    assert tuple(number_text(column, number, negative) for number, negative in numbers) == texts


def test_the_cents_of_an_amount_in_yuan_are_its_last_two_digits() -> None:
    written = tuple(number_text(amount("yuan"), number, False) for number in (99, 100, 101, 199, 12_345))
    assert written == ("0.99", "1.00", "1.01", "1.99", "123.45")


@pytest.mark.parametrize(
    ("template", "text"),
    [("YYYYMMDD", "20261124"), ("YYYY-MM-DD", "2026-11-24"), ("MM/DD", "11/24"), ("MMDD", "1124")],
)
def test_a_date_is_written_by_its_format(template: str, text: str) -> None:
    assert date_text(template, "20261124") == text


@pytest.mark.parametrize(
    ("layout", "column", "good"),
    [
        (STANDARD, amount(), {"0": ("", "0", ""), "1": ("", "1", ""), "9" * 12: ("", "9" * 12, "")}),
        (STANDARD, amount(name="paid"), {"9" * 17: ("", "9" * 17, "")}),
        (STANDARD, amount("yuan"), {"0.05": ("", "0", "05"), "9" * 10 + ".99": ("", "9" * 10, "99")}),
        (STANDARD, amount("yuan", name="net"), {"9" * 15 + ".99": ("", "9" * 15, "99")}),
        (STANDARD, amount(sign="leading"), {"12": ("", "12", ""), "-12": ("-", "12", "")}),
        (STANDARD, amount(sign="leading", plus="+"), {"+12": ("+", "12", ""), "-12": ("-", "12", "")}),
        (STANDARD, amount(sign="trailing", plus=" "), {"12 ": (" ", "12", ""), "12-": ("-", "12", "")}),
        (STANDARD, amount(pad="zero"), {"0" * 255: ("", "0" * 255, ""), "012": ("", "012", "")}),
        (STANDARD, amount(pad="blank"), {" " * 64 + "1" + " " * 64: ("", "1", "")}),
        (FIXED, Column("count", width=9, pad="blank"), {"     1200": ("", "1200", "")}),
    ],
)
def test_a_number_is_read_with_its_sign_apart(
    layout: Layout, column: Column, good: dict[str, tuple[str, str, str]]
) -> None:
    for text, parts in good.items():
        match = re.fullmatch(pattern(layout, column), text)
        assert match
        assert match.group("sign", "whole", "cents") == parts
        assert number_of(match) == int(parts[1] + parts[2])


@pytest.mark.parametrize(
    ("layout", "column", "bad"),
    [
        (STANDARD, amount(), ("", "01", "1" * 13, "-1", "+1", "1.00", " 1", "1 ", "1_0", "１")),
        (STANDARD, amount(name="paid"), ("1" * 18,)),
        (STANDARD, amount("yuan"), ("1", "1.0", "1.000", "1,00", ".00", "1" * 11 + ".00", "00.00")),
        (STANDARD, amount("yuan", name="net"), ("1" * 16 + ".00",)),
        (STANDARD, amount(sign="leading", plus="+"), ("12", "12+", "12-", "--12")),
        (STANDARD, amount(sign="trailing", plus="+"), ("12", "+12", "-12")),
        (STANDARD, amount(pad="zero"), ("", "0" * 256, " 12")),
        (STANDARD, amount(pad="blank"), (" " * 65 + "1", "1" + " " * 65, " ", "012")),
        (STANDARD, Column("stan"), ("", "1", "12345", "1234567", "12345X", "12345٣")),
        (STANDARD, Column("policy"), ("a|b", "\n", "\x7f", "\x9f", "\udfff", "x" * 256)),
        (STANDARD, Column("ignored"), ("a|b", "\n", "x" * 256)),
        (FIXED, Column("policy", width=3), ("", "ab", "abcd", "ab\x7f", "ab\x1f")),
        (STANDARD, Column("", "T."), ("T", "Tx", "t.")),
    ],
)
def test_what_a_column_cannot_hold_is_not_matched(
    layout: Layout, column: Column, bad: tuple[str, ...]
) -> None:
    assert [text for text in bad if re.fullmatch(pattern(layout, column), text)] == []


@pytest.mark.parametrize(
    ("layout", "column", "text", "named"),
    [
        (STANDARD, Column("stan"), "000001", {"stan": "000001"}),
        (STANDARD, Column("policy"), "", {"policy": ""}),
        (STANDARD, Column("policy"), " 保\xa0 ,", {"policy": " 保\xa0 ,"}),
        (STANDARD, Column("policy"), "x" * 255, {"policy": "x" * 255}),
        (STANDARD, Column("ignored"), "x" * 255, {}),
        (FIXED, Column("policy", width=3), "|\x80\xff", {"policy": "|\x80\xff"}),
        (FIXED, Column("ignored", width=3), "abc", {}),
        (STANDARD, Column("", "T."), "T.", {}),
        (FIXED, Column("", "T.", 4, "blank"), "T.  ", {}),
        (STANDARD, Column("date", format="YYYY.MM.DD"), "2026.11.24", {"day": "2026.11.24"}),
        (
            STANDARD,
            Column("sent_time", format="hhmmss"),
            "095900",
            {"hour": "09", "minute": "59", "second": "00"},
        ),
        (
            STANDARD,
            Column("sent_at", format="MM-DD hh:mm:ss"),
            "11-24 23:00:59",
            {"day": "11-24", "hour": "23", "minute": "00", "second": "59"},
        ),
    ],
)
def test_what_a_column_holds_is_matched_and_named(
    layout: Layout, column: Column, text: str, named: dict[str, str]
) -> None:
    match = re.fullmatch(pattern(layout, column), text)
    assert match
    assert match.groupdict() == named


@pytest.mark.parametrize(
    ("column", "wording"),
    [
        (Column("", "T"), "not the text that the layout has there"),
        (Column("sent_time", format="hh:mm:ss"), "not hh:mm:ss"),
        (Column("stan", width=6), "not 6 digits"),
        (Column("policy"), NO_TEXT),
        (Column("bank", width=11), "not printable text of at most 11 characters"),
        (Column("count", width=3), "not a whole number"),
        (amount(), "not whole fen"),
        (amount("yuan"), "not yuan with two decimals"),
        (amount("yuan", "leading"), "not yuan with two decimals with a leading sign"),
        (amount(sign="trailing"), "not whole fen with a trailing sign"),
    ],
)
def test_what_a_column_was_to_hold_is_said(column: Column, wording: str) -> None:
    assert meant(column) == wording
