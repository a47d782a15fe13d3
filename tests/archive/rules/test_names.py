"""A volume's name says its number and sorts by age, and no other text is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.rules import names
from archive.rules.names import VOLUMES_MAX, copy_name, is_prefix, volume_name, volume_number

numbers = st.integers(1, VOLUMES_MAX)


@given(numbers, numbers)
def test_a_name_has_its_number_and_sorts_by_it(one: int, other: int) -> None:
    first, second = volume_name("QZ", one), volume_name("QZ", other)
    assert (volume_number(first), volume_number(second)) == (one, other)
    assert (first < second) == (one < other)
    assert copy_name(first, 2) == f"{first}-C2"


def test_the_limits_are_those_of_a_disc_and_of_the_design() -> None:
    assert (names.VOLUME_BYTES_MIN, names.VOLUME_BYTES_MAX) == (1_000, 100_000_000_000)
    assert names.PARCEL_BYTES_MAX == 50_000_000_000
    assert names.ROOM_TENTHS == 22


@pytest.mark.parametrize("number", [0, -1, VOLUMES_MAX + 1])
def test_no_volume_has_a_number_outside_four_digits(number: int) -> None:
    with pytest.raises(ValueError, match="no volume"):
        volume_name("QZ", number)


@given(st.text(max_size=10))
def test_whatever_is_no_name_has_no_number(text: str) -> None:
    assert volume_number(text) == 0 or volume_name(text[: text.index("-")], volume_number(text)) == text


@pytest.mark.parametrize(
    ("prefix", "good"), [("QZ", True), ("", False), ("qz", False), ("ABCDE", False), ("Q1", False)]
)
def test_a_prefix_is_one_to_four_capitals(prefix: str, good: bool) -> None:
    assert is_prefix(prefix) is good
