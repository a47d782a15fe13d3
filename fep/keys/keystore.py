"""The keystore: one file per node that holds its keys, sealed under a master key that is kept elsewhere.

The file is a line of JSON (format, version, cipher, the master key's check value), then the nonce and the
AES-256-GCM ciphertext. The line is the associated data, so that a change of any byte is noticed. The file
without the master key gives nothing away, not even the keys' names. No key is made or used here, and none is
ever in an error's text.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fep.errors import FepError
from fep.keys.keys import Entropy, Key, KeyKind, check_private, checked, leave_to_owner
from ledger.files.synced_folder import sync_names
from ledger.rules.secret import Secret
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

MASTER_KEY_LENGTH: Final = 32
_NONCE_LENGTH: Final = 12
_CHECK_LENGTH: Final = 5
_FORMAT: Final = "qianzhi-keystore"
_VERSION: Final = 1
_CIPHER: Final = "AES-256-GCM"
_HEADER_MAX: Final = 256


class KeystoreError(FepError):
    """The keystore, or the secret that opens it, cannot be used. The text says why, never what is in it."""


def read_source(source: str) -> str:
    """The secret text at a source (`file:PATH`, `env:NAME`, `credential:NAME`), stripped of blanks. Raises
    KeystoreError, and KeyFileError for a file that others can read.
    """
    kind, _, name = source.partition(":")
    if kind == "env":
        text = os.environ.get(name)
        if text is None:
            raise KeystoreError(Sentence("{source}: the environment has no such variable", source=source))
        if not text.isascii():
            raise KeystoreError(Sentence("{source}: is not ASCII text", source=source))
        return text.strip()
    if kind == "file":
        check_private(Path(name))  # systemd sees to the mode of what is in its folder of credentials
        return _read_text(source, Path(name))
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise KeystoreError(
            Sentence(
                "{source}: no credentials here: the unit needs LoadCredential={name}:...",
                source=source,
                name=name,
            )
        )
    return _read_text(source, Path(folder, name))


def _read_text(source: str, path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeystoreError(
            Sentence("{source}: cannot be read: {reason}", source=source, reason=system_reason(error))
        ) from error
    if not data.isascii():
        raise KeystoreError(Sentence("{source}: is not ASCII text", source=source))
    return data.decode("ascii").strip()


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The AES-256 key that a keystore is sealed under."""

    secret: Secret

    @classmethod
    def read(cls, source: str) -> MasterKey:
        """The master key at a source: 64 hex digits. Raises KeystoreError and KeyFileError."""
        secret = Secret.from_hex(read_source(source))
        if secret is None or len(secret) != MASTER_KEY_LENGTH:
            raise KeystoreError(
                Sentence(
                    "{source}: is not a master key: {digits} hex digits",
                    source=source,
                    digits=2 * MASTER_KEY_LENGTH,
                )
            )
        return cls(secret)

    @property
    def check_value(self) -> str:
        """Ten hex digits that name the master key: a keystore's first line has those of its own."""
        digest = hashlib.blake2b(key=self.secret.reveal(), digest_size=_CHECK_LENGTH, person=b"master key")
        return digest.hexdigest().upper()


