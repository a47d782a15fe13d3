"""What an operator can have the serving process do: cut over, load the next dues, write down an act.

The order of the steps and what to do when one fails; the steps themselves are the ledger's. Whatever writes
goes through the engine, between two batches. What was asked for and came to nothing is written down too.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.logger import Logger

from fep import trail
from fep.chronicle import Chronicle, Kind
from fep.clock import WallClock
from fep.commit import Engine
from fep.control import Command, ControlError, Progress
from fep.keys import FrontKey
from fep.schedule import is_time
from ledger import bookfile
from ledger.acts import MACHINE, Stage, failed
from ledger.calendar import Calendar
from ledger.cutover import Cutover, CutoverRefused, cut_over
from ledger.day import is_date
from ledger.errors import Conflict, LedgerError, OutcomeUnknown, Unavailable
from ledger.leftout import lines_of
from ledger.load import Loaded, load_book
from ledger.seal import Sealer
from ledger.store import Store

ATTEMPTS = 60
"""A database that is lost during the cut-over is asked again this often, a second apart, for what became of
it.
"""


def refuse_early(now: datetime, business_date: str) -> None:
    """Raise CutoverRefused where the business day has not begun: a cut-over that was asked for twice must not
    close tomorrow as well.
    """
    today = f"{now:%Y%m%d}"
    if business_date > today:
        raise CutoverRefused(
            f"business day {business_date} has not begun (today is {today}): nothing was done;"
            " --early closes it all the same"
        )


def date_to_close(asked: str | None, open_date: str, now: datetime, *, early: bool) -> str:
    """The business date that a cut-over closes: the one asked for, or the open one. Raises CutoverRefused."""
    if asked is not None and not is_date(asked):  # not repeated: it may be anything
        raise CutoverRefused("the date is no date, written YYYYMMDD: nothing was done")
    date = open_date if asked is None else asked
    if not date:
        raise CutoverRefused("no business day is open: load the dues first")
    if not early:
        refuse_early(now, date)
    return date


@dataclass(frozen=True, slots=True)
class Operations:
    """The operator's commands, and the clock's."""

    reactor: Any
    engine: Engine
    store: Store
    front_key: FrontKey
    sealer: Sealer
    calendar: Calendar
    clock: WallClock
    chronicle: Chronicle
    one_load: DeferredLock = field(default_factory=DeferredLock)
    """Loads stage their rows in the same place: a second one waits for the first."""
    one_act: DeferredLock = field(default_factory=DeferredLock)
    """So that in the trail an act's end follows its beginning."""
    told: set[str] = field(default_factory=set)
    """Why the clock cannot cut over, as far as the log has it."""

    log = Logger(namespace="fep.operations")

    def commands(self) -> Mapping[str, Command]:
        """The table for fep.control."""
        wanted = {"cutover": self._cut_over_for, "load": self._load_for, "record": self._record_for}
        return {name: partial(self._carried_out, command) for name, command in wanted.items()}

    @staticmethod
    def _carried_out(
        command: Callable[..., Coroutine[Any, Any, Any]], asked: Mapping[str, Any], progress: Progress
    ) -> Deferred[Any]:
        return Deferred.fromCoroutine(command(asked, progress, str(asked.get("by", MACHINE))))

    async def _cut_over_for(self, asked: Mapping[str, Any], _progress: Progress, by: str) -> dict[str, Any]:
        open_date, early, given = self.engine.business_date, bool(asked.get("early")), asked.get("date")
        asked_for = open_date if given is None else str(given) if is_date(given) else ""
        try:
            done = await self.cut_over(date_to_close(given, open_date, self.clock.now(), early=early), by)
        except Exception as error:
            await self._noted(by, trail.CUTOVER, asked_for, failed(error))
            raise
        if done.done_before:
            await self._noted(by, trail.CUTOVER, asked_for, trail.DONE_BEFORE)
        return done._asdict()

    async def _load_for(self, asked: Mapping[str, Any], progress: Progress, by: str) -> dict[str, Any]:
        try:
            path = Path(str(asked.get("path", "")))
            if not path.is_absolute():
                raise ControlError("load needs the absolute path of a file")
            without = lines_of(str(asked.get("without", "")))
            tell = partial(self.reactor.callFromThread, progress)
            loaded: Loaded = await self.one_load.run(deferToThread, self._load, path, without, tell, by)
        except Exception as error:
            await self._noted(by, trail.LOAD, "", failed(error))
            raise
        self.chronicle.note(Kind.LOAD, detail=loaded.date)
        self.engine.see_date(
            loaded.date
        )  # the first load opens the first day: nobody waits for the next poll
        return loaded._asdict()

    async def _record_for(self, asked: Mapping[str, Any], _progress: Progress, by: str) -> dict[str, Any]:
        """Write down what a command is about to do, or has done, by itself."""
        deed = trail.deed(asked)
        return {"number": await self._written(by, deed.act, deed.subject, deed.note)}

    def _written(self, by: str, act: str, subject: str, note: str) -> Deferred[int]:
        return self.engine.between_batches(
            partial(trail.write, self.store, self.clock.now_us(), by, act, subject, note)
        )

    async def _noted(self, by: str, act: str, subject: str, note: str) -> None:
        """Write down how an act ended. It has ended: that this cannot be written is told, and no more."""
        try:
            await self._written(by, act, subject, note)
        except LedgerError as error:
            self.log.error(
                "{act} by {by}, {note}: not written down: {error}", act=act, by=by, note=note, error=error
            )

    def recorded(self, by: str, act: str, do: Callable[[], str]) -> Deferred[None]:
        """Do something that is written down before it is done, and its end after, one such act at a time;
        `do` returns what it came to. Fails with LedgerError, and has done nothing, where it cannot be written
        down first.
        """
        return self.one_act.run(lambda: Deferred.fromCoroutine(self._recorded(by, act, do)))

    async def _recorded(self, by: str, act: str, do: Callable[[], str]) -> None:
        await self._written(by, act, "", Stage.ASKED.value)
        try:
            came_to = do()
        except Exception as error:
            await self._noted(by, act, "", failed(error))
            raise
        await self._noted(by, act, "", f"{Stage.DONE.value}: {came_to}")

    def stop(self) -> Deferred[Any]:
        """Fires when no load is under way; none begins after that. A load that went on asking a reactor
        which has stopped would keep the process from ending.
        """
        return self.one_load.acquire()

    async def cut_over(self, date: str, by: str = MACHINE) -> Cutover:
        """Close the business day `date` and open the next, for `by`; known to have happened when this
        returns.
        """
        closing = partial(
            cut_over, self.store, date, self.calendar.next_business_date, self.sealer, self.clock.now_us(), by
        )
        in_doubt = False
        for attempt in range(ATTEMPTS):
            try:
                done: Cutover = await self.engine.between_batches(closing)
            except (OutcomeUnknown, Conflict, Unavailable) as error:
                # The first attempt after the database was restarted meets a dead pooled connection.
                if isinstance(error, Unavailable) and attempt and not in_doubt:
                    raise
                in_doubt = in_doubt or isinstance(error, OutcomeUnknown)
                self.log.error("cut-over of {date}, asking again: {error}", date=date, error=error)
                await deferLater(self.reactor, 1)
            else:
                self.log.info("{date} is closed, {next} is open", date=date, next=done.next_date)
                self.engine.see_date(done.next_date)
                return done
        raise OutcomeUnknown(f"whether {date} was closed is not known: ask again when the database is back")

    def cut_over_by_the_clock(self, hour: str) -> Deferred[None] | None:
        """Cut over if it is time; None where it is not, or where the time is not to be trusted: a person then
        has to say so.
        """
        date = self.engine.business_date
        if self.clock.fault():
            return None
        if date and is_time(self.clock.now(), date, hour):
            return Deferred.fromCoroutine(self._cut_over_now(date))
        return None

    async def _cut_over_now(self, date: str) -> None:
        """A reason that stays is told once, not every second until somebody has seen to it."""
        try:
            await self.cut_over(date)
        except LedgerError as error:
            if str(error) not in self.told:
                self.told.add(str(error))
                self.log.error(
                    "{date} cannot be cut over by the clock, which tries on: {error};"
                    " see to it (settings of [day] take a restart), or have it done: qianzhi day cutover",
                    date=date,
                    error=error,
                )
        else:
            self.told.clear()

    def _load(self, path: Path, without: Set[int], progress: Progress, by: str) -> Loaded:
        """In a thread of its own: read and check the file, then load it, each transaction between two
        batches.
        """

        def between_batches(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
            return blockingCallFromThread(self.reactor, self.engine.between_batches, transaction)

        with path.open("rb") as stream, bookfile.opened(stream, without) as book:
            return load_book(
                self.store, book, self.front_key.identity, self.clock.now_us(), progress, between_batches, by
            )
