"""The header of a TR-31 (ANSI X9.143) key block: what it says of the key, and which uses fit which MAC.

Reads and writes text; no key and no cipher is known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import KeyBlockError, KeyBlockFault
from protocol.mac import DES_BLOCK_LENGTH, MacAlgorithm, MacMethod
from qianzhi_errors.sentence import Sentence

FIXED_LENGTH: Final = 16
"""Characters of a header without optional blocks."""
_FIXED: Final = re.compile(
    r"(?P<version>[A-D])(?P<length>[0-9]{4})(?P<usage>[0-9A-Z]{2})(?P<algorithm>[0-9A-Z])(?P<mode>[0-9A-Z])"
    r"(?P<key_version>[0-9A-Za-z]{2})(?P<export>[ENS])(?P<blocks>[0-9]{2})(?P<reserved>[0-9A-Z]{2})"
)
_SHORTEST_BLOCK: Final = 4
_COMPONENT: Final = "c"
"""How a key's version begins where the block holds one component of it."""


class Header(NamedTuple):
    """What a header says. `text` is all of it, optional blocks included; `length` is the whole block's."""

    text: str
    version: str
    length: int
    usage: str
    algorithm: str
    mode: str
    key_version: str


class Use(NamedTuple):
    """What a MAC key's header must say: one of these usages, algorithms and modes of use."""

    usages: frozenset[str]
    algorithms: frozenset[str]
    modes: frozenset[str] = frozenset("CN")
    """C: the key makes and verifies MACs; N: nothing is said of it. One that may do one of both is of no use
    to a link."""


USES: Final[Mapping[MacAlgorithm, Use]] = MappingProxyType(
    {
        MacAlgorithm.AES_CMAC: Use(frozenset({"M6"}), frozenset("A")),
        MacAlgorithm.X9_19: Use(frozenset({"M3"}), frozenset("T")),
        MacAlgorithm.X9_9: Use(frozenset({"M0", "M1"}), frozenset("DT")),
        MacAlgorithm.UNIONPAY_ECB: Use(frozenset({"M0", "M1", "M3"}), frozenset("DT")),
    }
)
"""M0 is ISO 16609 with Triple DES, M1 ISO/IEC 9797-1 algorithm 1, M3 its algorithm 3, M6 CMAC. For UnionPay's
ECB the standard has no usage: HSMs hold such a key under one of these. A is AES, D DES, T Triple DES."""


def written(version: str, length: int, method: MacMethod, key_bytes: int) -> str:
    """Return the header that we write for a block of `length` characters around a key of so many bytes.

    Its key makes and verifies MACs (C), has no version (00) and may not be exported (N); there are no
    optional blocks (00), and 00 is reserved.
    """
    return f"{version}{length:04d}{_attributes(method, key_bytes)}C00N0000"


def _attributes(method: MacMethod, key_bytes: int) -> str:
    if method.algorithm is MacAlgorithm.AES_CMAC:
        return "M6A"
    if method.algorithm is MacAlgorithm.X9_19:
        return "M3T"
    return "M1D" if key_bytes == DES_BLOCK_LENGTH else "M0T"


def read_header(block: str) -> Header:
    """Return the header of a key block, with its optional blocks as they stand. Raises KeyBlockError where it
    is none, or its length is not the block's.
    """
    match = _FIXED.match(block)
    if match is None:
        raise KeyBlockError(KeyBlockFault.MALFORMED, Sentence("key block header is malformed"))
    if int(match["length"]) != len(block):
        raise KeyBlockError(
            KeyBlockFault.MALFORMED, Sentence("key block header says another length than the block has")
        )
    if match["reserved"] != "00":
        raise KeyBlockError(KeyBlockFault.MALFORMED, Sentence("key block header is malformed"))
    at = FIXED_LENGTH
    for _ in range(int(match["blocks"])):
        at = _after_optional(block, at)
    attributes = (match[name] for name in ("usage", "algorithm", "mode", "key_version"))
    return Header(block[:at], match["version"], len(block), *attributes)


def _after_optional(block: str, at: int) -> int:
    """Return where the optional block that begins at `at` ends: two characters of name, two hex digits of
    length, which counts all of it; or 00, then two digits that say how many pairs of digits of length follow.
    """
    length = _hex(block[at + 2 : at + 4])
    if length == 0:
        width = 2 * _hex(block[at + 4 : at + 6])
        length = _hex(block[at + 6 : at + 6 + width]) if width else 0
        if length < 6 + width:
            raise KeyBlockError(
                KeyBlockFault.MALFORMED, Sentence("an optional block of the key block is malformed")
            )
    end = at + length
    if length < _SHORTEST_BLOCK or end > len(block) or not block[at:end].isascii():
        raise KeyBlockError(
            KeyBlockFault.MALFORMED, Sentence("an optional block of the key block is malformed")
        )
    return end


def _hex(digits: str) -> int:
    if not re.fullmatch(r"[0-9A-F]+", digits):
        raise KeyBlockError(
            KeyBlockFault.MALFORMED, Sentence("an optional block of the key block is malformed")
        )
    return int(digits, 16)


def require_use(header: Header, method: MacMethod) -> None:
    """Raise KeyBlockError unless the header says that the key is for this method's MACs, both ways."""
    use = USES[method.algorithm]
    fits = header.usage in use.usages and header.algorithm in use.algorithms and header.mode in use.modes
    if not fits:
        raise KeyBlockError(
            KeyBlockFault.OTHER_USE,
            Sentence(
                "key block is for another use: {usage}, {algorithm}, {mode}; {method} needs {usages}, "
                "{algorithms}, {modes}",
                usage=header.usage,
                algorithm=header.algorithm,
                mode=header.mode,
                method=str(method.algorithm),
                usages=" or ".join(sorted(use.usages)),
                algorithms=" or ".join(sorted(use.algorithms)),
                modes=" or ".join(sorted(use.modes)),
            ),
        )
    if header.key_version.startswith(_COMPONENT):
        raise KeyBlockError(
            KeyBlockFault.OTHER_USE, Sentence("key block holds a component, and not a whole key")
        )
