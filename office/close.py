"""The close of a business day, from the pull to the posting: a sequence of steps that can stop anywhere.

Each step is a transaction that leaves its mark and, once made, changes nothing when it is asked for again; so
a close that was killed is simply run again, and comes to the same end. The steps in order stand in `run`. How
a step works, its own module says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import partial
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from ledger.book.schema import loads, make_missing
from ledger.book.store import Store
from ledger.errors import BankFileError, InvariantBroken, LayoutError
from ledger.rules.day import TRANSITIONS, DayEvent, DayState
from office.accounting.books import install_chart
from office.accounting.breaks import post_approved, to_suspense
from office.accounting.chart import Chart
from office.accounting.posting import post_day
from office.config import Settings, bank_layout
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.proofs import posted_note, reconciled_note
from office.database.schema import OFFICE, bank_files, days, entries, facts, products, reconciliations
from office.errors import FileRefused, OfficeError
from office.intake.frontday import sealed_by
from office.intake.pull import Pulled, pull
from office.intake.take import take_file
from office.matching.reconcile import Reconciled, Terms, reconcile

SCHEMA_VERSION = "3"
_DONE = (DayState.POSTED.value, DayState.ARCHIVED.value)


class NothingPosted(OfficeError):
    """There is no posted day to work on."""


class Step(StrEnum):
    """What the close does, in order."""

    PULL = "pull"
    FILE = "file"
    RECONCILE = "reconcile"
    POST = "post"
    ARCHIVE = "archive"


class Told(NamedTuple):
    """What a step has to say: `waiting` tells that it could not be done yet, and why."""

    step: Step
    date: str
    bank: str
    text: str
    waiting: bool = False


OpenFile = Callable[[str, str], AbstractContextManager[BinaryIO] | None]
"""Opens a bank's day file for a date, or gives None where there is none yet."""
Progress = Callable[[str, int], None]
"""Told what is at work, and how many rows went by."""


