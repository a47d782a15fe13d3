"""From when on a certificate or a disk is worth an alarm: tables of limits, and the sentences that say so.

Pure. The status page, `qianzhi doctor` and `qianzhi reload` judge by these, so that none of them is content
with what another one calls wrong; the alert rules in deploy/prometheus have the same numbers. How a
certificate or a disk is read does not belong here (`fep.links.tls`, `fep.status.host`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.rules.beijing import BEIJING
from qianzhi_errors.sentence import Sentence


class Severity(StrEnum):
    """RED: money is not taken, or soon will not be. YELLOW: look at it today."""

    RED = "red"
    YELLOW = "yellow"


CERTIFICATE_DAYS: Final[Mapping[Severity, int]] = MappingProxyType({Severity.RED: 7, Severity.YELLOW: 30})
"""So many days of validity, or fewer, are worth an alarm. A bank that checks dates may need weeks to be given
another certificate.
"""


class Room(NamedTuple):
    """The bytes free on a disk for who is not root, and its size in bytes."""

    free: int
    size: int


class DiskLimit(NamedTuple):
    """Fewer bytes free than `free` are worth an alarm, and so is a smaller part of the disk than `percent`,
    but not where `enough` bytes are free: a fifth of a large disk lasts for years.
    """

    free: int
    percent: int
    enough: int


DISK_LIMITS: Final[Mapping[Severity, DiskLimit]] = MappingProxyType(
    {Severity.RED: DiskLimit(256 << 20, 5, 5 << 30), Severity.YELLOW: DiskLimit(2 << 30, 20, 20 << 30)}
)
"""The journal of one busy hour would fill 256 MiB."""


def seconds_severity(seconds_left: int) -> Severity | None:
    """Return how bad it is that a certificate is valid for so many more seconds (negative: it has expired);
    None if that is long enough.
    """
    return next(
        (severity for severity, days in CERTIFICATE_DAYS.items() if seconds_left <= days * 86_400), None
    )


def disk_severity(room: Room) -> Severity | None:
    """Return how bad it is that a disk has so much room; None if it has enough."""
    return next(
        (
            severity
            for severity, limit in DISK_LIMITS.items()
            if room.free < limit.free
            or (room.free * 100 < room.size * limit.percent and room.free < limit.enough)
        ),
        None,
    )


def validity_warning(begins: datetime, ends: datetime, now: datetime) -> tuple[Severity, str] | None:
    """Return how bad a certificate's validity is, and that in words (a verb's phrase, with Beijing's time);
    None if it is valid for long enough.
    """
    if now < begins:
        return Severity.RED, Sentence("is not valid before {begins}", begins=_moment(begins))
    left = ends - now
    severity = seconds_severity(int(left.total_seconds()))
    if severity is None:
        return None
    if left <= timedelta():
        return Severity.RED, Sentence("expired {days} ago, at {ends}", days=_days(-left), ends=_moment(ends))
    return severity, Sentence("expires in {days}, at {ends}", days=_days(left), ends=_moment(ends))


def _days(time: timedelta) -> str:
    return Sentence("1 day") if time.days == 1 else Sentence("{days} days", days=time.days)


def _moment(at: datetime) -> str:
    return Sentence("{moment} Beijing time", moment=f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M}")
