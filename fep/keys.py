"""Keys at rest and in use: the banks' ZMKs, their session keys, and the front key that conceals what is
stored.

Reads key files once, at start. Keys leave this module only inside a key block or as an object that uses
them; nothing here logs, and no repr shows a key.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fep.errors import FepError
from ledger.seal import SEED_BYTES, Sealer
from protocol.keyblock import wrap
from protocol.mac import MacAlgorithm, MacKey, session_key_length

_ZMK_LENGTHS = {MacAlgorithm.AES_CMAC: (16, 24, 32), MacAlgorithm.X9_19: (16, 24)}
_FRONT_KEY_LENGTH = 32
_DIGEST_LENGTH = 16


class KeyFileError(FepError):
    """A key file cannot be used; names the file and why, never what is in it."""


class SessionKey(NamedTuple):
    """A fresh session key: to use, and as the bank gets it (DE 48 groups KA and CA)."""

    key: MacKey
    block: str
    check_value: str


def check_private(path: Path) -> None:
    """Raise KeyFileError unless the file is there for its owner alone."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path}: others can read it; run chmod 600 {path}")


def read_key_file(path: Path, lengths: tuple[int, ...]) -> bytes:
    """A key from a file of hex digits that only its owner may read. Raises KeyFileError."""
    check_private(path)
    try:
        digits = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is not a line of hex digits") from None
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        raise KeyFileError(f"{path}: is not a line of hex digits") from None
    if len(key) not in lengths:
        allowed = " or ".join(str(length) for length in lengths)
        raise KeyFileError(f"{path}: holds {len(key)} bytes, {allowed} are needed")
    return key


def read_seal_key(path: Path) -> Sealer:
    """What signs closed business days, from its key file. Raises KeyFileError."""
    return Sealer(read_key_file(path, (SEED_BYTES,)))


class BankKeys:
    """One bank's key-encryption key, which makes its session keys."""

    def __init__(self, algorithm: MacAlgorithm, zmk: bytes, entropy: Callable[[int], bytes]) -> None:
        self._algorithm = algorithm
        self._zmk = zmk
        self._entropy = entropy

    @classmethod
    def from_file(cls, algorithm: MacAlgorithm, path: Path, entropy: Callable[[int], bytes]) -> BankKeys:
        """Read the bank's ZMK: AES for aes-cmac (TR-31 version D), TDES for x9.19 (version B)."""
        return cls(algorithm, read_key_file(path, _ZMK_LENGTHS[algorithm]), entropy)

    def fresh(self) -> SessionKey:
        """A new MAC session key, and the TR-31 key block that carries it (PROTOCOL section 5.2)."""
        material = self._entropy(session_key_length(self._algorithm))
        key = MacKey(self._algorithm, material)
        return SessionKey(key, wrap(self._zmk, material, self._algorithm, self._entropy), key.check_value)


class FrontKey:
    """Conceals what the front book must compare and never show: contents of requests, identity numbers."""

    def __init__(self, key: bytes) -> None:
        self._content = hashlib.blake2b(key=key, digest_size=_DIGEST_LENGTH, person=b"content")
        self._identity = hashlib.blake2b(key=key, digest_size=_DIGEST_LENGTH, person=b"identity")
        self.check_value = hashlib.blake2b(key=key, digest_size=_DIGEST_LENGTH, person=b"check").hexdigest()

    @classmethod
    def from_file(cls, path: Path) -> FrontKey:
        """Read the 32-byte front key."""
        return cls(read_key_file(path, (_FRONT_KEY_LENGTH,)))

    def content(self, data: bytes) -> str:
        """The keyed digest (BLAKE2b, RFC 7693; 32 hex digits) that tells a repeat from a reused key."""
        digest = self._content.copy()
        digest.update(data)
        return digest.hexdigest()

    def identity(self, number: str) -> str:
        """The keyed digest of an identity number: all that the book keeps of it."""
        digest = self._identity.copy()
        digest.update(number.upper().encode())
        return digest.hexdigest()
