"""Names that are longer than their place are shortened by one rule, and never refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.names import MARK, shortened


def utf8(text: str) -> int:
    return len(text.encode())


@pytest.mark.parametrize(
    ("name", "room", "told"),
    [
        ("王伟", 6, "王伟"),
        ("王伟业王伟业", 6, "王..."),
        ("王伟业王伟业", 8, "王..."),
        ("JOHN SMITH", 8, "JOHN..."),
        ("王伟业", 2, ""),
        ("", 0, ""),
    ],
)
def test_a_name_is_cut_to_its_room_with_the_mark(name: str, room: int, told: str) -> None:
    assert shortened(name, room, utf8) == told


def test_a_mark_above_a_letter_is_not_cut_from_it() -> None:
    assert shortened("ab" + "e\u0301" + "cdef", 6) == "ab" + MARK


@given(name=st.text(max_size=130), room=st.integers(0, 140))
def test_what_is_told_has_room_and_is_the_name_or_a_beginning_of_it(name: str, room: int) -> None:
    told = shortened(name, room)
    assert len(told) <= room
    assert told in (name, "") or (told.endswith(MARK) and name.startswith(told[: -len(MARK)]))
