"""The metrics of what surrounds the machine: the certificate's end, the book's disk, a late cut-over."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fep.day.schedule import Obstacle
from fep.links.tls import Validity
from fep.settings.config import BusinessDay, Settings, load_settings
from fep.setup.certificates import VALID, self_signed
from fep.setup.install import install
from fep.status.host_metrics import HostMetricsCollector
from fep.status.host_reader import HostReader
from fep.status.limits import Room
from ledger.rules.beijing import BEIJING

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
PREFIX = "qianzhi_"


def figures(
    settings: Settings,
    *,
    date: str = "20261124",
    now: datetime = MADE,
    book: Path | None = None,
    waits: Obstacle | None = None,
    seen: dict[str, dict[str, Validity]] | None = None,
    room: Callable[[Path], Room] = lambda _: Room(6, 10),
) -> dict[str, float]:
    registry = CollectorRegistry()
    now_us = round(now.timestamp() * 1_000_000)
    host = HostReader(lambda: settings, lambda: None, seen or {}, lambda: now_us, room)
    registry.register(
        HostMetricsCollector(lambda: settings, lambda: date, lambda: now_us, lambda: waits, book, host)
    )
    samples = (sample for family in registry.collect() for sample in family.samples)
    return {
        "/".join((sample.name.removeprefix(PREFIX), *sample.labels.values())): sample.value
        for sample in samples
    }


def with_day(settings: Settings, **day: object) -> Settings:
    return settings.model_copy(update={"day": BusinessDay.model_validate(day)}, deep=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(install(tmp_path, os.urandom, MADE, first_port=0, status_port=0))


def test_the_certificates_end_is_that_of_the_file(settings: Settings) -> None:
    assert figures(settings)["certificate_expiry_timestamp_seconds"] == (MADE + VALID).timestamp()
    assert settings.tls is not None
    later = self_signed("later", MADE + timedelta(days=1))
    Path(settings.tls.certificate_file).write_bytes(later.certificate)
    Path(settings.tls.key_file).write_bytes(later.key)
    assert (
        figures(settings)["certificate_expiry_timestamp_seconds"]
        == (MADE + timedelta(days=1) + VALID).timestamp()
    )


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["gone", "empty", "other"])
def test_a_certificate_that_cannot_be_read_ended_long_ago(settings: Settings, content: bytes | None) -> None:
    assert settings.tls is not None
    file = Path(settings.tls.certificate_file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert figures(settings)["certificate_expiry_timestamp_seconds"] == 0


def test_the_date_and_how_late_its_cut_over_is(settings: Settings) -> None:
    now = datetime(2026, 11, 25, 0, 10, tzinfo=BEIJING)
    shown_figures = figures(settings, now=now.astimezone(UTC))
    assert (shown_figures["business_date"], shown_figures["cutover_late_seconds"]) == (20261124, 600)
    for hour, late in (("22:00", 2 * 3600 + 600), ("00:05", 300), ("00:10", 0), ("00:30", 0)):
        assert figures(with_day(settings, cutover=hour), now=now)["cutover_late_seconds"] == late


def test_what_keeps_the_clock_from_cutting_over_is_one_of_all_reasons(settings: Settings) -> None:
    names = [f"cutover_waits/{obstacle}" for obstacle in ("clock", "calendar", "dues", "late", "near")]
    assert [figures(settings)[name] for name in names] == [0, 0, 0, 0, 0]
    assert [figures(settings, waits=Obstacle.DUES)[name] for name in names] == [0, 0, 1, 0, 0]


def test_when_the_first_year_begins_that_nobody_has_told(settings: Settings) -> None:
    now = datetime(2098, 11, 30, tzinfo=BEIJING)
    for years, begins in (((), 2098), ((2098,), 2099), ((2098, 2099), 2100), ((2099,), 2098)):
        shown_figures = figures(with_day(settings, whole_years=years), now=now)
        new_year = datetime(begins, 1, 1, tzinfo=BEIJING)
        assert shown_figures["calendar_end_timestamp_seconds"] == new_year.timestamp()


def test_what_lies_on_a_disk_has_its_room_and_a_disk_that_cannot_be_asked_has_none(
    settings: Settings,
) -> None:
    shown_figures = figures(settings)
    assert (
        shown_figures["disk_free_bytes/book, keystore"],
        shown_figures["disk_size_bytes/book, keystore"],
    ) == (6, 10)

    def gone(_folder: Path) -> Room:
        raise OSError(5, "Input/output error")

    assert figures(settings, room=gone)["disk_free_bytes/book, keystore"] == 0


def test_the_size_of_a_books_log(settings: Settings, tmp_path: Path) -> None:
    book = tmp_path / "front.db"
    assert figures(settings, book=book)["book_wal_bytes"] == 0
    (tmp_path / "front.db-wal").write_bytes(bytes(4096))
    assert figures(settings, book=book)["book_wal_bytes"] == 4096


def test_when_a_banks_certificate_ends_is_known_once_it_was_shown(settings: Settings) -> None:
    bank = settings.bank[0]
    name = f"bank_certificate_expiry_timestamp_seconds/{bank.code}"
    assert name not in figures(settings)
    seen = {bank.code: {bank.pins[0]: Validity(MADE, MADE + timedelta(days=9))}}
    assert figures(settings, seen=seen)[name] == (MADE + timedelta(days=9)).timestamp()


def test_what_is_not_there_has_no_figure(tmp_path: Path) -> None:
    plain = load_settings(install(tmp_path, os.urandom, MADE, first_port=0, status_port=0, plain=True))
    shown_figures = figures(plain, date="")
    assert {name.partition("/")[0] for name in shown_figures} == {
        "cutover_waits",
        "calendar_end_timestamp_seconds",
        "disk_free_bytes",
        "disk_size_bytes",
    }
