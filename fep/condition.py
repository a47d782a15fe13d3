"""What stands around the machine and can end its service though all is well inside: its certificate, the disk
of its book, the hour of the cut-over. As metrics, read from the system at each scrape.

What the machine counts itself is in `fep.statistics`. Nothing here is decided, and no database is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fep.config import Settings
from fep.schedule import seconds_left
from fep.tls import TlsError, expiry_of_file


class ConditionCollector(Collector):
    """The surroundings for Prometheus. What this machine does not have (a certificate, where all links are
    plain; a book of its own, where that is PostgreSQL's; an open day) has no series.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        business_date: Callable[[], str],
        now: Callable[[], datetime],
        book: Path | None,
    ) -> None:
        """`now` is the local wall clock; `book` is the file of an SQLite book."""
        self._settings = settings
        self._business_date = business_date
        self._now = now
        self._book = book

    def collect(self) -> Iterable[Metric]:
        """Each figure as a metric family."""
        settings, date = self._settings(), self._business_date()
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
            late.add_metric((), max(0, -seconds_left(self._now(), date, settings.day.cutover)))
        yield from (open_date, late)
        yield from self._disk()

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


def _expiry(certificate: Path) -> float:
    try:
        return expiry_of_file(certificate).timestamp()
    except TlsError:
        return 0
