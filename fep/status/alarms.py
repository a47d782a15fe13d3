"""What is wrong in a snapshot of the machine, the worst first: a table of what to look at.

Pure. An alarm has a name, and perhaps a bank and a figure; what it means and what to do, the page's table
of words says in both languages under that name. An alarm for which nobody could do anything does not belong
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from fep.day.schedule import LATE_SECONDS, Obstacle
from fep.status.snapshot import Light, Snapshot, State

BREAK_DAYS: Final = 7
"""Calendar days after which a break has waited too long; a week's holiday does not make one old."""


class Severity(StrEnum):
    """RED: money is not taken, or is about not to be. YELLOW: look at it today."""

    RED = "red"
    YELLOW = "yellow"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong: `bank` is a code or empty, `figure` how much of it, or None."""

    severity: Severity
    name: str
    bank: str = ""
    figure: int | None = None


Found = Iterator[tuple[str, int | None]]
"""A bank's code, or nothing, and a figure, for each time that something is wrong."""


def _state(state: State) -> Callable[[Snapshot], Found]:
    def look(snapshot: Snapshot) -> Found:
        if snapshot.state is state:
            yield "", None

    return look


def _light(light: Light) -> Callable[[Snapshot], Found]:
    def look(snapshot: Snapshot) -> Found:
        for bank in snapshot.banks:
            if bank.light is light:
                yield bank.code, bank.heard_seconds

    return look


def _answered(code: str) -> Callable[[Snapshot], Found]:
    def look(snapshot: Snapshot) -> Found:
        for response in snapshot.responses:
            if response.code == code and response.lately:
                yield "", response.lately

    return look


def _clock(snapshot: Snapshot) -> Found:
    if snapshot.clock:
        yield "", None


def _waits(obstacle: Obstacle) -> Callable[[Snapshot], Found]:
    def look(snapshot: Snapshot) -> Found:
        if snapshot.waits == obstacle:
            yield "", -(snapshot.seconds_left or 0)

    return look


def _late(snapshot: Snapshot) -> Found:
    """Late, and the clock knows of nothing that keeps it: what fails is told in the log."""
    if snapshot.seconds_left is not None and snapshot.seconds_left <= -LATE_SECONDS and not snapshot.waits:
        yield "", -snapshot.seconds_left


def _old_day(snapshot: Snapshot) -> Found:
    if not snapshot.cutover and "" < snapshot.business_date < snapshot.today:
        yield "", None


def _untold_year(snapshot: Snapshot) -> Found:
    if snapshot.untold_year is not None:
        begins = date(snapshot.untold_year, 1, 1) - date.fromisoformat(snapshot.today)
        yield "", max(0, begins.days)


def _queue(snapshot: Snapshot) -> Found:
    if snapshot.queue.waiting * 2 >= snapshot.queue.limit:
        yield "", snapshot.queue.waiting


def _bad_macs(snapshot: Snapshot) -> Found:
    for bank in snapshot.banks:
        if bank.mac_lately:
            yield bank.code, bank.mac_lately


def _misses(snapshot: Snapshot) -> Found:
    for bank in snapshot.banks:
        if bank.misses:
            yield bank.code, bank.misses


def _unfit(snapshot: Snapshot) -> Found:
    """The figure is in whole yuan."""
    for bank in snapshot.banks:
        if bank.unfit and bank.unfit >= bank.unfit_alarm:
            yield bank.code, bank.unfit // 100


def _locked(snapshot: Snapshot) -> Found:
    if snapshot.locked_dues:
        yield "", snapshot.locked_dues


def _held_back(snapshot: Snapshot) -> Found:
    for bank in snapshot.banks:
        if bank.held_lately:
            yield bank.code, bank.held_lately


def _refused(snapshot: Snapshot) -> Found:
    if snapshot.refused_lately:
        yield "", snapshot.refused_lately


def _breaks_unknown(snapshot: Snapshot) -> Found:
    if snapshot.breaks.fault:
        yield "", None


def _breaks_old(snapshot: Snapshot) -> Found:
    oldest = snapshot.breaks.oldest_days
    if oldest is not None and oldest > BREAK_DAYS:
        yield "", oldest


RULES: Final[tuple[tuple[str, Severity, Callable[[Snapshot], Found]], ...]] = (
    ("stopped", Severity.RED, _state(State.STOPPED)),
    ("doubt", Severity.RED, _state(State.DOUBT)),
    ("no_day", Severity.RED, _state(State.NO_DAY)),
    ("clock", Severity.RED, _clock),
    *((f"cutover_{one}", Severity.RED, _waits(one)) for one in Obstacle),
    ("cutover_fails", Severity.RED, _late),
    ("queue", Severity.RED, _queue),
    ("faults", Severity.RED, _answered("96")),
    ("unavailable", Severity.RED, _answered("91")),
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
    ("breaks_unknown", Severity.YELLOW, _breaks_unknown),
    ("breaks_old", Severity.YELLOW, _breaks_old),
)
"""Every alarm there is, in the order in which they are shown."""


def alarms(snapshot: Snapshot) -> tuple[Alarm, ...]:
    """What is wrong in a snapshot, the worst first."""
    found = ((name, severity, one) for name, severity, look in RULES for one in look(snapshot))
    return tuple(Alarm(severity, name, *one) for name, severity, one in found)
