"""The open breaks' file: read when somebody looks, now and then, and never believed unchecked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from fep.status.open_breaks import LOOK_SECONDS, OpenBreaksReader, read
from ledger.files.open_breaks_file import BYTES_MAX, Figures, Outstanding, write

FIGURES = Figures(7, (Outstanding("01020000", "bank_only", "20261124", 1, 100),))


def test_a_file_is_read_checked_and_its_faults_are_said(tmp_path: Path) -> None:
    path = tmp_path / "breaks.json"
    assert read(path) is None
    path.write_bytes(write(FIGURES))
    assert read(path) == FIGURES
    path.write_bytes(b"{")
    assert read(path) == "the file is not in order: is no JSON"
    path.write_bytes(b" " * (BYTES_MAX + 5))
    assert read(path) == f"the file is not in order: more than {BYTES_MAX} bytes"
    assert read(tmp_path) == "the file cannot be read: Is a directory"


def test_a_pipe_in_the_files_place_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "breaks.json"
    os.mkfifo(path)
    assert read(path) == "the file cannot be read: it is no regular file"


def at_once(function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
    return succeed(function(*arguments))


def test_a_look_is_good_for_some_seconds(tmp_path: Path) -> None:
    path, clock = tmp_path / "breaks.json", Clock()
    file = OpenBreaksReader(str(path), clock.seconds, at_once)
    assert file.latest() is None
    path.write_bytes(write(FIGURES))
    clock.advance(LOOK_SECONDS - 1)
    assert file.latest() is None
    clock.advance(1)
    assert file.latest() == FIGURES


def test_nothing_is_read_while_a_look_is_under_way_or_where_no_file_is_named() -> None:
    asked: list[Deferred[Any]] = []

    def later(*_: object) -> Deferred[Any]:
        asked.append(Deferred())
        return asked[-1]

    clock = Clock()
    file = OpenBreaksReader("somewhere", clock.seconds, later)
    for _ in range(3):
        clock.advance(LOOK_SECONDS)
        assert file.latest() is None
    assert len(asked) == 1
    asked[0].callback(FIGURES)
    assert file.latest() == FIGURES
    unnamed = OpenBreaksReader("", clock.seconds, later)
    assert (unnamed.latest(), len(asked)) == (None, 1)