class Keystore:
    """The keys of one keystore file, by name. A change is on disk when its call returns."""

    def __init__(self, path: Path, master: MasterKey) -> None:
        """Read and unseal the file. Raises KeystoreError, and KeyFileError if others can read the file."""
        self._path = path
        self._master = master
        self._keys: dict[str, Key] = _read(path, master)

    def __repr__(self) -> str:
        return f"Keystore({str(self._path)!r})"

    @classmethod
    def create(cls, path: Path, master: MasterKey, keys: Mapping[str, Key], entropy: Entropy) -> Keystore:
        """Make a new file with these keys. Raises KeystoreError where a file is already: no key is
        overwritten.
        """
        with _locked(path):
            if path.exists():
                raise KeystoreError(Sentence("{path} exists already: a key is never overwritten", path=path))
            _write(path, master, keys, entropy)
        return cls(path, master)

    def __iter__(self) -> Iterator[str]:
        """The keys' names, sorted."""
        return iter(sorted(self._keys))

    def __getitem__(self, name: str) -> Key:
        try:
            return self._keys[name]
        except KeyError:
            pass
        raise KeystoreError(
            Sentence("{path}: there is no key {name}; see qianzhi keys list", path=self._path, name=name)
        )

    def put(self, name: str, key: Key, entropy: Entropy, *, replace: bool = False) -> None:
        """Add a key; with `replace` it may take the place of a key of its name. Raises KeystoreError."""
        with self._changing(entropy) as keys:
            if name in keys and not replace:
                raise KeystoreError(
                    Sentence(
                        "{path}: there is a key {name} already; --replace ends it", path=self._path, name=name
                    )
                )
            keys[name] = key

    def remove(self, name: str, entropy: Entropy) -> None:
        """Remove a key. Raises KeystoreError where there is none of this name."""
        with self._changing(entropy) as keys:
            if keys.pop(name, None) is None:
                raise KeystoreError(
                    Sentence(
                        "{path}: there is no key {name}; see qianzhi keys list", path=self._path, name=name
                    )
                )

    def rewrap(self, master: MasterKey, entropy: Entropy) -> None:
        """Seal the same keys under another master key. Raises KeystoreError if it is the one in use."""
        if master == self._master:
            raise KeystoreError(Sentence("this is the master key in use"))
        with _locked(self._path):
            keys = _read(self._path, self._master)
            _write(self._path, master, keys, entropy)
        self._master = master

    @contextmanager
    def _changing(self, entropy: Entropy) -> Iterator[dict[str, Key]]:
        """Context manager: yields the keys as the file has them now, and writes the file when the block ends
        without an error.
        """
        with _locked(self._path):
            keys = _read(self._path, self._master)
            yield keys
            _write(self._path, self._master, keys, entropy)
        self._keys = keys


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Context manager: lock the file's folder, so that one process at a time changes its keystores."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _header(master: MasterKey) -> bytes:
    """The first line of a keystore that is sealed under `master`."""
    fields = {"format": _FORMAT, "version": _VERSION, "cipher": _CIPHER, "master_key": master.check_value}
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


def _read(path: Path, master: MasterKey) -> dict[str, Key]:
    """The keys in a file, by name. Raises KeystoreError and KeyFileError."""
    check_private(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeystoreError(
            Sentence("{path}: cannot be read: {reason}", path=path, reason=system_reason(error))
        ) from error
    header = _header(master)
    if not data.startswith(header):
        raise KeystoreError(
            Sentence(
                "{path}: {reason}",
                path=path,
                reason=_why_another_header(data[:_HEADER_MAX], master),
            )
        )
    sealed = data[len(header) :]
    clear = _opened(master, sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], header)
    if clear is None:
        raise KeystoreError(
            Sentence("{path}: has been altered or is damaged: bring back the copy that was kept", path=path)
        )
    return {
        name: checked(KeyKind(entry["kind"]), Secret(bytes.fromhex(entry["key"])))
        for name, entry in json.loads(clear.reveal()).items()
    }


def _why_another_header(start: bytes, master: MasterKey) -> str:
    """Why the first line is not the expected one, in words; what it says of itself proves nothing."""
    header = re.match(
        rb'\{"format":"qianzhi-keystore","version":(\d{1,9}),"cipher":"[A-Z0-9-]+","master_key":"([0-9A-F]{10})"\}\n',
        start,
    )
    if header is None:
        return Sentence("is no keystore, or damaged")
    if int(header[1]) != _VERSION:
        return Sentence(
            "is a keystore of version {version}; this program reads version {ours}",
            version=int(header[1]),
            ours=_VERSION,
        )
    sealed_under = header[2].decode()
    if sealed_under == master.check_value:
        return Sentence("is no keystore, or damaged")
    return Sentence(
        "is sealed under the master key with check value {check_value}; the one given has {given}",
        check_value=sealed_under,
        given=master.check_value,
    )


def _opened(master: MasterKey, nonce: bytes, ciphertext: bytes, header: bytes) -> Secret | None:
    """The decrypted content of a keystore; None unless every byte of the file is as it was written."""
    try:
        return Secret(AESGCM(master.secret.reveal()).decrypt(nonce, ciphertext, header))
    except (InvalidTag, ValueError):  # a ValueError where the file is cut short within the nonce
        return None


def _write(path: Path, master: MasterKey, keys: Mapping[str, Key], entropy: Entropy) -> None:
    """Write the file and put it in place whole: a crash leaves the old file or the new one. The caller holds
    the lock.
    """
    header, nonce = _header(master), entropy(_NONCE_LENGTH)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # a crash may have left one
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    leave_to_owner(descriptor, path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(header + nonce + AESGCM(master.secret.reveal()).encrypt(nonce, _clear(keys), header))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_names(path.parent)


def _clear(keys: Mapping[str, Key]) -> bytes:
    """The keys as JSON, to be encrypted."""
    entries = {
        name: {"kind": key.kind.value, "key": key.secret.reveal().hex()} for name, key in sorted(keys.items())
    }
    return json.dumps(entries).encode("ascii")
