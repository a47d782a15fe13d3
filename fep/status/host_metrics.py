"""Host metrics for Prometheus: the certificate's expiry, the disk of the book, the lateness of the
cut-over, and the end of the known calendar. Each can end the service though all is well inside the machine.

What `fep.status.host` has read last, and the size of an SQLite book's log. What the machine counts itself is
`fep.telemetry.statistics`'s. Nothing is decided here, and no database is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fep.day.schedule import Obstacle, seconds_left
from fep.settings.config import BusinessDay, Settings
from fep.status.host_reader import HostReader
from fep.status.limits import Room
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
        host: HostReader,
    ) -> None:
        """`now_us` is the wall clock, in microseconds since 1970-01-01 UTC; `obstacle` returns what keeps
        the clock from cutting over; `book` is the file of an SQLite book, or None; `host` has certificates
        and disks.
        """
        self._settings = settings
        self._business_date = business_date
        self._now_us = now_us
        self._obstacle = obstacle
        self._book = book
        self._host = host

    def collect(self) -> Iterable[Metric]:
        """Yield each figure as a metric family."""
        settings, date, now = self._settings(), self._business_date(), beijing(self._now_us())
        expiry = GaugeMetricFamily(
            "qianzhi_certificate_expiry_timestamp_seconds",
            "When the certificate shown to banks ends; 0 if it or its key cannot be used.",
        )
        certificate = self._host.latest.certificate
        if certificate is not None:
            validity = certificate.validity
            expiry.add_metric((), validity.ends.timestamp() if validity else 0)
        yield expiry
        of_banks = GaugeMetricFamily(
            "qianzhi_bank_certificate_expiry_timestamp_seconds",
            "When the certificate ends that a bank has shown.",
            labels=("bank",),
        )
        for bank, validity in self._host.bank_ends().items():
            of_banks.add_metric((bank,), validity.ends.timestamp())
        yield of_banks
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
        free = GaugeMetricFamily("qianzhi_disk_free_bytes", "Free on a disk.", labels=("holds",))
        size = GaugeMetricFamily("qianzhi_disk_size_bytes", "The size of a disk.", labels=("holds",))
        for disk in self._host.latest.disks:
            room = disk.room or Room(0, 0)
            holds = (", ".join(disk.holds),)
            free.add_metric(holds, room.free)
            size.add_metric(holds, room.size)
        wal = GaugeMetricFamily("qianzhi_book_wal_bytes", "The size of the book's write-ahead log.")
        if self._book is not None:
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
