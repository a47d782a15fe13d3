"""A log-linear histogram of latencies, and its text in the form of HdrHistogram (`.hgrm`).

Pure; whole microseconds. Up to 2048 each value has its own bucket; above, each doubling has 1024 of them, so
that a value is told to better than one in 1024, and memory grows with the logarithm of the longest wait. Our
own, since the package `hdrhistogram` brings a C extension and a build tool for the same arithmetic.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_BITS: Final = 11
"""Three significant digits, as HdrHistogram calls it: 2048 buckets at the start."""
_LINEAR: Final = 1 << _BITS
_HALF: Final = _LINEAR // 2
WHOLE: Final = 100_000
"""Shares are counted in hundred-thousandths: p99.9 is 99_900."""
_TICKS: Final = 5
"""How many lines of the .hgrm text each halving of what is left has; HdrHistogram's own default."""


def bucket_of(value: int) -> int:
    """The number of the bucket that holds a value. Raises ValueError below 0."""
    if value < 0:
        raise ValueError(f"a latency is not below 0: {value}")
    if value < _LINEAR:
        return value
    shift = value.bit_length() - _BITS
    return _LINEAR + (shift - 1) * _HALF + (value >> shift) - _HALF


def bounds_of(bucket: int) -> tuple[int, int]:
    """The lowest and the highest value that a bucket holds."""
    if bucket < _LINEAR:
        return bucket, bucket
    doubling, place = divmod(bucket - _LINEAR, _HALF)
    shift = doubling + 1
    low = (_HALF + place) << shift
    return low, low + (1 << shift) - 1


class Line(NamedTuple):
    """One line of the percentile distribution: `level` from 0 to 1."""

    value: int
    level: float
    count: int


class Histogram:
    """Counts of values; two with the same counts, sum and extremes are equal."""

    def __init__(self, values: Iterable[int] = ()) -> None:
        self.counts: Counter[int] = Counter()
        self.total = 0
        self.sum = 0
        self.longest = 0
        for value in values:
            self.record(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Histogram({self.total} values, longest {self.longest})"

    def record(self, value: int) -> None:
        """Count a value. Raises ValueError below 0."""
        self.counts[bucket_of(value)] += 1
        self.total += 1
        self.sum += value
        self.longest = max(self.longest, value)

    def add(self, other: Histogram) -> None:
        """Add all counts of another histogram."""
        self.counts.update(other.counts)
        self.total += other.total
        self.sum += other.sum
        self.longest = max(self.longest, other.longest)

    def at(self, share: int) -> int:
        """The value that `share` hundred-thousandths of all values do not exceed, rounded up within its
        bucket; 0 for an empty histogram.
        """
        rank = max(1, -(-self.total * share // WHOLE))
        for value, reached in self._cumulated():
            if reached >= rank:
                return value
        return 0

    def lines(self) -> Iterator[Line]:
        """The percentile distribution, finer and finer towards the longest."""
        level = 0.0  # in per cent, as there: sums of tenths would not meet their counts
        for value, reached in self._cumulated():
            while 100 * reached >= level * self.total:
                yield Line(value, level / 100, reached)
                if reached == self.total:
                    break
                ticks = _TICKS * 2 ** (int(math.log2(100 / (100 - level))) + 1)
                level += 100 / ticks
        if self.total:
            yield Line(self.longest, 1.0, self.total)

    def hgrm(self) -> str:
        """The distribution as HdrHistogram writes it, values in milliseconds."""
        written = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
        for value, level, count in self.lines():
            rest = f"{1 / (1 - level):14.2f}" if level < 1 else f"{'inf':>14}"
            written.append(f"{value / 1000:12.3f} {level:14.12f} {count:10d} {rest}")
        mean = self.sum / self.total if self.total else 0.0
        written += [
            f"#[Mean    = {mean / 1000:12.3f}, StdDeviation   = {self._deviation(mean) / 1000:12.3f}]",
            f"#[Max     = {self.longest / 1000:12.3f}, Total count    = {self.total:12d}]",
            f"#[Buckets = {self._doublings():12d}, SubBuckets     = {_LINEAR:12d}]",
        ]
        return "\n".join(written) + "\n"

    def _cumulated(self) -> Iterator[tuple[int, int]]:
        reached = 0
        for bucket in sorted(self.counts):
            reached += self.counts[bucket]
            yield min(bounds_of(bucket)[1], self.longest), reached

    def _deviation(self, mean: float) -> float:
        squares = sum(
            count * (sum(bounds_of(bucket)) / 2 - mean) ** 2 for bucket, count in self.counts.items()
        )
        return math.sqrt(squares / self.total) if self.total else 0.0

    def _doublings(self) -> int:
        return max(1, self.longest.bit_length() - _BITS + 1)
