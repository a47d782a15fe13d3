"""A backup holds a machine whole, comes back only as it was, and overwrites nothing; on both databases."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from fep.settings.config import load_settings
from fep.setup.backup import MANIFEST, BackupError, back_up, read_manifest, restore
from ledger.book.book_copy import BookCopyError
from ledger.book.front import FrontBook
from ledger.book.journal import read_chains
from ledger.book.store import Store
from simulators.cluster.postgresql import binaries
from tests.support.builders import book, premium, request
from tests.support.machine import load_front_book, write_settings

TAKEN = "2026-11-24T10:00:00+08:00"


class Machine:
    """A machine's files and its book, in which one due was paid; and another place for what comes back."""

    def __init__(self, folder: Path, new_database: Callable[[str], str]) -> None:
        self.folder, self.saved = folder / "machine", folder / "saved"
        self.folder.mkdir()
        self.url = new_database("front")
        self.config = self.folder / "qianzhi.toml"
        settings = write_settings(self.folder, self.url)
        load_front_book(settings, book(dues=[premium("D1", "P1"), premium("D2", "P2")]))
        self.store = Store(self.url)
        self.node = FrontBook(self.store, "check", os.urandom)
        self.node.claim("fep1")
        self.pay("P1")

    def pay(self, policy: str) -> None:
        [answer] = self.node.commit([request(policy=policy)], 1)
        assert answer.response.value == "00"

    def ends(self) -> list[tuple[int, int, str]]:
        with self.store.reading() as connection:
            return [(chain.chain, chain.position, chain.tip) for chain in read_chains(connection)]


@pytest.fixture
def machine(
    tmp_path: Path, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    monkeypatch.setenv("PATH", os.pathsep.join((str(binaries()), os.environ["PATH"])))
    here = Machine(tmp_path, new_database)
    yield here
    here.store.close()


def elsewhere(machine: Machine, folder: Path, new_database: Callable[[str], str]) -> Path:
    """Settings of a place where nothing is yet: those of the machine, with another database."""
    folder.mkdir()
    config = folder / "qianzhi.toml"
    url = new_database("again")
    config.write_text(machine.config.read_text().replace(machine.url, url))
    return config


def test_what_was_backed_up_while_the_machine_serves_comes_back_as_it_was(
    machine: Machine, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    ends = machine.ends()
    manifest = back_up(machine.config, machine.saved, TAKEN)
    machine.pay("P2")
    assert [(chain.chain, chain.position, chain.tip) for chain in manifest.chains] == ends
    assert (manifest.node, manifest.taken_at) == ("fep1", TAKEN)
    assert {path.name for path in machine.saved.iterdir()} >= {MANIFEST, "qianzhi.toml", "keystore"}
    config = elsewhere(machine, tmp_path / "other", new_database)
    assert restore(machine.saved, config).chains == manifest.chains
    settings = load_settings(config)
    keystore = load_settings(machine.config).keystore.path
    assert settings.keystore.path.read_bytes() == keystore.read_bytes()
    with (
        closing(Store(settings.node.database, lock=False)) as again,
        again.reading() as connection,
    ):
        paid = connection.execute(text("SELECT policy FROM journal WHERE response = '00'")).scalars().all()
    assert paid == ["P1"]


def test_a_banks_own_dialect_comes_back_with_the_machine(
    machine: Machine, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    text = machine.config.read_text().replace("[node]", '[node]\ndialects = "dialects"', 1)
    machine.config.write_text(f'{text}\ndialect = "own"\n')
    file = machine.config.parent / "dialects" / "own.toml"
    file.parent.mkdir()
    file.write_text('base = "hex87"\n')
    back_up(machine.config, machine.saved, TAKEN)
    config = elsewhere(machine, tmp_path / "other", new_database)
    restore(machine.saved, config)
    assert load_settings(config).node.dialects == str(config.parent / "dialects")
    assert (config.parent / "dialects" / "own.toml").read_bytes() == file.read_bytes()


def test_the_master_key_is_in_no_backup(machine: Machine) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    key = (machine.folder / "master.key").read_bytes()
    assert [path.name for path in machine.saved.iterdir() if key in path.read_bytes()] == []


def test_a_backup_is_for_its_owner_alone(machine: Machine) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    assert machine.saved.stat().st_mode & 0o777 == 0o700
    files = [path for path in machine.saved.iterdir() if path.name != MANIFEST]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_a_backup_goes_into_a_folder_of_its_own(machine: Machine) -> None:
    machine.saved.mkdir()
    (machine.saved / "letter").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        back_up(machine.config, machine.saved, TAKEN)
    assert [path.name for path in machine.saved.iterdir()] == ["letter"]


def test_what_was_not_finished_is_no_backup(machine: Machine) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    (machine.saved / MANIFEST).unlink()
    with pytest.raises(BackupError, match=r"has no manifest\.json"):
        restore(machine.saved, machine.folder / "new.toml")


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda saved: _flipped(saved / "keystore"), "keystore is not as it was"),
        (lambda saved: _flipped(next(saved.glob("book.*"))), r"book\.\w+ is not as it was"),
        (lambda saved: (saved / "keystore").unlink(), "keystore is missing"),
        (lambda saved: (saved / "more").touch(), "more is not in the manifest"),
        (lambda saved: (saved / MANIFEST).write_text("[]"), "is not a manifest"),
        (lambda saved: (saved / MANIFEST).write_text("{"), "is not a manifest"),
        (lambda saved: (saved / MANIFEST).write_bytes(b"\xff"), "is not a manifest"),
    ],
)
def test_a_backup_that_was_changed_brings_nothing_back(
    machine: Machine,
    tmp_path: Path,
    new_database: Callable[[str], str],
    change: Callable[[Path], object],
    reason: str,
) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    change(machine.saved)
    config = elsewhere(machine, tmp_path / "other", new_database)
    with pytest.raises(BackupError, match=reason):
        restore(machine.saved, config)
    assert [path.name for path in config.parent.iterdir()] == ["qianzhi.toml"]


