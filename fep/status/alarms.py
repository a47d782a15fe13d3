"""What is wrong in a picture of the machine, the worst first: a table of what to look at.

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
from fep.status.snapshot import Light, Picture, State

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


def _state(state: State) -> Callable[[Picture], Found]:
    def look(picture: Picture) -> Found:
        if picture.state is state:
            yield "", None

    return look


def _light(light: Light) -> Callable[[Picture], Found]:
    def look(picture: Picture) -> Found:
        for bank in picture.banks:
            if bank.light is light:
                yield bank.code, bank.heard_seconds

    return look


def _answered(code: str) -> Callable[[Picture], Found]:
    def look(picture: Picture) -> Found:
        for response in picture.responses:
            if response.code == code and response.lately:
                yield "", response.lately

    return look


def _clock(picture: Picture) -> Found:
    if picture.clock:
        yield "", None


def _waits(obstacle: Obstacle) -> Callable[[Picture], Found]:
    def look(picture: Picture) -> Found:
        if picture.waits == obstacle:
            yield "", -(picture.seconds_left or 0)

    return look


def _late(picture: Picture) -> Found:
    """Late, and the clock knows of nothing that keeps it: what fails is told in the log."""
    if picture.seconds_left is not None and picture.seconds_left <= -LATE_SECONDS and not picture.waits:
        yield "", -picture.seconds_left


def _old_day(picture: Picture) -> Found:
    if not picture.cutover and "" < picture.business_date < picture.today:
        yield "", None


def _untold_year(picture: Picture) -> Found:
    if picture.untold_year is not None:
        begins = date(picture.untold_year, 1, 1) - date.fromisoformat(picture.today)
        yield "", max(0, begins.days)


def _queue(picture: Picture) -> Found:
    if picture.queue.waiting * 2 >= picture.queue.limit:
        yield "", picture.queue.waiting


def _bad_macs(picture: Picture) -> Found:
    for bank in picture.banks:
        if bank.mac_lately:
            yield bank.code, bank.mac_lately


def _misses(picture: Picture) -> Found:
    for bank in picture.banks:
        if bank.misses:
            yield bank.code, bank.misses


def _unfit(picture: Picture) -> Found:
    """The figure is in whole yuan."""
    for bank in picture.banks:
        if bank.unfit and bank.unfit >= bank.unfit_alarm:
            yield bank.code, bank.unfit // 100


def _locked(picture: Picture) -> Found:
    if picture.locked_dues:
        yield "", picture.locked_dues


def _held_back(picture: Picture) -> Found:
    for bank in picture.banks:
        if bank.held_lately:
            yield bank.code, bank.held_lately


def _refused(picture: Picture) -> Found:
    if picture.refused_lately:
        yield "", picture.refused_lately


def _breaks_unknown(picture: Picture) -> Found:
    if picture.breaks.fault:
        yield "", None


def _breaks_old(picture: Picture) -> Found:
    oldest = picture.breaks.oldest_days
    if oldest is not None and oldest > BREAK_DAYS:
        yield "", oldest


RULES: Final[tuple[tuple[str, Severity, Callable[[Picture], Found]], ...]] = (
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


def alarms(picture: Picture) -> tuple[Alarm, ...]:
    """What is wrong in a picture, the worst first."""
    found = ((name, severity, one) for name, severity, look in RULES for one in look(picture))
    return tuple(Alarm(severity, name, *one) for name, severity, one in found)
