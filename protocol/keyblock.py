"""MAC session keys on their way to a bank: TR-31 (ANSI X9.143) key blocks, versions D and B.

The cipher of a block follows from the MAC algorithm: an AES-CMAC key travels in version D under an AES
ZMK, an X9.19 key in version B under a Triple DES ZMK. Other versions, usages and optional blocks are
refused, and may not be added here: nothing but MAC session keys crosses the line.
No entropy is drawn here, and no key byte may appear in an error text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.constant_time import bytes_eq

from protocol.errors import KeyBlockError, OwnError
from protocol.mac import (
    AES_BLOCK_LENGTH,
    DES_BLOCK_LENGTH,
    MAC_KEY_LENGTHS,
    KeyLengthError,
    MacAlgorithm,
    require_length,
    tdes,
)

HEADER_LENGTH: Final = 16
KEY_BITS_LENGTH: Final = 2
_UPPER_HEX: Final = re.compile(r"[0-9A-F]+")

# Key usage indicator of the derivation data (ANSI X9.143, key derivation binding method).
FOR_ENCRYPTION: Final = b"\x00\x00"
FOR_AUTHENTICATION: Final = b"\x00\x01"


@dataclass(frozen=True, slots=True)
class Binding:
    """One version's key derivation binding method: its cipher, and the ZMK lengths that it takes.

    `algorithm_indicators` gives, for each ZMK length in bytes, the two bytes that name the derived keys'
    algorithm in the derivation data. The block MAC is as long as one cipher block.
    """

    version: str
    cipher: Callable[[bytes], AES | TripleDES]
    block_length: int
    algorithm_indicators: Mapping[int, bytes]

    def derive(self, zmk: bytes, usage: bytes) -> bytes:
        """Return the block key for this usage, as long as the ZMK: CMACs over counted derivation data."""
        parts = [self.cmac(zmk, data) for data in self.derivation_data(len(zmk), usage)]
        return b"".join(parts)[: len(zmk)]

    def derivation_data(self, zmk_length: int, usage: bytes) -> tuple[bytes, ...]:
        """Return what the ZMK's CMAC is taken of, once for each cipher block of the block key.

        Each: counter 1, usage 2, separator 0, algorithm 2, length of the key in bits 2.
        """
        tail = usage + b"\x00" + self.algorithm_indicators[zmk_length] + (zmk_length * 8).to_bytes(2)
        rounds = -(-zmk_length // self.block_length)
        return tuple(bytes([counter]) + tail for counter in range(1, rounds + 1))

    def cmac(self, key: bytes, data: bytes) -> bytes:
        """Return the whole CMAC, one cipher block long (NIST SP 800-38B)."""
        cmac = CMAC(self.cipher(key))
        cmac.update(data)
        return cmac.finalize()

    def cbc(self, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
        """Return the cipher in CBC mode."""
        return Cipher(self.cipher(key), modes.CBC(iv))


VERSION_D: Final = Binding(
    version="D",
    cipher=AES,
    block_length=AES_BLOCK_LENGTH,
    algorithm_indicators=MappingProxyType({16: b"\x00\x02", 24: b"\x00\x03", 32: b"\x00\x04"}),
)
VERSION_B: Final = Binding(
    version="B",
    cipher=tdes,
    block_length=DES_BLOCK_LENGTH,
    algorithm_indicators=MappingProxyType({16: b"\x00\x00", 24: b"\x00\x01"}),
)

BINDINGS: Final[Mapping[MacAlgorithm, Binding]] = MappingProxyType(
    {MacAlgorithm.AES_CMAC: VERSION_D, MacAlgorithm.X9_19: VERSION_B}
)

# Usage M6 is CMAC, M3 is ISO/IEC 9797-1 algorithm 3; A is AES, T is Triple DES; C: makes and verifies MACs.
# Then key version 00 (not versioned), N (may not be exported), 00 optional blocks, 00 reserved.
_ATTRIBUTES: Final[Mapping[MacAlgorithm, str]] = MappingProxyType(
    {MacAlgorithm.AES_CMAC: "M6AC00N0000", MacAlgorithm.X9_19: "M3TC00N0000"}
)


def wrap(zmk: bytes, key: bytes, algorithm: MacAlgorithm, entropy: Callable[[int], bytes]) -> str:
    """Return the key block of a MAC session key under a bank's ZMK: printable ASCII.

    `zmk`: 16, 24 or 32 bytes (AES) or 16 or 24 (Triple DES), never shorter than `key`, since a key may not
    travel under a weaker one. `entropy(n)` gives the n random bytes that fill up the last cipher block.
    The padding does not hide the key's length: the algorithm tells it anyway.
    Raises KeyLengthError, or OwnError where `entropy` gives another number of bytes.
    """
    header, padding = frame(len(zmk), key, algorithm, entropy)
    return seal(BINDINGS[algorithm], zmk, header, key, padding)


def frame(
    zmk_length: int, key: bytes, algorithm: MacAlgorithm, entropy: Callable[[int], bytes]
) -> tuple[str, bytes]:
    """Return the header and the padding of the block that `wrap` makes, for a ZMK of which only the length is
    at hand. Raises as `wrap` does.
    """
    binding = BINDINGS[algorithm]
    if zmk_length not in binding.algorithm_indicators:
        raise KeyLengthError("ZMK", zmk_length, frozenset(binding.algorithm_indicators))
    require_length(algorithm.value, key, MAC_KEY_LENGTHS[algorithm])
    if zmk_length < len(key):
        stronger = frozenset(n for n in binding.algorithm_indicators if n >= len(key))
        raise KeyLengthError("ZMK", zmk_length, stronger)
    padding_length = -(KEY_BITS_LENGTH + len(key)) % binding.block_length
    padding = entropy(padding_length)
    if len(padding) != padding_length:
        raise OwnError(f"entropy gave {len(padding)} bytes, {padding_length} were asked for")
    body_length = KEY_BITS_LENGTH + len(key) + padding_length + binding.block_length
    return _header(algorithm, HEADER_LENGTH + 2 * body_length), padding


def unwrap(zmk: bytes, block: str, algorithm: MacAlgorithm) -> bytes:
    """Return the MAC session key in a key block: 16, 24 or 32 bytes (AES-CMAC) or 16 (X9.19).

    The header must be exactly the one that `wrap` writes; the padding may be longer.
    Raises KeyBlockError for every block that is not a good one, and KeyLengthError for a ZMK of wrong length,
    which is our own mistake.
    """
    binding = BINDINGS[algorithm]
    _require_zmk(binding, zmk)
    if block[:HEADER_LENGTH] != _header(algorithm, len(block)):
        raise KeyBlockError(f"key block header is not version {binding.version} for {algorithm.value}")
    key = unseal(binding, zmk, block[:HEADER_LENGTH], block[HEADER_LENGTH:])
    if len(key) not in MAC_KEY_LENGTHS[algorithm]:
        raise KeyBlockError(f"key block holds a key of {len(key)} bytes, not fit for {algorithm.value}")
    return key


def seal(binding: Binding, zmk: bytes, header: str, key: bytes, padding: bytes) -> str:
    """Return header + encrypted key + block MAC, in upper-case hex after the header (ANSI X9.143).

    The MAC is taken over header and clear key data, and then is the initial vector of their encryption.
    The caller sees to it that the lengths fit and that the header tells the block's length.
    """
    clear = key_data(key, padding)
    mac = binding.cmac(binding.derive(zmk, FOR_AUTHENTICATION), header.encode("ascii") + clear)
    encrypted = binding.cbc(binding.derive(zmk, FOR_ENCRYPTION), mac).encryptor().update(clear)
    return header + (encrypted + mac).hex().upper()


def unseal(binding: Binding, zmk: bytes, header: str, body: str) -> bytes:
    """Return the key that `body` holds: hex of the encrypted key and the block MAC, bound to an ASCII header.

    Raises KeyBlockError: not hex, not whole cipher blocks, MAC wrong, or the key's length out of bounds.
    """
    if not _UPPER_HEX.fullmatch(body) or len(body) % (2 * binding.block_length):
        raise KeyBlockError("key block is not whole cipher blocks in upper-case hexadecimal")
    encrypted, mac = _split(bytes.fromhex(body), binding.block_length)
    clear = binding.cbc(binding.derive(zmk, FOR_ENCRYPTION), mac).decryptor().update(encrypted)
    expected = binding.cmac(binding.derive(zmk, FOR_AUTHENTICATION), header.encode("ascii") + clear)
    if not bytes_eq(expected, mac):
        raise KeyBlockError("key block MAC is wrong: altered, or under another ZMK")
    return _key_of(clear)


def _split(body: bytes, mac_length: int) -> tuple[bytes, bytes]:
    """Return the encrypted key data and the block MAC. Raises KeyBlockError where there is no key data."""
    if len(body) == mac_length:
        raise KeyBlockError("key block holds no key")
    return body[:-mac_length], body[-mac_length:]


def key_data(key: bytes, padding: bytes) -> bytes:
    """Return what is encrypted in a block: length in bits, key, padding."""
    return (len(key) * 8).to_bytes(KEY_BITS_LENGTH) + key + padding


def _key_of(clear: bytes) -> bytes:
    """Return the key out of decrypted and verified key data: length in bits, key, padding."""
    bits = int.from_bytes(clear[:KEY_BITS_LENGTH])
    length, odd_bits = divmod(bits, 8)
    if odd_bits or length > len(clear) - KEY_BITS_LENGTH:
        raise KeyBlockError("key block gives its key an impossible length")
    return clear[KEY_BITS_LENGTH : KEY_BITS_LENGTH + length]


def _header(algorithm: MacAlgorithm, block_length: int) -> str:
    """Return the header of a block of this many characters in all."""
    return f"{BINDINGS[algorithm].version}{block_length:04d}{_ATTRIBUTES[algorithm]}"


def _require_zmk(binding: Binding, zmk: bytes) -> None:
    """Raise KeyLengthError unless the ZMK fits the version's cipher."""
    require_length("ZMK", zmk, frozenset(binding.algorithm_indicators))
