"""A sealed line is the same each time, shares its nonce with no other, and opens only at its place."""

from __future__ import annotations

import pytest

from archive.sealed_line import label_of, open_line, seal
from customers.errors import NotOpened
from customers.sealing import Label, SecretKey, parse

KEY = SecretKey(b"k" * 32)
LABEL = Label("A" * 16, "holder", "entries/1/2")


def line(plain: bytes = b"name", date: str = "20260930", number: int = 1, key: SecretKey = KEY) -> bytes:
    return seal(key, LABEL, plain, "archive", date, number)


def test_the_same_content_at_the_same_place_is_the_same_line() -> None:
    assert line() == line()
    assert label_of(line()) == LABEL


def test_no_two_contents_places_or_keys_share_a_nonce() -> None:
    lines = (line(), line(b"other"), line(date="20261001"), line(number=2), line(key=SecretKey(b"l" * 32)))
    assert len({parse(each.decode()).nonce for each in lines}) == len(lines)


@pytest.mark.parametrize(("date", "number"), [("20261001", 1), ("20260930", 2)])
def test_a_line_that_was_moved_does_not_open(date: str, number: int) -> None:
    assert open_line(line(), KEY, "archive", "20260930", 1) == b"name"
    with pytest.raises(NotOpened):
        open_line(line(), KEY, "archive", date, number)
