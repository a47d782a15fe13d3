"""The self-test before serving: what a disk, a clock and a journal are refused for, and the words for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from os import urandom
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from fep.doctor.selftest import CLOCK_TOLERANCE_US, Fixture, Mount, Unfit, check, disk_findings, mount_of
from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.journal import read_entries
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.rules.entry import entry_hash
from ledger.rules.seal import Sealer
from tests.support.builders import book, premium, request
from tests.support.machine import SEAL_KEY, Machine, load_front_book, write_settings

NOW = 1_764_000_000_000_000
DISK = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw,discard\n"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """A book with a closed day and an open one, entries in both, on a chain that is sound."""
    store = Store(database)
    front = FrontBook(store, "check", urandom)
    front.create()
    load_book(store, book(dues=[premium(f"D{n}", f"P{n}") for n in range(6)]), str, NOW)
    front.claim("fep1")
    front.commit([request(policy="P0"), request(policy="P1")], NOW)
    cut_over(store, "20261124", lambda _: "20261125", Sealer(SEAL_KEY), NOW)
    front.commit([request(policy="P2"), request(policy="P3")], NOW)
    yield store
    store.close()


@contextmanager
def tampering(store: Store) -> Iterator[Callable[[str], object]]:
    """Change the book behind the triggers' back, as who has the disk can."""
    with store.transaction() as connection:
        for table in ("journal", "audit_log"):
            drop = f"DROP TRIGGER {table}_is_never_"
            behind = f"ALTER TABLE {table} DISABLE TRIGGER USER"
            for statement in (f"{drop}updated", f"{drop}deleted") if store.is_sqlite else (behind,):
                connection.execute(text(statement))
        yield lambda statement: connection.execute(text(statement))


def findings(store: Store, now_us: int = NOW, accepted_us: int = 0) -> tuple[str, ...]:
    try:
        check(store, now_us, accepted_us, durable=False)
    except Unfit as unfit:
        return unfit.findings
    return ()


def fixture(folder: Path, mountinfo: str = DISK, maps: str = "", sync: float = 1e-3) -> Fixture:
    """A made /proc, and a clock on which every sync takes so long."""
    (folder / "self").mkdir(parents=True)
    (folder / "self/mountinfo").write_text(mountinfo)
    (folder / "self/maps").write_text(maps)
    moments = (second + late for second in count() for late in (0, sync))
    return Fixture(folder, lambda: next(moments))


def test_a_sound_book_is_served(store: Store) -> None:
    assert findings(store) == ()


@pytest.mark.parametrize(
    ("statement", "wording"),
    [
        (
            "UPDATE journal SET amount = amount + 1 WHERE position = 3",
            "chain 1, entry 4: does not carry the hash of the entry before it",
        ),
        (
            "DELETE FROM journal WHERE position = 4",
            "chain 1, entry 3: is not the last entry that the chain's tip vouches for",
        ),
        (
            "UPDATE days SET closed_at = closed_at + 1 WHERE state = 'closed'",
            "business day 20261124: its seal is not over what stands beside it",
        ),
    ],
)
def test_a_journal_that_does_not_prove_itself_since_the_last_seal_is_not_served(
    store: Store, statement: str, wording: str
) -> None:
    with tampering(store) as execute:
        execute(statement)
    seen_findings = findings(store)
    assert (seen_findings[0], "journal verify" in seen_findings[-1]) == (wording, True)


def test_a_chain_that_was_cut_back_to_the_seal_is_found(store: Store) -> None:
    with tampering(store) as execute:
        execute("DELETE FROM journal WHERE position > 2")
    assert findings(store)[0] == "chain 1, entry 2: is not the last entry that the chain's tip vouches for"


def test_a_tail_that_does_not_begin_where_the_seal_ends_is_found(store: Store) -> None:
    """Whoever puts other entries behind the seal, each hashed anew, must still join them to it."""
    with store.reading() as connection:
        first, second = (entry for entry in read_entries(connection, 1) if entry.position > 2)
    forged = first._replace(previous="0" * 64)
    following = second._replace(previous=entry_hash(forged))
    with tampering(store) as execute:
        for entry in (forged, following):
            where = f"WHERE position = {entry.position}"
            execute(f"UPDATE journal SET previous = '{entry.previous}' {where}")  # noqa: S608 - our own text
        execute(f"UPDATE chains SET tip = '{entry_hash(following)}'")  # noqa: S608 - our own text
    assert findings(store)[0] == "chain 1, entry 3: does not carry the hash of the entry before it"


def test_no_more_broken_links_are_told_than_a_person_reads(store: Store) -> None:
    front = FrontBook(store, "check", urandom)
    front.claim("fep1")
    front.commit([request(policy="P4", amount=1) for _ in range(30)], NOW)
    with tampering(store) as execute:
        execute("UPDATE journal SET branch = 'B' WHERE position > 2")
    seen_findings = findings(store)
    assert (len(seen_findings), "32 faults" in seen_findings[-1]) == (11, True)


