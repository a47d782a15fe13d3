"""A backup of a front-end machine, taken while it serves, and its way back.

A backup is a folder: the settings, the keystore, the machine's certificate and key, the banks' own dialects,
the book, and a manifest with the digest of each and the end of each chain, written last: without it a folder
is no backup. The master key is never in it: who has both has every key. Nothing that exists is ever
overwritten. How the book itself is copied, `ledger.book.book_copy` says; which machine may serve from what
came back, a person decides (docs/drill.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from fep.errors import FepError
from fep.keys.keys import leave_to_owner
from fep.settings.config import Settings, load_settings, settings_alone
from fep.settings.dialects import own_files
from ledger.book.book_copy import copy_book, put_back, require_place
from ledger.files.settings import Section, embedded_file
from ledger.rules.seal import ChainEnd
from qianzhi_errors.sentence import Sentence

MANIFEST: Final = "manifest.json"
_SETTINGS: Final = "qianzhi.toml"
_PART: Final = 1 << 20


class BackupError(FepError):
    """No backup was taken, or none came back; the text says what stands in the way."""


class BackedUpFile(Section):
    """One file of a backup: its name there, its size in bytes and its SHA-256."""

    name: str
    bytes: int
    sha256: str


class BackedUpChain(Section):
    """The end of a chain: the position of its last entry, and the hash over it. A dump of PostgreSQL may have
    more.
    """

    chain: int
    position: int
    tip: str


class Manifest(Section):
    """What a backup says of itself. `taken_at` is ISO 8601 with its offset; `node` is the machine's name."""

    node: str
    taken_at: str
    files: tuple[BackedUpFile, ...]
    chains: tuple[BackedUpChain, ...]


class _Source(NamedTuple):
    """A file of the machine, and its name in a backup."""

    name: str
    path: Path


def back_up(config: Path, folder: Path, taken_at: str) -> Manifest:
    """Back up the machine of these settings into a new or empty folder, and return the manifest. Raises
    BackupError, SettingsError, LedgerError or OSError; then the folder has no manifest.
    """
    settings = load_settings(config)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupError(
            Sentence("{folder} is not empty: a backup goes into a folder of its own", folder=folder)
        )
    for source in _sources(settings, config):
        _copy(source.path, folder / source.name)
    chains = _named(copy_book(settings.node.database, folder))
    files = tuple(_described(path) for path in sorted(folder.iterdir()))
    manifest = Manifest(node=settings.node.name, taken_at=taken_at, files=files, chains=chains)
    (folder / MANIFEST).write_text(f"{json.dumps(manifest.model_dump(), indent=1)}\n", encoding="utf-8")
    return manifest


def restore(folder: Path, config: Path) -> Manifest:
    """Bring a backup back to where the settings say, prove the book, and return the manifest.

    The settings are the backup's, unless `config` is there already: then its places hold. The master key must
    come from elsewhere, before or after. Raises BackupError where a file is not as the manifest has it, where
    something is in the way, or where the book does not hold; and SettingsError, LedgerError or OSError.
    """
    manifest = read_manifest(folder)
    if not config.exists():
        _copy(folder / _SETTINGS, config)
    settings = settings_alone(config)
    wanted = [source for source in _sources(settings, config) if source.name != _SETTINGS]
    for source in wanted:
        if source.path.exists():
            raise BackupError(Sentence("{path} is there already: nothing is overwritten", path=source.path))
    require_place(folder, settings.node.database)
    for source in wanted:
        _copy(folder / source.name, source.path)
    ends = _named(put_back(folder, settings.node.database))
    if book := embedded_file(settings.node.database):
        with book.open("rb") as file:
            leave_to_owner(file.fileno(), book.parent)
        if ends != manifest.chains:
            raise BackupError(Sentence("the book's chains end elsewhere than the manifest says"))
    return manifest.model_copy(update={"chains": ends})


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's manifest and hold every file against it. Raises BackupError, which names the first file
    that is missing, too much, or not as it was.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes(), strict=False)
    except FileNotFoundError as error:
        raise BackupError(
            Sentence(
                "{folder} has no {manifest}: it is no backup, or not a whole one",
                folder=folder,
                manifest=MANIFEST,
            )
        ) from error
    except ValidationError as error:
        raise BackupError(
            Sentence("{path} is not a manifest as `qianzhi backup` writes it", path=folder / MANIFEST)
        ) from error
    names = {path.name for path in folder.iterdir()} - {MANIFEST}
    listed = {file.name for file in manifest.files}
    for name in sorted(names ^ listed):
        if name in listed:
            raise BackupError(Sentence("{path} is missing", path=folder / name))
        raise BackupError(Sentence("{path} is not in the manifest", path=folder / name))
    for file in manifest.files:
        if _described(folder / file.name) != file:
            raise BackupError(
                Sentence("{path} is not as it was when the backup was taken", path=folder / file.name)
            )
    return manifest


def _sources(settings: Settings, config: Path) -> Iterator[_Source]:
    """The files of a machine that are copied as they are."""
    yield _Source(_SETTINGS, config)
    yield _Source("keystore", settings.keystore.path)
    if settings.tls is not None:
        yield _Source("machine.crt", Path(settings.tls.certificate_file))
        yield _Source("machine.key", Path(settings.tls.key_file))
    yield from (_Source(f"dialect-{path.name}", path) for path in own_files(settings))


def _copy(source: Path, target: Path) -> None:
    """Copy a file to where none is, for its owner alone, and have it on disk. Its folder is made."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as read:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        leave_to_owner(descriptor, target.parent)
        with open(descriptor, "wb") as written:
            shutil.copyfileobj(read, written, _PART)
            written.flush()
            os.fsync(written.fileno())


def _named(ends: tuple[ChainEnd, ...]) -> tuple[BackedUpChain, ...]:
    return tuple(BackedUpChain(chain=end.chain, position=end.position, tip=end.tip) for end in ends)


def _described(path: Path) -> BackedUpFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return BackedUpFile(name=path.name, bytes=path.stat().st_size, sha256=digest.hexdigest())
