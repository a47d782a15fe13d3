"""The metrics of what surrounds the machine: the certificate's end, the book's disk, a late cut-over."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fep.certificates import VALID, self_signed
from fep.condition import ConditionCollector
from fep.config import Settings, load_settings
from fep.install import install

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
PREFIX = "qianzhi_"


def figures(
    settings: Settings, *, date: str = "20261124", now: datetime = MADE, book: Path | None = None
) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(ConditionCollector(lambda: settings, lambda: date, lambda: now, book))
    samples = (sample for family in registry.collect() for sample in family.samples)
    return {sample.name.removeprefix(PREFIX): sample.value for sample in samples}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(install(tmp_path, os.urandom, MADE, first_port=0, status_port=0))


def test_the_certificates_end_is_that_of_the_file(settings: Settings) -> None:
    assert figures(settings)["certificate_expiry_timestamp_seconds"] == (MADE + VALID).timestamp()
    assert settings.tls is not None
    later = self_signed("later", MADE + timedelta(days=1)).certificate
    Path(settings.tls.certificate_file).write_bytes(later)
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
    told = figures(settings, now=datetime(2026, 11, 25, 0, 10, tzinfo=UTC))
    assert (told["business_date"], told["cutover_late_seconds"]) == (20261124, 600)
    with_hour = settings.model_copy(
        update={"day": settings.day.model_copy(update={"cutover": "22:00"})}, deep=True
    )
    told = figures(with_hour, now=datetime(2026, 11, 25, 0, 10, tzinfo=UTC))
    assert told["cutover_late_seconds"] == 2 * 3600 + 600


def test_a_books_disk_and_its_log(settings: Settings, tmp_path: Path) -> None:
    book = tmp_path / "front.db"
    told = figures(settings, book=book)
    disk = os.statvfs(tmp_path)
    assert told["book_disk_size_bytes"] == disk.f_blocks * disk.f_frsize
    assert 0 < told["book_disk_free_bytes"] < told["book_disk_size_bytes"]
    assert told["book_wal_bytes"] == 0
    (tmp_path / "front.db-wal").write_bytes(bytes(4096))
    assert figures(settings, book=book)["book_wal_bytes"] == 4096


def test_what_is_not_there_has_no_figure(tmp_path: Path) -> None:
    plain = load_settings(install(tmp_path, os.urandom, MADE, first_port=0, status_port=0, plain=True))
    assert figures(plain, date="") == {}
