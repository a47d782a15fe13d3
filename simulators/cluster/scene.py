"""A whole cluster on this machine: PostgreSQL, nodes, a balancer before them, and the banks that use it.

Puts together and takes down. What is done to it, the command or a test decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.threads import blockingCallFromThread

from fep.settings.config import load_settings
from ledger.files import bookfile, sample
from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from simulators.bank import Bank
from simulators.beliefs import Record
from simulators.cluster import verdict
from simulators.cluster.balancer import Balancer, Targets
from simulators.cluster.nodes import BANKS, BANKS_SIDE, Node, install_nodes, start_all
from simulators.cluster.postgresql import Pair, free_port
from simulators.cluster.traffic import ANSWER_SECONDS, Counters, SteadyBank, Traffic
from simulators.processes import qianzhi
from simulators.profile import profile_of

DATABASE = "front"
SHARED_TENTHS = 4
"""Of a bank's customers so many in ten go to the next bank too: both are after the same due."""
STANS_A_BRANCH = 50_000
SPARED = 600
"""Dues at the end of the book that none of the customers is after."""


def local_now() -> datetime:
    """The clock of the banks' terminals."""
    return datetime.now().astimezone()


@dataclass(slots=True)
class Cluster:
    """All that runs. Its methods are called outside the reactor's thread, and block."""

    folder: Path
    reactor: Any
    pair: Pair
    book: Book
    nodes: Sequence[Node] = ()
    balancer: Balancer = field(init=False)
    ports: dict[str, int] = field(default_factory=dict)
    """Where the balancer listens for each bank."""
    records: dict[str, Record] = field(default_factory=dict)
    """What each bank believes, whichever of its branches did it."""
    _stans: Iterator[int] = field(default_factory=lambda: count(1, STANS_A_BRANCH))

    def __post_init__(self) -> None:
        self.balancer = Balancer(self.reactor)

    @property
    def uri(self) -> str:
        """Libpq's URI of the front book at the server that is the primary now."""
        return f"postgresql://postgres@127.0.0.1:{self.pair.primary.port}/{DATABASE}"

    def record(self, code: str) -> Record:
        """A bank's record, which all its branches share."""
        return self.records.setdefault(code, Record(code))

    def faults(self) -> list[str]:
        """Everything in which banks, journal and dues differ now."""
        return verdict.faults(self.uri, list(self.records.values()))

    def listen(self, ports: Sequence[int]) -> None:
        """Start the balancer on these ports, in the order of the banks; 0 lets the system choose."""
        for bank, port in zip(BANKS, ports, strict=True):
            targets = Targets([("127.0.0.1", node.ports[bank]) for node in self.nodes])
            self.ports[bank] = blockingCallFromThread(self.reactor, self.balancer.listen, port, targets)

    def traffic(self, seed: int, pause_seconds: float = 0) -> Traffic:
        """Banks that are ready to trade through the balancer; each counter rests between two customers."""
        settings = load_settings(self.folder / BANKS_SIDE)
        counters = []
        for place, entry in enumerate(settings.bank):
            profile = profile_of(settings, entry, self.ports[entry.code])
            bank = SteadyBank(profile, self.reactor, local_now, next(self._stans))
            bank.record = self.record(entry.code)
            counters.append(Counters(bank, Random(seed + place), pause_seconds))
        return Traffic(self.reactor, counters)

    def bank_at(self, node: Node, code: str) -> Bank:
        """A bank's branch that connects to one node directly, not through the balancer. Not connected yet."""
        settings = load_settings(node.config)
        entry = next(bank for bank in settings.bank if bank.code == code)
        profile = profile_of(settings, entry, node.ports[code])
        bank = Bank(profile, self.reactor, local_now, ANSWER_SECONDS, next(self._stans))
        bank.record = self.record(code)
        return bank

    def customers(self) -> list[Iterator[DueLine]]:
        """The customers of each bank: a part of the book, of whom some also go to the next bank."""
        share = (len(self.book.dues) - SPARED) // len(BANKS)
        more = share * SHARED_TENTHS // 10
        starts = [share * place for place in range(len(BANKS))]
        wanted = self.book.dues[:-SPARED]
        return [iter(wanted[start : start + share + more]) for start in starts]

    def stop(self) -> list[int]:
        """Stop everything gracefully; the exit code of each node."""
        blockingCallFromThread(self.reactor, self.balancer.stop)
        codes = [node.stop() for node in self.nodes]
        self.pair.stop()
        return codes

    def end(self) -> None:
        """Kill what still runs."""
        blockingCallFromThread(self.reactor, self.balancer.stop)
        for node in self.nodes:
            node.kill()
        for server in self.pair.servers:
            server.kill()


def built(
    folder: Path,
    reactor: Any,  # noqa: ANN401 - reactors have no one type
    policies: int,
    date: str,
    *,
    standby: str = "",
    ports: Iterator[int] | None = None,
    banks_side: Sequence[int] = (1, 2, 3),
    nodes: int = 3,
) -> Cluster:
    """Databases with the day's dues, and the settings of the nodes, which do not run yet.

    The folder must let PostgreSQL's user through. `standby` is "", "sync" or "async"; `ports` are what the
    nodes take in turn, `banks_side` where the balancer is going to listen, as far as that is known.
    """
    databases = Pair.started(folder, synchronous=standby == "sync") if standby else Pair.alone(folder)
    data = b"".join(bookfile.write(date, sample.make(Random(1), policies, date)))
    cluster = Cluster(folder, reactor, databases, bookfile.parse(data))
    try:
        databases.primary.ask(f"CREATE DATABASE {DATABASE}")
        url, now = databases.url(DATABASE), datetime.now(UTC)
        cluster.nodes = install_nodes(folder, url, now, ports or iter(free_port, 0), banks_side, nodes)
        (folder / "book.csv").write_bytes(data)
        qianzhi("book", "load", str(folder / "book.csv"), "--config", str(cluster.nodes[0].config))
    except BaseException:
        cluster.end()
        raise
    return cluster


def start(cluster: Cluster, ports: Sequence[int] = (0, 0, 0)) -> None:
    """Start the nodes, all at once, and then the balancer."""
    start_all(cluster.nodes)
    cluster.listen(ports)
