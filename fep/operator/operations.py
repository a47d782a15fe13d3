"""The commands by which an operator changes the book: cut over, load dues, retire days, unlock a due,
record an act.

Each has the order of its steps and what a failure leads to; the steps themselves are the ledger's. Whatever
writes goes through the engine, between two batches. A command that fails is recorded in the audit log too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.day.clock import WallClock
from fep.day.retirement import first_known, read_archived
from fep.day.schedule import objection
from fep.engine.commit import Engine
from fep.keys.keys import FrontKey
from fep.operator import audit_trail
from fep.operator.control import Command
from fep.operator.control_client import ControlError, Progress
from fep.settings.config import BusinessDay
from fep.telemetry.event_log import EventLog, Kind
from ledger.book.audit_log import MACHINE, Stage, failed
from ledger.book.cutover import Cutover, CutoverRefused, cut_over
from ledger.book.guesses import UNLOCK, unlock
from ledger.book.load import Loaded, load_book
from ledger.book.retire import RETIRE, Retired, RetireRefused, retire
from ledger.book.store import Store
from ledger.errors import Conflict, LedgerError, OutcomeUnknown, Unavailable
from ledger.files import bookfile
from ledger.files.leftout import lines_of
from ledger.rules.beijing import beijing
from ledger.rules.day import is_date
from ledger.rules.seal import Sealer
from qianzhi_errors.sentence import Sentence

ATTEMPTS = 60
"""How often a cut-over is tried, a second apart, while the database is lost and its outcome not known."""


def date_to_close(asked: object) -> str:
    """Return the business date that a cut-over is asked to close. Raises CutoverRefused, whose text repeats
    nothing of the request.
    """
    if asked is None:
        raise CutoverRefused(Sentence("say which business day to close, --date YYYYMMDD: nothing was done"))
    if not isinstance(asked, str) or not is_date(asked):
        raise CutoverRefused(Sentence("the date is no date, written YYYYMMDD: nothing was done"))
    return asked


LONG_WORK_SWITCH_SECONDS = 0.00005
"""The interpreter's switch interval while a thread computes for minutes: whoever waits for its lock has it
after so long. Each message takes the lock several times; at the process's own 0.5 ms, the waits of 500
messages fill a second.
"""


@contextmanager
def giving_way() -> Iterator[None]:
    """Context manager for long work in a thread beside the service: threads switch more often meanwhile."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(LONG_WORK_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


