"""What a key is and how it is used: its kind and check value, how two custodians' components become one key,
and the objects that use keys.

Where keys are kept is the business of `keystore` (a sealed file) and `hsm` (a token). Here a file is only
checked for its permissions, and no entropy is drawn. A key leaves this module only inside a key block or as
an object that uses it; nothing here logs, and no repr shows a key.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from fep.errors import FepError
from ledger.rules.identity import normalised
from ledger.rules.seal import SEED_BYTES, Sealer
from ledger.rules.secret import Secret
from protocol.errors import KeyBlockError, KeyBlockFault
from protocol.keyblock import unwrap, wrap
from protocol.mac import (
    DES_BLOCK_LENGTH,
    MacAlgorithm,
    MacKey,
    MacMethod,
    aes_check_value,
    tdes_check_value,
)
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

_DIGEST_LENGTH = 16
FRONT: Final = "front"
SEAL: Final = "seal"
_ZMK: Final = "zmk/"
"""Names in a keystore: of the node's front key, of its seal key, and the beginning of a bank's ZMK's name."""
Entropy = Callable[[int], bytes]
"""Gives so many random bytes."""


class KeyFileError(FepError):
    """A key file cannot be used. The text names the file and the reason, never what is in it."""


class KeyRefused(FepError):
    """A key or a component is not good enough to be used. The text says why, never what it is."""


class KeyKind(StrEnum):
    """The cipher or digest that a key is for. The value is the name that `qianzhi keys list` shows."""

    AES = "aes"
    TDES = "tdes"
    BLAKE2B = "blake2b"
    ED25519 = "ed25519"


