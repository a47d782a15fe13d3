"""One cell of the matrix at the office's close: strike at one of its transactions, run it again, compare.

The close runs as a process of its own, as an operator or a timer starts it. Whatever struck it, run again it
must come to what an undisturbed close comes to, and the audit must find nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ledger.book.store import Store
from office.audit.run import audit
from office.database.audit_log import MACHINE
from simulators.days.discrepancies import Counts
from tests.crash.control import READS, SYNCS, WRITES, Control, NotReachedError, Stopped
from tests.crash.disk import Disk, Loss
from tests.crash.forked import Forked
from tests.crash.points import BEFORE_COMMIT, NUMBERS, Fault, Kind
from tests.crash.scene import Cell, LostError, new_folder
from tests.crash.servers import Cluster, Way, own
from tests.office.test_close import content
from tests.support.audit_books import STATED
from tests.support.closing_days import BANKS, LAYOUTS, SEALER, World

_POLICIES, _CUSTOMERS = 120, 10
_SOME = Counts(bank_only=1, ours_only=1, amount_differs=1, state_differs=1, details_differ=1, duplicate=1)
_RUNS, _PAUSE_SECONDS = 40, 0.25
_END_SECONDS = 2
"""A close that has not come to its end when it was run so often does not come to it."""


class Closing:
    """A closed day's front book, the banks' files, and an office that has done nothing yet."""

    def __init__(self, folder: Path, cell: Cell) -> None:
        self.cell, self.folder = cell, folder
        self.random = cell.random
        self.data = folder / "data"
        self.said = folder / "said"
        before = template(cell.kind)
        shutil.copytree(before / "data", self.data)
        shutil.copytree(before / "bankfiles", folder / "bankfiles")
        self.control = Control(folder, self.data)
        self.disk = Disk(self.data, before / "data")
        self.cluster: Cluster | None = None
        self.way: Way | None = None
        if cell.kind is Kind.POSTGRESQL:
            own(self.data)
            self.cluster = Cluster(self.data, self.control.environment(preload=True))
            self.way = Way(self.cluster.port)
        (folder / "office.toml").write_text(_settings(self.url("office"), self.url("front")))

    def url(self, name: str) -> str:
        """The URL of one of the two databases, as the process is to have it."""
        return _url(self.data, self.cluster, name, self.way.port if self.way else None)

    def close(self) -> None:
        """End what was started."""
        if self.cluster is not None and self.cluster.is_up:
            self.cluster.stop(signal.SIGQUIT)
        if self.way is not None:
            self.way.end()
        self.control.close()

    def start(self, **more: str) -> Forked:
        """Start the close, with `more` in its environment."""
        environment = self.control.environment(preload=self.cluster is None)
        arguments = ["office", "close", "--config", str(self.folder / "office.toml")]
        return Forked(arguments, {**environment, **more}, self.said)

    def strike(self) -> None:
        """Run the close until it stands at the point, let the fault happen, and let it end as it may."""
        self.control.arm(NUMBERS[self.cell.point], self.cell.nth)
        process = self.start()
        getattr(self, f"_{self.cell.fault.name.lower()}")(self.control.wait(), process)
        process.wait()
        if self.cluster is not None and self.control.nothing_failed:
            self.cluster.checkpoint()  # the close was over, and nobody wrote any more

    def _kill(self, stopped: Stopped, process: Forked) -> None:
        process.send(signal.SIGKILL)
        stopped.go_on()

    def _power(self, stopped: Stopped, process: Forked) -> None:
        until = self.control.log.stat().st_size
        process.send(signal.SIGKILL)
        process.wait()
        if self.cluster is not None:
            self.cluster.cut_power()
        stopped.go_on()
        log = self.control.log.read_bytes()[:until]
        shutil.move(self.data, self.folder / "as it was")
        torn = Loss(self.random, self.random.choice((512, 4096)))
        self.disk.after_power_cut(log, torn if self.cell.torn else Loss(), self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        if self.cluster is not None:
            own(self.data)
            self.cluster.start_again()

    def _gone(self, stopped: Stopped, _process: Forked) -> None:
        if self.cluster is None:
            self.control.fail(self.random.randint(1, 6), WRITES | SYNCS | READS, errno.EIO)
        else:
            self.cluster.stop(signal.SIGQUIT)
        stopped.go_on()

    def _lost(self, stopped: Stopped, process: Forked) -> None:
        if self.way is None:
            stopped.go_on(errno.EIO)
        elif self.cell.point == BEFORE_COMMIT:
            self.way.lose_next_commit()
            stopped.go_on()
        else:
            self.way.cut()
            # It ends, or would write its act: that has to wait for the place of the one in the lost COMMIT.
            process.ends_within(_END_SECONDS)
            stopped.go_on()

    def _full(self, stopped: Stopped, _process: Forked) -> None:
        self.control.fail(self.random.randint(1, 6), WRITES, errno.ENOSPC)
        stopped.go_on()

    def run_to_the_end(self) -> None:
        """Run the close again until it says that it is done."""
        for _ in range(_RUNS):
            if self.cluster is not None and (not self.cluster.is_up or self.cluster.is_stuck):
                self.cluster.start_again()
            if self.start().wait() == 0:
                return
            threading.Event().wait(_PAUSE_SECONDS)  # PostgreSQL may be at its own recovery
        raise LostError(f"the close does not come to its end: {self.said.read_text()[-300:]}")

    def verdict(self) -> list[str]:
        """Where the office differs from an undisturbed one, and what the audit finds."""
        missed = ["no call failed, so there was no fault"] if self.control.nothing_failed else []
        return missed + compared(self.url("office"), self.url("front"), undisturbed(self.cell.kind).held)


def compared(office_url: str, front_url: str, expected: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    """The tables that differ from what they should be, and the audit's findings."""
    office, front = Store(office_url, lock=False, by_index=False), Store(front_url, lock=False)
    try:
        result = audit(office, front, STATED)
        held = held_by(office)
    finally:
        office.close()
        front.close()
    wrong = [f"table {name} differs" for name in expected if held[name] != expected[name]]
    return wrong + [f"audit: {failing}" for failing in result.failings]


