"""One cell of the matrix at the sealing of a volume: kill it at a durable step, seal again, compare.

Lists the steps that leave something on the disk or in the catalogue, and plays one of them: a forked process
seals and kills itself before or after the step, and a sealing at a later moment goes on. How a volume is
sealed, `archive.sealing` says.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from functools import cache, reduce
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from archive import merged_index
from archive.audit import audit
from archive.catalogue.schema import CATALOGUE
from archive.volume.index import Kind
from ledger.book.store import Store
from tests.support.archived_days import AT, OfficeDays, person_of
from tests.support.sealing_room import KEY, places, sealing, with_days


class Step(NamedTuple):
    """A durable step. `target` is the function that does it, as `module:Class.function`, and `call` says at
    which of its calls the process is killed.
    """

    name: str
    target: str
    call: int = 1


STEPS = (
    Step("volume named in the catalogue", "archive.sealing:Sealing._begin"),
    Step("parcels staged", "archive.sealing:stage"),
    Step("log extended", "archive.sealing:append_hashes"),
    Step("tiles and checkpoint on the volume", "archive.sealing:Sealing._extend_log"),
    Step("keys and earlier volumes on the volume", "archive.sealing:Sealing._write_beside"),
    Step("indexes, manifests and note", "archive.volume.build:complete"),
    Step("image written", "archive.volume.image:write"),
    Step("image read again", "archive.volume.image:check"),
    Step("volume sealed in the catalogue", "archive.sealing:Sealing._commit"),
    Step("merged indexes", "archive.merged_index:bring_up_to_date", call=2),
    Step("folders removed", "archive.sealing:Sealing.tidy", call=2),
)
"""In their order. The indexes and folders of earlier volumes come first: hence the second call."""

SIDES = ("before", "after")
POINTS = {f"{side} {step.name}": (step, side) for step in STEPS for side in SIDES}
_NOT_NAMED = f"before {STEPS[0].name}"
"""Killed there, nothing is known yet of the volume: its moment is that of the next sealing."""


class Sealed(NamedTuple):
    """What came of a sealing: the digest of each file, and each table's rows."""

    files: dict[str, str]
    rows: dict[str, list[tuple[Any, ...]]]


def killed(folder: Path, point: str) -> int:
    """Have a forked process seal, and kill itself at the point: nothing cleans up after it; its exit code."""
    child = os.fork()
    if not child:
        try:
            _arm(*POINTS[point])
            _seal(folder, AT)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _arm(step: Step, side: str) -> None:
    """Wrap the function of a step, in this process, so that it ends this process."""
    module, _, path = step.target.partition(":")
    *owners, attribute = path.split(".")
    owner = reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, attribute, _deadly(getattr(owner, attribute), step.call, side))


def _deadly(function: Callable[..., Any], call: int, side: str) -> Callable[..., Any]:
    calls = 0

    def wrapped(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        nonlocal calls
        calls += 1
        if calls < call:
            return function(*given, **named)
        if side == "after":
            function(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return wrapped


def _seal(folder: Path, at: int) -> None:
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    try:
        list(sealing(store, folder).run(at, now=True))
    finally:
        store.close()


def sealed_in(ready: Path, point: str = "") -> tuple[Sealed, list[str]]:
    """Seal a copy of an archive whose parcels are complete: what came of it, and what is wrong with it.

    Where a point is named, a process was killed there, and this one seals a microsecond later.
    """
    with tempfile.TemporaryDirectory(prefix="qianzhi-crash-") as name:
        folder = shutil.copytree(ready, Path(name, "archive"))
        wrong = []
        if point and (code := killed(folder, point)) != -signal.SIGKILL:
            wrong.append(f"not killed at the point: exit code {code}")
        _seal(folder, AT + (point not in ("", _NOT_NAMED)))
        store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
        try:
            return _held(store, folder), wrong + _faults(store, folder)
        finally:
            store.close()


def _held(store: Store, folder: Path) -> Sealed:
    images = places(folder).images
    files = {
        str(path.relative_to(images)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in images.rglob("*")
        if path.is_file()
    }
    with store.reading() as connection:
        rows = {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in CATALOGUE.sorted_tables
        }
    return Sealed(files, rows)


def _faults(store: Store, folder: Path) -> list[str]:
    """What the archive's audit finds, what is not found by its index, and what nobody needs any more."""
    here = places(folder)
    with store.reading() as connection:
        wrong = [f"audit: {finding}" for finding in audit(connection, here, KEY, [], (), "20261001")]
    if merged_index.find(here.index, Kind.PERSON, person_of("P1").person, 1) is None:
        wrong.append("a person is not in the index")
    return wrong + [f"left over: {path.name}" for path in here.staging.rglob("*") if path.is_file()]


def play_sealing(ready: Path, whole: Sealed, point: str) -> list[str]:
    """Run a cell: what was found wrong. `whole` is what came of a sealing that nothing struck."""
    held, wrong = sealed_in(ready, point)
    wrong += [
        f"file {name} differs"
        for name in sorted(held.files.keys() | whole.files.keys())
        if held.files.get(name) != whole.files.get(name)
    ]
    return wrong + [f"table {name} differs" for name in whole.rows if held.rows[name] != whole.rows[name]]


@cache
def template() -> Path:
    """An archive whose parcels are complete, of an office with two posted days."""
    from tests.crash.scene import new_folder

    folder = new_folder()
    with with_days(folder, OfficeDays(folder / "office", days=2)):
        return folder


@cache
def undisturbed() -> Sealed:
    """What came of a sealing of the template that nothing struck."""
    return sealed_in(template())[0]
