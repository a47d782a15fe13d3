"""The open business date's totals as Prometheus metrics, by bank; and the dues that batches hold.

They are the book's, not the process's: they begin again at a cut-over, and not at a restart, and every node
of one book shows the same, so nodes are not added up. Where they come from is `fep.status.day_totals`'s; a
figure that is counted in this process does not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fep.status.day_totals import BankTotals
from ledger.book.front import Overview

MICROSECONDS: Final = 1_000_000
_COUNTERS: Final = (
    ("qianzhi_collections", "collections", "Collections of the open business date."),
    ("qianzhi_collected_fen", "collected", "What they come to, in fen."),
    ("qianzhi_payouts", "payouts", "Payouts of the open business date."),
    ("qianzhi_paid_fen", "paid", "What they come to, in fen."),
)
_GAUGES: Final = (
    ("qianzhi_collections_reversed", "collections_reversed", "Collections that were taken back."),
    ("qianzhi_collected_reversed_fen", "collected_reversed", "What they come to, in fen."),
    ("qianzhi_payouts_reversed", "payouts_reversed", "Payouts that were taken back."),
    ("qianzhi_paid_reversed_fen", "paid_reversed", "What they come to, in fen."),
)
"""What was taken back can become less: a cancel is reversed. So these are no counters."""


class DayTotalsCollector(Collector):
    """Yields the totals' metrics, and what batches hold. `totals` and `overview` return them as they were
    last read of the book.
    """

    def __init__(
        self, totals: Callable[[], tuple[BankTotals, ...]], overview: Callable[[], Overview]
    ) -> None:
        self._totals, self._overview = totals, overview

    def collect(self) -> Iterable[Metric]:
        """Yield each figure as a metric family, with one series for each bank."""
        totals = self._totals()
        for family, rows in ((CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES)):
            for name, figure, documentation in rows:
                metric = family(name, documentation, labels=("bank",))
                for bank in totals:
                    metric.add_metric((bank.code,), getattr(bank, figure))
                yield metric
        overview = self._overview()
        yield GaugeMetricFamily(
            "qianzhi_held_dues", "Dues that batches of collection hold.", value=overview.held_dues
        )
        yield GaugeMetricFamily(
            "qianzhi_held_since_timestamp_seconds",
            "Since when the oldest batch that holds dues has held them; 0 for none.",
            value=overview.held_since / MICROSECONDS,
        )
