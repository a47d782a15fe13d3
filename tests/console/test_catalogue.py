"""The catalogue of the commands' texts: whole, current, compiled, the same values in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from string import Formatter

import pytest
from babel.messages.catalog import Message

from tests.catalogue.texts import (
    COMPILED,
    ROOT,
    SOURCE,
    all_texts,
    as_compiled,
    as_source,
    catalogue,
    completed,
)

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


ANSWERS = ("ClickException", "UsageError", "BadParameter", "NotConfirmed", "NotRecorded", "PortRefused")
"""What a command of ours raises for a person to read."""
LOOKED_UP = ("_", "gettext", "ngettext", "Sentence", "listed", "phrase")


def plain_answers(source: str) -> Iterator[str]:
    """The texts in a module's answers that nobody looks up."""
    for node in ast.walk(ast.parse(source)):
        if called(node).rpartition(".")[2] in ANSWERS:
            yield from plain_texts_within(node)


def called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def plain_texts_within(node: ast.AST) -> Iterator[str]:
    for below in ast.iter_child_nodes(node):
        if called(below) in LOOKED_UP:
            continue
        if isinstance(below, ast.JoinedStr) or (isinstance(below, ast.Constant) and " " in str(below.value)):
            yield ast.unparse(below)
        else:
            yield from plain_texts_within(below)


def test_what_a_command_raises_is_looked_up() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "console").glob("*.py")]
    assert [text for source in sources for text in plain_answers(source)] == []


def test_an_answer_that_is_not_looked_up_is_found() -> None:
    assert [*plain_answers('raise click.UsageError("two words")')] == ["'two words'"]
    assert [*plain_answers('raise UsageError(f"{word} {_(text)}")')] != []
    assert [*plain_answers('raise UsageError(_("two words {word}").format(word=word), hint="word")')] == []
