"""What accidents cost a cluster under load, in seconds without an approval: measured, not judged.

One round is one cluster. Each row also says whether banks and journal agree afterwards; without that its
figures are worth nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from twisted.internet.threads import blockingCallFromThread

from fep.operator.control_client import ask
from simulators.cluster import scene

POLICIES = 20_000
DATE = "20260930"
SECONDS = 5
"""How long banks trade after each event, and before the first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One round: approvals a second undisturbed; then the longest silence undisturbed, when a node is killed,
    when the day is cut over, and when the database fails over, with how long the promotion alone took.
    """

    a_second: int
    seconds: tuple[float, ...]
    faults: list[str]


def measured(folder: Path, reactor: Any) -> Row:  # noqa: ANN401 - reactors have no one type
    """One round. Called outside the reactor's thread."""
    cluster = scene.built(folder, reactor, POLICIES, DATE, standby="sync")

    def now() -> float:
        moment: float = blockingCallFromThread(reactor, reactor.seconds)
        return moment

    try:
        scene.start(cluster)
        traffic = cluster.traffic(1)
        blockingCallFromThread(reactor, traffic.start, cluster.customers())
        time.sleep(SECONDS)  # every link is open
        began, before = now(), blockingCallFromThread(reactor, traffic.told_yes)
        time.sleep(SECONDS)
        a_second = (blockingCallFromThread(reactor, traffic.told_yes) - before) // SECONDS
        moments = [began, now()]
        cluster.nodes[1].kill()
        time.sleep(SECONDS)
        moments.append(now())
        first = cluster.nodes[0]
        ask(first.control, "cutover", date=first.figures()["business_date"])
        time.sleep(SECONDS)
        moments.append(now())
        cluster.pair.fail_over()
        promoted = now() - moments[-1]
        time.sleep(SECONDS)
        moments.append(now())
        blockingCallFromThread(reactor, traffic.finish)
        pauses = [traffic.longest_pause(since, until) for since, until in pairwise(moments)]
        faults = cluster.faults()
        blockingCallFromThread(reactor, traffic.close)
        return Row(a_second, (*pauses, promoted), faults)
    finally:
        cluster.end()
