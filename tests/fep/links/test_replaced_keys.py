"""Key blocks of a bank whose keys were replaced: refused from their moment on, and only so many are kept."""

from __future__ import annotations

from fep.links.replaced_keys import KEPT_MAX, ReplacedKeys


def test_a_block_is_refused_from_its_moment_on_and_no_other_is() -> None:
    keys = ReplacedKeys()
    keys.add("first", 30.0)
    assert [keys.refuse("first", now) for now in (0.0, 29.9, 30.0, 1e9)] == [False, False, True, True]
    assert not keys.refuse("second", 1e9)


def test_a_block_that_is_replaced_again_keeps_its_moment() -> None:
    keys = ReplacedKeys()
    keys.add("first", 30.0)
    keys.add("first", 90.0)
    assert keys.refuse("first", 30.0)


def test_the_oldest_is_forgotten_where_there_are_too_many() -> None:
    keys = ReplacedKeys()
    for number in range(KEPT_MAX + 1):
        keys.add(str(number), 0.0)
    assert [keys.refuse(str(number), 1.0) for number in (0, 1, KEPT_MAX)] == [False, True, True]


def test_what_is_no_text_of_a_block_is_none() -> None:
    assert not ReplacedKeys().refuse("\udc80", 1.0)
