"""Makes and checks message authentication codes, DE 64 and 128, with a key that is never given out again.

Only MACs, the lengths of their keys and check values are here. How a key reaches the other side is in
`keyblock`; how the settings say a method is in `mac_table`; which bytes of a message a MAC covers, and which
key is valid when, the callers decide.
No key byte may appear in a repr or an error text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.constant_time import bytes_eq

from protocol.errors import OwnError
from protocol.mac_cover import MTI, WHOLE, Cover
from qianzhi_errors.sentence import Sentence, listed

MAC_LENGTH: Final = 8
DES_BLOCK_LENGTH: Final = 8
AES_BLOCK_LENGTH: Final = 16
AES_CHECK_VALUE_LENGTH: Final = 5
TDES_CHECK_VALUE_LENGTH: Final = 3

AES_KEY_LENGTHS: Final = frozenset({16, 24, 32})
TDES_KEY_LENGTHS: Final = frozenset({16, 24})


class MacAlgorithm(StrEnum):
    """How a MAC is computed. The value is the name in the bank's settings."""

    AES_CMAC = "aes-cmac"
    """NIST SP 800-38B with AES. The only one that is recommended."""

    X9_19 = "x9.19"
    """ANSI X9.19, the retail MAC: ISO/IEC 9797-1 algorithm 3 with DES."""

    X9_9 = "x9.9"
    """ANSI X9.9: ISO/IEC 9797-1 algorithm 1, with DES, or with Triple DES where the key is of 16 bytes."""

    UNIONPAY_ECB = "unionpay-ecb"
    """UnionPay's for POS terminals: the exclusive or of all blocks, in hex digits, encrypted twice."""


MAC_KEY_LENGTHS: Final[Mapping[MacAlgorithm, frozenset[int]]] = MappingProxyType(
    {
        MacAlgorithm.AES_CMAC: AES_KEY_LENGTHS,
        MacAlgorithm.X9_19: frozenset({16}),
        MacAlgorithm.X9_9: frozenset({8, 16}),
        MacAlgorithm.UNIONPAY_ECB: frozenset({8, 16}),
    }
)
"""Bytes of a key."""


@dataclass(frozen=True, slots=True)
class MacMethod:
    """How a bank's messages are authenticated: `str()` of one that is as usual is its name in the settings.

    `padding` is the method of ISO/IEC 9797-1 by which data are filled up to whole blocks: 1 or 2; AES-CMAC
    has its own. `size` bytes of the MAC count, 4 or 8; `in_hex` writes 4 of them as 8 hex digits in ASCII.
    `key_bytes` is the length of a session key; `cover` says what of a message is authenticated.
    """

    algorithm: MacAlgorithm = MacAlgorithm.AES_CMAC
    padding: int = 1
    size: int = MAC_LENGTH
    in_hex: bool = False
    key_bytes: int = 16
    cover: Cover = WHOLE

    AES_CMAC: ClassVar[MacMethod]
    X9_19: ClassVar[MacMethod]

    def __post_init__(self) -> None:
        """Raise MacMethodError where the parts do not go together."""
        if self.padding not in (1, 2):
            raise MacMethodError(Sentence("padding is 1 or 2, as ISO/IEC 9797-1 numbers its methods"))
        if self.padding != 1 and self.algorithm in _PADS_BY_ITSELF:
            raise MacMethodError(Sentence("{algorithm} says itself how it pads", algorithm=self.algorithm))
        if self.size not in (4, MAC_LENGTH):
            raise MacMethodError(Sentence("a MAC has 4 or 8 bytes"))
        if self.in_hex and self.size != 4:
            raise MacMethodError(
                Sentence(
                    "8 bytes in hex digits are 16 characters: that is for a dialect whose DE 64 is in hex"
                )
            )
        if any(number not in _COVERED for number in self.cover.fields):
            raise MacMethodError(Sentence("a MAC covers fields from 2 to 127 without 64, and 0, the MTI"))
        if len(set(self.cover.fields)) < len(self.cover.fields):
            raise MacMethodError(Sentence("a field is named twice"))
        if self.key_bytes not in MAC_KEY_LENGTHS[self.algorithm]:
            raise MacMethodError(
                Sentence(
                    "a key of {algorithm} has {lengths} bytes",
                    algorithm=self.algorithm,
                    lengths=", ".join(map(str, sorted(MAC_KEY_LENGTHS[self.algorithm]))),
                )
            )

    @property
    def is_weak(self) -> bool:
        """Whether it is of DES, has fewer bytes than guessing takes, or does not cover every field: allowed,
        and not recommended.
        """
        is_short = self.size < MAC_LENGTH
        return self.algorithm is not MacAlgorithm.AES_CMAC or is_short or self.cover != WHOLE

    def __str__(self) -> str:
        return _NAMES.get(self) or ", ".join(self._in_words())

    def _in_words(self) -> list[str]:
        usual = SHIPPED_MACS[self.algorithm]
        words = [str(self.algorithm)]
        if self.key_bytes != usual.key_bytes:
            words.append(f"key of {self.key_bytes} bytes")
        if self.padding != usual.padding:
            words.append(f"padding {self.padding}")
        if (self.size, self.in_hex) != (usual.size, usual.in_hex):
            words.append(f"{self.size} bytes{' in hex' if self.in_hex else ''}")
        if self.cover != WHOLE:
            words.append(f"over {len(self.cover.fields)} fields, {self.cover.joining}")
        return words


