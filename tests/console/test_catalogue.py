"""The catalogue of the commands' texts: whole, current, compiled, the same values in both languages."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from babel.messages.catalog import Message

from tests.catalogue.texts import COMPILED, SOURCE, all_texts, as_compiled, as_source, catalogue, completed

REMAKE = "run `make catalogue`, translate what it names, and run it again"
MESSAGES = [message for message in catalogue() if message.id]
_PERCENT = re.compile(r"%\(\w+\)s")


def values(text: str) -> set[str]:
    """The names of the values that a text is filled with."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None} | set(
        _PERCENT.findall(text)
    )


def english(message: Message) -> str:
    """A text in English; the plural where there are two."""
    return message.id if isinstance(message.id, str) else message.id[-1]


def chinese(message: Message) -> str:
    """A text in Chinese."""
    return message.string if isinstance(message.string, str) else message.string[0]


def test_the_catalogue_has_every_text_of_the_commands_and_no_other() -> None:
    assert {message.id for message in MESSAGES} == all_texts() - {""}, REMAKE


def test_every_text_is_translated_and_none_is_in_doubt() -> None:
    assert [message.id for message in MESSAGES if not chinese(message) or message.fuzzy] == [], REMAKE


def test_both_languages_have_the_same_values() -> None:
    differ = [message.id for message in MESSAGES if values(english(message)) != values(chinese(message))]
    assert differ == []


def test_what_the_program_reads_is_made_of_what_is_written() -> None:
    source = SOURCE.read_bytes()
    assert source == as_source(completed(catalogue(), all_texts())), REMAKE
    assert COMPILED.read_bytes() == as_compiled(source), REMAKE


def test_a_changed_text_loses_its_translation() -> None:
    [known, *_] = [message for message in MESSAGES if isinstance(message.id, str)]
    whole = completed(catalogue(), [known.id, f"{known.id} more"])
    assert [(message.id, bool(message.string)) for message in whole if message.id] == [
        (known.id, True),
        (f"{known.id} more", False),
    ]


@pytest.mark.parametrize(
    ("text", "names"), [("a {b} {c:,} {d!r}", {"b", "c", "d"}), ("%(prog)s", {"%(prog)s"})]
)
def test_a_value_is_known_by_its_name_alone(text: str, names: set[str]) -> None:
    assert values(text) == names
