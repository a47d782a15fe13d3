"""A framing as the settings say it: the name of a shipped one, or a table of parts.

Only what may be written is known here; what the parts mean is `framing`'s and `frame_head`'s.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from protocol.errors import FramingError
from protocol.frame_head import Part, parsed_part
from protocol.frame_length import length_form
from protocol.framing import SHIPPED, Framing
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.toml_text import read_toml

_HEX: Final = re.compile(r"([0-9A-Fa-f]{2})+")


def framing_of(said: object) -> Framing:
    """Return the framing of a name, of a table of parts, or of a text that is such a table in TOML, as on a
    command line. Raises FramingError.
    """
    if isinstance(said, Framing):
        return said
    if isinstance(said, str):
        return _of_table(_table(said)) if said.startswith("{") else _shipped(said)
    if isinstance(said, Mapping):
        return _of_table(said)
    raise FramingError(Sentence("give the name of a framing, or a table of its parts"))


def _shipped(name: str) -> Framing:
    if name not in SHIPPED:
        raise FramingError(
            Sentence(
                "there is no framing {name!r}; there are {names}, or a table of parts",
                name=name,
                names=", ".join(SHIPPED),
            )
        )
    return SHIPPED[name]


def _table(text: str) -> Mapping[str, Any]:
    try:
        table = read_toml(f"framing = {text}")
    except tomllib.TOMLDecodeError as error:
        raise FramingError(Sentence("the table is not TOML: {fault}", fault=str(error))) from None
    if table.keys() != {"framing"}:
        raise FramingError(Sentence("give one table of parts, and nothing after it"))
    return _checked(table["framing"])


def _checked(table: object) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        raise FramingError(Sentence("give the name of a framing, or a table of its parts"))
    return table


def _of_table(table: Mapping[str, Any]) -> Framing:
    parts = {}
    for key, value in table.items():
        if key not in _PARTS:
            raise FramingError(
                Sentence("{key} is no part of a framing; there are {parts}", key=key, parts=", ".join(_PARTS))
            )
        try:
            parts[key] = _PARTS[key](value)
        except FramingError as error:
            raise FramingError(Sentence("{key}: {reason}", key=key, reason=error.args[0])) from None
    return Framing(**parts)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FramingError(Sentence("is to be a text"))
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise FramingError(Sentence("is to be true or false"))
    return value


def _bytes(value: object) -> bytes:
    text = _text(value)
    if not _HEX.fullmatch(text):
        raise FramingError(Sentence("is to be hex digits, two a byte"))
    return bytes.fromhex(text)


def _header(value: object) -> tuple[Part, ...]:
    parts = value if isinstance(value, list) else [value]
    return tuple(parsed_part(_text(part)) for part in parts)


_PARTS: Final[Mapping[str, Callable[[object], Any]]] = MappingProxyType(
    {
        "length": lambda value: length_form(_text(value)),
        "counts_itself": _flag,
        "tpdu": _flag,
        "header": _header,
        "trailer": _bytes,
        "counts_trailer": _flag,
        "keep_alive": _bytes,
    }
)
"""By the name of a part: how its value is read."""


def as_written(framing: Framing) -> str | dict[str, Any]:
    """Return how the settings say a framing: the name of a shipped one, else its parts."""
    if framing in SHIPPED.values():
        return str(framing)
    written = {
        "length": str(framing.length),
        "counts_itself": framing.counts_itself,
        "tpdu": framing.tpdu,
        "header": list(map(str, framing.header)),
        "trailer": framing.trailer.hex().upper(),
        "counts_trailer": framing.counts_trailer,
        "keep_alive": framing.keep_alive.hex().upper(),
    }
    usual = {"counts_itself": False, "tpdu": False, "header": [], "trailer": "", "counts_trailer": True}
    return {key: value for key, value in written.items() if value != usual.get(key, "")}
