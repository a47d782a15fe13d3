"""Layouts: how one bank writes its day file, read from TOML and checked whole.

Everything that differs between banks is in TOML, in `ledger/files/layouts/` or in a bank's own file; no code
may ask for a layout's name. Day files are read and written by `bankfile`.
`ledger/files/layouts/standard.toml` explains the keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from ledger.errors import LayoutError
from ledger.rules.dues import KINDS

IGNORED: Final = "ignored"
TEXTS: Final = frozenset(
    {"terminal", "branch", "rrn", "policy", "due", "receipt", "code", "state", "bank", IGNORED}
)
MOMENTS: Final = frozenset({"sent_at", "sent_date", "sent_time", "date"})
MONEY: Final = frozenset({"amount", "collected", "paid", "net"})
FIGURES: Final = ("count", "collected", "paid", "net")
"""The figures that a header or a trailer may state about the lines."""

_DETAIL_NAMES: Final = (
    *("terminal", "branch", "sent_at", "sent_date", "sent_time", "stan", "rrn", "code", "policy", "due"),
    *("amount", "receipt", "state", IGNORED),
)
_EDGE_NAMES: Final = ("bank", "date", *FIGURES, IGNORED)
_NEEDED: Final = ("terminal", "stan", "code", "amount")

_TOP_KEYS: Final = (
    *("form", "separator", "encoding", "line_end", "lists_reversed"),
    *("header", "detail", "trailer", "codes", "states"),
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "form": ("delimited", "fixed"),
        "encoding": ("utf-8", "gb18030"),
        "line_end": ("LF", "CRLF"),
        "pad": ("none", "blank", "zero"),
        "unit": ("fen", "yuan"),
        "sign": ("none", "leading", "trailing"),
        "plus": ("", "+", " "),
        "minus": ("never", "payout", "collection", "reversed"),
    }
)
_MINUS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "amount": _CHOICES["minus"],
        "collected": ("never", "collection"),
        "paid": ("never", "payout"),
        "net": ("payout", "collection"),
    }
)
_DATE: Final = "(?:YYYY[-/.]?)?MM[-/.]?DD"
_TIME: Final = "hh:?mm:?ss"
_FORMATS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "date": (_DATE, "a date such as YYYYMMDD, YYYY-MM-DD or MMDD"),
        "sent_date": (_DATE, "a date such as YYYYMMDD, YYYY-MM-DD or MMDD"),
        "sent_time": (_TIME, "a time, hhmmss or hh:mm:ss"),
        "sent_at": (f"{_DATE}[ T]?{_TIME}", "a date and a time, such as MMDDhhmmss or YYYY-MM-DD hh:mm:ss"),
    }
)
_WIDTH_MAX: Final = 255
_COLUMNS_MAX: Final = 64
_STAN_DIGITS: Final = 6


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
        raise LayoutError(f"no layout {name!r}; there are {', '.join(shipped())}{_hint(name, shipped())}")
    return parse(files("ledger.files").joinpath("layouts", f"{name}.toml").read_bytes().decode(), name)


def parse(source: str, name: str) -> Layout:
    """Return the layout that a TOML text describes; `name` is what errors and records call it.

    Raises LayoutError that names the layout, the key and the reason.
    """
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"layout {name}: {error}") from error
    return _Checking(name, document).layout()


def _hint(key: str, known: Collection[str]) -> str:
    close = get_close_matches(key, known)
    return f": did you mean {close[0]!r}?" if close else ""


class _Checking:
    """A layout's document while it is checked."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self._name = name
        self._document = document
        self._fixed = document.get("form") == "fixed"

    def layout(self) -> Layout:
        self._known("", self._document, _TOP_KEYS)
        encoding = self._choice("encoding", self._document, "utf-8")
        lists_reversed = self._document.get("lists_reversed", True)
        if not isinstance(lists_reversed, bool):
            self._refuse("lists_reversed", "must be true or false")
        self._separator = self._known_separator()
        layout = Layout(
            name=self._name,
            separator=self._separator,
            encoding=encoding,
            line_end={"LF": "\n", "CRLF": "\r\n"}[self._choice("line_end", self._document, "LF")],
            lists_reversed=lists_reversed,
            header=self._record("header", _EDGE_NAMES),
            detail=self._record("detail", _DETAIL_NAMES),
            trailer=self._record("trailer", _EDGE_NAMES),
            codes=self._words("codes", {code: code for code in KINDS}, KINDS),
            states=self._words("states", {"S": "S", "R": "R"}, ("S", "R")),
        )
        self._check_whole(layout)
        return layout

    def _refuse(self, key: str, reason: str) -> NoReturn:
        raise LayoutError(f"layout {self._name}: {key}: {reason}")

    def _known(self, where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
        for key in table:
            if key not in known:
                self._refuse(f"{where}{key}", f"no such key here{_hint(key, known)}")

    def _choice(self, key: str, table: Mapping[str, Any], default: str | None = None, where: str = "") -> str:
        value, allowed = table.get(key, default), _CHOICES[key]
        if value not in allowed:
            hint = _hint(value, allowed) if isinstance(value, str) else ""
            self._refuse(where + key, f"must be one of {', '.join(map(repr, allowed))}{hint}")
        return str(value)

    def _known_separator(self) -> str:
        self._choice("form", self._document)
        separator = self._document.get("separator")
        if self._fixed:
            if separator:
                self._refuse("separator", "a file of fixed widths has none")
            return ""
        if not isinstance(separator, str) or not re.fullmatch(
            r"[^A-Za-z0-9 +.\r\n\x80-\U0010ffff-]", separator
        ):
            self._refuse(
                "separator", "must be one ASCII character, no letter, digit, blank, sign, point or line end"
            )
        return separator

    def _words(self, key: str, default: dict[str, str], meanings: Collection[str]) -> Mapping[str, str]:
        table = self._document.get(key, default)
        if not isinstance(table, dict) or not table:
            self._refuse(key, "must be a table with at least one entry")
        for word, meaning in table.items():
            if not isinstance(meaning, str) or meaning not in meanings:
                self._refuse(f"{key}.{word}", f"must be one of {', '.join(meanings)}")
            if not word or word != word.strip() or not word.isprintable():
                self._refuse(f"{key}.{word}", "the bank's word must be printable, with no blanks around it")
        return MappingProxyType(dict(table))

    def _record(self, key: str, names: tuple[str, ...]) -> Record:
        table = self._document.get(key)
        if table is None and key != "detail":
            return ()
        table = table if isinstance(table, dict) else {}
        columns = table.get("columns")
        if not isinstance(columns, list) or not 1 <= len(columns) <= _COLUMNS_MAX:
            self._refuse(key, f"must be a table with columns, 1 to {_COLUMNS_MAX} of them")
        self._known(f"{key}.", table, ("columns",))
        record = tuple(
            self._column(f"{key}.columns[{at}]", column, names) for at, column in enumerate(columns, 1)
        )
        used = [column.name for column in record if column.name not in ("", IGNORED)]
        for name in used:
            if used.count(name) > 1:
                self._refuse(f"{key}.columns", f"{name} stands there twice")
        return record

    def _column(self, where: str, table: object, names: tuple[str, ...]) -> Column:
        if not isinstance(table, dict) or ("name" in table) == ("literal" in table):
            self._refuse(where, "needs either name or literal")
        if "literal" in table:
            self._known(f"{where}.", table, ("literal", "width"))
            return self._literal(where, table)
        name = table["name"]
        if name not in names:
            hint = _hint(name, names) if isinstance(name, str) else ""
            self._refuse(f"{where}.name", f"must be one of {', '.join(names)}{hint}")
        where = f"{where} ({name})."
        if name in MOMENTS:
            return self._moment(where, name, table)
        if name == "stan":
            self._known(where, table, ("name", "width"))
            return Column(name, width=self._exact_width(where, table, _STAN_DIGITS))
        if name in TEXTS:
            self._known(where, table, ("name", "width", "pad"))
            pad = self._choice("pad", table, "blank" if self._fixed else "none", where)
            if pad == "zero":
                self._refuse(f"{where}pad", "text is not filled with zeros")
            return Column(name, width=self._width(where, table), pad=pad)
        return self._number(where, name, table)

    def _literal(self, where: str, table: Mapping[str, Any]) -> Column:
        literal = table["literal"]
        if not isinstance(literal, str) or not all(character.isprintable() for character in literal):
            self._refuse(f"{where}.literal", "must be printable text")
        if self._separator and self._separator in literal:
            self._refuse(f"{where}.literal", "holds the separator")
        length = len(literal.encode(self._choice("encoding", self._document, "utf-8")))
        width = self._width(f"{where}.", {"width": length, **table}) if self._fixed else 0
        if "width" in table and not self._fixed:
            self._refuse(f"{where}.width", "a delimited file has no widths")
        if self._fixed and width < length:
            self._refuse(f"{where}.width", f"the literal takes {length} bytes")
        return Column("", literal, width, "blank" if self._fixed else "none")

    def _moment(self, where: str, name: str, table: Mapping[str, Any]) -> Column:
        self._known(where, table, ("name", "width", "format"))
        pattern, meant = _FORMATS[name]
        template = table.get("format")
        if not isinstance(template, str) or not re.fullmatch(pattern, template):
            self._refuse(f"{where}format", f"must be {meant}")
        if self._separator and self._separator in template:
            self._refuse(f"{where}format", "holds the separator")
        return Column(name, width=self._exact_width(where, table, len(template)), format=template)

    def _number(self, where: str, name: str, table: Mapping[str, Any]) -> Column:
        known = ("name", "width", "pad")
        money = name in MONEY
        self._known(where, table, (*known, "unit", "sign", "plus", "minus") if money else known)
        pad = self._choice("pad", table, "zero" if self._fixed else "none", where)
        width = self._width(where, table)
        if not money:
            return Column(name, width=width, pad=pad)
        sign = self._choice("sign", table, "none", where)
        minus = self._choice("minus", table, "never", where)
        if minus not in _MINUS[name]:
            self._refuse(f"{where}minus", f"must be one of {', '.join(_MINUS[name])}")
        if sign == "none" and (minus != "never" or "plus" in table):
            self._refuse(f"{where}sign", "must be leading or trailing where plus or minus say something")
        plus = self._choice("plus", table, "", where)
        return Column(name, "", width, pad, "", self._choice("unit", table, None, where), sign, plus, minus)

    def _width(self, where: str, table: Mapping[str, Any]) -> int:
        width = table.get("width", 0)
        if not self._fixed and "width" in table:
            self._refuse(f"{where}width", "a delimited file has no widths")
        if self._fixed and (type(width) is not int or not 1 <= width <= _WIDTH_MAX):
            self._refuse(f"{where}width", f"must be a number of bytes, 1 to {_WIDTH_MAX}")
        return int(width)

    def _exact_width(self, where: str, table: Mapping[str, Any], length: int) -> int:
        width = self._width(where, {"width": length, **table} if self._fixed else table)
        if self._fixed and width != length:
            self._refuse(f"{where}width", f"must be {length}")
        return width

    def _check_whole(self, layout: Layout) -> None:
        """Check what no key can violate by itself: the lines must give a key, an amount and a state."""
        for name in _NEEDED:
            if not layout.carries(name):
                self._refuse("detail.columns", f"{name} is missing")
        parts = layout.carries("sent_date"), layout.carries("sent_time")
        if parts != ((False, False) if layout.carries("sent_at") else (True, True)):
            self._refuse("detail.columns", "needs either sent_at, or sent_date and sent_time")
        if layout.lists_reversed and not layout.carries("state"):
            self._refuse("detail.columns", "state is missing, and lists_reversed is true")
        if not layout.trailer and not any(column.name == "count" for column in layout.header):
            self._refuse("trailer", "is missing, and the header carries no count: a cut could not be seen")
        if layout.trailer and not any(column.name in FIGURES for column in layout.trailer):
            self._refuse("trailer.columns", f"needs at least one of {', '.join(FIGURES)}")
