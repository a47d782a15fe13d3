"""What the tests of a cluster share: one that runs, and coroutines of banks waited for.

No rule is checked here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.internet.defer import Deferred

from simulators.cluster import scene
from simulators.cluster.scene import Cluster
from simulators.cluster.traffic import Traffic
from tests.support.machine import _run_reactor, reactor, wait_for

DATE = "20260930"
SECONDS = 60
STILL_LOOKS = 50
"""So many looks, 10 ms apart, find the same: every answer that was sent has come over loopback by then."""
NEXT_DATE = "20261008"
"""The first working day after the holidays."""


def until(is_so: Callable[[], bool]) -> None:
    """Give way to the reactor until it is so; something hangs where that takes longer than SECONDS."""
    end = wait_for(reactor.seconds) + SECONDS
    while not wait_for(is_so):
        assert wait_for(reactor.seconds) < end, "nothing moves any more"
        wait_for(_a_moment)


def _a_moment() -> Awaitable[None]:
    moment: Deferred[None] = Deferred()
    reactor.callLater(0.01, moment.callback, None)
    return moment


@contextmanager
def cluster(policies: int, *, standby: str = "", nodes: int = 3) -> Iterator[Cluster]:
    """Nodes that serve, and a balancer; `standby` is "", "sync" or "async".

    Not in pytest's own folder, which is closed to PostgreSQL's user.
    """
    _run_reactor()
    folder = Path(tempfile.mkdtemp(prefix="qianzhi-cluster-"))
    folder.chmod(0o711)
    try:
        made = scene.built(folder, reactor, policies, DATE, standby=standby, nodes=nodes)
        try:
            scene.start(made)
            yield made
        finally:
            made.end()
    finally:
        shutil.rmtree(folder)


@contextmanager
def trading(cluster: Cluster) -> Iterator[Traffic]:
    """Banks in full flow; at the end every outcome is known."""
    traffic = cluster.traffic(1)
    wait_for(traffic.start, cluster.customers())
    try:
        yield traffic
        wait_for(traffic.finish)
    finally:
        wait_for(traffic.close)


def approvals(traffic: Traffic, count: int) -> None:
    """Wait until so many more were told yes."""
    wanted = wait_for(traffic.told_yes) + count
    until(lambda: traffic.told_yes() >= wanted)


def still(traffic: Traffic) -> int:
    """How many were told yes, when what was on its way to the banks has arrived."""
    approved, same = wait_for(traffic.told_yes), 0
    while same < STILL_LOOKS:
        wait_for(_a_moment)
        now = wait_for(traffic.told_yes)
        approved, same = now, same + 1 if now == approved else 0
    return int(approved)
