"""The counters of the last minutes, read once a second: what the status page's rates and windows are made of.

So that an answer on its way pays nothing for them. Readings and subtractions only; what is counted, and when,
`fep.telemetry.statistics` and its callers say.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import sub
from typing import Final

from fep.telemetry.statistics import LatencyHistogram, Statistics, quantile_us

SECONDS: Final = 300
"""How far back rates go, and counts of "lately"."""
LATENCY_SECONDS: Final = 60
"""How far back a bank's latencies go: its 99th percentile is the last minute's."""
_NOTHING: Final = tuple(LatencyHistogram().buckets)
_NETWORK: Final = "08"
"""MTI of network management (PROTOCOL section 3): no transaction."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one second, since the process began. Answers are those to transactions and inquiries,
    by bank and by DE 39.
    """

    answers: Mapping[str, int]
    responses: Mapping[str, int]
    mac_failures: Mapping[str, int]
    held_back: Mapping[str, int]
    refused: int
    batches: int
    batched: int


def read(statistics: Statistics) -> Reading:
    """Read the counters as they are now."""
    answers: Counter[str] = Counter()
    responses: Counter[str] = Counter()
    for (bank, mti, response), count in statistics.outcomes.items():
        if mti[:2] != _NETWORK:
            answers[bank] += count
            responses[response] += count
    return Reading(
        answers,
        responses,
        dict(statistics.mac_failures),
        dict(statistics.held_back),
        statistics.refused_connections,
        statistics.batches,
        statistics.batched,
    )


class History:
    """The last readings of one process. `take` is called once a second."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._readings = deque([read(statistics)], maxlen=SECONDS + 1)
        self._latencies = deque([self._buckets({})], maxlen=LATENCY_SECONDS + 1)

    def take(self) -> None:
        """Read the counters; the reading of five minutes ago goes."""
        self._readings.append(read(self._statistics))
        self._latencies.append(self._buckets(self._latencies[-1]))

    def _buckets(self, before: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Each bank's histogram; where nothing came to it, the tuple of the reading before serves again."""
        now = {bank: tuple(one.buckets) for bank, one in self._statistics.latencies.items()}
        return {
            bank: before[bank] if before.get(bank) == buckets else buckets for bank, buckets in now.items()
        }

    @property
    def last(self) -> Reading:
        """The latest reading."""
        return self._readings[-1]

    @property
    def before(self) -> Reading:
        """The reading of a second ago; where there is none yet, the latest."""
        return self._readings[-2] if len(self._readings) > 1 else self._readings[-1]

    @property
    def first(self) -> Reading:
        """The oldest reading that is kept: of five minutes ago, or of the process's first second."""
        return self._readings[0]

    def rates(self, bank: str) -> tuple[int, ...]:
        """A bank's answers in each second that is kept, the oldest first."""
        return tuple(
            after.answers.get(bank, 0) - before.answers.get(bank, 0)
            for before, after in pairwise(self._readings)
        )

    def p99_us(self, banks: Sequence[str]) -> int | None:
        """The bound below which 99 in a hundred latencies of the last minute lie, over these banks, in
        microseconds; None where nothing was answered.
        """
        first, last = self._latencies[0], self._latencies[-1]
        seen = [bank for bank in banks if bank in last]
        fresh = [map(sub, last[bank], first.get(bank, _NOTHING)) for bank in seen]
        return quantile_us([sum(counts) for counts in zip(*fresh, strict=True)], 99)
