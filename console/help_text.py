"""The help of commands in the reader's language, wrapped by the columns that its characters take.

A command's help is written once, in English, where the command is. Here it is looked up when it is shown:
paragraph by paragraph, so that the list of commands needs no text of its own. No command's help belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import copy
from gettext import gettext
from inspect import cleandoc
from typing import TypeVar
from unicodedata import east_asian_width

import click

from console.language import speaks_chinese

_OPENING = "（《「“"
_CLOSING = "，。；：、）》」”！？"
_FILLER = "\ue000"
"""Stands for the second column of a wide character at which a line may not be broken."""

Some = TypeVar("Some", bound=click.Command)


def spread(text: str) -> str:
    """Return a text with a second character after each wide one: a space where a line may end."""
    return "".join(_spread(text))


def _spread(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        yield character
        if is_wide(character):
            following = text[place + 1 : place + 2]
            holds = character in _OPENING or (following != "" and following in _CLOSING)
            yield _FILLER if holds else " "


def closed(text: str) -> str:
    """Return a text that was spread as it was before, whatever a line's end has taken of it."""
    return re.sub(rf"(.)[ {_FILLER}]", lambda pair: pair[1] if is_wide(pair[1]) else pair[0], text)


def is_wide(character: str) -> bool:
    """Whether a terminal gives a character two columns."""
    return east_asian_width(character) in ("W", "F")


class WideFormatter(click.HelpFormatter):
    """Click's formatter, for lines of Chinese: click counts characters, and breaks only at spaces."""

    def write(self, string: str) -> None:
        """Take what click has wrapped."""
        super().write(closed(string))

    def write_text(self, text: str) -> None:
        """Wrap paragraphs."""
        super().write_text(spread(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Wrap a list of terms, each with its text."""
        super().write_dl([(spread(term), spread(text)) for term, text in rows], col_max, col_spacing)


class WideContext(click.Context):
    """A context whose help is wrapped by columns."""

    formatter_class = WideFormatter


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help, each in one line: a catalogue's keys."""
    return [" ".join(paragraph.split()) for paragraph in cleandoc(text).split("\n\n")]


def translated(command: Some) -> Some:
    """Return a command whose help, options and commands speak the reader's language: itself, or a copy."""
    if not speaks_chinese():
        return command
    spoken = copy(command)
    spoken.context_class = WideContext
    spoken.params = [_translated_option(parameter) for parameter in command.params]
    if command.help:
        texts = [gettext(paragraph) for paragraph in paragraphs(command.help)]
        spoken.help = "\n\n".join(texts)
        spoken.short_help = texts[0].partition("。")[0]
    if isinstance(spoken, click.Group):
        spoken.commands = {name: translated(below) for name, below in spoken.commands.items()}
    return spoken


def _translated_option(parameter: click.Parameter) -> click.Parameter:
    if not isinstance(parameter, click.Option):
        return parameter
    spoken = copy(parameter)
    if parameter.help:
        spoken.help = gettext(parameter.help)
    if isinstance(parameter.show_default, str):
        spoken.show_default = gettext(parameter.show_default)
    return spoken
