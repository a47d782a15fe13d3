"""What a dialect's file may say, and the reason why it cannot be used.

Checks one document, read from TOML and complete: its base, if it has one, is already filled in. What follows
from the file for encoding and decoding is in `dialect`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from protocol.errors import DialectError

FIRST, LAST = 1, 128
"""The numbers of the first and the last data element (DE)."""

Characters = Literal["ascii", "cp500"]
Digits = Literal["ascii", "cp500", "bcd"]
Binary = Literal["binary", "hex"]

_FORMAT: Final = re.compile(r"(x\+n|ans|an|ns|a|n|b|z)( |\.\.\.?)([1-9][0-9]{0,2})")
"""Kind, then " 12" for a fixed length, "..19" for LLVAR or "...999" for LLLVAR."""
_PREFIX_DIGITS: Final[Mapping[str, int]] = MappingProxyType({" ": 0, "..": 2, "...": 3})
_BITS_64: Final = (1, 64, 65, 128)
_TABLES: Final = "needs the tables [wire] and [elements], and nothing else"
_ENTRY: Final = "needs name and format, and may have text and lines"


class Format(NamedTuple):
    """A format of ISO 8583: kind, digits of the length prefix (0, 2 or 3), and length as the notation counts
    it (bits for b, characters for the others; the sign of x+n is not counted).
    """

    kind: str
    prefix: int
    length: int


def _format(notation: object) -> Format:
    """Return the format that is written `n 6`, `ans..25` or `z...104`. Raises ValueError with the reason."""
    match = _FORMAT.fullmatch(notation) if isinstance(notation, str) else None
    if match is None:
        raise ValueError(f"format {notation!r} is none of ISO 8583")
    kind, dots, digits = match.groups()
    prefix, length = _PREFIX_DIGITS[dots], int(digits)
    if prefix and length >= 10**prefix:
        raise ValueError(f"format {notation!r} is longer than its length digits can say")
    if kind == "b" and (prefix or length % 8):
        raise ValueError("b must be fixed, in whole bytes")
    if kind == "x+n" and prefix:
        raise ValueError("x+n must be fixed")
    return Format(kind, prefix, length)


class _Section(BaseModel):
    """A table of the file: strict types, no unknown keys, nothing changes after the check."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Wire(_Section):
    """How each kind of content is written: a Python codec, or "bcd", "binary" or "hex"."""

    mti: Digits
    bitmap: Binary
    length: Digits
    numeric: Digits
    other: Characters
    binary: Binary
    text: Literal["utf-8", "gb18030", "gb18030-2022", "cp500"]

    def encoding_of(self, kind: str) -> str:
        """Return how a field of this kind is written, if it is not marked text."""
        return {"n": self.numeric, "b": self.binary}.get(kind, self.other)


class Entry(_Section):
    """One DE: name, format, whether it is in the text encoding, and whether line feeds are allowed."""

    name: str = Field(min_length=1)
    format: Annotated[Format, BeforeValidator(_format)]
    text: bool = False
    lines: bool = False

    @model_validator(mode="after")
    def _only_a_variable_ans_is_text(self) -> Self:
        if self.text and (self.format.kind != "ans" or not self.format.prefix):
            raise ValueError("only a variable ans can be text")
        return self


def _all_numbers(table: object) -> object:
    """Return the table if its keys are the numbers of all DEs. Raises ValueError with the reason."""
    if not isinstance(table, dict):
        raise ValueError("[elements] must be a table")
    expected = [str(number) for number in range(FIRST, LAST + 1)]
    for key in table:
        if key not in expected:
            raise ValueError(f"{key!r} is no DE number from {FIRST} to {LAST}")
    for key in expected:
        if key not in table:
            raise ValueError(f"DE {key} is missing")
    return table


class DialectFile(_Section):
    """A complete dialect file: how things are written, and every DE from 1 to 128 by its number as text."""

    wire: Wire
    elements: Annotated[dict[str, Entry], BeforeValidator(_all_numbers)]

    @model_validator(mode="after")
    def _bitmaps_and_macs_have_64_bits(self) -> Self:
        for number in _BITS_64:
            if self.elements[str(number)].format != Format("b", 0, 64):
                raise ValueError(f"DE {number} must be b 64")
        return self


def checked(document: Mapping[str, Any], file: str) -> DialectFile:
    """Return the file's content. Raises DialectError that names the file, the key or DE, and the reason."""
    try:
        return DialectFile.model_validate(document)
    except ValidationError as error:
        reason = _reason(error.errors()[0])
    raise DialectError(f"{file}{reason}")


def _reason(detail: ErrorDetails) -> str:
    """Return what follows the file's name in the error's text: the place and the reason."""
    kind, text = detail["type"], detail["msg"].removeprefix("Value error, ")
    match detail["loc"]:
        case ("wire", str(key)) if kind == "literal_error":
            choices = get_args(Wire.model_fields[key].annotation)
            return f": wire.{key} must be one of {', '.join(choices)}"
        case ("wire", *rest) if rest or kind == "model_type":
            return f": [wire] needs exactly the keys {', '.join(Wire.model_fields)}"
        case ("elements", number, *key):
            return f": DE {number}{_reason_of_entry(tuple(key), kind, text)}"
    return f": {text if kind == 'value_error' else _TABLES}"


def _reason_of_entry(key: tuple[int | str, ...], kind: str, text: str) -> str:
    """Return what follows the DE's number in the error's text."""
    if kind == "value_error":
        return f": {text}"
    if kind in ("missing", "extra_forbidden") or not key:
        return f" {_ENTRY}"
    if key == ("name",):
        return ": the name is empty or no text"
    return ": text and lines must be true or false"
