"""Beijing's time of any moment, on a host in any zone."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.rules.beijing import beijing, day_of, midnight


def test_a_moment_is_told_in_beijing_whatever_zone_the_host_is_in() -> None:
    assert beijing(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert f"{beijing(1_795_528_799_999_999):%Y%m%d %H:%M:%S.%f %z}" == "20261124 21:59:59.999999 +0800"
    assert beijing(-1).year == 1970


def test_a_date_begins_at_midnight_in_beijing() -> None:
    begins = midnight("20261124")
    assert (begins, beijing(begins).isoformat()) == (1_795_449_600_000_000, "2026-11-24T00:00:00+08:00")
    assert (day_of(begins), day_of(begins - 1)) == ("20261124", "20261123")
