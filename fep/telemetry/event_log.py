"""What changed lately at this machine, for the status page: links, days, loads, refusals, doubts.

Bounded, in memory, and gone with the process: the log and the audit log are the record. What happens again
within a minute is counted, so that a flood cannot push everything else out. No addresses and no values come
in here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

EVENTS_MAX: Final = 100
AGAIN_SECONDS: Final = 60
"""What happens again no later than this is one event, with a count."""


class Kind(StrEnum):
    """What can happen."""

    STARTED = "started"
    STOPPING = "stopping"
    FENCED = "fenced"
    SIGNED_ON = "signed_on"
    SIGNED_OFF = "signed_off"
    LINK_DOWN = "link_down"
    REFUSED = "refused"
    BAD_MAC = "bad_mac"
    DAY = "day"
    LOAD = "load"
    RELOAD = "reload"
    DOUBT = "doubt"
    SETTLED = "settled"
    UNAVAILABLE = "unavailable"
    CLOCK = "clock"
    CLOCK_ACCEPTED = "clock_accepted"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `number` grows with every change; `at_us` and `since_us` are microseconds since 1970-01-01
    UTC, of the last and the first time; `count` is how often.
    """

    number: int
    kind: Kind
    bank: str
    detail: str
    at_us: int
    since_us: int
    count: int


class EventLog:
    """The last events, each kind, bank and detail at most once a minute. `now_us` is the wall clock, which
    stamps them; `seconds` is the reactor's, which says how long ago they were.
    """

    def __init__(self, now_us: Callable[[], int], seconds: Callable[[], float]) -> None:
        self._now_us = now_us
        self._seconds = seconds
        self._happened: dict[int, float] = {}
        self._latest: dict[tuple[Kind, str, str], int] = {}
        self._events: dict[int, Event] = {}
        self._number = 0

    def note(self, kind: Kind, bank: str = "", detail: str = "") -> None:
        """Write an event down, or count it with the last one of its kind."""
        now, what = self._now_us(), (kind, bank, detail)
        self._number += 1
        event = Event(self._number, kind, bank, detail, now, now, 1)
        before = self._events.get(self._latest.get(what, 0))
        if before is not None and self.seconds_since(before) <= AGAIN_SECONDS:
            del self._events[before.number], self._happened[before.number]
            event = replace(event, since_us=before.since_us, count=before.count + 1)
        self._latest[what] = self._number
        self._events[self._number] = event
        self._happened[self._number] = self._seconds()
        if len(self._events) > EVENTS_MAX:
            self._forget(next(iter(self._events)))

    def since(self, number: int = 0) -> tuple[Event, ...]:
        """The events after a number, the oldest first."""
        return tuple(event for event in self._events.values() if event.number > number)

    def seconds_since(self, event: Event) -> float:
        """How long ago an event that is still there happened for the last time."""
        return self._seconds() - self._happened[event.number]

    def _forget(self, number: int) -> None:
        gone = self._events.pop(number)
        del self._happened[number]
        what = (gone.kind, gone.bank, gone.detail)
        if self._latest.get(what) == number:
            del self._latest[what]
