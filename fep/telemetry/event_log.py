"""The last events at this machine, for the status page: links, days, loads, refusals, doubts.

Bounded, in memory, and gone with the process: the log and the audit log are the record. An event that
happens again within a minute is counted with the last one, so that a flood cannot push out everything else.
No values of a message come in here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

EVENTS_MAX: Final = 100
"""Events that are kept; the oldest goes."""
AGAIN_SECONDS: Final = 60
"""Seconds within which the same event again is one event with a count."""


class Kind(StrEnum):
    """The kinds of events. The page words each under `event.` and its value."""

    STARTED = "started"
    STOPPING = "stopping"
    FENCED = "fenced"
    SIGNED_ON = "signed_on"
    SIGNED_OFF = "signed_off"
    LINK_DOWN = "link_down"
    REFUSED = "refused"
    BAD_MAC = "bad_mac"
    BAD_KEY = "bad_key"
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
    """One event. `number` grows with every change of the log. `since_us` and `at_us` are when it happened
    first and last, in microseconds since 1970-01-01 UTC; `count` is how often.
    """

    number: int
    kind: Kind
    bank: str
    detail: str
    at_us: int
    since_us: int
    count: int


class EventLog:
    """The last events; the same kind, bank and detail at most once a minute. `now_us` is the wall clock,
    which stamps them; `seconds` is the reactor's, by which it is known how long ago they were.
    """

    def __init__(self, now_us: Callable[[], int], seconds: Callable[[], float]) -> None:
        self._now_us = now_us
        self._seconds = seconds
        self._happened: dict[int, float] = {}
        self._latest: dict[tuple[Kind, str, str], int] = {}
        self._events: dict[int, Event] = {}
        self._number = 0

    def note(self, kind: Kind, bank: str = "", detail: str = "") -> None:
        """Add an event, or count it with the last one that is the same."""
        now, subject = self._now_us(), (kind, bank, detail)
        self._number += 1
        event = Event(self._number, kind, bank, detail, now, now, 1)
        before = self._events.get(self._latest.get(subject, 0))
        if before is not None and self.seconds_since(before) <= AGAIN_SECONDS:
            del self._events[before.number], self._happened[before.number]
            event = replace(event, since_us=before.since_us, count=before.count + 1)
        self._latest[subject] = self._number
        self._events[self._number] = event
        self._happened[self._number] = self._seconds()
        if len(self._events) > EVENTS_MAX:
            self._forget(next(iter(self._events)))

    def since(self, number: int = 0) -> tuple[Event, ...]:
        """Return the events after a number, the oldest first."""
        return tuple(event for event in self._events.values() if event.number > number)

    def seconds_since(self, event: Event) -> float:
        """Return how many seconds ago an event that is still kept happened last."""
        return self._seconds() - self._happened[event.number]

    def _forget(self, number: int) -> None:
        oldest = self._events.pop(number)
        del self._happened[number]
        subject = (oldest.kind, oldest.bank, oldest.detail)
        if self._latest.get(subject) == number:
            del self._latest[subject]
