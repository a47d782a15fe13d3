"""Beijing's time of any moment, on a host in any zone."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.rules.beijing import beijing


def test_a_moment_is_told_in_beijing_whatever_zone_the_host_is_in() -> None:
    assert beijing(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert f"{beijing(1_795_528_799_999_999):%Y%m%d %H:%M:%S.%f %z}" == "20261124 21:59:59.999999 +0800"
    assert beijing(-1).year == 1970
