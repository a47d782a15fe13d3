"""A name of a table, as it stands inside a sentence."""

from __future__ import annotations

import pytest

from protocol.analyzer.field_display import CODES, OUTCOMES, inside_a_sentence
from protocol.responses import RESPONSES


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("Not supported", "not supported"),
        ("MAC, key", "MAC, key"),
        ("IDs differ", "IDs differ"),
        ("A fault", "a fault"),
        ("A", "a"),
        ("", ""),
    ],
)
def test_a_name_begins_small_but_for_one_in_capitals(name: str, inside: str) -> None:
    assert inside_a_sentence(name) == inside


def test_codes_and_outcomes_are_told_by_the_names_of_their_tables() -> None:
    assert {code: inside_a_sentence(row.english) for code, row in RESPONSES.items()} == OUTCOMES
    assert (CODES["500000"], CODES["020000"]) == ("collection: renewal premium", "same-day cancel")
