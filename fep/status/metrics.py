"""The machine's counters as Prometheus metrics, read at the moment of a scrape.

Names, labels and help texts are a contract with deploy/prometheus/rules.yml and with the dashboard; a
metric is added here and there together (docs/alerts.md). What the machine counts is
`fep.telemetry.statistics`'s; what the host is like is `fep.status.host_metrics`'s. Nothing is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fep.status.snapshot import Light
from fep.status.source import Source
from fep.telemetry.statistics import LATENCY_BOUNDS_US, Statistics
from protocol.responses import Response

_MICROSECONDS: Final = 1_000_000
_WATCHED: Final = (Response.UNAVAILABLE.value, Response.FAULT.value)
"""Response codes on which an alert fires. Their series are there from the start, at 0, for every bank and
MTI that was answered: a series that begins at 1 shows no increase.
"""
_FAILURES: Final = ("Conflict", "Fenced", "OutcomeUnknown", "Unavailable")
"""Classes of a failed batch's error whose series are there from the start, at 0, for the same reason."""


class StatisticsCollector(Collector):
    """Turns the counters of a source into metric families."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """Yield each figure as a metric family, read at the moment of the scrape."""
        source, statistics = self._source, self._source.statistics
        links = source.server.links_by_bank()
        outcomes = CounterMetricFamily(
            "qianzhi_answers", "Answers given.", labels=("bank", "mti", "response")
        )
        watched = {(bank, mti, code) for bank, mti, _ in statistics.outcomes for code in _WATCHED}
        for labels, count in (dict.fromkeys(sorted(watched), 0) | statistics.outcomes).items():
            outcomes.add_metric(labels, count)
        yield outcomes
        closed = Counter(dict.fromkeys(links, 0))
        for (bank, _), count in statistics.closed_links.items():
            closed[bank] += count
        bad = dict.fromkeys(links, 0) | statistics.mac_failures
        faults = dict.fromkeys(links, 0) | statistics.link_faults
        failed = dict.fromkeys(_FAILURES, 0) | statistics.failed_batches
        yield from (
            _labelled(CounterMetricFamily, "qianzhi_mac_failures", "Bad or missing MACs.", "bank", bad),
            _labelled(GaugeMetricFamily, "qianzhi_links", "Open links.", "bank", links),
            _labelled(CounterMetricFamily, "qianzhi_closed_links", "Links that we ended.", "bank", closed),
            _labelled(
                CounterMetricFamily,
                "qianzhi_link_faults",
                "Links that a fault of ours ended.",
                "bank",
                faults,
            ),
            _labelled(
                CounterMetricFamily, "qianzhi_failed_batches", "Attempts that failed.", "error", failed
            ),
        )
        yield from (_without_zmk(source, links), _lights(source.lights()))
        yield CounterMetricFamily(
            "qianzhi_refused_connections",
            "Connections closed before a byte was read.",
            value=statistics.refused_connections,
        )
        yield GaugeMetricFamily(
            "qianzhi_in_doubt", "1 while a batch's outcome is unknown.", value=int(source.engine.in_doubt)
        )
        yield CounterMetricFamily("qianzhi_batches", "Batches on disk.", value=statistics.batches)
        yield CounterMetricFamily("qianzhi_batched", "Requests in batches on disk.", value=statistics.batched)
        yield CounterMetricFamily("qianzhi_replays", "First answers given again.", value=statistics.replays)
        yield CounterMetricFamily(
            "qianzhi_undelivered", "Answers that could not be sent.", value=statistics.undelivered
        )
        yield CounterMetricFamily(
            "qianzhi_log_dropped",
            "Entries of the log that could not be written.",
            value=source.log_dropped(),
        )
        yield GaugeMetricFamily(
            "qianzhi_queue", "Requests that wait for a batch.", value=source.engine.queued
        )
        yield GaugeMetricFamily(
            "qianzhi_ready", "1 if transactions are taken.", value=int(not source.unready())
        )
        yield _away(source)
        yield GaugeMetricFamily(
            "qianzhi_clock_distrusted",
            "1 while the wall clock has jumped and nobody has accepted it.",
            value=int(bool(source.clock.fault())),
        )
        yield CounterMetricFamily(
            "qianzhi_clock_jumps",
            "Jumps of the wall clock against the monotonic one.",
            value=source.clock.jumps,
        )
        yield self._latency(statistics)

    @staticmethod
    def _latency(statistics: Statistics) -> Metric:
        """The latencies of all banks as one histogram, in seconds; its buckets are cumulative, as
        Prometheus wants.
        """
        family = HistogramMetricFamily("qianzhi_latency_seconds", "From a request's arrival to its answer.")
        running, buckets = 0, []
        for bound, count in zip((*LATENCY_BOUNDS_US, None), statistics.latency.buckets, strict=True):
            running += count
            buckets.append(("+Inf" if bound is None else str(bound / _MICROSECONDS), running))
        family.add_metric((), buckets, sum_value=statistics.latency.total_us / _MICROSECONDS)
        return family


def _away(source: Source) -> Metric:
    away = GaugeMetricFamily(
        "qianzhi_database_away_seconds",
        "For how long the front book's database has not answered; 0 while it answers.",
        labels=("database",),
    )
    outage = source.engine.outage
    away.add_metric((source.engine.database,), 0 if outage is None else outage.seconds)
    return away


def _without_zmk(source: Source, banks: Iterable[str]) -> Metric:
    lacking = source.key_desk.without_zmk
    return _labelled(
        GaugeMetricFamily,
        "qianzhi_bank_without_zmk",
        "1 while the token has no usable ZMK of the bank.",
        "bank",
        {bank: int(bank in lacking) for bank in banks},
    )


def _lights(lights: Mapping[str, Light]) -> Metric:
    """Return a family with a series for each bank and light: 1 for the one that the bank has."""
    family = GaugeMetricFamily(
        "qianzhi_bank_light", "1 for the light that the bank has.", labels=("bank", "light")
    )
    for bank, shown in lights.items():
        for light in Light:
            family.add_metric((bank, light.value), int(light is shown))
    return family


def _labelled(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    documentation: str,
    label: str,
    counts: Mapping[str, int],
) -> Metric:
    """Return a family with one series for each entry of `counts`, under one label."""
    labelled = family(name, documentation, labels=(label,))
    for value, count in counts.items():
        labelled.add_metric((value,), count)
    return labelled
