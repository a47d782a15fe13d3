"""Ends the business day by the clock: looks each second whether it is time, and whether it may.

When a day ends and what forbids it, `fep.day.schedule` says; how it is ended, `fep.operator.operations`. Here
is only what has to be remembered between two looks: since when the open date is known, what stands in the
way, and what the log has been told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from fep.day.clock import WallClock
from fep.day.schedule import SETTLE_SECONDS, Known, Obstacle, Rule, obstacle, seconds_left
from fep.engine.commit import Engine
from fep.operator.control import Command, Progress
from fep.settings.config import BusinessDay
from ledger.book.cutover import read_standing
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.rules.beijing import beijing
from ledger.rules.calendar import Calendar, CalendarUnknown

COMMAND = "day"
"""Asks what keeps the clock from ending the open day; answered with `waits`, an obstacle's name or
nothing."""
WHY: Final[Mapping[Obstacle, str]] = MappingProxyType(
    {
        Obstacle.CLOCK: "the wall clock jumped, and nobody has said that it is right",
        Obstacle.LATE: "its hour is long past: the machine was off, its clock is wrong, or nobody came",
        Obstacle.CALENDAR: "nobody has told which business date comes next",
        Obstacle.DUES: "its dues are not loaded",
        Obstacle.NEAR: "the last cut-over was not long ago",
    }
)
"""What each obstacle is, in words."""
TO_DO: Final[Mapping[Obstacle, str]] = MappingProxyType(
    {
        Obstacle.CLOCK: "put the time right, then qianzhi clock accept; or qianzhi day cutover --date {date}",
        Obstacle.LATE: "see that the clock is right, then qianzhi day cutover --date {date}",
        Obstacle.CALENDAR: "tell the year in [day] of the settings, then qianzhi reload",
        Obstacle.DUES: "qianzhi book load FILE; if none come, qianzhi day cutover --date {date}",
        Obstacle.NEAR: "it is done when apart_hours have passed; sooner by qianzhi day cutover --date {date}",
    }
)
"""What a person does about each, {date} being the open business day's."""


@dataclass(slots=True)
class DayClock:
    """Ends the open day at its hour. `day` is what the settings say now; `clock` gives the wall clock and the
    monotonic one; `cut_over` ends the business date that it is given.
    """

    engine: Engine
    store: Store
    day: Callable[[], BusinessDay]
    clock: WallClock
    cut_over: Callable[[str], Awaitable[object]]
    obstacle: Obstacle | None = None
    """What keeps the open day from being ended by the clock, though its hour has come."""
    _date: str = ""
    _since: float = field(init=False)
    """The monotonic moment at which the process began, or saw a cut-over."""
    _is_seen: bool = False
    _told: set[str] = field(default_factory=set)

    log = Logger(namespace="fep.day.cutover_clock")

    def __post_init__(self) -> None:
        self._since = self.clock.seconds()

    def commands(self) -> Mapping[str, Command]:
        """The table for fep.operator.control."""
        return {COMMAND: self._asked}

    def _asked(self, _asked: Mapping[str, Any], _progress: Progress) -> Deferred[dict[str, str]]:
        return succeed({"waits": self.obstacle or ""})

    def look(self) -> Deferred[None] | None:
        """End the open day if it is time and nothing is in the way. None where it is not time."""
        date, rule = self.engine.business_date, self.day().rule()
        self._see(date)
        if not date or rule is None or not self._is_time(date, rule):
            self.obstacle = None
            return None
        return Deferred.fromCoroutine(self._end(date, rule))

    def _see(self, date: str) -> None:
        if date != self._date:
            if self._date:  # else the process, or its book, has just begun
                self._since, self._is_seen = self.clock.seconds(), True
            self._date = date
            self._told.clear()

    def _is_time(self, date: str, rule: Rule) -> bool:
        is_settled = self._is_seen or self.clock.seconds() - self._since >= SETTLE_SECONDS
        return is_settled and seconds_left(beijing(self.clock.now_us()), date, rule.hour) <= 0

    async def _end(self, date: str, rule: Rule) -> None:
        try:
            self.obstacle = obstacle(await self._known(date), rule)
            if self.obstacle is None:
                await self.cut_over(date)
            else:
                self._tell(date, f"{WHY[self.obstacle]}; {TO_DO[self.obstacle].format(date=date)}")
        except LedgerError as error:
            self._tell(date, f"{error}; it is tried on, or have it done: qianzhi day cutover --date {date}")

    async def _known(self, date: str) -> Known:
        standing = await self.engine.between_batches(partial(read_standing, self.store, date))
        closed_at = standing.last_closed_at
        return Known(
            now=beijing(self.clock.now_us()),
            business_date=date,
            clock_fault=self.clock.fault(),
            is_next_known=_is_next_known(self.day().calendar(), date),
            is_loaded=standing.is_loaded,
            last_closed_at=None if closed_at is None else beijing(closed_at),
            seconds=self.clock.seconds() - self._since,
            is_seen=self._is_seen,
        )

    def _tell(self, date: str, why: str) -> None:
        """Say in the log why a day is not ended: each reason once, not every second until somebody comes."""
        if why not in self._told:
            self._told.add(why)
            self.log.error("business day {date} is not cut over by the clock: {why}", date=date, why=why)


def _is_next_known(calendar: Calendar, date: str) -> bool:
    try:
        calendar.next_business_date(date)
    except CalendarUnknown:
        return False
    return True
