"""Finds the line of a TOML text on which a key is given, for errors that name it.

The standard library's parser tells no lines. The text is well formed when this is asked; a way of writing
that is not understood here costs the line, never the error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TABLE: Final = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


def line_of(source: str, path: tuple[str, ...]) -> int | None:
    """Return the number, from 1, of the line that gives the key `path`, or as much of it as is given; None if
    the text does not name even its first part.
    """
    best, found = 0, None
    for number, given in _given(source):
        shared = 0
        for mine, theirs in zip(given, path, strict=False):
            if mine != theirs:
                break
            shared += 1
        if shared > best and shared == min(len(given), len(path)):
            best, found = shared, number
    return found


def _given(source: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the tables and keys of a text, each with its line."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(source.splitlines(), start=1):
        if heading := _TABLE.match(line):
            table = _parts(heading[1])
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *_parts(key[1]))


def _parts(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key, without quotes. A quoted part with a dot in it is not understood."""
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
