"""A MAC method as the settings say it: the name of an algorithm, or a table of parts.

Only what may be written is known here; what the parts mean is `mac`'s.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from protocol.mac import SHIPPED_MACS, MacMethod, MacMethodError
from protocol.mac_cover import WHOLE, Cover, Joining
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.toml_text import read_toml

_FORMS: Final = MappingProxyType({"binary": False, "hex": True})


def mac_of(said: object) -> MacMethod:
    """Return the method of a name, of a table of parts, or of a text that is such a table in TOML, as on a
    command line. Raises MacMethodError.
    """
    if isinstance(said, MacMethod):
        return said
    if isinstance(said, str):
        return _of_table(_table(said)) if said.startswith("{") else _shipped(said)
    return _of_table(said)


def _shipped(name: object) -> MacMethod:
    if not isinstance(name, str) or name not in SHIPPED_MACS:
        raise MacMethodError(
            Sentence("there is no such algorithm; there are {names}", names=", ".join(SHIPPED_MACS))
        )
    return SHIPPED_MACS[name]


def _table(text: str) -> object:
    try:
        table = read_toml(f"mac = {text}")
    except tomllib.TOMLDecodeError as error:
        raise MacMethodError(Sentence("the table is not TOML: {fault}", fault=str(error))) from None
    return table["mac"] if table.keys() == {"mac"} else None


def _of_table(table: object) -> MacMethod:
    if not isinstance(table, Mapping):
        raise MacMethodError(Sentence("give the name of an algorithm, or a table of parts"))
    parts: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _PARTS:
            raise MacMethodError(
                Sentence("{key} is no part of a MAC; there are {parts}", key=key, parts=", ".join(_PARTS))
            )
        name, read = _PARTS[key]
        try:
            parts[name] = read(value)
        except MacMethodError as error:
            raise MacMethodError(Sentence("{key}: {reason}", key=key, reason=error.args[0])) from None
    if "joining" in parts and not parts.get("fields"):
        raise MacMethodError(Sentence("joined is said, and there are no fields"))
    cover = Cover(parts.pop("fields", ()), parts.pop("joining", Joining.WIRE))
    usual: MacMethod = parts.pop("algorithm", MacMethod.AES_CMAC)
    return replace(usual, cover=cover, **parts)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MacMethodError(Sentence("is to be a whole number"))
    return value


def _form(value: object) -> bool:
    if not isinstance(value, str) or value not in _FORMS:
        raise MacMethodError(Sentence("is to be one of {forms}", forms=", ".join(_FORMS)))
    return _FORMS[value]


def _fields(value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise MacMethodError(Sentence("is to be a list of fields' numbers"))
    return tuple(map(_number, value))


def _joining(value: object) -> Joining:
    if not isinstance(value, str) or value not in tuple(Joining):
        raise MacMethodError(Sentence("is to be one of {forms}", forms=", ".join(Joining)))
    return Joining(value)


_PARTS: Final[Mapping[str, tuple[str, Callable[[object], Any]]]] = MappingProxyType(
    {
        "algorithm": ("algorithm", _shipped),
        "padding": ("padding", _number),
        "bytes": ("size", _number),
        "form": ("in_hex", _form),
        "key_bytes": ("key_bytes", _number),
        "fields": ("fields", _fields),
        "joined": ("joining", _joining),
    }
)
"""By the name of a part: the field of the method, and how its value is read."""


def as_written(method: MacMethod) -> str | dict[str, Any]:
    """Return how the settings say a method: its algorithm's name where it is as usual, else its parts."""
    usual = SHIPPED_MACS[method.algorithm]
    if method == usual:
        return str(method)
    written: dict[str, Any] = {"algorithm": str(method.algorithm)}
    for key, (name, _) in _PARTS.items():
        if name in MacMethod.__slots__ and key != "algorithm":
            value = getattr(method, name)
            if value != getattr(usual, name):
                written[key] = ("hex" if value else "binary") if key == "form" else value
    if method.cover != WHOLE:
        written |= {"fields": list(method.cover.fields), "joined": str(method.cover.joining)}
    return written
