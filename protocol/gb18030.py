"""GB18030 as of 2022, as a Python codec: Python's own is as of 2005.

GB 18030-2022 moves 18 characters, ten vertical forms of punctuation and eight ideographs, from the private
use area to their places in Unicode: for each, a code of two bytes and one of four change places. Which of the
two a bank writes is agreed with it. No other text is touched, and no dialect is known here.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GB18030_2022: Final = "gb18030-2022"
"""The codec's name; it is there once this module was imported."""
_GB18030_2005: Final = "gb18030"

_PUNCTUATION: Final = (0xFE10, 0xFE12, 0xFE11, *range(0xFE13, 0xFE1A))
_IDEOGRAPHS: Final = (0xE81E, 0xE826, 0xE82B, 0xE82C, 0xE832, 0xE843, 0xE854, 0xE864)
MOVED: Final[Mapping[int, int]] = MappingProxyType(
    dict(enumerate(_PUNCTUATION, 0xE78D)) | dict(zip(_IDEOGRAPHS, range(0x9FB4, 0x9FBC), strict=True))
)
"""Of each of the 18 codes of two bytes: the code point of 2005, in the private use area, and that of 2022.
The WHATWG's Encoding Standard, gb18030 encoder, has the same 18 rows.
"""
_SWAPPED: Final[Mapping[int, int]] = MappingProxyType(
    {**MOVED, **{after: before for before, after in MOVED.items()}}
)


def _encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
    return codecs.encode(text.translate(_SWAPPED), _GB18030_2005, errors), len(text)


def _decode(data: ReadableBuffer, errors: str = "strict") -> tuple[str, int]:
    return codecs.decode(data, _GB18030_2005, errors).translate(_SWAPPED), memoryview(data).nbytes


def _find(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != GB18030_2022:
        return None
    return codecs.CodecInfo(_encode, _decode, name=GB18030_2022)


codecs.register(_find)
