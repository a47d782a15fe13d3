"""Makes and checks message authentication codes, DE 64 and 128, with a key that is never given out again.

Only MACs, the lengths of their keys and check values are here. How a key reaches the other side is in
`keyblock`; which bytes of a message a MAC covers, and which key is valid when, the callers decide.
No key byte may appear in a repr or an error text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.constant_time import bytes_eq

from protocol.errors import OwnError
from qianzhi_errors.sentence import Sentence, listed

MAC_LENGTH: Final = 8
DES_BLOCK_LENGTH: Final = 8
AES_BLOCK_LENGTH: Final = 16
AES_CHECK_VALUE_LENGTH: Final = 5
TDES_CHECK_VALUE_LENGTH: Final = 3

AES_KEY_LENGTHS: Final = frozenset({16, 24, 32})
TDES_KEY_LENGTHS: Final = frozenset({16, 24})


class MacAlgorithm(StrEnum):
    """How a bank's messages are authenticated. The value is the name in the bank's settings."""

    AES_CMAC = "aes-cmac"
    X9_19 = "x9.19"


MAC_KEY_LENGTHS: Final[Mapping[MacAlgorithm, frozenset[int]]] = MappingProxyType(
    {MacAlgorithm.AES_CMAC: AES_KEY_LENGTHS, MacAlgorithm.X9_19: frozenset({16})}
)

_SESSION_KEY_LENGTHS: Final[Mapping[MacAlgorithm, int]] = MappingProxyType(
    {MacAlgorithm.AES_CMAC: 16, MacAlgorithm.X9_19: 16}
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


def session_key_length(algorithm: MacAlgorithm) -> int:
    """Return the length in bytes of a new session key of this algorithm."""
    return _SESSION_KEY_LENGTHS[algorithm]


def require_length(use: str, key: bytes, allowed: frozenset[int]) -> None:
    """Raise KeyLengthError unless the key has one of the allowed lengths, in bytes."""
    if len(key) not in allowed:
        raise KeyLengthError(use, len(key), allowed)


def tdes(key: bytes) -> TripleDES:
    """Return Triple DES under a 16-byte (K1, K2, K1) or 24-byte key. Parity bits are ignored."""
    return TripleDES(key if len(key) == 24 else key + key[:DES_BLOCK_LENGTH])


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
    """Return a double or triple length DES key's check value: 6 hex digits, upper case.

    Encryption of one block of zeros, leftmost 3 bytes: ANSI X9.24-1:2017 and PCI PIN requirement 15-1 allow
    no more for this method. Raises KeyLengthError.
    """
    require_length("TDES", key, TDES_KEY_LENGTHS)
    # ECB of a single block is the block cipher itself, as the standard demands.
    block = Cipher(tdes(key), modes.ECB()).encryptor().update(bytes(DES_BLOCK_LENGTH))
    return block[:TDES_CHECK_VALUE_LENGTH].hex().upper()


def check_value(algorithm: MacAlgorithm, key: bytes) -> str:
    """Return the check value of a MAC key or ZMK for this algorithm's cipher. Raises KeyLengthError."""
    if algorithm is MacAlgorithm.AES_CMAC:
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


def _retail_mac(key: bytes) -> Callable[[bytes], bytes]:
    """Return ISO/IEC 9797-1 MAC algorithm 3 with padding method 1 under this key, all 8 bytes (ANSI X9.19).

    The last block is encrypted with K1, decrypted with K2 and encrypted with K1: that is one Triple DES block
    under K1, K2, K1. So only the blocks before the last one go through single DES.
    """
    # The library has no single DES: Triple DES with three equal keys is the same function.
    single = Cipher(TripleDES(key[:DES_BLOCK_LENGTH] * 3), modes.CBC(bytes(DES_BLOCK_LENGTH)))
    # ECB keeps no state between calls, so one context serves every message.
    last_block = Cipher(tdes(key), modes.ECB()).encryptor()

    def mac(data: bytes) -> bytes:
        padded = _pad_method_1(data)
        # Each message has its own context, because a CBC context carries state from one call to the next.
        chained = single.encryptor().update(padded[:-DES_BLOCK_LENGTH])[-DES_BLOCK_LENGTH:]
        final = int.from_bytes(chained) ^ int.from_bytes(padded[-DES_BLOCK_LENGTH:])
        return last_block.update(final.to_bytes(DES_BLOCK_LENGTH))

    return mac


def _pad_method_1(data: bytes) -> bytes:
    """Return data filled up with zero bytes to whole DES blocks, at least one (ISO/IEC 9797-1:2011, 6.3.2).

    Empty data becomes one block of zeros.
    """
    return data + bytes(-len(data) % DES_BLOCK_LENGTH) if data else bytes(DES_BLOCK_LENGTH)


_MAKERS: Final[Mapping[MacAlgorithm, Callable[[bytes], Callable[[bytes], bytes]]]] = MappingProxyType(
    {MacAlgorithm.AES_CMAC: _aes_cmac, MacAlgorithm.X9_19: _retail_mac}
)


class MacKey:
    """A MAC key that is ready for use: it makes and checks MACs, and never gives its bytes out again.

    Only one thread may use an instance: X9.19 keeps a cipher context that two threads may not use at once.
    """

    __slots__ = ("_mac", "algorithm", "check_value")

    def __init__(self, algorithm: MacAlgorithm, key: bytes) -> None:
        """Take 16, 24 or 32 bytes for AES-CMAC, 16 (any parity) for X9.19. Raises KeyLengthError."""
        require_length(algorithm.value, key, MAC_KEY_LENGTHS[algorithm])
        self.algorithm: Final = algorithm
        self.check_value: Final = check_value(algorithm, key)
        self._mac: Final = _MAKERS[algorithm](key)

    def mac(self, data: bytes) -> bytes:
        """Return the 8-byte MAC of `data`, which may be empty."""
        return self._mac(data)

    def verify(self, data: bytes, mac: bytes) -> bool:
        """Tell whether `mac` is the MAC of `data`, all 8 bytes. The time taken tells nothing of it."""
        return bytes_eq(self._mac(data), mac)

    def __repr__(self) -> str:
        """Show the algorithm and the check value: both sides may know and log them."""
        return f"MacKey({self.algorithm.value}, check value {self.check_value})"