class Close:
    """One office at its close. `now_us` gives microseconds since 1970-01-01 UTC."""

    def __init__(
        self,
        office: Store,
        front: Store,
        settings: Settings,
        chart: Chart,
        now_us: Callable[[], int],
        open_file: OpenFile,
        progress: Progress = lambda _what, _rows: None,
    ) -> None:
        self._office = office
        self._front = front
        self._settings = settings
        self._chart = chart
        self._now_us = now_us
        self._open_file = open_file
        self._progress = progress

    def run(self) -> Iterator[Told]:
        """Do all that can be done now, the oldest date first; yields what each step came to.

        Stops at the first date for which something is awaited: a later date is never closed before an earlier
        one.
        """
        prepare(self._office, self._chart, self._now_us(), MACHINE)
        yield self._pull()
        yield from self._archive()
        for date in self._unposted():
            told = (*self._reconcile_banks(date), *self._strangers(date))
            yield from told
            if any(one.waiting for one in told):
                return
            yield from self._post(date)

    def _pull(self) -> Told:
        pulled: Pulled = pull(
            self._front,
            self._office,
            sealed_by(self._settings.office.seal_key),
            self._now_us(),
            MACHINE,
            lambda rows: self._progress("pull", rows),
        )
        text = f"{pulled.entries} entries, {len(pulled.days)} closed days"
        return Told(Step.PULL, "", "", text)

    def _archive(self) -> Iterator[Told]:
        """A posted day is done with when the front has the dues of the next one."""
        with self._office.reading() as connection:
            query = select(days.c.date, days.c.next_date).where(days.c.state == DayState.POSTED.value)
            posted = connection.execute(query.order_by(days.c.date)).all()
        with self._front.reading() as connection:
            loaded = set(connection.execute(select(loads.c.date)).scalars())
        for date, next_date in posted:
            if next_date in loaded:
                with self._office.transaction() as connection:
                    self._move(connection, date, DayEvent.ARCHIVE)
                    self._act(
                        connection, self._now_us(), Step.ARCHIVE.value, date, f"{next_date} has its dues"
                    )
                yield Told(Step.ARCHIVE, date, "", f"{next_date} has its dues")

    def _unposted(self) -> Sequence[str]:
        with self._office.reading() as connection:
            query = select(days.c.date).where(days.c.state.not_in(_DONE)).order_by(days.c.date)
            return connection.execute(query).scalars().all()

    def _reconcile_banks(self, date: str) -> Iterator[Told]:
        for bank in self._settings.bank:
            told = self._take(bank.code, date)
            yield told
            if not told.waiting:
                yield self._reconcile(bank.code, date)

    def _strangers(self, date: str) -> Iterator[Told]:
        """Banks that the journal or a reconciliation has and the settings have not: without them no day is
        posted.
        """
        known = {bank.code for bank in self._settings.bank}
        with self._office.reading() as connection:
            effective = select(entries.c.bank, func.count()).where(
                entries.c.business_date == date, entries.c.response == "00"
            )
            done = select(reconciliations.c.bank).where(reconciliations.c.date == date)
            found: dict[str, int] = dict.fromkeys(connection.execute(done).scalars(), 0)
            found.update(map(tuple, connection.execute(effective.group_by(entries.c.bank))))
        for bank in sorted(found.keys() - known):
            text = f"the journal has {found[bank]} entries of it, and the settings have no such bank"
            yield Told(Step.RECONCILE, date, bank, text, waiting=True)

    def _take(self, code: str, date: str) -> Told:
        bank = self._settings.named(code)
        with self._office.reading() as connection:
            query = select(bank_files.c.lines).where(bank_files.c.bank == code, bank_files.c.date == date)
            lines = connection.execute(query).scalar()
        if lines is not None:
            return Told(Step.FILE, date, code, f"{lines} lines, taken before")
        opened = self._open_file(code, date)
        if opened is None:
            return Told(Step.FILE, date, code, "the bank's file is not there yet", waiting=True)
        try:
            with opened as stream, self._office.transaction() as connection:
                at, tell = moment_of(connection, self._now_us()), partial(self._progress, "file")
                taken = take_file(connection, bank_layout(bank), stream, code, date, at, tell)
                text = f"{taken.lines} lines, {taken.collected} fen collected, {taken.paid} fen paid"
                note = f"{text}; layout {bank_layout(bank).name}, file {taken.digest}, rows {taken.rows}"
                self._act(connection, at, Step.FILE.value, f"{code} {date}", note)
        except (BankFileError, FileRefused, LayoutError) as error:
            # The other banks' files are taken all the same: a file may just be on its way.
            return Told(Step.FILE, date, code, f"not taken: {error}", waiting=True)
        return Told(Step.FILE, date, code, text)

    def _reconcile(self, code: str, date: str) -> Told:
        bank = self._settings.named(code)
        layout = bank_layout(bank)
        has_policy = layout.carries("policy")
        terms = Terms(layout.lists_reversed, has_policy, bank.owner, self._settings.near_us)
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            done: Reconciled = reconcile(
                connection,
                code,
                date,
                terms,
                at,
                lambda rows: self._progress("reconcile", rows),
            )
            text = f"{done.ours} ours, {done.theirs} theirs, {done.matched} agree, {done.opened} breaks"
            text += f", {done.closed} earlier ones closed" if done.closed else ""
            if not done.done_before:
                note = reconciled_note(connection, code, date)
                self._act(connection, at, Step.RECONCILE.value, f"{code} {date}", note)
        return Told(Step.RECONCILE, date, code, text)

    def _post(self, date: str) -> Iterator[Told]:
        """Post every bank's day and what two people have approved, in one transaction."""
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            self._move(connection, date, DayEvent.RECONCILE)
            told = tuple(self._post_bank(connection, bank.code, date, at) for bank in self._settings.bank)
            names = post_approved(connection, self._chart, date, at)
            self._move(connection, date, DayEvent.POST)
            words = f"the day of {len(told)} banks, {len(names)} approved breaks"
            self._act(connection, at, Step.POST.value, date, posted_note(connection, date, at, words))
        yield from told
        yield Told(Step.POST, date, "", f"posted; {len(names)} approved breaks out of suspense")

    def post_decisions(self) -> Told:
        """Post what two people have approved since the last day was posted, on that day's date. Raises
        NothingPosted.
        """
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            date = last_posted(connection)
            names = post_approved(connection, self._chart, date, at)
            if names:
                words = f"{len(names)} approved breaks, {names[0]} and on"
                self._act(connection, at, Step.POST.value, date, posted_note(connection, date, at, words))
        return Told(Step.POST, date, "", f"{len(names)} approved breaks out of suspense")

    def _post_bank(self, connection: Connection, code: str, date: str, at: int) -> Told:
        figures = select(reconciliations.c.theirs_effect).where(
            reconciliations.c.bank == code, reconciliations.c.date == date
        )
        clearing = connection.execute(figures).scalar_one()
        rows = connection.execute(
            select(products.c.code, products.c.effect).where(products.c.bank == code, products.c.date == date)
        )
        product = {row.code: int(row.effect) for row in rows}
        posting = post_day(connection, self._chart, code, date, product, clearing, at)
        in_suspense = to_suspense(connection, code, date, at)
        legs = len(posting.legs) if posting else 0
        return Told(Step.POST, date, code, f"{legs} legs, {in_suspense} breaks into suspense")

    def _move(self, connection: Connection, date: str, event: DayEvent) -> None:
        state = connection.execute(select(days.c.state).where(days.c.date == date)).scalar_one()
        if (after := TRANSITIONS.get((DayState(state), event))) is None:
            raise InvariantBroken(f"business day {date} is {state}: it cannot {event}")
        connection.execute(update(days).where(days.c.date == date).values(state=after.value))

    def _act(self, connection: Connection, at: int, act: str, subject: str, note: str) -> None:
        write_record(connection, at, MACHINE, act, subject, note)


class DayRow(NamedTuple):
    """A business day at the office, for people: how many entries it has, and the root that seals it."""

    date: str
    state: str
    entries: int
    root: str


def read_days(connection: Connection) -> tuple[DayRow, ...]:
    """The business days that were pulled, the oldest first."""
    columns = (days.c[name] for name in DayRow._fields)
    return tuple(DayRow(*row) for row in connection.execute(select(*columns).order_by(days.c.date)))


def last_posted(connection: Connection) -> str:
    """The last business date that is posted. Raises NothingPosted where none is."""
    date: str | None = connection.execute(
        select(func.max(days.c.date)).where(days.c.state.in_(_DONE))
    ).scalar()
    if date is None:
        raise NothingPosted("no business day is posted yet: run `qianzhi office close`")
    return date


def prepare(office: Store, chart: Chart, at: int, by: str) -> None:
    """Make the office's tables where they are missing, and put the chart into them where it is not the one in
    force; `by` has it done at `at`, microseconds since 1970-01-01 UTC. Raises ChartRefused.
    """
    with office.transaction() as connection:
        make_missing(connection, OFFICE)
        known = connection.execute(select(facts.c.value).where(facts.c.name == "schema")).scalar()
        if known is None:
            connection.execute(insert(facts).values(name="schema", value=SCHEMA_VERSION))
            write_record(connection, at, by, "create", "schema", SCHEMA_VERSION)
        elif known != SCHEMA_VERSION:
            raise InvariantBroken(
                f"the office's database is of schema {known}, this program of {SCHEMA_VERSION}"
            )
        install_chart(connection, chart, at, by)
