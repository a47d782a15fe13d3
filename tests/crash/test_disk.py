"""The disk after a power cut: what was synced is there, nothing else is promised; and the log of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.crash.control import Control, compiler
from tests.crash.disk import _HEAD, Disk, Loss, What, records
from tests.support.child_processes import running

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler here: set CC")


class Log:
    """A log, written by hand. The folder has one file, `old`, of 1,024 bytes."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self._before = tmp_path / "live", tmp_path / "before"
        for folder in (self.folder, self._before):
            folder.mkdir()
            (folder / "old").write_bytes(b"o" * 1024)
        self._target = tmp_path / "after"
        self._log = b""
        self._inodes = {"old": (self.folder / "old").stat().st_ino, ".": self.folder.stat().st_ino}

    def note(self, what: What, name: str, at: int = 0, rest: bytes = b"") -> None:
        inode = self._inodes.setdefault(name, len(self._inodes) + 10**9)
        self._log += _HEAD.pack(what, inode, at, len(rest)) + rest

    def write(self, name: str, at: int, data: bytes) -> None:
        self.note(What.WRITE, name, at, data)

    def sync(self, name: str, begun: int | None = None) -> None:
        self.note(What.SYNC, name, self.length if begun is None else begun)

    def create(self, name: str) -> None:
        self.note(What.CREATE, name, rest=str(self.folder / name).encode())

    def rename(self, old: str, new: str) -> None:
        self.note(What.RENAME, "", rest=f"{self.folder / old}\0{self.folder / new}".encode())

    @property
    def length(self) -> int:
        return len(self._log)

    def after(self, loss: Loss | None = None) -> dict[str, bytes]:
        Disk(self.folder, self._before).after_power_cut(self._log, loss or Loss(), self._target)
        return {path.name: path.read_bytes() for path in self._target.iterdir()}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_a_write_that_was_not_synced_is_lost(log: Log) -> None:
    log.write("old", 0, b"new")
    assert log.after() == {"old": b"o" * 1024}


def test_a_write_before_a_sync_survives_and_one_behind_it_does_not(log: Log) -> None:
    log.write("old", 0, b"new")
    log.sync("old")
    log.write("old", 3, b"lost")
    assert log.after() == {"old": b"new" + b"o" * 1021}


def test_a_write_that_came_while_a_sync_was_under_way_is_lost(log: Log) -> None:
    begun = log.length
    log.write("old", 0, b"new")
    log.sync("old", begun)
    assert log.after() == {"old": b"o" * 1024}


def test_a_new_file_is_there_only_when_its_folder_was_synced(log: Log) -> None:
    log.create("new")
    log.write("new", 0, b"n")
    log.sync("new")
    lost = dict.fromkeys(["old"], b"o" * 1024)
    assert log.after() == lost


def test_a_new_file_in_a_synced_folder_has_what_was_synced_of_it(log: Log) -> None:
    log.create("new")
    log.sync(".")
    log.write("new", 0, b"n")
    assert log.after()["new"] == b""


def test_a_renamed_file_has_its_old_name_until_the_folder_is_synced(log: Log) -> None:
    log.rename("old", "new")
    assert list(log.after()) == ["old"]


def test_a_rename_is_done_when_the_folder_is_synced(log: Log) -> None:
    log.rename("old", "new")
    log.sync(".")
    assert log.after() == {"new": b"o" * 1024}


def test_a_torn_disk_keeps_whole_sectors_and_all_that_was_synced(log: Log) -> None:
    log.write("old", 0, b"s" * 512)
    log.sync("old")
    log.write("old", 512, b"a" * 2048)
    after = log.after(Loss(Random(1), 512))["old"]
    sectors = [after[place : place + 512] for place in range(0, len(after), 512)]
    assert sectors[0] == b"s" * 512
    assert {sector[:1] for sector in sectors[1:]} <= {b"a", b"o", b"\0"}
    assert all(len(set(sector)) == 1 for sector in sectors)
    assert b"a" * 512 in sectors, "the seed keeps some"
    assert b"a" * 2048 not in after, "and not all"


def test_a_log_that_ends_within_a_record_ends_before_it(log: Log) -> None:
    log.write("old", 0, b"new")
    assert [record.rest for record in records(log._log)] == [b"new"]
    assert list(records(log._log[:-1])) == []


_COMMITS = """
import sqlite3, sys
one = sqlite3.connect(sys.argv[1], isolation_level=None)
one.execute("PRAGMA journal_mode=WAL")
one.execute(f"PRAGMA synchronous={sys.argv[2]}")
one.execute("CREATE TABLE t(n)")
for n in range(3):
    one.execute("INSERT INTO t VALUES (?)", (n,))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cut(tmp_path: Path) -> Callable[[str], list[str]]:
    """Commits three rows through SQLite under the library, cuts the power, and counts what is there."""

    def run(synchronous: str) -> list[str]:
        data, before, after = tmp_path / "data", tmp_path / "before", tmp_path / "after"
        data.mkdir()
        before.mkdir()
        control, disk = Control(tmp_path, data), Disk(data, before)
        command = [sys.executable, "-c", _COMMITS, str(data / "a.db"), synchronous]
        with running(command, env=control.environment(preload=True), stdin=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.kill()
        disk.after_power_cut(control.log.read_bytes(), Loss(), after)
        control.close()
        completed = subprocess.run(
            [sys.executable, "-c", _COUNTS, str(after / "a.db")], capture_output=True, text=True, check=True
        )
        return completed.stdout.split()

    return run


_COUNTS = """
import sqlite3, sys
one = sqlite3.connect(sys.argv[1])
print(*[row[0] for row in one.execute("SELECT n FROM t")] if one.execute(
    "SELECT 1 FROM sqlite_master").fetchone() else ["nothing"])
one.close()
"""


@needs_compiler
def test_commits_of_sqlite_that_syncs_outlive_the_power(cut: Callable[[str], list[str]]) -> None:
    assert cut("FULL") == ["0", "1", "2"]


@needs_compiler
def test_commits_of_sqlite_that_does_not_sync_are_gone(cut: Callable[[str], list[str]]) -> None:
    assert cut("OFF") == ["nothing"]
