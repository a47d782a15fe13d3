"""How every command shows what it found: for a person, or with --json the same data for a program.

One option, one function. What is shown is data first, made by a command from what it read; how it looks to a
person follows from that data, so that the two cannot differ. No command's own wording belongs here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

JSON = click.option("--json", "as_json", is_flag=True, help="print it as JSON, for a program")
"""The option of every command that shows something."""
_WIDTH_ELSEWHERE = 100
"""Columns where there is no terminal: a pipe or a file."""


def show(data: object, people: Callable[[], Iterable[RenderableType]], *, as_json: bool) -> None:
    """Print `data`: as JSON, or as what `people` makes of it, a string a line."""
    if as_json:
        click.echo(json.dumps(plain(data), ensure_ascii=False, indent=2))
        return
    console = screen()
    for part in people():
        console.print(printable(part) if isinstance(part, str) else part, soft_wrap=isinstance(part, str))


def screen() -> Console:
    """Where tables go: standard output as it is now, nothing in a text taken for markup."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = _WIDTH_ELSEWHERE
    return console


def table(*columns: str, right: Iterable[str] = (), whole: Iterable[str] = (), title: str = "") -> Table:
    """A table without lines; columns named in `right` are figures, those in `whole` are never broken."""
    found = Table(title=title or None, box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in columns:
        found.add_column(
            name,
            justify="right" if name in tuple(right) else "left",
            no_wrap=name in (*right, *whole),
            overflow="fold",
        )
    return found


def cell(text: object) -> Text:
    """A text as it is in a table, whatever is in it."""
    return Text(printable(str(text)))


def printable(text: str) -> str:
    """The text with a question mark for what a terminal would take for a command of its own."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def plain(value: object) -> object:
    """What JSON can hold of a value: tables of named things become objects, in the order of their fields."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(one) for name, one in zip(value._fields, value, strict=True)}
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return str(value)
