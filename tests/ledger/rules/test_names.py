"""Names that are longer than their place are shortened by one rule, and never refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.names import LENGTH_MAX, MARK, shortened


def utf8(text: str) -> int:
    return len(text.encode())


@pytest.mark.parametrize(
    ("name", "room", "short"),
    [
        ("王伟", 6, "王伟"),
        ("王伟业王伟业", 6, "王..."),
        ("王伟业王伟业", 8, "王..."),
        ("王伟业王伟业", 9, "王伟..."),
        ("王𠀀", 6, "王..."),
        ("JOHN SMITH", 8, "JOHN..."),
        ("JOHN", 4, "JOHN"),
        ("JOHN SMITH", 3, "..."),
        ("王伟业", 2, ""),
        ("", 0, ""),
    ],
)
def test_a_name_is_cut_to_its_room_with_the_mark(name: str, room: int, short: str) -> None:
    assert shortened(name, room, utf8) == short


@pytest.mark.parametrize("joined", ["\u0301", "\u20dd", "\u0903"])
def test_what_is_joined_to_a_letter_is_not_cut_from_it(joined: str) -> None:
    """An accent above the letter, a circle around it, a sign beside it: categories Mn, Me and Mc."""
    assert shortened(f"abe{joined}cdef", 6) == "ab..."
    assert shortened(f"abe{joined}cdef", 7) == f"abe{joined}..."
    assert shortened(f"{joined}abcd", 3) == "..."


def test_a_name_has_120_characters_at_the_most_and_three_points_for_what_is_left_off() -> None:
    assert (LENGTH_MAX, MARK) == (120, "...")


@given(name=st.text(max_size=130), room=st.integers(0, 140))
def test_what_is_told_has_room_and_is_the_name_or_a_beginning_of_it(name: str, room: int) -> None:
    short = shortened(name, room)
    assert len(short) <= room
    assert short in (name, "") or (short.endswith(MARK) and name.startswith(short[: -len(MARK)]))
