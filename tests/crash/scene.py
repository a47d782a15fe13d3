"""One cell of the matrix on the front-end machine's way: trade, strike at a point, start again, compare.

A cell ends with what was found wrong; an empty list is "agree". What there is to strike, tests.crash.points
says.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, FirstError
from twisted.python.failure import Failure

from fep.operator.control_client import ControlError, ask
from ledger.book.store import Store
from simulators.beliefs import State
from simulators.days.comparison import differences, read_journal
from simulators.link import BankError
from tests.crash.control import READS, SECONDS, SYNCS, WRITES, Control, NotReachedError, Stopped
from tests.crash.disk import Disk, Loss
from tests.crash.points import (
    BEFORE_COMMIT,
    LEFT,
    NUMBERS,
    POINTS,
    Fault,
    Kind,
    Part,
    Thread,
)
from tests.crash.servers import Cluster, Machine, Way, own
from tests.crash.stubborn import BOOK, RETRY_SECONDS, Stubborn
from tests.support.builders import BANK
from tests.support.machine import Books, _run_reactor, load_front_book, reactor, wait_for, write_settings
from tests.support.ports import own_ports
from tests.support.seal_reader import faults

TODAY, TOMORROW = "1124", "1125"
TORN_DISKS = 6
"""How many torn disks are looked at beside the strict one that the cell goes on with."""


class Cell(NamedTuple):
    """One run: everything random in it follows from the seed."""

    kind: Kind
    point: str
    fault: Fault
    part: Part = Part.TRADE
    nth: int = 1
    torn: bool = False
    cheat: str = ""
    seed: int = 1

    @property
    def random(self) -> Random:
        """The cell's own random numbers."""
        return Random("/".join(map(str, self)))


