"""Wraps MAC session keys for the way to a bank: TR-31 (ANSI X9.143) key blocks, versions D and B.

The cipher of a block follows from the MAC algorithm: an AES-CMAC key travels in version D under an AES
ZMK (the zone master key shared with the bank), any other in version B under a Triple DES ZMK. What a bank's
HSM has made in version A or C, which the standard has withdrawn, is read too. Uses that are no MAC's are
refused, and may not be added here: nothing but MAC session keys crosses the line. The random bytes are handed
in, and no key byte may appear in an error text. What a header says is `keyblock_header`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.constant_time import bytes_eq

from protocol.errors import KeyBlockError, KeyBlockFault, OwnError
from protocol.keyblock_header import FIXED_LENGTH, Header, read_header, require_use, written
from protocol.mac import (
    AES_BLOCK_LENGTH,
    DES_BLOCK_LENGTH,
    MAC_KEY_LENGTHS,
    KeyLengthError,
    MacAlgorithm,
    MacMethod,
    require_length,
    tdes,
)
from qianzhi_errors.sentence import Sentence

HEADER_LENGTH: Final = FIXED_LENGTH
KEY_BITS_LENGTH: Final = 2
_UPPER_HEX: Final = re.compile(r"[0-9A-F]+")

Decrypt = Callable[[bytes, bytes], bytes]
"""Decrypts the first under a block key, CBC, with the second as initial vector."""

# Key usage indicator of the derivation data (ANSI X9.143, key derivation binding method).
FOR_ENCRYPTION: Final = b"\x00\x00"
FOR_AUTHENTICATION: Final = b"\x00\x01"


@dataclass(frozen=True, slots=True)
class Binding:
    """The key derivation binding method of one version: its cipher, and the ZMK lengths that it takes.

    `algorithm_indicators` maps each ZMK length in bytes to the two bytes that name the algorithm of the
    derived keys in the derivation data. The block MAC is as long as one cipher block.
    """

    version: str
    cipher: Callable[[bytes], AES | TripleDES]
    block_length: int
    algorithm_indicators: Mapping[int, bytes]

    def derive(self, zmk: bytes, usage: bytes) -> bytes:
        """Return the block key for this usage, as long as the ZMK: CMACs over numbered derivation data."""
        parts = [self.cmac(zmk, data) for data in self.derivation_data(len(zmk), usage)]
        return b"".join(parts)[: len(zmk)]

    def derivation_data(self, zmk_length: int, usage: bytes) -> tuple[bytes, ...]:
        """Return the inputs of the CMAC under the ZMK, one for each cipher block of the block key.

        Each input is, in bytes: counter 1, usage 2, separator 1 (zero), algorithm 2, key length in bits 2.
        """
        tail = usage + b"\x00" + self.algorithm_indicators[zmk_length] + (zmk_length * 8).to_bytes(2)
        rounds = -(-zmk_length // self.block_length)
        return tuple(bytes([counter]) + tail for counter in range(1, rounds + 1))

    def cmac(self, key: bytes, data: bytes) -> bytes:
        """Return the full CMAC, one cipher block long (NIST SP 800-38B)."""
        cmac = CMAC(self.cipher(key))
        cmac.update(data)
        return cmac.finalize()

    def cbc(self, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
        """Return the cipher under `key` in CBC mode."""
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

_VARIANTS: Final = frozenset("AC")
"""Versions that are read and not written: their block keys are the ZMK under two masks."""
_FOR_KEY: Final = 0x45
_FOR_MAC: Final = 0x4D
_VARIANT_MAC_LENGTH: Final = 4

BINDINGS: Final[Mapping[MacAlgorithm, Binding]] = MappingProxyType(
    {algorithm: VERSION_D if algorithm is MacAlgorithm.AES_CMAC else VERSION_B for algorithm in MacAlgorithm}
)


def wrap(zmk: bytes, key: bytes, method: MacMethod, entropy: Callable[[int], bytes]) -> str:
    """Return the key block of a MAC session key under a bank's ZMK, as printable ASCII.

    `zmk`: 16, 24 or 32 bytes (AES) or 16 or 24 (Triple DES), never shorter than `key`, because a key may not
    travel under a weaker one. `entropy(n)` returns n random bytes, which fill up the last cipher block.
    The padding does not hide the key's length: the algorithm implies it anyway.
    Raises KeyLengthError for a key or ZMK of another length, OwnError if `entropy` returns another number of
    bytes.
    """
    header, padding = frame(len(zmk), key, method, entropy)
    return seal(BINDINGS[method.algorithm], zmk, header, key, padding)


def frame(
    zmk_length: int, key: bytes, method: MacMethod, entropy: Callable[[int], bytes]
) -> tuple[str, bytes]:
    """Return the header and the padding of the block that `wrap` makes, given only the length of the ZMK: the
    ZMK itself may be in an HSM. Raises as `wrap` does.
    """
    binding = BINDINGS[method.algorithm]
    if zmk_length not in binding.algorithm_indicators:
        raise KeyLengthError("ZMK", zmk_length, frozenset(binding.algorithm_indicators))
    require_length(method.algorithm.value, key, MAC_KEY_LENGTHS[method.algorithm])
    if zmk_length < len(key):
        stronger = frozenset(n for n in binding.algorithm_indicators if n >= len(key))
        raise KeyLengthError("ZMK", zmk_length, stronger)
    padding_length = -(KEY_BITS_LENGTH + len(key)) % binding.block_length
    padding = entropy(padding_length)
    if len(padding) != padding_length:
        raise OwnError(
            Sentence(
                "entropy gave {given} bytes, {wanted} were asked for",
                given=len(padding),
                wanted=padding_length,
            )
        )
    body_length = KEY_BITS_LENGTH + len(key) + padding_length + binding.block_length
    return written(binding.version, HEADER_LENGTH + 2 * body_length, method, len(key)), padding


def unwrap(zmk: bytes, block: str, method: MacMethod) -> bytes:
    """Return the MAC session key in a key block, whoever made it: so many bytes as its algorithm has.

    The header must say a use that fits the method; key version, exportability and optional blocks may be any,
    and the padding may be longer. Raises KeyBlockError if the block is malformed, not authentic, for another
    use or of a version that the method's ZMK has not; KeyLengthError if the ZMK has a wrong length, which is
    our own mistake.
    """
    binding = BINDINGS[method.algorithm]
    _require_zmk(binding, zmk)
    header = _header(block, method)
    open_body = unseal_variant if header.version in _VARIANTS else partial(unseal, binding)
    return _fit(open_body(zmk, header.text, block[len(header.text) :]), method)


def unwrap_elsewhere(
    block: str, method: MacMethod, decrypt: Decrypt, cmac: Callable[[bytes], bytes]
) -> bytes:
    """Return what `unwrap` does, where the block keys are in an HSM, which decrypts with the one and makes a
    CMAC with the other.

    A block of version A or C is refused too: its block keys are no derivations, which the HSM would have to
    make. Raises KeyBlockError, and what the two functions do.
    """
    binding = BINDINGS[method.algorithm]
    header = _header(block, method)
    if header.version in _VARIANTS:
        raise _other_version(header, binding, method)
    body = block[len(header.text) :]
    return _fit(_opened(binding.block_length, header.text, body, decrypt, cmac), method)


def _header(block: str, method: MacMethod) -> Header:
    """Return the header of a block that may hold a key of this method, as far as the header tells. Raises
    KeyBlockError.
    """
    binding = BINDINGS[method.algorithm]
    header = read_header(block)
    if header.version != binding.version and (binding is VERSION_D or header.version not in _VARIANTS):
        raise _other_version(header, binding, method)
    require_use(header, method)
    return header


def _other_version(header: Header, binding: Binding, method: MacMethod) -> KeyBlockError:
    return KeyBlockError(
        KeyBlockFault.OTHER_VERSION,
        Sentence(
            "key block is of version {version}: {wanted} is needed for {method}",
            version=header.version,
            wanted=binding.version,
            method=str(method.algorithm),
        ),
    )


def _fit(key: bytes, method: MacMethod) -> bytes:
    """Return the key, if its algorithm takes one of this length. Raises KeyBlockError."""
    if len(key) not in MAC_KEY_LENGTHS[method.algorithm]:
        raise KeyBlockError(
            KeyBlockFault.WRONG_LENGTH,
            Sentence(
                "key block holds a key of {size} bytes, not fit for {method}",
                size=len(key),
                method=str(method.algorithm),
            ),
        )
    return key


def seal(binding: Binding, zmk: bytes, header: str, key: bytes, padding: bytes) -> str:
    """Return header + encrypted key + block MAC, in upper-case hex after the header (ANSI X9.143).

    The MAC covers the header and the clear key data, and is the initial vector of the encryption of the key
    data. The caller ensures that the lengths fit and that the header states the block's length.
    """
    clear = key_data(key, padding)
    mac = binding.cmac(binding.derive(zmk, FOR_AUTHENTICATION), header.encode("ascii") + clear)
    encrypted = binding.cbc(binding.derive(zmk, FOR_ENCRYPTION), mac).encryptor().update(clear)
    return header + (encrypted + mac).hex().upper()


def unseal(binding: Binding, zmk: bytes, header: str, body: str) -> bytes:
    """Return the key that `body` holds: hex of the encrypted key and the block MAC, bound to an ASCII header.

    Raises KeyBlockError if `body` is not hex or not whole cipher blocks, if its MAC is wrong, or if the key's
    length is out of bounds.
    """

    def decrypt(encrypted: bytes, mac: bytes) -> bytes:
        return binding.cbc(binding.derive(zmk, FOR_ENCRYPTION), mac).decryptor().update(encrypted)

    def cmac(data: bytes) -> bytes:
        return binding.cmac(binding.derive(zmk, FOR_AUTHENTICATION), data)

    return _opened(binding.block_length, header, body, decrypt, cmac)


def _opened(
    block_length: int, header: str, body: str, decrypt: Decrypt, cmac: Callable[[bytes], bytes]
) -> bytes:
    if not _UPPER_HEX.fullmatch(body) or len(body) % (2 * block_length):
        raise _malformed(Sentence("key block is not whole cipher blocks in upper-case hexadecimal"))
    encrypted, mac = _split(bytes.fromhex(body), block_length)
    clear = decrypt(encrypted, mac)
    if not bytes_eq(cmac(header.encode("ascii") + clear), mac):
        raise _altered()
    return _key_of(clear)


def unseal_variant(zmk: bytes, header: str, body: str) -> bytes:
    """Return the key of a block of version A or C, whose block keys are variants of the ZMK. Only what others
    wrote is read so: the standard has withdrawn both, and we write none.

    The MAC, 4 bytes, covers the header and the encrypted key data. Raises KeyBlockError as `unseal` does.
    """
    if not _UPPER_HEX.fullmatch(body) or len(body) % (2 * DES_BLOCK_LENGTH) != 2 * _VARIANT_MAC_LENGTH:
        raise _malformed(Sentence("key block is not whole cipher blocks in upper-case hexadecimal"))
    encrypted, mac = _split(bytes.fromhex(body), _VARIANT_MAC_LENGTH)
    covered = header.encode("ascii") + encrypted
    # Optional blocks fill the header up to whole blocks: without that no chain could be made of it.
    if len(covered) % DES_BLOCK_LENGTH:
        raise _malformed(Sentence("key block header is not whole cipher blocks"))
    chain = Cipher(tdes(_variant(zmk, _FOR_MAC)), modes.CBC(bytes(DES_BLOCK_LENGTH)))
    expected = chain.encryptor().update(covered)[-DES_BLOCK_LENGTH:][:_VARIANT_MAC_LENGTH]
    if not bytes_eq(expected, mac):
        raise _altered()
    iv = header[:DES_BLOCK_LENGTH].encode("ascii")
    decryptor = Cipher(tdes(_variant(zmk, _FOR_KEY)), modes.CBC(iv)).decryptor()
    return _key_of(decryptor.update(encrypted))


def _malformed(text: str) -> KeyBlockError:
    return KeyBlockError(KeyBlockFault.MALFORMED, text)


def _altered() -> KeyBlockError:
    return KeyBlockError(
        KeyBlockFault.ALTERED, Sentence("key block MAC is wrong: altered, or under another ZMK")
    )


def _variant(zmk: bytes, mask: int) -> bytes:
    return bytes(byte ^ mask for byte in zmk)


def _split(body: bytes, mac_length: int) -> tuple[bytes, bytes]:
    """Return the encrypted key data and the block MAC. Raises KeyBlockError if there is no key data."""
    if len(body) == mac_length:
        raise _malformed(Sentence("key block holds no key"))
    return body[:-mac_length], body[-mac_length:]


def key_data(key: bytes, padding: bytes) -> bytes:
    """Return the data that a block encrypts: key length in bits (2 bytes), key, padding."""
    return (len(key) * 8).to_bytes(KEY_BITS_LENGTH) + key + padding


def _key_of(clear: bytes) -> bytes:
    """Return the key in key data that is decrypted and verified. Raises KeyBlockError for an impossible
    length.
    """
    bits = int.from_bytes(clear[:KEY_BITS_LENGTH])
    length, odd_bits = divmod(bits, 8)
    if odd_bits or length > len(clear) - KEY_BITS_LENGTH:
        raise _malformed(Sentence("key block gives its key an impossible length"))
    return clear[KEY_BITS_LENGTH : KEY_BITS_LENGTH + length]


def _require_zmk(binding: Binding, zmk: bytes) -> None:
    """Raise KeyLengthError unless the ZMK fits the version's cipher."""
    require_length("ZMK", zmk, frozenset(binding.algorithm_indicators))
