"""The near name of a misspelt one."""

from __future__ import annotations

import pytest

from ledger.files.near_name import near_name

NAMES = ("port", "ports", "framing")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("prot", "; did you mean 'port'?"),
        ("portss", "; did you mean 'ports'?"),
        ("framming", "; did you mean 'framing'?"),
        ("bank", ""),
        ("", ""),
        (7, ""),
        (None, ""),
        (["port"], ""),
    ],
)
def test_the_most_similar_name_is_asked_for_and_none_where_none_is_similar(word: object, hint: str) -> None:
    assert near_name(word, NAMES) == hint
    assert near_name(word, iter(NAMES)) == hint
    assert near_name(word, ()) == ""