def test_a_clock_behind_what_was_written_is_refused_and_one_within_the_tolerance_is_not(store: Store) -> None:
    assert findings(store, NOW - CLOCK_TOLERANCE_US) == ()
    assert findings(store, NOW - CLOCK_TOLERANCE_US - 1) == (
        "the clock says 2025-11-24 15:58:59 UTC, and the book was written to at 2025-11-24 16:00:00 UTC:"
        " set the clock, then start again; or if it is right, say so by qianzhi clock accept, and entries are"
        " stamped as the last one until the clock has come that far",
    )


def test_a_clock_that_a_person_accepted_with_what_was_written_by_then_is_good(store: Store) -> None:
    behind = NOW - 8 * 3_600_000_000
    assert findings(store, behind, NOW) == ()
    assert len(findings(store, behind, NOW - 1)) == 1


@pytest.mark.parametrize("place", ["entry", "cutover", "act"])
def test_whatever_was_written_last_is_what_the_clock_is_held_against(database: str, place: str) -> None:
    store = Store(database)
    front = FrontBook(store, "check", urandom)
    front.create()
    later = NOW + 2 * CLOCK_TOLERANCE_US
    load_book(store, book(), str, later if place == "act" else NOW)
    front.claim("fep1")
    front.commit([request()], later if place == "entry" else NOW)
    if place == "cutover":
        cut_over(store, "20261124", lambda _: "20261125", Sealer(SEAL_KEY), later)
    assert [line[:14] for line in findings(store)] == ["the clock says"]
    assert findings(store, later) == ()
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Store]:
    """A book in a file, empty."""
    store = Store(f"sqlite:///{tmp_path / 'front.db'}")
    yield store
    store.close()


def test_a_book_on_a_disk_that_syncs_is_durable(file: Store, tmp_path: Path) -> None:
    assert list(disk_findings(file, fixture(tmp_path / "proc"))) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"mountinfo": DISK + "9 22 0:9 / {folder} rw - tmpfs tmpfs rw\n"},
            "lies on tmpfs ({folder}), which forgets",
        ),
        (
            {"mountinfo": DISK + "9 22 0:9 / {folder} rw - nfs4 host:/x rw\n"},
            "SQLite needs a disk of this machine",
        ),
        ({"mountinfo": DISK.replace("discard", "nobarrier")}, "/ is mounted with nobarrier"),
        ({"maps": "7f00-7f01 r-xp 0 8:1 9 /usr/lib/libeatmydata.so\n"}, "libeatmydata is loaded"),
        ({"sync": 1e-6}, "took 1.0 us, which no device can"),
    ],
)
def test_a_disk_that_lies_is_told_by_what_it_claims_and_by_what_is_impossible(
    file: Store, tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    texts = {name: text.format(folder=tmp_path) for name, text in given.items() if name != "sync"}
    (fault,) = disk_findings(file, fixture(tmp_path / "proc", **{**given, **texts}))
    assert words.format(folder=tmp_path) in fault


def test_the_mount_of_a_folder_is_the_deepest_and_of_two_at_one_place_the_later() -> None:
    text_ = DISK + (
        "30 22 0:30 / /srv/my\\040books rw - xfs /dev/b rw,barrier=0\n31 22 0:31 / /srv rw - tmpfs none rw\n"
        "32 30 0:32 / /srv/my\\040books ro - ext4 /dev/c rw\n"
    )
    assert mount_of(Path("/srv/my books/front"), text_) == Mount(
        "/srv/my books", "ext4", frozenset({"ro", "rw"})
    )
    assert mount_of(Path("/srvx"), text_) == Mount("/", "ext4", frozenset({"rw", "relatime", "discard"}))
    assert mount_of(Path("/srv/my"), text_) == Mount("/srv", "tmpfs", frozenset({"rw"}))


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="no memory-backed file system at /dev/shm")
def test_a_book_in_memory_is_refused_by_the_real_system() -> None:
    with TemporaryDirectory(dir="/dev/shm") as name:
        store = Store(f"sqlite:///{name}/front.db")
        seen_findings = list(disk_findings(store, Fixture()))
        store.close()
    assert [("which forgets" in line, "durable = false" in line) for line in seen_findings] == [(True, True)]


def test_a_postgresql_that_does_not_sync_is_refused(postgresql: str) -> None:
    url = postgresql.replace("postgresql://", "postgresql+psycopg://", 1)
    with psycopg.connect(postgresql) as connection:
        setting = connection.execute("SHOW fsync").fetchone()
    store = Store(url)
    seen_findings = list(disk_findings(store, Fixture()))
    store.close()
    assert setting is not None
    assert [line.split(":")[0] for line in seen_findings] == (
        ["PostgreSQL runs with fsync = off"] if setting[0] == "off" else []
    )


def test_a_machine_that_is_not_fit_does_not_listen(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings)
    store = Store(settings.node.database)
    with tampering(store) as execute:
        execute("UPDATE audit_log SET at = 4070908800000000")
    store.close()
    with pytest.raises(Unfit, match="the clock says"):
        Machine(settings)
