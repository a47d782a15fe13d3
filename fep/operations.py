"""What an operator can have the serving process do: cut over, load the next dues.

The order of the steps and what to do when one fails; the steps themselves are the ledger's. Whatever writes
goes through the engine, between two batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.logger import Logger

from fep.commit import Engine
from fep.control import Command, ControlError, Progress
from fep.keys import FrontKey
from fep.schedule import is_time
from ledger import bookfile
from ledger.acts import MACHINE
from ledger.calendar import Calendar
from ledger.cutover import Cutover, CutoverRefused, cut_over
from ledger.errors import Conflict, OutcomeUnknown, Unavailable
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
    date = asked or open_date
    if not date:
        raise CutoverRefused("no business day is open: load the dues first")
    if not early:
        refuse_early(now, date)
    return date


@dataclass(frozen=True, slots=True)
class Operations:
    """The operator's commands. `now` is the local wall clock, `now_us` the same in microseconds since 1970
    UTC.
    """

    reactor: Any
    engine: Engine
    store: Store
    front_key: FrontKey
    sealer: Sealer
    calendar: Calendar
    now: Callable[[], datetime]
    now_us: Callable[[], int]
    one_load: DeferredLock = field(default_factory=DeferredLock)
    """Loads stage their rows in the same place: a second one waits for the first."""

    log = Logger(namespace="fep.operations")

    def commands(self) -> Mapping[str, Command]:
        """The table for fep.control."""
        return {"cutover": self._asked_to_cut_over, "load": self._asked_to_load}

    def _asked_to_cut_over(self, asked: Mapping[str, Any], _progress: Progress) -> Deferred[dict[str, Any]]:
        open_date, early = self.engine.business_date, bool(asked.get("early"))
        date = date_to_close(asked.get("date"), open_date, self.now(), early=early)
        done = Deferred.fromCoroutine(self.cut_over(date, str(asked.get("by", MACHINE))))
        return done.addCallback(lambda cutover: cutover._asdict())

    def _asked_to_load(self, asked: Mapping[str, Any], progress: Progress) -> Deferred[dict[str, Any]]:
        path = Path(str(asked.get("path", "")))
        if not path.is_absolute():
            raise ControlError("load needs the absolute path of a file")
        tell = partial(self.reactor.callFromThread, progress)
        by = str(asked.get("by", MACHINE))
        done: Deferred[Loaded] = self.one_load.run(deferToThread, self._load, path, tell, by)
        return done.addCallback(self._loaded)

    def _loaded(self, loaded: Loaded) -> dict[str, Any]:
        """The first load opens the first day: nobody waits for the next poll to be told."""
        self.engine.see_date(loaded.date)
        return loaded._asdict()

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
            cut_over, self.store, date, self.calendar.next_business_date, self.sealer, self.now_us(), by
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

    def cut_over_by_the_clock(self, hour: str) -> Deferred[Cutover] | None:
        """Cut over if it is time; None where it is not."""
        date = self.engine.business_date
        if date and is_time(self.now(), date, hour):
            return Deferred.fromCoroutine(self.cut_over(date))
        return None

    def _load(self, path: Path, progress: Progress, by: str) -> Loaded:
        """In a thread of its own: read and check the file, then load it, each transaction between two
        batches.
        """
        with path.open("rb") as stream:
            book = bookfile.parse(stream)

        def between_batches(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
            return blockingCallFromThread(self.reactor, self.engine.between_batches, transaction)

        return load_book(
            self.store, book, self.front_key.identity, self.now_us(), progress, between_batches, by
        )
