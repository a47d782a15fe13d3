"""What a key is and how it is used: its kind and check value, how two custodians' components become one, and
the objects that use it.

Where keys are kept is `keystore` (a sealed file) and `hsm` (a token). Here no file is read but to see that it
is private, and no entropy is drawn. Keys leave this module only inside a key block or as an object that uses
them; nothing here logs, and no repr shows a key.
"""

from __future__ import annotations

import hashlib
import hmac
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn, Protocol

from fep.errors import FepError
from ledger.rules.identity import normalised
from ledger.rules.seal import SEED_BYTES, Sealer
from protocol.keyblock import wrap
from protocol.mac import (
    DES_BLOCK_LENGTH,
    MacAlgorithm,
    MacKey,
    aes_check_value,
    session_key_length,
    tdes_check_value,
)

_DIGEST_LENGTH = 16
FRONT: Final = "front"
SEAL: Final = "seal"
_ZMK: Final = "zmk/"
Entropy = Callable[[int], bytes]


class KeyFileError(FepError):
    """A key file cannot be used; names the file and why, never what is in it."""


class KeyRefused(FepError):
    """This is no good key, component or use of one; says why, never what it is."""


class Secret:
    """Bytes that no repr, log or traceback shows; not to be pickled, compared in constant time."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bytes) -> None:
        self._value = value

    @classmethod
    def from_hex(cls, digits: str) -> Secret | None:
        """The secret that a person or a file writes in hex digits, blanks allowed; None if it is not hex.

        None, since an error raised while the text is being read could carry it.
        """
        try:
            return cls(bytes.fromhex(digits))
        except ValueError:
            return None

    def reveal(self) -> bytes:
        """The bytes, for the one expression that uses them."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __repr__(self) -> str:
        return f"Secret({len(self._value)} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Kind(StrEnum):
    """What a key is for its cipher. The value is the name that `qianzhi keys list` shows."""

    AES = "aes"
    TDES = "tdes"
    BLAKE2B = "blake2b"
    ED25519 = "ed25519"


