"""Dialects that differ from a shipped one in one key, for bytes that no shipped one explains.

Only people are told of them: the name of each says what a dialect's file would have to say. What a key means
is `dialect_file`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from protocol.codec import Codec
from protocol.dialect import parse

_KEYS: Final = (
    ("ebcdic87", "bitmap", "hex"),
    ("bcd87", "bitmap", "hex-ascii"),
    ("hex87", "secondary", "always"),
    ("ascii87", "secondary", "always"),
    ("bcd87", "secondary", "always"),
    ("ebcdic87", "secondary", "always"),
)
"""Shipped dialect, key of [wire], value."""


@cache
def variants() -> Mapping[str, Codec]:
    """Return the codecs of the dialects, each by a name that says what it is."""
    return MappingProxyType(
        {f'{base}, {key} = "{value}"': _variant(base, key, value) for base, key, value in _KEYS}
    )


def _variant(base: str, key: str, value: str) -> Codec:
    name = f'{base}, {key} = "{value}"'
    return Codec(parse(f'base = "{base}"\n[wire]\n{key} = "{value}"', name))
