"""Layouts: how one bank writes its day file, read from TOML.

Everything that differs between banks is in TOML, in `ledger/files/layouts/` or in a bank's own file; no code
may ask for a layout's name. `layout_file` checks the file; `ledger/files/layouts/standard.toml` explains its
keys. Day files are read and written by `bankfile`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from ledger.errors import LayoutError
from ledger.files.layout_file import RecordTable, Table, checked
from ledger.files.near_name import near_name
from ledger.files.toml_reason import toml_reason
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.toml_text import read_toml

_LINE_ENDS: Final[Mapping[str, str]] = MappingProxyType({"LF": "\n", "CRLF": "\r\n"})


class Column(NamedTuple):
    """One column of a record.

    `name` is what it holds, empty for a `literal` text. `width` is in bytes, 0 in a delimited file. `pad` is
    what fills it up: none, blank or zero. `format` is a date's or a time's. Of money: `unit` fen or yuan
    with two decimals; `sign` none, leading or trailing; `plus` the text that stands for a plus; `minus` what
    a minus means: never, payout, collection or reversed.
    """

    name: str
    literal: str = ""
    width: int = 0
    pad: str = "none"
    format: str = ""
    unit: str = "fen"
    sign: str = "none"
    plus: str = ""
    minus: str = "never"


Record: TypeAlias = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout, immutable. `header` or `trailer` may be empty: the file has none then."""

    name: str
    separator: str
    """One character; empty for a file of fixed widths."""
    encoding: str
    line_end: str
    """LF or CRLF, as the characters themselves."""
    lists_reversed: bool
    """False where the bank leaves out reversed transactions: a missing line means reversed."""
    header: Record
    detail: Record
    trailer: Record
    codes: Mapping[str, str]
    """The bank's transaction code -> DE 3."""
    states: Mapping[str, str]
    """The bank's word -> S or R."""
    digest: str = field(default="", compare=False)
    """SHA-256 (hex) of the text that the layout was read from."""

    @property
    def edition(self) -> str:
        """The name and the first 12 hexadecimal digits of the digest: another text is another edition."""
        return f"{self.name} {self.digest[:12]}"

    def carries(self, name: str) -> bool:
        """Return whether the detail lines have a column of that name."""
        return any(column.name == name for column in self.detail)


def shipped() -> tuple[str, ...]:
    """Return the names of the layouts in the package, sorted."""
    names = (entry.name for entry in files("ledger.files").joinpath("layouts").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load(name: str) -> Layout:
    """Return a shipped layout, read once a process.

    Raises LayoutError for an unknown name or a file that is not in order.
    """
    if name not in shipped():
        raise LayoutError(
            Sentence(
                "no layout {name!r}; there are {names}{near}",
                name=name,
                names=listed(shipped()),
                near=near_name(name, shipped()),
            )
        )
    return parse(files("ledger.files").joinpath("layouts", f"{name}.toml").read_bytes().decode(), name)


def parse(source: str, name: str) -> Layout:
    """Return the layout that a TOML text describes; `name` is what errors and records call it.

    Raises LayoutError that names the layout, the key and the reason.
    """
    try:
        document = read_toml(source)
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(
            Sentence("layout {name}: {reason}", name=name, reason=toml_reason(error))
        ) from error
    keys, records = checked(document, name)
    return Layout(
        name=name,
        separator=keys.separator,
        encoding=keys.encoding,
        line_end=_LINE_ENDS[keys.line_end],
        lists_reversed=keys.lists_reversed,
        header=_record(records.header),
        detail=_record(records.detail),
        trailer=_record(records.trailer),
        codes=MappingProxyType(keys.codes),
        states=MappingProxyType(keys.states),
        digest=hashlib.sha256(source.encode()).hexdigest(),
    )


def _record(table: RecordTable[Any] | None) -> Record:
    """Return the record that a table describes, with no columns where there is no table."""
    return tuple(_column(column) for column in table.columns) if table else ()


def _column(table: Table) -> Column:
    """Return the column that a table describes: the keys of the one are the fields of the other."""
    keys = table.model_dump(exclude_none=True)
    return Column(**{"pad": table.padded if keys["width"] else "none", **keys})