LENGTHS: Final[Mapping[Kind, tuple[int, ...]]] = MappingProxyType(
    {Kind.AES: (16, 24, 32), Kind.TDES: (16, 24), Kind.BLAKE2B: (32,), Kind.ED25519: (SEED_BYTES,)}
)
ZMK_KIND: Final[Mapping[MacAlgorithm, Kind]] = MappingProxyType(
    {MacAlgorithm.AES_CMAC: Kind.AES, MacAlgorithm.X9_19: Kind.TDES}
)
# The weak and semi-weak keys of DES (NIST SP 800-67 rev. 2, section 3.3.2), with odd parity.
WEAK_DES: Final = frozenset(
    bytes.fromhex(digits)
    for digits in (
        "0101010101010101",
        "FEFEFEFEFEFEFEFE",
        "E0E0E0E0F1F1F1F1",
        "1F1F1F1F0E0E0E0E",
        "01FE01FE01FE01FE",
        "FE01FE01FE01FE01",
        "1FE01FE00EF10EF1",
        "E01FE01FF10EF10E",
        "01E001E001F101F1",
        "E001E001F101F101",
        "1FFE1FFE0EFE0EFE",
        "FE1FFE1FFE0EFE0E",
        "011F011F010E010E",
        "1F011F010E010E01",
        "E0FEE0FEF1FEF1FE",
        "FEE0FEE0FEF1FEF1",
    )
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the keystore. Made by `checked`, `combined` or `generated`: never one that is no good."""

    kind: Kind
    secret: Secret

    @property
    def check_value(self) -> str:
        """What both sides may know and say aloud; of the seal key it is the public half."""
        return _CHECK_VALUES[self.kind](self.secret.reveal())


def zmk_name(bank: str) -> str:
    """The name of a bank's ZMK in a keystore or a token."""
    return f"{_ZMK}{bank}"


def is_zmk(name: str) -> bool:
    """Whether this is the name of a ZMK."""
    return name.startswith(_ZMK)


def checked(kind: Kind, secret: Secret) -> Key:
    """The key, if it is a good one; a TDES key gets odd parity, which its cipher ignores. Raises
    KeyRefused.
    """
    if len(secret) not in LENGTHS[kind]:
        allowed = " or ".join(str(length) for length in LENGTHS[kind])
        raise KeyRefused(f"this {kind} key has {len(secret)} bytes, {allowed} are needed")
    if _all_same(secret):
        raise KeyRefused("every byte of this key is the same: nobody drew it at random")
    if kind is not Kind.TDES:
        return Key(kind, secret)
    if not _parity_is_uniform(secret):
        raise KeyRefused("the parity of this TDES key is wrong: a digit was mistyped")
    secret = _with_odd_parity(secret)
    if _has_weak_part(secret):
        raise KeyRefused("this TDES key is weak: a part of it is a weak DES key")
    if _has_equal_parts(secret):
        raise KeyRefused("this TDES key is weak: two of its parts are the same")
    return Key(kind, secret)


def component_check_value(kind: Kind, component: Secret) -> str:
    """The check value that is printed beside a component. Raises KeyRefused."""
    if len(component) not in LENGTHS[kind]:
        allowed = " or ".join(str(length) for length in LENGTHS[kind])
        raise KeyRefused(f"a component of {len(component)} bytes, {allowed} are needed")
    if _all_same(component):
        raise KeyRefused("every byte of this component is the same: the others would be the key")
    return _CHECK_VALUES[kind](component.reveal())


def combined(kind: Kind, components: Sequence[Secret]) -> Key:
    """The key that the custodians' components give by exclusive or. Raises KeyRefused."""
    if len(components) < 2:
        raise KeyRefused("one component is the key itself: two custodians are needed at least")
    for component in components:
        component_check_value(kind, component)
    if len({len(component) for component in components}) > 1:
        raise KeyRefused("the components differ in length")
    for place, component in enumerate(components):
        if component in components[:place]:
            raise KeyRefused("two components are equal: they cancel each other out")
    return checked(kind, reduce(_exclusive_or, components))


def generated(kind: Kind, length: int, entropy: Entropy) -> Key:
    """A random key of this many bytes. Raises KeyRefused."""
    secret = Secret(entropy(length))
    return checked(kind, _with_odd_parity(secret) if kind is Kind.TDES else secret)


def _exclusive_or(one: Secret, other: Secret) -> Secret:
    return Secret(bytes(a ^ b for a, b in zip(one.reveal(), other.reveal(), strict=True)))


def _all_same(secret: Secret) -> bool:
    return len(set(secret.reveal())) == 1


def _parity_is_uniform(secret: Secret) -> bool:
    """Whether all bytes are odd, or all even, as an even number of odd components leaves them."""
    return len({byte.bit_count() % 2 for byte in secret.reveal()}) == 1


def _with_odd_parity(secret: Secret) -> Secret:
    return Secret(bytes(byte ^ (byte.bit_count() % 2 == 0) for byte in secret.reveal()))


def _parts(secret: Secret) -> list[bytes]:
    data = secret.reveal()
    return [data[start : start + DES_BLOCK_LENGTH] for start in range(0, len(data), DES_BLOCK_LENGTH)]


def _has_weak_part(secret: Secret) -> bool:
    return not WEAK_DES.isdisjoint(_parts(secret))


def _has_equal_parts(secret: Secret) -> bool:
    parts = _parts(secret)
    return len(set(parts)) < len(parts)


def check_private(path: Path) -> None:
    """Raise KeyFileError unless the file is there for its owner alone."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path}: others can read it; run chmod 600 {path}")


class SessionKey(NamedTuple):
    """A fresh session key: to use, and as the bank gets it (DE 48 groups KA and CA)."""

    key: MacKey
    block: str
    check_value: str


class Zmk(Protocol):
    """A bank's key-encryption key, wherever it lives."""

    check_value: str

    def wrap(self, key: bytes, algorithm: MacAlgorithm, entropy: Entropy) -> str:
        """The TR-31 key block that carries a session key."""


class HeldZmk:
    """A ZMK in this process's memory."""

    def __init__(self, key: Key) -> None:
        self._secret = key.secret
        self.check_value = key.check_value

    def wrap(self, key: bytes, algorithm: MacAlgorithm, entropy: Entropy) -> str:
        """The TR-31 key block that carries a session key."""
        return wrap(self._secret.reveal(), key, algorithm, entropy)


class BankKeys:
    """One bank's key-encryption key, which makes its session keys."""

    def __init__(self, algorithm: MacAlgorithm, zmk: Zmk, entropy: Entropy) -> None:
        """`zmk`: AES for aes-cmac (TR-31 version D), TDES for x9.19 (version B)."""
        self._algorithm = algorithm
        self._zmk = zmk
        self._entropy = entropy

    def fresh(self) -> SessionKey:
        """A new MAC session key, and the TR-31 key block that carries it (PROTOCOL section 5.2)."""
        material = self._entropy(session_key_length(self._algorithm))
        key = MacKey(self._algorithm, material)
        return SessionKey(key, self._zmk.wrap(material, self._algorithm, self._entropy), key.check_value)


class FrontKey:
    """Conceals what the front book must compare and never show: contents of requests, identity numbers."""

    def __init__(self, key: bytes) -> None:
        self._content = hashlib.blake2b(key=key, digest_size=_DIGEST_LENGTH, person=b"content")
        self._identity = hashlib.blake2b(key=key, digest_size=_DIGEST_LENGTH, person=b"identity")
        self.check_value = hashlib.blake2b(key=key, digest_size=_DIGEST_LENGTH, person=b"check").hexdigest()

    def content(self, data: bytes) -> str:
        """The keyed digest (BLAKE2b, RFC 7693; 32 hex digits) that tells a repeat from a reused key."""
        digest = self._content.copy()
        digest.update(data)
        return digest.hexdigest()

    def identity(self, number: str) -> str:
        """The keyed digest of a document's number, however it is spelt: all that the book keeps of it."""
        digest = self._identity.copy()
        digest.update(normalised(number).encode())
        return digest.hexdigest()


_CHECK_VALUES: Final[Mapping[Kind, Callable[[bytes], str]]] = MappingProxyType(
    {
        Kind.AES: aes_check_value,
        Kind.TDES: tdes_check_value,
        Kind.BLAKE2B: lambda key: FrontKey(key).check_value,
        Kind.ED25519: lambda seed: Sealer(seed).public,
    }
)
