"""`make live`: a machine that serves and three simulated banks at work, to look at the status page.

A fresh installation each time, a due after the other at a pace that one can watch, until Ctrl-C. It compares
nothing and proves nothing: `make demo` does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from console.failure import fail
from console.wall_clock import today
from fep.process.reactor import react
from fep.settings.config import Settings, load_settings
from fep.setup.install import install
from ledger.files import bookfile, sample
from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from simulators.bank import Bank, together
from simulators.days.customers import Customers
from simulators.days.demo import DemoFailure
from simulators.link import BankError
from simulators.processes import STATUS, ProcessError, qianzhi, serving
from simulators.profile import profile_of

POLICIES = 20_000
LINKS_A_BANK = 2
COUNTERS = (12, 6, 3)
"""Of each bank, so that the banks' lines differ."""
REST_SECONDS = 0.8
"""The mean between two customers at a counter: the book then lasts for half an hour, and inquiries go on."""
SEED = 20_261_125
MARK = ".made-by-live"
"""A file that says whose the folder is: all that is in it goes at the next run."""


def now() -> datetime:
    """The clock of the banks' terminals."""
    return datetime.now().astimezone()


def clear(folder: Path) -> None:
    """An empty folder of ours, whatever an earlier run left in it. Raises OSError, and DemoFailure where it
    holds files that are not ours.
    """
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise DemoFailure(
                f"{folder} holds what was not made here: name an empty or a new folder, or remove it"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def set_up(folder: Path, status_port: int, today: str) -> tuple[Path, Book]:
    """A fresh installation in a folder, with a book loaded for today: its settings' path, and the book."""
    clear(folder)
    config = install(folder, os.urandom, datetime.now(UTC), first_port=0, status_port=status_port, trial=True)
    settings = config.read_text(encoding="utf-8").replace('# cutover = "22:00"', 'cutover = "22:00"  ')
    config.write_text(settings, encoding="utf-8")
    data = b"".join(bookfile.write(today, sample.make(Random(SEED), POLICIES, today)))
    path = folder / "book.csv"
    path.write_bytes(data)
    qianzhi("book", "load", str(path), "--config", str(config))
    return config, bookfile.parse(data)


class Town:
    """Three banks' counters, which serve until they are closed."""

    def __init__(self, reactor: Any, settings: Settings, ports: dict[str, int], book: Book) -> None:  # noqa: ANN401 - reactors have no one type
        self._reactor = reactor
        self._random = Random(SEED)
        self._book = book
        self._is_closing = False
        self._customers = [
            Customers(
                Bank(profile_of(settings, entry, ports[entry.code]), reactor, now), Random(SEED + place)
            )
            for place, entry in enumerate(settings.bank)
        ]

    def close(self) -> None:
        """Let every counter finish its customer."""
        self._is_closing = True

    async def trade(self) -> None:
        """Sign on, serve until closed, sign off."""
        running = []
        for place, customers in enumerate(self._customers):
            await customers.bank.connect(LINKS_A_BANK)
            waiting = iter(self._book.dues[place :: len(self._customers)])
            running += [
                Deferred.fromCoroutine(self._counter(customers, waiting)) for _ in range(COUNTERS[place])
            ]
        await together(running)
        for customers in self._customers:
            await customers.bank.sign_off()

    async def _counter(self, customers: Customers, waiting: Iterator[DueLine]) -> None:
        while not self._is_closing:
            due = next(waiting, None)
            if due is None:
                await customers.bank.inquire(self._random.choice(self._book.policies).policy)
            else:
                await customers.counter(iter((due,)), lambda: None)
            await deferLater(self._reactor, self._random.uniform(0, 2 * REST_SECONDS))


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("var/live"),
    show_default=True,
    help="made anew each time",
)
@click.option(
    "--status-port",
    type=click.IntRange(0, 65535),
    default=8580,
    show_default=True,
    help="0: the system chooses one",
)
def main(folder: Path, status_port: int) -> None:
    """Serve with three simulated banks at work, and say where the status page is, until Ctrl-C."""
    os.umask(0o077)

    async def run(reactor: Any) -> None:  # noqa: ANN401 - as above
        await deferLater(reactor, 0)  # from here on Ctrl-C is the reactor's to hear, at any moment
        try:
            await _live(reactor, Console(), folder, status_port)
        except (BankError, DemoFailure, ProcessError, OSError) as error:
            fail("make live", str(error))

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


async def _live(reactor: Any, console: Console, folder: Path, status_port: int) -> None:  # noqa: ANN401 - as above
    config, book = set_up(folder, status_port, today())
    ended: Deferred[None] = Deferred()
    machine = serving(config)
    ports = machine.__enter__().ports
    try:
        town = Town(reactor, load_settings(config), ports, book)
        reactor.addSystemEventTrigger("before", "shutdown", _close, town, ended)
        page = f"http://127.0.0.1:{ports[STATUS]}/"
        console.print(f"three simulated banks are at work; open {page}", highlight=False, soft_wrap=True)
        console.print("Ctrl-C stops it")
        await town.trade()
    finally:
        # In a thread: the banks' links are closed by the reactor while the machine ends.
        try:
            await deferToThread(machine.__exit__, None, None, None)
        finally:
            ended.callback(None)  # in any case: an error stops the reactor, and that waits for this


def _close(town: Town, ended: Deferred[None]) -> Deferred[None]:
    """Close the town; what the reactor's shutdown waits for."""
    town.close()
    return ended


if __name__ == "__main__":
    main()
