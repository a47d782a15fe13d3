"""`make cluster`: a cluster to play with, in var/cluster; or, asked for `figures`, what its accidents cost.

Starts, watches, starts again what somebody ended, and tells. The watching is what a supervisor and a failover
manager do in production; here it is one loop, for one machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

from rich.console import Console
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.threads import blockingCallFromThread, deferToThread

from console.wall_clock import today
from fep.process.reactor import react
from simulators.cluster import scene
from simulators.cluster.figures import measured
from simulators.cluster.nodes import BANKS, BANKS_SIDE, Node, NodeError
from simulators.cluster.postgresql import PostgresqlError
from simulators.cluster.scene import Cluster
from simulators.cluster.traffic import Traffic
from simulators.processes import ProcessError, qianzhi

FOLDER = Path("var/cluster")
FIRST_PORT, FIRST_NODE_PORT = 9583, 9600
POLICIES = 20_000
REST_SECONDS = 3
"""Between two customers at a counter: slow enough to read along, and for the book to last half an hour."""
TELL_SECONDS = RESTART_SECONDS = 5
_LOOK_SECONDS = 0.2
END_SECONDS = 60
"""How long banks may insist when nobody starts again any more what they ask."""


@dataclass(slots=True)
class Watch:
    """Looks after a cluster in a thread of its own until it is told to end."""

    cluster: Cluster
    traffic: Traffic
    console: Console
    is_ending: Callable[[], bool]
    _told_at: float = field(default_factory=time.monotonic)
    _told_yes: int = 0
    _due: dict[str, float] = field(default_factory=dict)
    """When a node that ended is started again."""

    def run(self) -> None:
        """Look at the cluster again and again."""
        while not self.is_ending():
            if self._primary_is_gone():
                self._fail_over()
            for node in self.cluster.nodes:
                self._look_at(node)
            if time.monotonic() - self._told_at > TELL_SECONDS:
                self._tell()
            time.sleep(_LOOK_SECONDS)

    def _primary_is_gone(self) -> bool:
        process = self.cluster.pair.primary.process
        return process is None or process.poll() is not None

    def _fail_over(self) -> None:
        pair = self.cluster.pair
        if pair.standby is None:
            self.console.print("[red]the last PostgreSQL is gone: started again, on its own disk[/red]")
            pair.primary.kill()
            pair.primary.start()
            return
        began = time.monotonic()
        old = pair.fail_over()
        took = time.monotonic() - began
        self.console.print(
            f"[yellow]{old.data.name} is gone: fenced, and {pair.primary.data.name} promoted in {took:.2f} s;"
            " there is no standby any more[/yellow]",
            soft_wrap=True,
        )

    def _look_at(self, node: Node) -> None:
        """Start a node again some seconds after it ended. Nothing here waits for it, since the primary may
        fail meanwhile.
        """
        due = self._due.get(node.name)
        if not node.is_up and due is None:
            code = node.process.returncode if node.process else 0
            self.console.print(f"[yellow]{node.name} ended with {code}: banks go on at the others[/yellow]")
            self._due[node.name] = time.monotonic() + RESTART_SECONDS
        elif not node.is_up and due is not None and time.monotonic() > due:
            del self._due[node.name]
            self.console.print(f"{node.name} is started again")
            node.start()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        approved = blockingCallFromThread(self.cluster.reactor, self.traffic.told_yes)
        new, self._told_yes = approved - self._told_yes, approved
        shown = ", ".join(f"{node.name} {self._seen(node)}" for node in self.cluster.nodes)
        self.console.print(
            f"{approved:,} approvals, {new} of them now; {shown}", highlight=False, soft_wrap=True
        )

    @staticmethod
    def _seen(node: Node) -> str:
        try:
            figures = node.figures()
        except OSError:
            return "is away"
        return f"has {figures['business_date']} and {len(figures['links'])} links"


def main() -> None:
    """Play, or measure. Exit code 0 only if banks and journal agree at the end."""
    os.umask(0o077)
    console = Console()
    work = figures if sys.argv[1:] == ["figures"] else play

    async def run(reactor: Any) -> None:  # noqa: ANN401 - reactors have no one type
        try:
            code = await deferToThread(work, reactor, console)
        except (NodeError, PostgresqlError, ProcessError) as error:
            console.print(f"[bold red]{error}[/bold red]", highlight=False)
            code = 1
        if code:
            raise SystemExit(code)

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


def figures(reactor: Any, console: Console) -> int:  # noqa: ANN401 - as above
    """Measure in a temporary folder."""
    table = Table(title="what an accident costs", box=None, padding=(0, 2, 0, 0))
    for name in (
        "round",
        "approvals/s",
        "longest wait",
        "a node killed",
        "cut over",
        "failed over",
        "promoted",
    ):
        table.add_column(name, justify="right")
    faults: list[str] = []
    for number in (1, 2, 3):
        with tempfile.TemporaryDirectory(prefix="qianzhi-cluster-") as folder:
            Path(folder).chmod(0o711)
            row = measured(Path(folder), reactor)
        faults += row.faults
        table.add_row(str(number), f"{row.a_second:,}", *(f"{seconds:.2f} s" for seconds in row.seconds))
    console.print(table)
    console.print("\n".join(faults) or "nothing lost, nothing twice", highlight=False)
    return int(bool(faults))


def play(reactor: Any, console: Console) -> int:  # noqa: ANN401 - as above
    """Start everything in var/cluster and look after it until Ctrl-C."""
    cluster = _set_up(reactor, console)
    ended, is_ending = _at_the_end(reactor)
    try:
        scene.start(cluster, range(FIRST_PORT, FIRST_PORT + len(BANKS)))
        _explain(cluster, console)
        traffic = cluster.traffic(1, REST_SECONDS)
        watch = Watch(cluster, traffic, console, is_ending)
        blockingCallFromThread(reactor, traffic.start, cluster.customers())
        watch.run()
        return _taken_down(watch)
    finally:
        cluster.end()
        ended()


def _at_the_end(reactor: Any) -> tuple[Callable[[], None], Callable[[], bool]]:  # noqa: ANN401 - as above
    """Hold the reactor's shutdown until all is down: a function that lets it go on, and one that tells
    whether it was asked to end (Ctrl-C).
    """
    over: Deferred[None] = Deferred()
    asked = Event()

    def begin() -> Deferred[None]:
        asked.set()
        return over

    blockingCallFromThread(reactor, reactor.addSystemEventTrigger, "before", "shutdown", begin)
    return lambda: reactor.callFromThread(over.callback, None), asked.is_set


def _set_up(reactor: Any, console: Console) -> Cluster:  # noqa: ANN401 - as above
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    FOLDER.chmod(0o711)  # PostgreSQL's user must come through; keys and books are closed all the same
    console.print("[bold]Qianzhi 前置[/bold]: a PostgreSQL pair, three nodes, a balancer; Ctrl-C ends them")
    ports, banks_side = count(FIRST_NODE_PORT), range(FIRST_PORT, FIRST_PORT + len(BANKS))
    folder = FOLDER.resolve()
    return scene.built(folder, reactor, POLICIES, today(), standby="sync", ports=ports, banks_side=banks_side)


def _explain(cluster: Cluster, console: Console) -> None:
    """Print how to connect, and what to try."""
    shown: Sequence[tuple[str, str]] = (
        ("a bank asks, at whichever node", f".venv/bin/qianzhi-bank --config {FOLDER}/{BANKS_SIDE} echo"),
        ("figures of a node", f"curl http://127.0.0.1:{cluster.nodes[0].status_port}/status"),
        ("cut over, asked of one node", f".venv/bin/qianzhi day cutover --config {FOLDER}/fep1.toml"),
        ("kill a node", f"kill -9 {cluster.nodes[1].process.pid if cluster.nodes[1].process else 0}"),
        ("kill the primary", f"kill -9 $(head -1 {FOLDER}/postgresql1/postmaster.pid)"),
        ("the journal proves itself", f".venv/bin/qianzhi journal verify --config {FOLDER}/fep1.toml"),
    )
    for node in cluster.nodes:
        pid = node.process.pid if node.process else 0
        console.print(f"{node.name}: process {pid}, status port {node.status_port}", highlight=False)
    console.print("three banks trade by themselves; try, in another terminal:")
    for purpose, command in shown:
        console.print(f"  {purpose + ':':32}{command}", highlight=False, soft_wrap=True)


def _taken_down(watch: Watch) -> int:
    """Wait until every outcome is known, compare banks and journal, and stop everything in order."""
    cluster, traffic, console = watch.cluster, watch.traffic, watch.console
    console.print("ending: no new customers")
    try:
        blockingCallFromThread(cluster.reactor, traffic.finish, END_SECONDS)
    except DeferredTimeout:
        raise NodeError(f"banks know not every outcome after {END_SECONDS} s: does a node serve?") from None
    faults = cluster.faults()
    console.print("\n".join(faults[:20]) or "banks and journal agree, line by line", highlight=False)
    console.print(qianzhi("journal", "verify", "--config", str(cluster.nodes[0].config)).strip())
    blockingCallFromThread(cluster.reactor, traffic.close)
    codes = cluster.stop()
    console.print(f"stopped; everything is in {FOLDER}", highlight=False)
    return int(bool(faults) or any(codes))


if __name__ == "__main__":
    main()
