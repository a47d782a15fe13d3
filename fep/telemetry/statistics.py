"""The counters of the front-end machine: outcomes, batches, latencies.

Plain integers in memory, cheap enough for every message. No sockets and no formats: `fep.status` shows
them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import add
from typing import Final

from protocol.message import REQUEST_MTIS

LATENCY_BOUNDS_US: Final[tuple[int, ...]] = tuple(
    base * 10**power for power in range(2, 7) for base in (1, 2, 5)
)  # 100 us to 5 s, three to a decade
"""Upper bounds of the latency histogram, in microseconds; one more bucket takes what is slower."""

OTHER: Final = "other"
"""The label of whatever comes from outside and is none of a fixed set. Each label makes a series in whoever
keeps the metrics, so nobody outside may make labels."""
REASONS_MAX: Final = 32
"""How many reasons for closing a link are told apart. There are fewer."""

_RECENT_BATCHES = 256
"""How many sizes of the last batches are kept."""


class LatencyHistogram:
    """Counts of latencies by upper bound (LATENCY_BOUNDS_US), and their sum in microseconds."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(LATENCY_BOUNDS_US) + 1)
        self.total_us = 0

    def add(self, latency_us: int, count: int = 1) -> None:
        """Count `count` requests that took `latency_us` microseconds each."""
        self.buckets[bisect_left(LATENCY_BOUNDS_US, latency_us)] += count
        self.total_us += latency_us * count

    @property
    def count(self) -> int:
        """Return how many latencies were counted."""
        return sum(self.buckets)

    def quantile_us(self, percent: int) -> int | None:
        """Return the bound below which `percent` of the latencies lie, in microseconds; None before the
        first.

        For the open last bucket it is the largest bound, and means "slower than that".
        """
        return quantile_us(self.buckets, percent)


def quantile_us(buckets: Sequence[int], percent: int) -> int | None:
    """Return the same as LatencyHistogram.quantile_us, of counts alone: one for each bound, and one more."""
    count = sum(buckets)
    if not count:
        return None
    place = bisect_left([100 * running for running in accumulate(buckets)], count * percent)
    return LATENCY_BOUNDS_US[min(place, len(LATENCY_BOUNDS_US) - 1)]


def together(histograms: Iterable[LatencyHistogram]) -> LatencyHistogram:
    """Return the sum of several histograms."""
    total = LatencyHistogram()
    for histogram in histograms:
        total.buckets = list(map(add, total.buckets, histogram.buckets))
        total.total_us += histogram.total_us
    return total


class Statistics:
    """The counters of one process since its start. Whoever knows of a thing counts it, in its own
    attribute.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self.mac_failures: Counter[str] = Counter()
        self.held_back: Counter[str] = Counter()
        """By bank: how often a message had to wait for earlier refusals."""
        self.closed_links: Counter[tuple[str, str]] = Counter()
        self._reasons: set[str] = set()
        self.link_faults: Counter[str] = Counter()
        """By bank: links that an exception of ours ended."""
        self.refused_connections = 0
        self.replays = 0
        self.undelivered = 0
        self.batches = 0
        self.batched = 0
        self.failed_batches: Counter[str] = Counter()
        self.recent_batches: deque[int] = deque(maxlen=_RECENT_BATCHES)
        self.latencies: defaultdict[str, LatencyHistogram] = defaultdict(LatencyHistogram)
        """By bank: from a request's arrival to its answer."""

    @property
    def latency(self) -> LatencyHistogram:
        """Return all banks' latencies together. They are added up here, so that an answer pays for one
        histogram only.
        """
        return together(self.latencies.values())

    def answered(self, bank: str, mti: str, response: str) -> None:
        """Count an answer by bank, MTI asked and DE 39. The MTIs that the interface does not have are one."""
        self.outcomes[bank, mti if mti in REQUEST_MTIS else OTHER, response] += 1

    def link_closed(self, bank: str, reason: str) -> None:
        """Count a link that we ended, by bank and reason."""
        if reason not in self._reasons and len(self._reasons) >= REASONS_MAX:
            reason = OTHER
        self._reasons.add(reason)
        self.closed_links[bank, reason] += 1

    def batch_done(self, size: int) -> None:
        """Count a batch of `size` requests that is on disk."""
        self.batches += 1
        self.batched += size
        self.recent_batches.append(size)