class MacMethodError(OwnError):
    """A method's parts contradict each other, or are none. The text says which and why."""


_COVERED: Final = frozenset({MTI, *range(2, 128)} - {64})
_PADS_BY_ITSELF: Final = frozenset({MacAlgorithm.AES_CMAC, MacAlgorithm.UNIONPAY_ECB})
MacMethod.AES_CMAC = MacMethod()
MacMethod.X9_19 = MacMethod(MacAlgorithm.X9_19)
SHIPPED_MACS: Final[Mapping[str, MacMethod]] = MappingProxyType(
    {
        MacAlgorithm.AES_CMAC: MacMethod.AES_CMAC,
        MacAlgorithm.X9_19: MacMethod.X9_19,
        MacAlgorithm.X9_9: MacMethod(MacAlgorithm.X9_9, key_bytes=8),
        MacAlgorithm.UNIONPAY_ECB: MacMethod(MacAlgorithm.UNIONPAY_ECB, size=4, in_hex=True),
    }
)
"""The methods that a bank's settings may name: each algorithm as it is used most."""
_NAMES: Final[Mapping[MacMethod, str]] = MappingProxyType(
    {method: str(name) for name, method in SHIPPED_MACS.items()}
)


class KeyLengthError(OwnError):
    """The length of a key in bytes does not fit its algorithm or its use. The text holds lengths only."""

    def __init__(self, use: str, length: int, allowed: frozenset[int]) -> None:
        """Take what the key is for, its length in bytes, and the allowed lengths in bytes."""
        choices = listed([str(n) for n in sorted(allowed)])
        super().__init__(
            Sentence(
                "{use} key of {length} bytes: must be one of {choices}",
                use=use,
                length=length,
                choices=choices,
            )
        )


def require_length(use: str, key: bytes, allowed: frozenset[int]) -> None:
    """Raise KeyLengthError unless the key has one of the allowed lengths, in bytes."""
    if len(key) not in allowed:
        raise KeyLengthError(use, len(key), allowed)


def tdes(key: bytes) -> TripleDES:
    """Return Triple DES under a 16-byte (K1, K2, K1) or 24-byte key, and DES under one of 8 bytes: it is
    Triple DES with three equal keys. Parity bits are ignored.
    """
    return TripleDES((key + key + key)[:24] if len(key) == DES_BLOCK_LENGTH else (key + key[:8])[:24])


