"""Resident identity numbers: any wrong character is found, and none is ever shown whole."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.rules.identity import (
    KINDS,
    Document,
    check_character,
    document,
    is_document,
    is_valid,
    masked,
    normalised,
)

# The example of GB 11643-1999, annex A.
EXAMPLE = "11010519491231002X"
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31))


@st.composite
def numbers(draw: st.DrawFn) -> str:
    region = draw(st.integers(0, 999_999))
    first17 = f"{region:06d}{draw(DAYS):%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first17 + check_character(first17)


def test_the_standards_example_is_valid() -> None:
    assert check_character(EXAMPLE[:17]) == "X"
    assert is_valid(EXAMPLE)


# The weights of GB 11643-1999, section 5, by place: 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2.
CHECKS_OF_A_ONE = "532748X069532748X"


def test_each_digit_has_the_weight_of_its_place() -> None:
    ones = [f"{10**place:017d}" for place in reversed(range(17))]
    assert "".join(map(check_character, ones)) == CHECKS_OF_A_ONE
    assert [check_character(digits) for digits in ("44052418800101001", "0" * 17, "9" * 17)] == [
        "4",
        "1",
        "3",
    ]


@pytest.mark.parametrize("birth", ["18991231", "21000101", "20230229", "19491301", "19490100"])
def test_a_birth_date_that_is_none_is_refused(birth: str) -> None:
    first17 = f"110105{birth}002"
    assert not is_valid(first17 + check_character(first17))


@pytest.mark.parametrize(
    "number", ["", EXAMPLE[:17], EXAMPLE + "0", EXAMPLE.lower(), " " + EXAMPLE[1:], EXAMPLE + "\n"]
)
def test_any_other_shape_is_refused(number: str) -> None:
    assert not is_valid(number)


@pytest.mark.parametrize("digits", ["", "1" * 16, "1" * 18, "1" * 16 + "X", "１" * 17])
def test_check_character_takes_17_ascii_digits_and_repeats_none(digits: str) -> None:
    with pytest.raises(ValueError, match=r"^the check character is over exactly 17 digits$"):
        check_character(digits)


def test_masked_shows_the_last_four_only_and_nothing_of_what_is_no_number() -> None:
    assert masked(EXAMPLE) == "*" * 14 + "002X"
    assert masked(EXAMPLE[:17]) == masked("") == masked(EXAMPLE + "1") == "*" * 18


# Documents of every kind.

GOOD = {
    "resident": (EXAMPLE, "110105491231002", "81000019900307001" + check_character("81000019900307001")),
    "passport": ("E12345678", "EA1234567", "G12345678", "P1234567", "123456789", "AB123456"),
    "hk-macao-permit": ("H12345678", "M12345678", "H1234567801"),
    "taiwan-permit": ("12345678", "0012345601", "0012345601(B)"),
    "permanent-residence": ("CAN110078010101", "91110519491231002" + check_character("91110519491231002")),
    "hk-identity": ("A123456(3)", "AB987654(3)", "Z683365(A)"),
    "company": ("914403001922038216", "91110000802100433B", "9144030071526726XG"),
    "other": ("南字第12345678号", "P110123456", "A123456789", "7", "A" * 18),
}
BAD = {
    "resident": ("11010519491231002", "110105194912310021", "110105491331002", "110105490230002"),
    "passport": ("E1234567890", "ABCDEF", "E12", "E1234567*", ""),
    "hk-macao-permit": ("X12345678", "H1234567", "H123456789", "12345678"),
    "taiwan-permit": ("1234567", "123456789", "A2345678"),
    "permanent-residence": (
        "CA1100780101010",
        "81000019900307001" + check_character("81000019900307001"),
        "910105194912310020",
        "CAN11007801010",
    ),
    "hk-identity": ("A123456(4)", "A12345(3)", "AB987654", "AB987654(4)", "ABC12345(3)", "000000000"),
    "company": ("914403001922038217", "91440300192203821I", "9144030019220382"),
    "other": ("", "A" * 19, "A/B"),
}


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, number) for kind, ones in GOOD.items() for number in ones]
)
def test_a_number_of_its_kind_passes_however_it_is_typed(kind: str, number: str) -> None:
    wide = number.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    for typed in (
        number,
        number.lower(),
        f" {number} ",
        wide,
        wide.lower(),
        "-".join((number[:2], number[2:])),
    ):
        assert is_document(Document(kind, typed)), kind
        assert normalised(typed) == normalised(number)
    assert number not in repr(Document(kind, number))


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, number) for kind, ones in BAD.items() for number in ones]
)
def test_a_number_that_is_none_of_its_kind_does_not_pass(kind: str, number: str) -> None:
    assert not is_document(Document(kind, number))


def test_every_kind_is_tried_and_no_other_is_one() -> None:
    assert set(GOOD) == set(BAD) == set(KINDS)
    assert not is_document(Document("Passport", "E12345678"))


def test_a_permit_renewed_is_the_same_persons() -> None:
    assert normalised("h1234567802") == normalised("H12345678") == "H12345678"


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        (EXAMPLE, "resident", EXAMPLE),
        ("resident:1", "resident", "1"),
        ("passport:E12345678", "passport", "E12345678"),
        ("x:y:z", "x", "y:z"),
        (":1", "", "1"),
    ],
)
def test_a_document_is_a_kind_and_a_number(text: str, kind: str, number: str) -> None:
    assert document(text) == (kind, number)


PRINTED = "".join(map(chr, range(0x20, 0x7F)))
"""The printed characters of ASCII: each but the blank has a full-width one, 0xFEE0 further on."""
SPELT = "!\"#$%&'*+,./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`ABCDEFGHIJKLMNOPQRSTUVWXYZ{|}~"


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        (PRINTED, SPELT),
        ("".join(chr(ord(character) + 0xFEE0) for character in PRINTED[1:]), SPELT),
        (" \t\u00a0\u3000-()\uff0d\uff08\uff09", ""),
        ("\x7f\uff00\uff5f\u2013张é", "\x7f\uff00\uff5f\u2013张é"),
        ("110105491231002", EXAMPLE),
        ("１１０１０５ 491231-002", EXAMPLE),
        ("110105490230002", "110105490230002"),
        ("1101054912310021", "1101054912310021"),
        (EXAMPLE.lower(), EXAMPLE),
        ("m12345678-01", "M12345678"),
        ("M123456780", "M123456780"),
        ("12345678(01)", "1234567801"),
    ],
)
def test_a_number_has_one_spelling_whoever_wrote_it(text: str, spelt: str) -> None:
    assert normalised(text) == spelt


@given(number=numbers())
def test_a_number_with_its_check_character_is_valid(number: str) -> None:
    assert is_valid(number)
    # ISO 7064: the weighted sum of all characters, X as 10, is 1 modulo 11.
    values = [10 if character == "X" else int(character) for character in number]
    assert sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


@given(number=numbers(), place=st.integers(0, 17), other=st.sampled_from("0123456789X"))
def test_one_altered_character_is_always_found(number: str, place: int, other: str) -> None:
    altered = number[:place] + other + number[place + 1 :]
    assert is_valid(altered) == (altered == number)


@given(number=numbers(), place=st.integers(0, 16))
def test_two_neighbours_exchanged_are_always_found(number: str, place: int) -> None:
    exchanged = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_valid(exchanged) == (exchanged == number)


def is_a_number(text: str) -> bool:
    """The same said apart: a shape, a date of two centuries, and ISO 7064's weighted sum."""
    shape = re.fullmatch("[0-9]{6}((?:19|20)[0-9]{6})[0-9]{3}[0-9X]", text, re.ASCII)
    if shape is None:
        return False
    try:
        datetime.strptime(shape[1], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    values = [10 if character == "X" else int(character) for character in text]
    return sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


@example("000000198501030010")
@given(text=st.text(max_size=20))
def test_any_text_is_a_number_or_not_and_raises_nothing(text: str) -> None:
    assert is_valid(text) == is_a_number(text)


@given(place=st.integers(0, 17), other=st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_altered_character_of_a_company_code_is_always_found(place: int, other: str) -> None:
    code = "91350100M000100Y43"  # the example of GB 32100-2015
    altered = code[:place] + other + code[place + 1 :]
    assert is_document(Document("company", altered)) == (altered == code)


@given(number=numbers().filter(lambda number: number[6:8] == "19"))
def test_a_number_of_15_digits_and_of_18_are_one_persons(number: str) -> None:
    assert normalised(number[:6] + number[8:17]) == normalised(number) == number


@given(text=st.text(max_size=30))
def test_any_text_has_one_spelling(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