def test_nothing_that_is_there_is_overwritten(
    machine: Machine, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    before = {path.name: path.read_bytes() for path in machine.folder.iterdir() if path.is_file()}
    with pytest.raises(BackupError, match="is there already"):
        restore(machine.saved, machine.config)
    (machine.folder / "keystore").rename(tmp_path / "away")
    with pytest.raises(BookCopyError, match=r"is there already|has tables already"):
        restore(machine.saved, machine.config)
    (tmp_path / "away").rename(machine.folder / "keystore")
    assert {path.name: path.read_bytes() for path in machine.folder.iterdir() if path.is_file()} == before


def test_a_book_of_the_other_kind_of_database_is_told_so(
    machine: Machine, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    kept = next(machine.saved.glob("book.*"))
    other = kept.with_name("book.dump" if kept.name == "book.db" else "book.db")
    kept.rename(other)
    manifest = machine.saved / MANIFEST
    manifest.write_text(manifest.read_text().replace(kept.name, other.name))
    config = elsewhere(machine, tmp_path / "other", new_database)
    with pytest.raises(BookCopyError, match="another kind of database"):
        restore(machine.saved, config)


def test_a_book_whose_chain_does_not_hold_is_not_taken_for_a_backup(machine: Machine) -> None:
    if not machine.store.is_sqlite:
        pytest.skip("a dump is proved when it comes back")
    with machine.store.transaction() as connection:
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        for name in triggers.scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE journal SET amount = amount + 1 WHERE position = 1"))
    with pytest.raises(BookCopyError, match="chain 1"):
        back_up(machine.config, machine.saved, TAKEN)
    assert not (machine.saved / MANIFEST).exists()


def test_without_postgresqls_programs_it_says_what_to_install(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if machine.store.is_sqlite:
        pytest.skip("an SQLite book needs none")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BookCopyError, match="pg_dump is not here"):
        back_up(machine.config, machine.saved, TAKEN)


def test_a_manifest_says_of_each_file_what_it_is(machine: Machine) -> None:
    manifest = back_up(machine.config, machine.saved, TAKEN)
    assert read_manifest(machine.saved) == manifest
    listed = json.loads((machine.saved / MANIFEST).read_text())["files"]
    assert {file["name"] for file in listed} == {path.name for path in machine.saved.iterdir()} - {MANIFEST}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_brings_back_is_the_folders_owners(
    machine: Machine, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    back_up(machine.config, machine.saved, TAKEN)
    config = elsewhere(machine, tmp_path / "elsewhere", new_database)
    os.chown(config.parent, 54321, 54322)
    restore(machine.saved, config)
    brought = [load_settings(config).keystore.path]
    book_file = Path(load_settings(config).node.database.removeprefix("sqlite:///"))
    brought += [book_file] if book_file.parent == config.parent else []
    assert {(path.stat().st_uid, path.stat().st_gid) for path in brought} == {(54321, 54322)}
