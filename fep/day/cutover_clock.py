"""Ends the business day by the clock: looks each second whether its hour has come, and whether anything
forbids it.

The rules are `fep.day.schedule`'s, the cut-over itself is `fep.operator.operations`'s. Here is only what
must be remembered between two looks: since when the open date is known, the obstacle, and which reasons the
log has.
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
from fep.operator.control import Command
from fep.operator.control_client import Progress
from fep.settings.config import BusinessDay
from ledger.book.cutover import read_day_status
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.rules.beijing import beijing
from ledger.rules.calendar import Calendar, CalendarUnknown
from qianzhi_errors.sentence import Sentence, phrase

OBSTACLE_COMMAND = "day"
"""The command at the control socket that asks what keeps the clock from ending the open day. Its answer has
`waits`: an obstacle's name, or empty.
"""
WHY: Final[Mapping[Obstacle, str]] = MappingProxyType(
    {
        Obstacle.CLOCK: Sentence("the wall clock jumped, and nobody has said that it is right"),
        Obstacle.LATE: Sentence(
            "its hour is long past: the machine was off, its clock is wrong, or nobody came"
        ),
        Obstacle.CALENDAR: Sentence("nobody has told which business date comes next"),
        Obstacle.DUES: Sentence("its dues are not loaded"),
        Obstacle.NEAR: Sentence("the last cut-over was not long ago"),
    }
)
"""Each obstacle in words, for the log and the doctor."""
_TO_DO: Final[Mapping[Obstacle, str]] = MappingProxyType(
    {
        Obstacle.CLOCK: phrase(
            "put the time right, then qianzhi clock accept; or qianzhi day cutover --date {date}"
        ),
        Obstacle.LATE: phrase("see that the clock is right, then qianzhi day cutover --date {date}"),
        Obstacle.CALENDAR: phrase("tell the year in [day] of the settings, then qianzhi reload"),
        Obstacle.DUES: phrase("qianzhi book load FILE; if none come, qianzhi day cutover --date {date}"),
        Obstacle.NEAR: phrase(
            "it is done when apart_hours have passed; sooner by qianzhi day cutover --date {date}"
        ),
    }
)
"""What a person does about each obstacle; {date} is the open business date."""


def to_do(obstacle: Obstacle, date: str) -> str:
    """Return what a person does about an obstacle to ending the open business date, YYYYMMDD."""
    return Sentence(_TO_DO[obstacle], date=date)


@dataclass(slots=True)
class CutoverClock:
    """Ends the open day at its hour. `day` returns the settings of the business day as they are now;
    `clock` has the wall clock and the monotonic one; `cut_over` closes the business date that it is given.
    """

    engine: Engine
    store: Store
    day: Callable[[], BusinessDay]
    clock: WallClock
    cut_over: Callable[[str], Awaitable[object]]
    obstacle: Obstacle | None = None
    """What keeps the clock from ending the open day though its hour has come; None where nothing does."""
    _date: str = ""
    _since: float = field(init=False)
    """The monotonic moment, in seconds, at which the process began or last saw a cut-over."""
    _is_seen: bool = False
    """Whether the process has seen a cut-over."""
    _logged: set[str] = field(default_factory=set)
    """The reasons that the log has for the open date."""

    log = Logger(namespace="fep.day.cutover_clock")

    def __post_init__(self) -> None:
        self._since = self.clock.seconds()

    def commands(self) -> Mapping[str, Command]:
        """Return the commands that the control socket offers (fep.operator.control)."""
        return {OBSTACLE_COMMAND: self._answer_waits}

    def _answer_waits(self, _asked: Mapping[str, Any], _progress: Progress) -> Deferred[dict[str, str]]:
        return succeed({"waits": self.obstacle or ""})

    def look(self) -> Deferred[None] | None:
        """End the open day if its hour has come and there is no obstacle. Returns None where the hour has
        not come.
        """
        date, rule = self.engine.business_date, self.day().rule()
        self._note_date(date)
        if not date or rule is None or not self._is_time(date, rule):
            self.obstacle = None
            return None
        return Deferred.fromCoroutine(self._end(date, rule))

    def _note_date(self, date: str) -> None:
        """Note a change of the open date: a cut-over, unless the process or its book has just begun."""
        if date != self._date:
            if self._date:
                self._since, self._is_seen = self.clock.seconds(), True
            self._date = date
            self._logged.clear()

    def _is_time(self, date: str, rule: Rule) -> bool:
        is_settled = self._is_seen or self.clock.seconds() - self._since >= SETTLE_SECONDS
        return is_settled and seconds_left(beijing(self.clock.now_us()), date, rule.hour) <= 0

    async def _end(self, date: str, rule: Rule) -> None:
        try:
            self.obstacle = obstacle(await self._facts(date), rule)
            if self.obstacle is None:
                await self.cut_over(date)
            else:
                self._log_reason(date, f"{WHY[self.obstacle]}; {to_do(self.obstacle, date)}")
        except LedgerError as error:
            self._log_reason(
                date, f"{error}; it is tried on, or have it done: qianzhi day cutover --date {date}"
            )

    async def _facts(self, date: str) -> Known:
        """Return what is known at this look; one read of the book, between two batches."""
        book = await self.engine.between_batches(partial(read_day_status, self.store, date))
        closed_at = book.last_closed_at
        return Known(
            now=beijing(self.clock.now_us()),
            business_date=date,
            clock_fault=self.clock.fault(),
            is_next_known=_is_next_known(self.day().calendar(), date),
            is_loaded=book.is_loaded,
            last_closed_at=None if closed_at is None else beijing(closed_at),
            seconds=self.clock.seconds() - self._since,
            is_seen=self._is_seen,
        )

    def _log_reason(self, date: str, why: str) -> None:
        """Write into the log why a day is not ended: each reason once, not every second."""
        if why not in self._logged:
            self._logged.add(why)
            self.log.error("business day {date} is not cut over by the clock: {why}", date=date, why=why)


def _is_next_known(calendar: Calendar, date: str) -> bool:
    try:
        calendar.next_business_date(date)
    except CalendarUnknown:
        return False
    return True