class Scene:
    """A front-end machine with its database and its bank, in a folder of their own."""

    def __init__(self, folder: Path, cell: Cell) -> None:
        self.cell, self.folder = cell, folder
        self.random = cell.random
        self.data = folder / "data"
        self.before = template(cell.kind)
        shutil.copytree(self.before, self.data)
        self.control = Control(folder, self.data)
        self.disk = Disk(self.data, self.before)
        self.cluster: Cluster | None = None
        self.way: Way | None = None
        if cell.kind is Kind.POSTGRESQL:
            own(self.data)
            self.cluster = Cluster(self.data, self.control.environment(preload=True))
            self.way = Way(self.cluster.port)
        write_settings(folder, self._url(), port=str(own_ports()))
        environment = self.control.environment(preload=cell.kind is Kind.SQLITE)
        self.machine = Machine(folder / "qianzhi.toml", {**environment, "CRASH_CHEAT": cell.cheat})
        self.bank = Stubborn(self.machine.port)

    def _url(self) -> str:
        if self.cluster is None or self.way is None:
            return f"sqlite:///{self.data}/front.db"
        return self.cluster.url("front", self.way.port)

    def close(self) -> None:
        """End what was started."""
        wait_for(self.bank.end)
        if self.machine.is_up:
            self.machine.kill()
        if self.cluster is not None and self.cluster.is_up:
            self.cluster.stop(signal.SIGQUIT)
        if self.way is not None:
            self.way.end()
        self.control.close()

    def asked(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - the work's own
        """Run a coroutine of the bank in the reactor's thread: its result."""
        return self.waited(wait_for(started, work))

    def waited(self, going: Going) -> Any:  # noqa: ANN401 - the work's own
        """Wait for the bank's work, and start again whatever ended meanwhile, as a supervisor does."""
        for _ in range(SECONDS * 20):
            if going.done.wait(0.05):
                break
            self.start_what_ended()
        else:
            raise TimeoutError("the bank is still not certain")
        if going.error is not None:
            raise going.error
        return going.result

    def start_what_ended(self) -> None:
        """The supervisor's part."""
        if self.cluster is not None and (not self.cluster.is_up or self.cluster.is_stuck):
            self.cluster.start_again()
        if not self.machine.is_up:
            self.machine.start_again()

    # The strike.

    def strike(self) -> Going:
        """Trade until the machine stands at the point, let the fault happen there; the trade goes on."""
        point = POINTS[NUMBERS[self.cell.point] - 1]
        self.control.arm(NUMBERS[point.name], self.random.randint(1, 4) if point.many else 1)
        before = self.bank.certain()
        going = wait_for(started, self._act())
        stopped = self.control.wait()
        if self.cell.part is Part.TRADE:
            self._let_the_bank_hear(point.thread, before)
        getattr(self, f"_{self.cell.fault.name.lower()}")(stopped)
        return going

    async def _act(self) -> object:
        if self.cell.part is Part.CUTOVER:
            return await in_thread(self._cut_over)
        return await self.bank.trade()

    def _cut_over(self) -> None:
        """What an operator does: ask until it is done. Raises TimeoutError."""
        path = self.folder / "control.sock"
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                ask(path, "cutover", date="20261124")
                return
            except (ControlError, OSError):
                threading.Event().wait(RETRY_SECONDS)  # it is down, or could not: asked again
        raise TimeoutError("the day cannot be cut over")

    def _let_the_bank_hear(self, thread: Thread, before: frozenset[object]) -> None:
        """Whatever left before the fault has been read when it happens: then only that was lost which had
        not left.
        """
        if thread is Thread.COMMIT:
            self.asked(self.bank.echo())
        elif self.cell.point == LEFT:
            for _ in range(SECONDS * 100):
                if self.bank.certain() != before:
                    break
                threading.Event().wait(0.01)

    def _kill(self, stopped: Stopped) -> None:
        self.machine.kill()
        stopped.go_on()

    def _power(self, stopped: Stopped) -> None:
        until = self.control.log.stat().st_size
        self.machine.kill()
        if self.cluster is not None:
            self.cluster.cut_power()
        stopped.go_on()
        log = self.control.log.read_bytes()[:until]
        self._look_at_torn_disks(log)
        torn = Loss(self.random, self.random.choice((512, 4096)))
        shutil.move(self.data, self.folder / "as it was")
        self.disk.after_power_cut(log, torn if self.cell.torn else Loss(), self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # a number that is another's after a start
        if self.cluster is not None:
            own(self.data)

    def _look_at_torn_disks(self, log: bytes) -> None:
        """On every disk that the cut may have left, the book is whole and has all that the bank was told."""
        if self.cluster is not None:
            return
        for number in range(TORN_DISKS):
            target = self.folder / f"torn {number}"
            loss = Loss(self.random, (512, 4096)[number % 2])
            self.disk.after_power_cut(log, loss, target)
            wrong = whole_and_told(target / "front.db", self.bank)
            if wrong:
                raise LostError(f"on a torn disk: {wrong}")

    def _gone(self, stopped: Stopped) -> None:
        if self.cluster is None:
            self.control.fail(self.random.randint(1, 6), WRITES | SYNCS | READS, errno.EIO)
            stopped.go_on()
            return
        self.cluster.stop(signal.SIGQUIT)
        if self.random.random() < 0.5:
            self.cluster.start_again()
        stopped.go_on()

    def _lost(self, stopped: Stopped) -> None:
        if self.way is None:
            stopped.go_on(errno.EIO)
        elif self.cell.point == BEFORE_COMMIT:
            self.way.lose_next_commit()
            stopped.go_on()
        else:
            self.way.cut()
            # The server's process is still within its COMMIT when the machine asks about it.
            if not self.way.asked_again.wait(SECONDS):
                raise NotReachedError("the machine did not ask again")
            stopped.go_on()

    def _full(self, stopped: Stopped) -> None:
        self.control.fail(self.random.randint(1, 6), WRITES, errno.ENOSPC)
        stopped.go_on()

    def _reset(self, stopped: Stopped) -> None:
        wait_for(self.bank.reset)
        stopped.go_on()

    # The end.

    def verdict(self) -> list[str]:
        """What bank and journal do not agree on, and what of the book does not hold."""
        dates = (TODAY, TOMORROW) if self.cell.part is Part.CUTOVER else (TODAY,)
        wrong = [f"totals of {date} differ" for date in dates if not self.asked(self.bank.totals_agree(date))]
        if self.control.nothing_failed:
            wrong.append("no call failed, so there was no fault")
        code = self.machine.stop()
        wrong += [f"the machine ended with {code}"] if code else []
        wrong += [f"the bank saw {violation}" for violation in self.bank.violations]
        wrong += [f"unknown: {belief.key}" for belief in self.bank.record.undecided()]
        store = Store(self._url())
        try:
            wrong += faults(store)
        finally:
            store.close()
        return wrong + differences(self.bank.record, read_journal(self._journal(), BANK))

    def _journal(self) -> Path:
        """The journal as a file of SQLite, whichever database it is in: the comparison reads those."""
        if self.cluster is None:
            return self.data / "front.db"
        path = self.folder / "journal.db"
        columns = "key kind terminal sent_at stan response amount receipt code original sequence"
        names = [*columns.split(), "business_date", "exception_code", "bank"]
        books = Books(self._url())
        rows = books.rows(f"SELECT {', '.join(names)} FROM journal")  # noqa: S608 - constant names
        books.close()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE journal ({', '.join(names)})")
            places = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO journal VALUES ({places})", rows)  # noqa: S608 - the same
        return path


class LostError(Exception):
    """Something that was told is not there, or what is there is not whole."""


class Going:
    """Work of the bank under way in the reactor's thread."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def ended(self, result: Any) -> None:  # noqa: ANN401 - whatever it came to
        """Take what it came to."""
        self.error = getattr(result, "value", None) if hasattr(result, "getTraceback") else None
        self.result = result
        self.done.set()


def started(work: Coroutine[Any, Any, Any]) -> Going:
    """Begin work in the reactor's thread."""
    going = Going()
    Deferred.fromCoroutine(work).addBoth(going.ended)
    return going


async def in_thread(function: Callable[[], Any]) -> Any:  # noqa: ANN401 - the function's own
    """A blocking function in a thread of its own, waited for in the reactor's."""
    done: Deferred[Any] = Deferred()

    def run() -> None:
        try:
            result = function()
        except Exception:
            result = Failure()
        reactor.callFromThread(done.callback, result)

    threading.Thread(target=run, daemon=True).start()
    return await done


def whole_and_told(database: Path, bank: Stubborn) -> list[str]:
    """What is wrong with a book as a cut left it: it contradicts itself, or lacks what the bank was told."""
    store = Store(f"sqlite:///{database}")
    try:
        wrong = faults(store)
    finally:
        store.close()
    journal = read_journal(database, BANK)
    outcomes = {State.DONE: ("done", "reversed"), State.REVERSED: ("reversed",), State.REFUSED: ("refused",)}
    for key, belief in bank.record.beliefs.items():
        entry = journal.get(key)
        allowed = outcomes.get(belief.state)
        if allowed and (entry is None or entry.outcome not in allowed):
            wrong.append(f"{'/'.join(key)}: told {belief.state}, on disk {entry and entry.outcome}")
    return wrong


def new_folder() -> Path:
    """A folder that lasts as long as this process, and that PostgreSQL's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="qianzhi-crash-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    return folder


@cache
def template(kind: Kind) -> Path:
    """A database with the book loaded, shut down in order: what each cell begins with."""
    folder = new_folder()
    data = folder / "data"
    if kind is Kind.SQLITE:
        data.mkdir()
        load_front_book(write_settings(folder, f"sqlite:///{data}/front.db"), BOOK)
        (data / "front.db.lock").unlink()
        return data
    Cluster.initialise(data)
    cluster = Cluster(data, dict(os.environ))
    cluster.create("front")
    load_front_book(write_settings(folder, cluster.url("front")), BOOK)
    cluster.stop()
    return data


@contextmanager
def scene(cell: Cell) -> Iterator[Scene]:
    """A scene that serves and trades in peace."""
    _run_reactor()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qianzhi-crash-")))
        folder.chmod(0o755)
        here = Scene(folder, cell)
        stack.callback(here.close)
        here.asked(here.bank.warm_up())
        yield here


def play(cell: Cell) -> list[str]:
    """Run a cell: what was found wrong."""
    with scene(cell) as here:
        try:
            here.waited(here.strike())
            here.asked(here.bank.go_over())
            return here.verdict()
        except FirstError as error:
            return [f"the bank: {error.subFailure.getErrorMessage()}"]
        except (LostError, NotReachedError, TimeoutError, AssertionError, BankError) as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            wait_for(here.bank.reset)
