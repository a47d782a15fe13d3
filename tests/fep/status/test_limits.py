"""From when on a certificate's validity is worth a word, and which; the alerts have the same limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from fep.status.limits import CERTIFICATE_DAYS, DISK_LIMITS, Severity, validity_warning

NOW = datetime(2026, 11, 30, 16, tzinfo=UTC)
YEAR, DAY, SECOND = timedelta(days=365), timedelta(days=1), timedelta(seconds=1)
RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "qianzhi.rules.yml"


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (-YEAR, 30 * DAY + SECOND, None),
        (-YEAR, 30 * DAY, (Severity.YELLOW, "expires in 30 days, at 2026-12-31 00:00 Beijing time")),
        (-YEAR, 8 * DAY, (Severity.YELLOW, "expires in 8 days, at 2026-12-09 00:00 Beijing time")),
        (-YEAR, 7 * DAY, (Severity.RED, "expires in 7 days, at 2026-12-08 00:00 Beijing time")),
        (-YEAR, DAY, (Severity.RED, "expires in 1 day, at 2026-12-02 00:00 Beijing time")),
        (-YEAR, 0 * DAY, (Severity.RED, "expired 0 days ago, at 2026-12-01 00:00 Beijing time")),
        (-2 * YEAR, -303 * DAY, (Severity.RED, "expired 303 days ago, at 2026-02-01 00:00 Beijing time")),
        (SECOND, YEAR, (Severity.RED, "is not valid before 2026-12-01 00:00 Beijing time")),
        (0 * DAY, YEAR, None),
    ],
)
def test_a_certificate_is_told_before_its_end_and_after_it(
    begins: timedelta, ends: timedelta, expected: tuple[Severity, str] | None
) -> None:
    assert validity_warning(NOW + begins, NOW + ends, NOW) == expected


def test_the_alerts_have_the_same_limits() -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    expressions = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    for names, severity in (("Ends", Severity.YELLOW), ("EndsSoon", Severity.RED)):
        for owner in ("Certificate", "BankCertificate"):
            expression = expressions[f"Qianzhi{owner}{names}"]
            assert f"<= {CERTIFICATE_DAYS[severity]} * 86400" in expression, expression
    for name, severity in (("QianzhiDiskFills", Severity.YELLOW), ("QianzhiDiskFull", Severity.RED)):
        limit = DISK_LIMITS[severity]
        assert f"< {limit.free}" in expressions[name]
        assert f"< {limit.enough} and" in expressions[name]
        assert f"< {limit.percent / 100}" in expressions[name]
