"""Host metrics for Prometheus: the certificate's expiry, the disk of the book, the lateness of the
cut-over, and the end of the known calendar. Each can end the service though all is well inside the machine.

They are read from the system at each scrape. What the machine counts itself is
`fep.telemetry.statistics`'s. Nothing is decided here, and no database is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fep.day.schedule import Obstacle, seconds_left
from fep.links.tls import TlsError, expiry_of_file
from fep.settings.config import BusinessDay, Settings
from ledger.rules.beijing import BEIJING, beijing


class HostMetricsCollector(Collector):
    """Yields the host's metrics. What this machine does not have gives no series: a certificate, where all
    links are plain; a file of a book, where the book is PostgreSQL's; an open day.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        business_date: Callable[[], str],
        now_us: Callable[[], int],
        obstacle: Callable[[], Obstacle | None],
        book: Path | None,
    ) -> None:
        """`now_us` is the wall clock, in microseconds since 1970-01-01 UTC; `obstacle` returns what keeps
        the clock from cutting over; `book` is the file of an SQLite book, or None.
        """
        self._settings = settings
        self._business_date = business_date
        self._now_us = now_us
        self._obstacle = obstacle
        self._book = book

    def collect(self) -> Iterable[Metric]:
        """Yield each figure as a metric family."""
        settings, date, now = self._settings(), self._business_date(), beijing(self._now_us())
        expiry = GaugeMetricFamily(
            "qianzhi_certificate_expiry_timestamp_seconds",
            "When the certificate shown to banks ends; 0 if its file cannot be read.",
        )
        if settings.tls is not None:
            expiry.add_metric((), _expiry(Path(settings.tls.certificate_file)))
        yield expiry
        open_date = GaugeMetricFamily("qianzhi_business_date", "The open business date, YYYYMMDD.")
        late = GaugeMetricFamily(
            "qianzhi_cutover_late_seconds", "Since when the business day should have been cut over."
        )
        if date:
            open_date.add_metric((), int(date))
            late.add_metric((), max(0, -seconds_left(now, date, settings.day.cutover)))
        yield from (open_date, late, self._waits(), _calendar_end(settings.day, now))
        yield from self._disk()

    def _waits(self) -> Metric:
        waits = GaugeMetricFamily(
            "qianzhi_cutover_waits", "1 for what keeps the clock from cutting over.", labels=("reason",)
        )
        for reason in Obstacle:
            waits.add_metric((reason.value,), int(reason is self._obstacle()))
        return waits

    def _disk(self) -> Iterable[Metric]:
        free = GaugeMetricFamily("qianzhi_book_disk_free_bytes", "Free for the book, on its disk.")
        size = GaugeMetricFamily("qianzhi_book_disk_size_bytes", "The size of the book's disk.")
        wal = GaugeMetricFamily("qianzhi_book_wal_bytes", "The size of the book's write-ahead log.")
        if self._book is not None:
            disk = os.statvfs(self._book.parent)
            free.add_metric((), disk.f_bavail * disk.f_frsize)
            size.add_metric((), disk.f_blocks * disk.f_frsize)
            log = self._book.with_name(self._book.name + "-wal")
            wal.add_metric((), log.stat().st_size if log.exists() else 0)
        return (free, size, wal)


def _calendar_end(day: BusinessDay, now: datetime) -> Metric:
    """Return the start of the first year whose holidays are not known, in seconds since 1970-01-01 UTC."""
    year = day.calendar().first_unknown_year(f"{now:%Y%m%d}")
    end = GaugeMetricFamily(
        "qianzhi_calendar_end_timestamp_seconds", "When the first year begins whose holidays are not known."
    )
    end.add_metric((), datetime(year, 1, 1, tzinfo=BEIJING).timestamp())
    return end


def _expiry(certificate: Path) -> float:
    """Return when a certificate ends, in seconds since 1970-01-01 UTC; 0 where its file cannot be read."""
    try:
        return expiry_of_file(certificate).timestamp()
    except TlsError:
        return 0
