"""Rates and percentiles of the last minutes, from readings of the counters once a second.

They are computed off the path of a message, so an answer pays nothing for them. Copies and subtractions
only; what is counted, and when, `fep.telemetry.statistics` and its callers say.
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
"""How many seconds back rates go, and counts of "lately"."""
LATENCY_SECONDS: Final = 60
"""How many seconds back latencies go: a 99th percentile is the last minute's."""
_NOTHING: Final = tuple(LatencyHistogram().buckets)
_NETWORK: Final = "08"
"""MTI of network management (docs/protocol.md section 3): no transaction."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one second, each since the process began. `answers` (by bank) and `responses` (by DE
    39) count transactions and inquiries, and no network management.
    """

    answers: Mapping[str, int]
    responses: Mapping[str, int]
    mac_failures: Mapping[str, int]
    held_back: Mapping[str, int]
    refused: int
    batches: int
    batched: int


def read(statistics: Statistics) -> Reading:
    """Return a reading of the counters as they are now."""
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
    """The readings of the last five minutes. `take` is called once a second."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._readings = deque([read(statistics)], maxlen=SECONDS + 1)
        self._latencies = deque([self._buckets({})], maxlen=LATENCY_SECONDS + 1)

    def take(self) -> None:
        """Add a reading of the counters; the one of five minutes ago goes."""
        self._readings.append(read(self._statistics))
        self._latencies.append(self._buckets(self._latencies[-1]))

    def _buckets(self, before: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Return each bank's histogram. Where nothing came in, the tuple of the reading before is used
        again, which saves memory.
        """
        latencies = self._statistics.latencies
        now = {bank: tuple(histogram.buckets) for bank, histogram in latencies.items()}
        return {
            bank: before[bank] if before.get(bank) == buckets else buckets for bank, buckets in now.items()
        }

    @property
    def last(self) -> Reading:
        """Return the latest reading."""
        return self._readings[-1]

    @property
    def before(self) -> Reading:
        """Return the reading of a second ago; where there is none yet, the latest."""
        return self._readings[-2] if len(self._readings) > 1 else self._readings[-1]

    @property
    def first(self) -> Reading:
        """Return the oldest reading that is kept: five minutes ago, or the process's first second."""
        return self._readings[0]

    def rates(self, bank: str) -> tuple[int, ...]:
        """Return a bank's answers in each second that is kept, the oldest first."""
        return tuple(
            after.answers.get(bank, 0) - before.answers.get(bank, 0)
            for before, after in pairwise(self._readings)
        )

    def p99_us(self, banks: Sequence[str]) -> int | None:
        """Return the 99th percentile of these banks' latencies in the last minute, in microseconds: the
        upper bound of its bucket. None where nothing was answered.
        """
        first, last = self._latencies[0], self._latencies[-1]
        seen = [bank for bank in banks if bank in last]
        fresh = [map(sub, last[bank], first.get(bank, _NOTHING)) for bank in seen]
        return quantile_us([sum(counts) for counts in zip(*fresh, strict=True)], 99)