def aes_check_value(key: bytes) -> str:
    """Return an AES key's check value: 10 hex digits, upper case.

    CMAC of one block of zeros, leftmost 5 bytes: ANSI X9.24-1:2017 and PCI PIN requirement 15-1 demand this
    method for AES, and allow no more bytes than these. Raises KeyLengthError.
    """
    require_length("AES", key, AES_KEY_LENGTHS)
    cmac = CMAC(AES(key))
    cmac.update(bytes(AES_BLOCK_LENGTH))
    return cmac.finalize()[:AES_CHECK_VALUE_LENGTH].hex().upper()


def tdes_check_value(key: bytes) -> str:
    """Return a DES key's check value, of whatever length: 6 hex digits, upper case.

    Encryption of one block of zeros, leftmost 3 bytes: ANSI X9.24-1:2017 and PCI PIN requirement 15-1 allow
    no more for this method. Raises KeyLengthError.
    """
    require_length("TDES", key, TDES_KEY_LENGTHS | {DES_BLOCK_LENGTH})
    # ECB of a single block is the block cipher itself, as the standard demands.
    block = Cipher(tdes(key), modes.ECB()).encryptor().update(bytes(DES_BLOCK_LENGTH))
    return block[:TDES_CHECK_VALUE_LENGTH].hex().upper()


def check_value(method: MacMethod, key: bytes) -> str:
    """Return the check value of a MAC key or ZMK for this method's cipher. Raises KeyLengthError."""
    if method.algorithm is MacAlgorithm.AES_CMAC:
        return aes_check_value(key)
    return tdes_check_value(key)


def _aes_cmac(key: bytes) -> Callable[[bytes], bytes]:
    """Return AES-CMAC under this key, leftmost 8 bytes (NIST SP 800-38B, section 6.2; RFC 4493)."""
    keyed = CMAC(AES(key))

    def mac(data: bytes) -> bytes:
        # Copying the keyed state costs a third of keying again, and leaves the original unchanged.
        cmac = keyed.copy()
        cmac.update(data)
        return cmac.finalize()[:MAC_LENGTH]

    return mac


