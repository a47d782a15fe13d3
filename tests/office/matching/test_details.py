"""What two lines of one transaction are about, compared: a table of names that are one, and of others."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office.matching.details import agree, differing, in_words, plain


class Names(NamedTuple):
    """What a line names."""

    policy: str = "P2019"
    due: str = "D7"
    code: str = "500000"


OURS = Names()
NAMES = st.text("PD012- pd", max_size=6)


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (Names(), ()),
        (Names("", "", ""), ()),
        (Names("p2019", "d7"), ()),
        (Names(" P2019  ", "D7 "), ()),
        (Names("   ", " "), ()),
        (Names("P2091"), ("policy",)),
        (Names("P20190"), ("policy",)),
        (Names("P201"), ("policy",)),
        (Names("P 2019"), ("policy",)),
        (Names("0P2019"), ("policy",)),
        (Names(due="D8"), ("due",)),
        (Names(code="502000"), ("code",)),
        (Names("Q", "E", "501000"), ("policy", "due", "code")),
    ],
)
def test_names_are_one_but_for_blanks_and_small_letters_and_a_blank_says_nothing(
    theirs: Names, expected: tuple[str, ...]
) -> None:
    assert differing(OURS, theirs) == expected
    assert agree(OURS, theirs) == (expected == ())


@pytest.mark.parametrize(
    ("masked", "whole", "other"),
    [
        ("**************803X", "11010119900307803x", "11010119900307811X"),
        ("622202*********0128", "6222021234567890128", "6222021234567890136"),
    ],
)
def test_a_name_that_the_journal_holds_masked_is_compared_masked(masked: str, whole: str, other: str) -> None:
    assert agree(Names(masked), Names(whole))
    assert not agree(Names(masked), Names(other))


def test_a_name_is_compared_in_capitals_without_blanks_around_it() -> None:
    assert plain(" p 2019 ") == "P 2019"


@given(NAMES, NAMES)
def test_it_is_the_same_from_either_side(one: str, other: str) -> None:
    assert agree(Names(one), Names(other)) == agree(Names(other), Names(one))
    assert agree(Names(one), Names(one))
    assert plain(plain(one)) == plain(one)


def test_what_differs_is_named_and_no_value_told() -> None:
    assert in_words(["policy"]) == "the bank names another policy"
    text = in_words(differing(OURS, Names("Q", "E", "501000")))
    assert text == "the bank names another policy and another due and another processing code"
