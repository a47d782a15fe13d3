"""A reason that a book keeps is known again as the sentence that was written, in any composition."""

from __future__ import annotations

import re

import pytest

from ledger.rules.break_classes import CLASSES
from office.accounting.break_reasons import (
    ADD_UP,
    AMOUNTS,
    ARRIVAL,
    BY_RRN,
    CLASS_NAMES,
    DETAILS,
    ONLY_OURS,
    PATTERNS,
    SAME_KEY,
    examples_of,
    note_of,
    reason_of,
)
from qianzhi_errors.sentence import Sentence, translated

_PLACE = re.compile(r"\{([a-z_]+)\}")


def marked(text: str) -> object:
    """What a reader gets whose language has each pattern in brackets."""
    return translated(reason_of(text), lambda pattern: f"<{pattern}>")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_reason_is_known_by_its_own_pattern(pattern: str) -> None:
    values = {name: f"{name}/1" for name in _PLACE.findall(pattern)}
    known = reason_of(pattern.format(**values))
    assert isinstance(known, Sentence)
    assert (known.pattern, known) == (pattern, pattern.format(**values))


def test_parts_are_known_each_by_itself() -> None:
    text = f"{AMOUNTS.format(ours='1.00', theirs='2.00')}; {BY_RRN.format(key='K; 1')}"
    assert reason_of(text) == text
    assert marked(f"{ONLY_OURS}; {SAME_KEY.format(name='B1', date='20261124')}") == (
        f"<<{ONLY_OURS}>; <same key in break B1 of 20261124: offered, not taken>>"
    )


def test_words_in_a_reason_are_known_too() -> None:
    assert marked(DETAILS.format(details="policy and another processing code")) == (
        "<the bank names another <<policy> and another <processing code>>>"
    )
    assert "<no date>" in str(marked(ARRIVAL.format(arrived=1, date="no date", expected=2, in_breaks=3)))
    assert "of <terminal T1> (<ours_only>)" in str(
        marked(ADD_UP.format(count=2, group="terminal T1", many="ours_only"))
    )


@pytest.mark.parametrize("text", ["", "why", "because; of this"])
def test_what_no_pattern_made_stays_as_it_is(text: str) -> None:
    assert reason_of(text) == text


def test_the_examples_of_a_held_file_are_known_by_class_place_and_reason() -> None:
    text = f"bank_only line 7: why; ours_only 01020000/T1/20261124/1: {ONLY_OURS}; strange"
    example = examples_of(text)
    assert example == text
    assert f"<<ours_only> 01020000/T1/20261124/1: <{ONLY_OURS}>>" in str(
        translated(example, lambda pattern: f"<{pattern}>")
    )


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (f"ours_only: {ONLY_OURS}", f"<<ours_only>: <{ONLY_OURS}>>"),
        ("posted on 20261124", "<posted on 20261124>"),
        ("refund: as agreed", "refund: as agreed"),
        ("", ""),
    ],
)
def test_the_machines_notes_in_a_history_are_known_and_a_persons_stay(note: str, said: str) -> None:
    assert translated(note_of(note), lambda pattern: f"<{pattern}>") == said


def test_every_class_has_its_name() -> None:
    assert set(CLASS_NAMES) == set(CLASSES)