@dataclass(frozen=True, slots=True)
class Operations:
    """The operator's commands on one book. `day` returns the settings of the business day as they are now;
    `key_days` is how many days back a key is known.
    """

    reactor: Any
    engine: Engine
    store: Store
    front_key: FrontKey
    sealer: Sealer
    day: Callable[[], BusinessDay]
    clock: WallClock
    event_log: EventLog
    key_days: int
    one_load: DeferredLock = field(default_factory=DeferredLock)
    """Held by a load or a retirement. Loads stage their rows in the same place, so a second one waits for
    the first.
    """
    one_file: DeferredLock = field(default_factory=DeferredLock)
    """Held while a batch's file is carried out (fep.operator.batches): one after the other, since each is
    checked against the book first.
    """
    one_act: DeferredLock = field(default_factory=DeferredLock)
    """Held by an act that is recorded twice: in the audit log its end follows its beginning."""
    logged: set[str] = field(default_factory=set)
    """The reasons that the log has why the clock retires no day: each is logged once."""

    log = Logger(namespace="fep.operator.operations")

    def commands(self) -> Mapping[str, Command]:
        """Return the commands that the control socket offers (fep.operator.control)."""
        coroutines = {
            "cutover": self._cut_over_for,
            "load": self._load_for,
            "record": self._record_for,
            "unlock": self._unlock_for,
            RETIRE: self._retire_for,
        }
        return {name: partial(self._carried_out, command) for name, command in coroutines.items()}

    @staticmethod
    def _carried_out(
        command: Callable[..., Coroutine[Any, Any, Any]], asked: Mapping[str, Any], progress: Progress
    ) -> Deferred[Any]:
        return Deferred.fromCoroutine(command(asked, progress, str(asked.get("by", MACHINE))))

    async def _cut_over_for(self, asked: Mapping[str, Any], _progress: Progress, by: str) -> dict[str, Any]:
        date = ""
        try:
            date = date_to_close(asked.get("date"))
            hour, now = self.day().cutover, beijing(self.clock.now_us())
            against = "" if asked.get("early") is True else objection(now, date, hour)
            closed = await self.cut_over(date, by, against)
        except Exception as error:
            await self.noted(by, audit_trail.CUTOVER, date, failed(error))
            raise
        if closed.done_before:
            await self.noted(by, audit_trail.CUTOVER, date, audit_trail.DONE_BEFORE)
        return closed._asdict()

    async def _load_for(self, asked: Mapping[str, Any], progress: Progress, by: str) -> dict[str, Any]:
        try:
            path = Path(str(asked.get("path", "")))
            if not path.is_absolute():
                raise ControlError(Sentence("load needs the absolute path of a file"))
            without = lines_of(str(asked.get("without", "")))
            tell = partial(self.reactor.callFromThread, progress)
            loaded: Loaded = await self.one_load.run(deferToThread, self._load, path, without, tell, by)
        except Exception as error:
            await self.noted(by, audit_trail.LOAD, "", failed(error))
            raise
        self.event_log.note(Kind.LOAD, detail=loaded.date)
        self.engine.see_date(
            loaded.date
        )  # the first load opens the first day: nobody waits for the next poll
        return loaded._asdict()

    async def _unlock_for(self, asked: Mapping[str, Any], _progress: Progress, by: str) -> dict[str, Any]:
        due = str(asked.get("due", ""))
        try:
            await self.engine.between_batches(partial(unlock, self.store, due, self.clock.now_us(), by))
        except Exception as error:
            await self.noted(by, UNLOCK, "", failed(error))
            raise
        return {"due": due}

    async def _retire_for(self, _asked: Mapping[str, Any], _progress: Progress, by: str) -> dict[str, Any]:
        try:
            retired: Retired = await self.retire(by)
        except Exception as error:
            await self.noted(by, RETIRE, "", failed(error))
            raise
        return retired._asdict()

    def retire(self, by: str = MACHINE) -> Deferred[Retired]:
        """Retire the business days that may go, for `by`; fires with what was retired. Runs in a thread of
        its own, each transaction between two batches, and never beside a load.
        """
        return self.one_load.run(deferToThread, self._retire, by)

    def retire_by_the_clock(self) -> Deferred[None] | None:
        """Retire what may go, for the machine; a reason against it is logged once. Returns None where the
        settings name no file of archived days, the time is not trusted, or a load or another retirement is
        under way.
        """
        if not self.day().archived or self.clock.fault() or self.one_load.locked:
            return None
        return self.retire().addCallbacks(self._retired, self._not_retired)

    def _retired(self, retired: Retired) -> None:
        if retired.dates:
            dates = ", ".join(retired.dates)
            self.log.info("retired {dates}: {entries} entries", dates=dates, entries=retired.entries)

    def _not_retired(self, failure: Failure) -> None:
        failure.trap(LedgerError)
        if (why := str(failure.value)) not in self.logged:
            self.logged.add(why)
            self.log.error("no business day is retired: {error}", error=why)

    def _retire(self, by: str) -> Retired:
        if fault := self.clock.fault():
            raise RetireRefused(
                Sentence(
                    "{fault}: nothing is retired before somebody has said that the time is right", fault=fault
                )
            )
        first = first_known(beijing(self.clock.now_us()).date(), self.engine.business_date, self.key_days)
        archived = read_archived(self.day().archived)
        with giving_way():
            return retire(self.store, archived, first, self.clock.now_us, self.between_batches, by)

    def between_batches(self, transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        """Run a transaction in the commit thread and return its result. For another thread, which waits for
        it.
        """
        return blockingCallFromThread(self.reactor, self.engine.between_batches, transaction)

    async def _record_for(self, asked: Mapping[str, Any], _progress: Progress, by: str) -> dict[str, Any]:
        """Record an act that a `qianzhi` command does by itself: what it is about to do, or has done."""
        audit_entry = audit_trail.audit_entry(asked)
        return {"number": await self._written(by, audit_entry.act, audit_entry.subject, audit_entry.note)}

    def _written(self, by: str, act: str, subject: str, note: str) -> Deferred[int]:
        return self.engine.between_batches(
            partial(audit_trail.write, self.store, self.clock.now_us(), by, act, subject, note)
        )

    async def noted(self, by: str, act: str, subject: str, note: str) -> None:
        """Record how an act ended. A failure to record it is logged and nothing more, because the act has
        ended.
        """
        try:
            await self._written(by, act, subject, note)
        except LedgerError as error:
            self.log.error(
                "{act} by {by}, {note}: not written down: {error}", act=act, by=by, note=note, error=error
            )

    def recorded(self, by: str, act: str, do: Callable[[], Deferred[str]]) -> Deferred[str]:
        """Record an act, do it, and record its end; one such act at a time. `do` fires with its result in
        words, which is what this fires with. Fails with LedgerError, and has done nothing, where the first
        record cannot be written.
        """
        return self.one_act.run(lambda: Deferred.fromCoroutine(self._recorded(by, act, do)))

    async def _recorded(self, by: str, act: str, do: Callable[[], Deferred[str]]) -> str:
        await self._written(by, act, "", Stage.ASKED.value)
        try:
            result = await do()
        except Exception as error:
            await self.noted(by, act, "", failed(error))
            raise
        await self.noted(by, act, "", f"{Stage.DONE.value}: {result}")
        return result

    def stop(self) -> Deferred[Any]:
        """Fires when no load is under way and no batch's file; none begins after that. A thread with one
        would otherwise go on asking a reactor that has stopped, and keep the process from ending.
        """
        return DeferredList([self.one_load.acquire(), self.one_file.acquire()])

    async def cut_over(self, date: str, by: str = MACHINE, against: str = "") -> Cutover:
        """Close the business day `date` and open the next, for `by`. `against` is an objection in words,
        with which the ledger refuses; empty for none. When this returns, the cut-over is known to be done.
        Raises CutoverRefused, CalendarUnknown, OutcomeUnknown where the database stayed away, or another
        LedgerError.
        """
        following = self.day().calendar().next_business_date
        closing = partial(
            cut_over, self.store, date, following, self.sealer, self.clock.now_us(), by, against
        )
        in_doubt = False
        for attempt in range(ATTEMPTS):
            try:
                closed: Cutover = await self.engine.between_batches(closing)
            except (OutcomeUnknown, Conflict, Unavailable) as error:
                # The first attempt after the database was restarted meets a dead pooled connection.
                if isinstance(error, Unavailable) and attempt and not in_doubt:
                    raise
                in_doubt = in_doubt or isinstance(error, OutcomeUnknown)
                self.log.error("cut-over of {date}, asking again: {error}", date=date, error=error)
                await deferLater(self.reactor, 1)
            else:
                self.log.info("{date} is closed, {next} is open", date=date, next=closed.next_date)
                self.engine.see_date(closed.next_date)
                return closed
        raise OutcomeUnknown(
            Sentence("whether {date} was closed is not known: ask again when the database is back", date=date)
        )

    def _load(self, path: Path, without: Set[int], progress: Progress, by: str) -> Loaded:
        """Read and check the file, then load it. Runs in a thread of its own, each transaction between two
        batches.
        """
        now_us, run = self.clock.now_us(), self.between_batches
        with giving_way(), path.open("rb") as stream, bookfile.opened(stream, without) as book:
            return load_book(self.store, book, self.front_key.identity, now_us, progress, run, by)