def _settings(office: str, front: str) -> str:
    lines = ["[office]", f'database = "{office}"', f'front = "{front}"', f'seal_key = "{SEALER.public}"']
    for code, name in zip(BANKS, LAYOUTS, strict=True):
        lines += ["[[bank]]", f'code = "{code}"', f'name = "{code}"', f'layout = "{name}"', 'owner = "li"']
    return "\n".join([*lines, '[[clerk]]\nname = "li"', '[[clerk]]\nname = "wang"', ""])


def _url(data: Path, cluster: Cluster | None, name: str, port: int | None = None) -> str:
    return cluster.url(name, port) if cluster is not None else f"sqlite:///{data}/{name}.db"


@cache
def template(kind: Kind) -> Path:
    """The databases of a day that the front has closed, and the banks' files of it."""
    folder = new_folder()
    data = folder / "data"
    cluster = None
    if kind is Kind.POSTGRESQL:
        Cluster.initialise(data)
        cluster = Cluster(data, dict(os.environ))
        for name in ("front", "office"):
            cluster.create(name)
    else:
        data.mkdir()
    world = World(_url(data, cluster, "front"), _url(data, cluster, "office"), 7, _POLICIES)
    world.days.trade(_CUSTOMERS)
    world.leave_files(world.days.cut_over().date, _SOME)
    world.close_world()
    (folder / "bankfiles").mkdir()
    for (bank, date), day_file in world.files.items():
        (folder / "bankfiles" / f"{bank}.{date}.txt").write_bytes(day_file)
    if cluster is not None:
        cluster.stop()
    for left in data.glob("office.db*"):
        left.unlink()
    return folder


class Undisturbed(NamedTuple):
    """A close that nothing struck: its transactions in order, and what the office holds after it."""

    steps: tuple[str, ...]
    held: dict[str, list[tuple[Any, ...]]]


@cache
def undisturbed(kind: Kind) -> Undisturbed:
    """Such a close, run once."""
    with closing_in_folder(Cell(kind, BEFORE_COMMIT, Fault.KILL)) as here:
        steps = here.folder / "steps"
        assert here.start(CRASH_STEPS=str(steps)).wait() == 0, here.said.read_text()
        store = Store(here.url("office"), lock=False, by_index=False)
        try:
            return Undisturbed(tuple(steps.read_text(encoding="utf-8").splitlines()), held_by(store))
        finally:
            store.close()


def held_by(office: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All that the office holds, but for moments; of its acts those of the close itself, for how often people
    asked for it differs.
    """
    held = content(office)
    held["audit_log"] = [row[1:] for row in held["audit_log"] if row[1] == MACHINE]
    return {name: sorted(rows) for name, rows in held.items()}


@contextmanager
def closing_in_folder(cell: Cell) -> Iterator[Closing]:
    """A closed day in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="qianzhi-crash-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        here = Closing(folder, cell)
        try:
            yield here
        finally:
            here.close()


def play_close(cell: Cell) -> list[str]:
    """Run a cell: what was found wrong."""
    undisturbed(cell.kind)
    with closing_in_folder(cell) as here:
        try:
            here.strike()
            here.run_to_the_end()
            return here.verdict()
        except (LostError, NotReachedError, TimeoutError) as error:
            return [f"{type(error).__name__}: {error}"]
