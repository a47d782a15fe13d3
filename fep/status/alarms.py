"""What is wrong in a snapshot of the machine, the worst first: one table of rules.

Pure. An alarm has a name, and perhaps a bank and a figure; the page's table of words says in both languages
what it means and what to do. An alarm about which nobody could do anything does not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from fep.day.schedule import LATE_SECONDS, Obstacle
from fep.status.limits import Severity, disk_severity, seconds_severity
from fep.status.snapshot import Light, Snapshot, State

BREAK_DAYS: Final = 7
"""Calendar days after which an open break is too old; a week's holiday does not make a break old."""


_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong. `bank` is a bank's code, or empty; `figure` is how much of it, in the rule's
    own unit, or None. `subject` is what it is about where that is no bank: a file and its fault, a folder.
    """

    severity: Severity
    name: str
    bank: str = ""
    figure: int | None = None
    subject: str = ""


Sightings = Iterator[tuple[str, int | None] | tuple[str, int | None, str]]
"""What a rule yields for each thing that is wrong: a bank's code or an empty text, a figure or None, and
perhaps a subject.
"""


def _state(state: State) -> Callable[[Snapshot], Sightings]:
    def look(snapshot: Snapshot) -> Sightings:
        if snapshot.state is state:
            yield "", None

    return look


def _light(light: Light) -> Callable[[Snapshot], Sightings]:
    def look(snapshot: Snapshot) -> Sightings:
        for bank in snapshot.banks:
            if bank.light is light:
                yield bank.code, bank.heard_seconds

    return look


def _answered(code: str) -> Callable[[Snapshot], Sightings]:
    def look(snapshot: Snapshot) -> Sightings:
        for response in snapshot.responses:
            if response.code == code and response.lately:
                yield "", response.lately

    return look


def _database(snapshot: Snapshot) -> Sightings:
    if snapshot.away_seconds is not None:
        yield "", snapshot.away_seconds


def _token(snapshot: Snapshot) -> Sightings:
    if snapshot.token_seconds is not None:
        yield "", snapshot.token_seconds


def _clock(snapshot: Snapshot) -> Sightings:
    if snapshot.clock:
        yield "", None


def _waits(obstacle: Obstacle) -> Callable[[Snapshot], Sightings]:
    def look(snapshot: Snapshot) -> Sightings:
        if snapshot.waits == obstacle:
            yield "", -(snapshot.seconds_left or 0)

    return look


def _late(snapshot: Snapshot) -> Sightings:
    """The day is late in seconds, and no obstacle keeps the clock from ending it: the log says what fails."""
    if snapshot.seconds_left is not None and snapshot.seconds_left <= -LATE_SECONDS and not snapshot.waits:
        yield "", -snapshot.seconds_left


def _old_day(snapshot: Snapshot) -> Sightings:
    if not snapshot.cutover and "" < snapshot.business_date < snapshot.today:
        yield "", None


def _untold_year(snapshot: Snapshot) -> Sightings:
    if snapshot.untold_year is not None:
        begins = date(snapshot.untold_year, 1, 1) - date.fromisoformat(snapshot.today)
        yield "", max(0, begins.days)


def _queue(snapshot: Snapshot) -> Sightings:
    if snapshot.queue.waiting * 2 >= snapshot.queue.limit:
        yield "", snapshot.queue.waiting


def _bad_macs(snapshot: Snapshot) -> Sightings:
    for bank in snapshot.banks:
        if bank.mac_lately:
            yield bank.code, bank.mac_lately


def _without_zmk(snapshot: Snapshot) -> Sightings:
    for bank in snapshot.banks:
        if not bank.has_zmk:
            yield bank.code, None


def _misses(snapshot: Snapshot) -> Sightings:
    for bank in snapshot.banks:
        if bank.misses:
            yield bank.code, bank.misses


def _unfit(snapshot: Snapshot) -> Sightings:
    """The figure is in whole yuan: what came in advices that fit no due, where it is worth an alarm."""
    for bank in snapshot.banks:
        if bank.unfit and bank.unfit >= bank.unfit_alarm:
            yield bank.code, bank.unfit // 100


def _locked(snapshot: Snapshot) -> Sightings:
    if snapshot.locked_dues:
        yield "", snapshot.locked_dues


def _held_back(snapshot: Snapshot) -> Sightings:
    for bank in snapshot.banks:
        if bank.held_lately:
            yield bank.code, bank.held_lately


def _refused(snapshot: Snapshot) -> Sightings:
    if snapshot.refused_lately:
        yield "", snapshot.refused_lately


def _certificate_fault(snapshot: Snapshot) -> Sightings:
    if snapshot.certificate is not None and snapshot.certificate.fault:
        yield "", None, snapshot.certificate.fault


def _certificate_early(snapshot: Snapshot) -> Sightings:
    """The figure is in seconds."""
    certificate = snapshot.certificate
    if certificate is not None and certificate.seconds_until_valid > 0:
        yield "", certificate.seconds_until_valid, certificate.file


def _certificate_expired(snapshot: Snapshot) -> Sightings:
    """The figure is in days that have passed."""
    certificate = snapshot.certificate
    if certificate is not None and certificate.seconds_left is not None and certificate.seconds_left <= 0:
        yield "", -certificate.seconds_left // _DAY, certificate.file


def _certificate_ends(severity: Severity) -> Callable[[Snapshot], Sightings]:
    """The figure is in days that are left."""

    def look(snapshot: Snapshot) -> Sightings:
        certificate = snapshot.certificate
        if certificate is not None and certificate.seconds_left is not None:
            left = certificate.seconds_left
            if left > 0 and seconds_severity(left) is severity:
                yield "", left // _DAY, certificate.file

    return look


def _certificate_waits(snapshot: Snapshot) -> Sightings:
    if snapshot.certificate is not None and not snapshot.certificate.is_taken:
        yield "", None, snapshot.certificate.file


def _bank_certificate_expired(snapshot: Snapshot) -> Sightings:
    for bank in snapshot.banks:
        if bank.certificate_seconds is not None and bank.certificate_seconds <= 0:
            yield bank.code, -bank.certificate_seconds // _DAY


def _bank_certificate_ends(severity: Severity) -> Callable[[Snapshot], Sightings]:
    def look(snapshot: Snapshot) -> Sightings:
        for bank in snapshot.banks:
            left = bank.certificate_seconds
            if left is not None and left > 0 and seconds_severity(left) is severity:
                yield bank.code, left // _DAY

    return look


def _disk(severity: Severity) -> Callable[[Snapshot], Sightings]:
    """The figure is in MiB that are free."""

    def look(snapshot: Snapshot) -> Sightings:
        for disk in snapshot.disks:
            if disk.room is not None and disk_severity(disk.room) is severity:
                yield "", disk.room.free >> 20, disk.folder

    return look


def _disk_fault(snapshot: Snapshot) -> Sightings:
    for disk in snapshot.disks:
        if disk.fault:
            yield "", None, disk.fault


def _breaks_unknown(snapshot: Snapshot) -> Sightings:
    if snapshot.breaks.fault:
        yield "", None


def _breaks_old(snapshot: Snapshot) -> Sightings:
    oldest = snapshot.breaks.oldest_days
    if oldest is not None and oldest > BREAK_DAYS:
        yield "", oldest


RULES: Final[tuple[tuple[str, Severity, Callable[[Snapshot], Sightings]], ...]] = (
    ("stopped", Severity.RED, _state(State.STOPPED)),
    ("doubt", Severity.RED, _state(State.DOUBT)),
    ("database", Severity.RED, _database),
    ("token", Severity.RED, _token),
    ("no_day", Severity.RED, _state(State.NO_DAY)),
    ("clock", Severity.RED, _clock),
    *((f"cutover_{obstacle}", Severity.RED, _waits(obstacle)) for obstacle in Obstacle),
    ("cutover_fails", Severity.RED, _late),
    ("queue", Severity.RED, _queue),
    ("faults", Severity.RED, _answered("96")),
    ("unavailable", Severity.RED, _answered("91")),
    ("certificate_fault", Severity.RED, _certificate_fault),
    ("certificate_early", Severity.RED, _certificate_early),
    ("certificate_expired", Severity.RED, _certificate_expired),
    ("certificate_ends_soon", Severity.RED, _certificate_ends(Severity.RED)),
    ("disk_fault", Severity.RED, _disk_fault),
    ("disk_full", Severity.RED, _disk(Severity.RED)),
    ("bank_certificate_expired", Severity.RED, _bank_certificate_expired),
    ("bank_certificate_ends_soon", Severity.RED, _bank_certificate_ends(Severity.RED)),
    ("bank_without_zmk", Severity.RED, _without_zmk),
    ("bank_down", Severity.RED, _light(Light.DOWN)),
    ("bank_unsigned", Severity.YELLOW, _light(Light.UNSIGNED)),
    ("bank_silent", Severity.YELLOW, _light(Light.SILENT)),
    ("bad_mac", Severity.YELLOW, _bad_macs),
    ("unfit", Severity.YELLOW, _unfit),
    ("dues_locked", Severity.YELLOW, _locked),
    ("misses", Severity.YELLOW, _misses),
    ("refusals", Severity.YELLOW, _held_back),
    ("refused", Severity.YELLOW, _refused),
    ("day_old", Severity.YELLOW, _old_day),
    ("calendar_ends", Severity.YELLOW, _untold_year),
    ("certificate_waits", Severity.YELLOW, _certificate_waits),
    ("certificate_ends", Severity.YELLOW, _certificate_ends(Severity.YELLOW)),
    ("bank_certificate_ends", Severity.YELLOW, _bank_certificate_ends(Severity.YELLOW)),
    ("disk_fills", Severity.YELLOW, _disk(Severity.YELLOW)),
    ("breaks_unknown", Severity.YELLOW, _breaks_unknown),
    ("breaks_old", Severity.YELLOW, _breaks_old),
)
"""Every alarm: its name, its severity and its rule, in the order in which alarms are shown."""


def alarms(snapshot: Snapshot) -> tuple[Alarm, ...]:
    """Return what is wrong in a snapshot, the worst first."""
    return tuple(
        Alarm(severity, name, *sighting) for name, severity, look in RULES for sighting in look(snapshot)
    )
