"""How every command shows its result: as text and tables for a person, or with --json for a program.

A command makes data first; what a person sees is made of that data, so the two cannot differ. No command's
own wording belongs here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

import click
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from console.language import spoken
from console.say import say
from ledger.rules.escaping import escaped
from protocol.framing import Framing
from protocol.mac import MacMethod

JSON = click.option("--json", "as_json", is_flag=True, help="print it as JSON, for a program")
"""The option of every command that shows something."""
_WIDTH_ELSEWHERE = 100
"""Columns where there is no terminal: a pipe or a file."""


def show(data: object, people: Callable[[], Iterable[RenderableType]], *, as_json: bool) -> None:
    """Print `data` as JSON, or else what `people` makes of it: tables, and strings a line each."""
    if as_json:
        say(as_json_text(data, indent=2))
        return
    console = screen()
    for part in people():
        if isinstance(part, str):
            console.print(escaped(spoken(part), lines=True), soft_wrap=True)
        else:
            console.print(part)


def screen() -> Console:
    """Return the console of standard output as it is now; nothing in a text is taken for markup."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = _WIDTH_ELSEWHERE
    return console


def table(*columns: str, right: Iterable[str] = (), whole: Iterable[str] = (), title: str = "") -> Table:
    """Return a table without lines. Columns in `right` are aligned right; neither they nor `whole` break."""
    rows = Table(title=title or None, box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in columns:
        rows.add_column(
            name,
            justify="right" if name in tuple(right) else "left",
            no_wrap=name in (*right, *whole),
            overflow="fold",
        )
    return rows


def cell(text: object) -> Text:
    """Return a text for a table, in the reader's language; what is not seen, or a terminal would obey, is
    shown as an escape.
    """
    return Text(escaped(spoken(text), lines=True))


def padded(text: object, columns: int) -> str:
    """Return a text in the reader's language, filled with blanks to so many columns of a terminal."""
    words = spoken(text)
    return words + " " * (columns - cell_len(words))


def as_json_text(data: object, indent: int | None = None) -> str:
    """Return data as JSON: its values are whole, and no character that a terminal would obey is raw in it."""
    return escaped(json.dumps(plain(data), ensure_ascii=False, indent=indent), lines=True)


def here(path: Path) -> Path:
    """The path as one would type it in the working folder: from there on, where it lies below."""
    folder = Path.cwd()
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def plain(value: object) -> object:
    """Return a value as JSON can hold it: a named tuple or dataclass becomes an object, fields in order."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Framing | MacMethod):
        return str(value)
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(item) for name, item in zip(value._fields, value, strict=True)}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)
