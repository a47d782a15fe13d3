"""Checks a dialect's file, and says where and why it cannot be used.

What a file may say is `dialect_file`'s business; here its faults are put into words, with the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from protocol.dialect_file import (
    Bitmaps,
    Counts,
    DialectFile,
    Encoding,
    Entry,
    Interface,
    Lengths,
    Subentry,
    Wire,
)
from protocol.errors import DialectError
from protocol.toml_lines import line_of
from qianzhi_errors.sentence import Sentence


def checked(document: Mapping[str, Any], file: str, source: str = "") -> DialectFile:
    """Return the file's content. Raises DialectError that names the file, the line in `source`, the key or
    DE, and the reason.
    """
    try:
        return DialectFile.model_validate(document)
    except ValidationError as error:
        detail = error.errors()[0]
    _, *named = _own_reason(detail)
    path = named[0] if named else tuple(map(str, detail["loc"]))
    raise DialectError(
        Sentence("{place}: {reason}", place=place_of(file, source, path), reason=_reason(detail))
    )


def place_of(file: str, source: str, path: tuple[str, ...]) -> str:
    """Return the file, and the line of its text that gives the key `path`, if it gives it."""
    line = line_of(source, path)
    return Sentence("{file}, line {line}", file=file, line=line) if line else file


def _reason(detail: ErrorDetails) -> str:
    """Return the reason of an error: what is wrong with which key."""
    kind, place = detail["type"], detail["loc"]
    reason: str
    reason, *named = _own_reason(detail)
    if named:
        return reason
    match place:
        case ("elements", str(number), *keys):
            return Sentence(
                "DE {number}: {reason}", number=number, reason=_reason_of_entry(Entry, detail, keys, reason)
            )
        case ("subfields", str(key), str(number), *keys):
            return Sentence(
                "DE {number}: {reason}",
                number=f"{key}.{number}",
                reason=_reason_of_entry(Subentry, detail, keys, reason),
            )
        case (("wire" | "interface") as table, str(key), *_):
            return _reason_of_key(str(table), key, kind)
        case (("wire" | "interface") as table,) if kind != "missing":
            return Sentence("[{table}] must be a table", table=table)
    return Sentence(
        "needs a base, or [wire] and [elements]; may have [interface] and [subfields], and nothing else"
    )


def _own_reason(detail: ErrorDetails) -> tuple[Any, ...]:
    """Return the reason of our own checks, empty if it is pydantic's, and the key that it names, if any."""
    error = detail.get("ctx", {}).get("error")
    return error.args if isinstance(error, ValueError) else ("",)


def _reason_of_key(table: str, key: str, kind: str) -> str:
    """Return what is wrong with a key of [wire] or [interface]."""
    fields = (Wire if table == "wire" else Interface).model_fields
    if kind == "missing":
        return Sentence("[{table}] has no {key}", table=table, key=key)
    if kind == "extra_forbidden":
        return Sentence(
            "[{table}] has the keys {keys}, and no {key}", table=table, keys=", ".join(fields), key=key
        )
    if table == "interface":
        return Sentence("{table}.{key} must be the number of a DE", table=table, key=key)
    choices = ", ".join(get_args(fields[key].annotation))
    return Sentence("{table}.{key} must be one of {choices}", table=table, key=key, choices=choices)


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "encoding": get_args(Encoding),
        "length": get_args(Lengths),
        "counts": get_args(Counts),
        "bitmap": get_args(Bitmaps),
    }
)


def _reason_of_entry(entry: type[Entry], detail: ErrorDetails, keys: Sequence[int | str], reason: str) -> str:
    """Return what is wrong with an entry of [elements] or [subfields], below which `keys` lead to the place;
    `reason` is that of our own checks.
    """
    kind, key = detail["type"], str(keys[0]) if keys else ""
    if kind == "value_error":
        return reason
    if key in _CHOICES:
        return Sentence("{key} must be one of {choices}", key=key, choices=", ".join(_CHOICES[key]))
    if kind == "extra_forbidden":
        return Sentence(
            "{key} is no key of it; it needs name and format, and may have {keys}",
            key=repr(key),
            keys=", ".join(tuple(entry.model_fields)[2:]),
        )
    if kind == "missing" or not key:
        return Sentence(
            "it needs name and format, and may have {keys}", keys=", ".join(tuple(entry.model_fields)[2:])
        )
    if key == "name":
        return Sentence("the name is empty or no text")
    if key == "like":
        return Sentence("like must be the number of a DE")
    return Sentence("{key} must be true or false", key=key)
