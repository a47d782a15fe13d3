"""The machine's wall clock, as commands read it: now in microseconds, and today's date in Beijing.

The commands are the edge where time enters; what they call takes it as an argument.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.rules.beijing import beijing


def now_us() -> int:
    """The wall clock, in microseconds since 1970-01-01 UTC."""
    return int(datetime.now(UTC).timestamp() * 1_000_000)


def today() -> str:
    """Today's date in Beijing, YYYYMMDD."""
    return f"{beijing(now_us()):%Y%m%d}"