def _retail_mac(key: bytes, pad: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return ISO/IEC 9797-1 MAC algorithm 3 under this key, all 8 bytes (ANSI X9.19).

    The last block is encrypted with K1, decrypted with K2 and encrypted with K1: that is one Triple DES block
    under K1, K2, K1. So only the blocks before the last one go through single DES.
    """
    # The library has no single DES: Triple DES with three equal keys is the same function.
    single = Cipher(TripleDES(key[:DES_BLOCK_LENGTH] * 3), modes.CBC(bytes(DES_BLOCK_LENGTH)))
    # ECB keeps no state between calls, so one context serves every message.
    last_block = Cipher(tdes(key), modes.ECB()).encryptor()

    def mac(data: bytes) -> bytes:
        padded = pad(data)
        # Each message has its own context, because a CBC context carries state from one call to the next.
        chained = single.encryptor().update(padded[:-DES_BLOCK_LENGTH])[-DES_BLOCK_LENGTH:]
        final = int.from_bytes(chained) ^ int.from_bytes(padded[-DES_BLOCK_LENGTH:])
        return last_block.update(final.to_bytes(DES_BLOCK_LENGTH))

    return mac


def _chained_mac(key: bytes, pad: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return ISO/IEC 9797-1 MAC algorithm 1 under this key, all 8 bytes (ANSI X9.9; ISO 16609 with TDES)."""
    chain = Cipher(tdes(key), modes.CBC(bytes(DES_BLOCK_LENGTH)))

    def mac(data: bytes) -> bytes:
        return chain.encryptor().update(pad(data))[-DES_BLOCK_LENGTH:]

    return mac


def _unionpay_mac(key: bytes, pad: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return UnionPay's ECB algorithm under this key, all 8 bytes, of which a terminal sends 4 in hex digits.

    The blocks' exclusive or is written as 16 hex digits. The first 8 are encrypted; that, exclusive or the
    last 8, is encrypted again.
    """
    block = Cipher(tdes(key), modes.ECB()).encryptor()

    def mac(data: bytes) -> bytes:
        padded = pad(data)
        folded = 0
        for at in range(0, len(padded), DES_BLOCK_LENGTH):
            folded ^= int.from_bytes(padded[at : at + DES_BLOCK_LENGTH])
        digits = b"%016X" % folded
        first = int.from_bytes(block.update(digits[:DES_BLOCK_LENGTH]))
        second = first ^ int.from_bytes(digits[DES_BLOCK_LENGTH:])
        return block.update(second.to_bytes(DES_BLOCK_LENGTH))

    return mac


def _pad_method_2(data: bytes) -> bytes:
    """Return data with one bit 1 behind it, filled up with zeros (ISO/IEC 9797-1:2011, 6.3.3)."""
    return _pad_method_1(data + b"\x80")


def _pad_method_1(data: bytes) -> bytes:
    """Return data filled up with zero bytes to whole DES blocks, at least one (ISO/IEC 9797-1:2011, 6.3.2).

    Empty data becomes one block of zeros.
    """
    return data + bytes(-len(data) % DES_BLOCK_LENGTH) if data else bytes(DES_BLOCK_LENGTH)


_Pad = Callable[[bytes], bytes]
_MAKERS: Final[Mapping[MacAlgorithm, Callable[[bytes, _Pad], Callable[[bytes], bytes]]]] = MappingProxyType(
    {
        MacAlgorithm.AES_CMAC: lambda key, _: _aes_cmac(key),
        MacAlgorithm.X9_19: _retail_mac,
        MacAlgorithm.X9_9: _chained_mac,
        MacAlgorithm.UNIONPAY_ECB: _unionpay_mac,
    }
)
_PADS: Final[Mapping[int, _Pad]] = MappingProxyType({1: _pad_method_1, 2: _pad_method_2})


def _in_field(method: MacMethod, mac: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return the function that gives the 8 bytes of DE 64 or 128: the MAC's bytes with zeros behind them, or
    hex digits.
    """
    if method.in_hex:
        return lambda data: mac(data)[: method.size].hex().upper().encode("ascii")
    if method.size == MAC_LENGTH:
        return mac
    rest = bytes(MAC_LENGTH - method.size)
    return lambda data: mac(data)[: method.size] + rest


class MacKey:
    """A MAC key that is ready for use: it makes and checks MACs, and never gives its bytes out again.

    Only one thread may use an instance: X9.19 keeps a cipher context that two threads may not use at once.
    """

    __slots__ = ("_mac", "check_value", "method")

    def __init__(self, method: MacMethod, key: bytes) -> None:
        """Take a key as long as the method's algorithm allows (MAC_KEY_LENGTHS), of any parity. Raises
        KeyLengthError.
        """
        algorithm = method.algorithm
        require_length(algorithm.value, key, MAC_KEY_LENGTHS[algorithm])
        self.method: Final = method
        self.check_value: Final = check_value(method, key)
        self._mac: Final = _in_field(method, _MAKERS[algorithm](key, _PADS[method.padding]))

    def mac(self, data: bytes) -> bytes:
        """Return the MAC of `data`, which may be empty, in the 8 bytes of its field."""
        return self._mac(data)

    def verify(self, data: bytes, mac: bytes) -> bool:
        """Tell whether `mac`, the 8 bytes of its field, is the MAC of `data`. The time taken tells nothing of
        it. Hex digits may be in lower case; what fills the field behind a MAC of 4 bytes does not count.
        """
        right = self._mac(data)
        if self.method.in_hex:
            return bytes_eq(right, mac.upper())
        if self.method.size < MAC_LENGTH and len(mac) == MAC_LENGTH:
            return bytes_eq(right[: self.method.size], mac[: self.method.size])
        return bytes_eq(right, mac)

    def __repr__(self) -> str:
        """Show the method and the check value: both sides may know and log them."""
        return f"MacKey({self.method}, check value {self.check_value})"