LENGTHS: Final[Mapping[KeyKind, tuple[int, ...]]] = MappingProxyType(
    {
        KeyKind.AES: (16, 24, 32),
        KeyKind.TDES: (16, 24),
        KeyKind.BLAKE2B: (32,),
        KeyKind.ED25519: (SEED_BYTES,),
    }
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


def zmk_kind(method: MacMethod) -> KeyKind:
    """The cipher of the ZMK under which this method's session keys travel."""
    return KeyKind.AES if method.algorithm is MacAlgorithm.AES_CMAC else KeyKind.TDES


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `checked`, `combined` and `generated` make it, so it is always a good one."""

    kind: KeyKind
    secret: Secret

    @property
    def check_value(self) -> str:
        """The check value, hex: both sides compare it, and it may be said aloud. Of the seal key it is the
        public key.
        """
        return _CHECK_VALUES[self.kind](self.secret.reveal())


def zmk_name(bank: str) -> str:
    """The name of a bank's ZMK in a keystore or a token."""
    return f"{_ZMK}{bank}"


def is_zmk(name: str) -> bool:
    """Whether this is the name of a ZMK."""
    return name.startswith(_ZMK)


def checked(kind: KeyKind, secret: Secret) -> Key:
    """The key of these bytes. A TDES key gets odd parity, which its cipher ignores. Raises KeyRefused unless
    it is a good key: of the right length, not all one byte, and for TDES with uniform parity, without a weak
    part and without equal parts.
    """
    if len(secret) not in LENGTHS[kind]:
        allowed = " or ".join(str(length) for length in LENGTHS[kind])
        raise KeyRefused(
            Sentence(
                "this {kind} key has {count} bytes, {allowed} are needed",
                kind=kind,
                count=len(secret),
                allowed=allowed,
            )
        )
    if _all_same(secret):
        raise KeyRefused(Sentence("every byte of this key is the same: nobody drew it at random"))
    if kind is not KeyKind.TDES:
        return Key(kind, secret)
    if not _parity_is_uniform(secret):
        raise KeyRefused(Sentence("the parity of this TDES key is wrong: a digit was mistyped"))
    secret = _with_odd_parity(secret)
    if _has_weak_part(secret):
        raise KeyRefused(Sentence("this TDES key is weak: a part of it is a weak DES key"))
    if _has_equal_parts(secret):
        raise KeyRefused(Sentence("this TDES key is weak: two of its parts are the same"))
    return Key(kind, secret)


def component_check_value(kind: KeyKind, component: Secret) -> str:
    """The check value that is printed beside a custodian's component. Raises KeyRefused for a component of a
    wrong length or of equal bytes.
    """
    if len(component) not in LENGTHS[kind]:
        allowed = " or ".join(str(length) for length in LENGTHS[kind])
        raise KeyRefused(
            Sentence(
                "a component of {count} bytes, {allowed} are needed", count=len(component), allowed=allowed
            )
        )
    if _all_same(component):
        raise KeyRefused(Sentence("every byte of this component is the same: the others would be the key"))
    return _CHECK_VALUES[kind](component.reveal())


def combined(kind: KeyKind, components: Sequence[Secret]) -> Key:
    """The key that is the exclusive or of the custodians' components. Raises KeyRefused for fewer than two
    components, for unequal lengths, equal components, and a key that is not good.
    """
    if len(components) < 2:
        raise KeyRefused(Sentence("one component is the key itself: two custodians are needed at least"))
    for component in components:
        component_check_value(kind, component)
    if len({len(component) for component in components}) > 1:
        raise KeyRefused(Sentence("the components differ in length"))
    for place, component in enumerate(components):
        if component in components[:place]:
            raise KeyRefused(Sentence("two components are equal: they cancel each other out"))
    return checked(kind, reduce(_exclusive_or, components))


def generated(kind: KeyKind, length: int, entropy: Entropy) -> Key:
    """A random key of `length` bytes. Raises KeyRefused."""
    secret = Secret(entropy(length))
    return checked(kind, _with_odd_parity(secret) if kind is KeyKind.TDES else secret)


def _exclusive_or(left: Secret, right: Secret) -> Secret:
    return Secret(bytes(a ^ b for a, b in zip(left.reveal(), right.reveal(), strict=True)))


def _all_same(secret: Secret) -> bool:
    return len(set(secret.reveal())) == 1


def _parity_is_uniform(secret: Secret) -> bool:
    """Whether all bytes have odd parity, or all have even parity: an even number of components with odd
    parity gives a key with even parity.
    """
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


def _could_be_guessed(method: MacMethod, session_key: Secret) -> bool:
    """Whether a session key is no random one: every byte the same, or of DES with a weak part, or two equal
    parts, which make single DES of Triple DES.
    """
    if _all_same(session_key) or method.algorithm is MacAlgorithm.AES_CMAC:
        return _all_same(session_key)
    key = _with_odd_parity(session_key)
    return _has_weak_part(key) or _has_equal_parts(key)


def check_private(path: Path) -> None:
    """Raises KeyFileError unless the file can be read, and has no permission for anyone but its owner."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(
            Sentence("{path}: cannot be read: {reason}", path=path, reason=system_reason(error))
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(Sentence("{path}: others can read it; run chmod 600 {path}", path=path))


def leave_to_owner(descriptor: int, path: Path) -> None:
    """Give a new file to the owner of `path`, or of its folder while it is not there, where root has made it:
    the service must be able to read what root's command wrote.
    """
    if os.geteuid() == 0:
        owner = (path if path.exists() else path.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


class ZmkUnusable(FepError):
    """The token is there, and one bank's ZMK in it is not, or is no good: this bank alone gets no session
    keys.
    """


class SessionKey(NamedTuple):
    """A session key on its way: `key` to use here, the TR-31 key block in which it travels (DE 48 group KA),
    and its check value (group CA).
    """

    key: MacKey
    block: str
    check_value: str


class Zmk(Protocol):
    """A bank's key-encryption key, in this process's memory or in a token. Of `wrap` and `unwrap` a link uses
    the one or the other: the bank's entry says who makes the session keys.
    """

    in_token: bool

    @property
    def check_value(self) -> str:
        """The check value, hex; a token is asked for it, and may raise."""

    def wrap(self, key: bytes, method: MacMethod, entropy: Entropy) -> str:
        """The TR-31 key block that carries a session key."""

    def unwrap(self, block: str, method: MacMethod) -> bytes:
        """The session key in a TR-31 key block. Raises KeyBlockError."""


class HeldZmk:
    """A bank's key-encryption key in this process's memory."""

    in_token = False

    def __init__(self, key: Key) -> None:
        self._secret = key.secret
        self.check_value = key.check_value

    def wrap(self, key: bytes, method: MacMethod, entropy: Entropy) -> str:
        """The TR-31 key block that carries a session key."""
        return wrap(self._secret.reveal(), key, method, entropy)

    def unwrap(self, block: str, method: MacMethod) -> bytes:
        """The session key in a TR-31 key block. Raises KeyBlockError."""
        return unwrap(self._secret.reveal(), block, method)


class BankKeys:
    """One bank's session keys on their way: made here and wrapped under the bank's key-encryption key, or
    made by the bank and unwrapped.
    """

    def __init__(self, method: MacMethod, zmk: Zmk, entropy: Entropy) -> None:
        """`zmk` is an AES key for aes-cmac (TR-31 version D), a TDES key for any other (version B)."""
        self._method = method
        self._zmk = zmk
        self._entropy = entropy
        self.in_token = zmk.in_token
        """Whether `fresh` and `opened` ask a token, and so may take long or fail."""

    def fresh(self) -> SessionKey:
        """A new random MAC session key with the TR-31 key block that carries it (docs/protocol.md section
        5.2).
        """
        material = self._entropy(self._method.key_bytes)
        key = MacKey(self._method, material)
        return SessionKey(key, self._zmk.wrap(material, self._method, self._entropy), key.check_value)

    def opened(self, block: str, check_value: str | None) -> MacKey:
        """The session key in a TR-31 key block that the bank made; `check_value` is what the bank sent beside
        it, None for nothing.

        Raises KeyBlockError where the block is not good, the key in it is not as long as agreed, could be
        guessed, or has another check value.
        """
        material = Secret(self._zmk.unwrap(block, self._method))
        if len(material) != self._method.key_bytes:
            raise KeyBlockError(
                KeyBlockFault.WRONG_LENGTH,
                Sentence(
                    "key block holds a key of {size} bytes, {agreed} were agreed",
                    size=len(material),
                    agreed=self._method.key_bytes,
                ),
            )
        if _could_be_guessed(self._method, material):
            raise KeyBlockError(
                KeyBlockFault.WEAK,
                Sentence("the key in the key block is weak: its bytes or its parts are the same, or known"),
            )
        key = MacKey(self._method, material.reveal())
        if check_value not in (None, key.check_value):
            raise KeyBlockError(
                KeyBlockFault.CHECK_VALUE,
                Sentence(
                    "the check value beside the key block is not its key's, {check_value}",
                    check_value=key.check_value,
                ),
            )
        return key


class FrontKey:
    """Makes keyed digests of what the front book must compare and never show: contents of requests, and
    identity numbers.
    """

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
        """The keyed digest (32 hex digits) of an identity document's number, the same for all its spellings.
        The book keeps nothing else of the number.
        """
        digest = self._identity.copy()
        digest.update(normalised(number).encode())
        return digest.hexdigest()


_CHECK_VALUES: Final[Mapping[KeyKind, Callable[[bytes], str]]] = MappingProxyType(
    {
        KeyKind.AES: aes_check_value,
        KeyKind.TDES: tdes_check_value,
        KeyKind.BLAKE2B: lambda key: FrontKey(key).check_value,
        KeyKind.ED25519: lambda seed: Sealer(seed).public,
    }
)
