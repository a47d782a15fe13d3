"""The machine's own account of itself at one moment: whether it takes transactions, and the figures of
/status.

Reads the counters (`fep.telemetry.statistics`), the engine, the links and the clock; counts nothing itself.
The same source serves /readyz, /status and the metrics, so the three never disagree. How the figures are
sent is `fep.status.port`'s, how Prometheus names them `fep.status.metrics`'s. No customer's data passes
through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fep.day.clock import WallClock
from fep.engine.commit import Engine
from fep.links.key_desk import KeyDesk
from fep.links.link import Link
from fep.links.server import Server
from fep.status.snapshot import Light, State
from fep.telemetry.statistics import Statistics
from ledger.rules.beijing import beijing
from qianzhi_errors.sentence import Sentence

READINESS_COMMAND: Final = "readiness"
"""The operator's command that asks a machine why it takes no transactions, as /readyz says it."""
_UNREADY: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.SERVING: "",
        State.STOPPED: Sentence("not serving"),
        State.DOUBT: Sentence("the outcome of a batch is unknown"),
        State.NO_DATABASE: Sentence("no transaction can be written"),
        State.NO_TOKEN: Sentence("the token makes no session keys: who signs on is answered 96"),
        State.NO_DAY: Sentence("no business day is open: run `qianzhi book load FILE`"),
    }
)
"""Why /readyz answers 503, by the machine's state; empty for the state in which it answers 200."""


class Source:
    """Gathers what the status port shows from the parts that know it. `serving` is False until the service
    has started, and again once it begins to stop or another process has taken the node's name.
    """

    def __init__(
        self,
        node: str,
        server: Server,
        engine: Engine,
        statistics: Statistics,
        clock: WallClock,
        key_desk: KeyDesk,
    ) -> None:
        self.node = node
        self.server = server
        self.engine = engine
        self.statistics = statistics
        self.clock = clock
        self.key_desk = key_desk
        self.serving = False
        self.lights: Callable[[], Mapping[str, Light]] = lambda: {}
        """Returns each bank's light, by its code."""
        self.figures: Callable[[], Mapping[str, Any]] = lambda: {}
        """Returns the figures of the business date and of what surrounds the machine, JSON-able."""
        self.log_dropped: Callable[[], int] = lambda: 0
        """Returns how many entries of the log could not be written."""

    def state(self) -> State:
        """Return whether transactions are taken now, and if not, why."""
        if not self.serving:
            return State.STOPPED
        if self.engine.in_doubt:
            return State.DOUBT
        if self.engine.outage is not None:
            return State.NO_DATABASE
        if self.key_desk.outage is not None:
            return State.NO_TOKEN
        return State.SERVING if self.engine.business_date else State.NO_DAY

    def unready(self) -> str:
        """Return in words why no transaction can be taken now; empty when it can. Where the database does not
        answer they say which, and since when.
        """
        outage, why = self.engine.outage, _UNREADY[self.state()]
        if outage is None or not why:
            return why
        since = f"{beijing(outage.since_us):%Y-%m-%d %H:%M:%S}"
        return Sentence(
            "{why}: the database {database} has not answered since {since} Beijing time",
            why=why,
            database=self.engine.database,
            since=since,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the figures of /status as JSON-able values; latencies are in microseconds."""
        statistics = self.statistics
        return {
            "node": self.node,
            "ready": not self.unready(),
            "unready": self.unready(),
            "business_date": self.engine.business_date,
            "clock": self.clock.fault(),
            **self.figures(),
            "banks": [{"bank": bank, "light": light} for bank, light in self.lights().items()],
            "links": [_link(connection.link) for connection in self.server.connections],
            "outcomes": [
                {"bank": bank, "mti": mti, "response": response, "count": count}
                for (bank, mti, response), count in sorted(statistics.outcomes.items())
            ],
            "replays": statistics.replays,
            "mac_failures": dict(statistics.mac_failures),
            "refused_connections": statistics.refused_connections,
            "closed_links": [
                {"bank": bank, "reason": reason, "count": count}
                for (bank, reason), count in sorted(statistics.closed_links.items())
            ],
            "queue": self.engine.queued,
            "batches": statistics.batches,
            "batched": statistics.batched,
            "recent_batches": list(statistics.recent_batches),
            "failed_batches": dict(statistics.failed_batches),
            "undelivered": statistics.undelivered,
            "latency_us": {
                "count": statistics.latency.count,
                "p50": statistics.latency.quantile_us(50),
                "p99": statistics.latency.quantile_us(99),
            },
        }


def _link(link: Link) -> dict[str, Any]:
    """One link's row: its bank, its session's state, and the whole seconds since it was last heard."""
    return {"bank": link.bank.code, "state": link.session.state(), "idle_seconds": int(link.idle_seconds())}
