"""The close of a business day, from the pull to the posting: a sequence of steps that may stop anywhere.

Each step is a transaction of its own and is idempotent: asked for again, it changes nothing. So a close that
was killed is simply run again, and comes to the same end. `Close.run` lists the steps in order. How a step
works, its own module says: `office.intake.pull`, `office.intake.take`, `office.matching.reconcile`,
`office.accounting.posting`.
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
    """No business day is posted yet."""


class CloseStep(StrEnum):
    """The steps of the close. ARCHIVE is of days posted by an earlier close, and comes second."""

    PULL = "pull"
    FILE = "file"
    RECONCILE = "reconcile"
    POST = "post"
    ARCHIVE = "archive"


class StepResult(NamedTuple):
    """The result of one step for people: `date` (YYYYMMDD) and `bank` are empty where a step has none.

    `waiting`: the step could not be done yet, and `text` says why.
    """

    step: CloseStep
    date: str
    bank: str
    text: str
    waiting: bool = False


OpenFile = Callable[[str, str], AbstractContextManager[BinaryIO] | None]
"""Opens a bank's day file by the bank's code and the date; returns None if there is no file yet."""
Progress = Callable[[str, int], None]
"""Called with the name of the step at work, and the number of rows done since its last call."""


class Close:
    """The close of one office. `now_us` returns the time in microseconds since 1970-01-01 UTC."""

    def __init__(
        self,
        office: Store,
        front: Store,
        settings: Settings,
        chart: Chart,
        now_us: Callable[[], int],
        open_file: OpenFile,
        progress: Progress = lambda _step, _rows: None,
    ) -> None:
        self._office = office
        self._front = front
        self._settings = settings
        self._chart = chart
        self._now_us = now_us
        self._open_file = open_file
        self._progress = progress

    def run(self) -> Iterator[StepResult]:
        """Do every step that can be done now, the oldest date first; yields the result of each step.

        The close stops after the first date of which a step is waiting: a later date is never posted before
        an earlier one. Raises what the steps raise; then the failed step was rolled back.
        """
        prepare(self._office, self._chart, self._now_us(), MACHINE)
        yield self._pull()
        yield from self._archive()
        for date in self._unposted():
            results = (*self._reconcile_banks(date), *self._unknown_banks(date))
            yield from results
            if any(result.waiting for result in results):
                return
            yield from self._post(date)

    def _pull(self) -> StepResult:
        pulled: Pulled = pull(
            self._front,
            self._office,
            sealed_by(self._settings.office.seal_key),
            self._now_us(),
            MACHINE,
            lambda rows: self._progress("pull", rows),
        )
        text = f"{pulled.entries} entries, {len(pulled.days)} closed days"
        return StepResult(CloseStep.PULL, "", "", text)

    def _archive(self) -> Iterator[StepResult]:
        """Archive each posted day whose next day has its dues loaded at the front."""
        with self._office.reading() as connection:
            query = select(days.c.date, days.c.next_date).where(days.c.state == DayState.POSTED.value)
            posted = connection.execute(query.order_by(days.c.date)).all()
        with self._front.reading() as connection:
            loaded = set(connection.execute(select(loads.c.date)).scalars())
        for date, next_date in posted:
            if next_date in loaded:
                with self._office.transaction() as connection:
                    self._move(connection, date, DayEvent.ARCHIVE)
                    self._record(
                        connection, self._now_us(), CloseStep.ARCHIVE, date, f"{next_date} has its dues"
                    )
                yield StepResult(CloseStep.ARCHIVE, date, "", f"{next_date} has its dues")

    def _unposted(self) -> Sequence[str]:
        with self._office.reading() as connection:
            query = select(days.c.date).where(days.c.state.not_in(_DONE)).order_by(days.c.date)
            return connection.execute(query).scalars().all()

    def _reconcile_banks(self, date: str) -> Iterator[StepResult]:
        for bank in self._settings.bank:
            taken = self._take(bank.code, date)
            yield taken
            if not taken.waiting:
                yield self._reconcile(bank.code, date)

    def _unknown_banks(self, date: str) -> Iterator[StepResult]:
        """Yield a waiting result for each bank that is in the journal or reconciled, but not in the settings.

        The day cannot be posted without that bank's part.
        """
        codes = {bank.code for bank in self._settings.bank}
        with self._office.reading() as connection:
            effective = select(entries.c.bank, func.count()).where(
                entries.c.business_date == date, entries.c.response == "00"
            )
            reconciled = select(reconciliations.c.bank).where(reconciliations.c.date == date)
            counts: dict[str, int] = dict.fromkeys(connection.execute(reconciled).scalars(), 0)
            counts.update(map(tuple, connection.execute(effective.group_by(entries.c.bank))))
        for bank in sorted(counts.keys() - codes):
            text = f"the journal has {counts[bank]} entries of it, and the settings have no such bank"
            yield StepResult(CloseStep.RECONCILE, date, bank, text, waiting=True)

    def _take(self, code: str, date: str) -> StepResult:
        """Take the bank's file of the date, unless it was taken. A file with a fault leaves the step
        waiting.
        """
        bank = self._settings.named(code)
        with self._office.reading() as connection:
            query = select(bank_files.c.lines).where(bank_files.c.bank == code, bank_files.c.date == date)
            lines = connection.execute(query).scalar()
        if lines is not None:
            return StepResult(CloseStep.FILE, date, code, f"{lines} lines, taken before")
        opened = self._open_file(code, date)
        if opened is None:
            return StepResult(CloseStep.FILE, date, code, "the bank's file is not there yet", waiting=True)
        try:
            with opened as stream, self._office.transaction() as connection:
                at, progress = moment_of(connection, self._now_us()), partial(self._progress, "file")
                taken = take_file(connection, bank_layout(bank), stream, code, date, at, progress)
                text = f"{taken.lines} lines, {taken.collected} fen collected, {taken.paid} fen paid"
                note = f"{text}; layout {bank_layout(bank).name}, file {taken.digest}, rows {taken.rows}"
                self._record(connection, at, CloseStep.FILE, f"{code} {date}", note)
        except (BankFileError, FileRefused, LayoutError) as error:
            # The other banks' files are still taken: this one may be incomplete only because it is arriving.
            return StepResult(CloseStep.FILE, date, code, f"not taken: {error}", waiting=True)
        return StepResult(CloseStep.FILE, date, code, text)

    def _reconcile(self, code: str, date: str) -> StepResult:
        bank = self._settings.named(code)
        layout = bank_layout(bank)
        has_policy = layout.carries("policy")
        terms = Terms(layout.lists_reversed, has_policy, bank.owner, self._settings.near_us)
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            agreed: Reconciled = reconcile(
                connection,
                code,
                date,
                terms,
                at,
                lambda rows: self._progress("reconcile", rows),
            )
            text = (
                f"{agreed.ours} ours, {agreed.theirs} theirs, {agreed.matched} agree, {agreed.opened} breaks"
            )
            text += f", {agreed.closed} earlier ones closed" if agreed.closed else ""
            if not agreed.done_before:
                note = reconciled_note(connection, code, date)
                self._record(connection, at, CloseStep.RECONCILE, f"{code} {date}", note)
        return StepResult(CloseStep.RECONCILE, date, code, text)

    def _post(self, date: str) -> Iterator[StepResult]:
        """Post every bank's day, and the breaks that two people have settled, in one transaction."""
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            self._move(connection, date, DayEvent.RECONCILE)
            posted = tuple(self._post_bank(connection, bank.code, date, at) for bank in self._settings.bank)
            names = post_approved(connection, self._chart, date, at)
            self._move(connection, date, DayEvent.POST)
            words = f"the day of {len(posted)} banks, {len(names)} approved breaks"
            self._record(connection, at, CloseStep.POST, date, posted_note(connection, date, at, words))
        yield from posted
        yield StepResult(CloseStep.POST, date, "", f"posted; {len(names)} approved breaks out of suspense")

    def post_decisions(self) -> StepResult:
        """Post the breaks that two people have settled since the last day was posted, on that day's date.

        Raises NothingPosted.
        """
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            date = last_posted(connection)
            names = post_approved(connection, self._chart, date, at)
            if names:
                words = f"{len(names)} approved breaks, {names[0]} and on"
                self._record(connection, at, CloseStep.POST, date, posted_note(connection, date, at, words))
        return StepResult(CloseStep.POST, date, "", f"{len(names)} approved breaks out of suspense")

    def _post_bank(self, connection: Connection, code: str, date: str, at: int) -> StepResult:
        """Post a bank's day and move its open breaks into suspense."""
        result = select(reconciliations.c.theirs_effect).where(
            reconciliations.c.bank == code, reconciliations.c.date == date
        )
        clearing = connection.execute(result).scalar_one()
        rows = connection.execute(
            select(products.c.code, products.c.effect).where(products.c.bank == code, products.c.date == date)
        )
        product = {row.code: int(row.effect) for row in rows}
        posting = post_day(connection, self._chart, code, date, product, clearing, at)
        in_suspense = to_suspense(connection, code, date, at)
        legs = len(posting.legs) if posting else 0
        return StepResult(CloseStep.POST, date, code, f"{legs} legs, {in_suspense} breaks into suspense")

    def _move(self, connection: Connection, date: str, event: DayEvent) -> None:
        """Take a day to its next state. Raises InvariantBroken if the event is impossible in its state."""
        state = connection.execute(select(days.c.state).where(days.c.date == date)).scalar_one()
        if (after := TRANSITIONS.get((DayState(state), event))) is None:
            raise InvariantBroken(f"business day {date} is {state}: it cannot {event}")
        connection.execute(update(days).where(days.c.date == date).values(state=after.value))

    def _record(self, connection: Connection, at: int, step: CloseStep, subject: str, note: str) -> None:
        write_record(connection, at, MACHINE, step.value, subject, note)


class OfficeDay(NamedTuple):
    """A business day at the office, for people: its state, number of entries and seal's root (hex)."""

    date: str
    state: str
    entries: int
    root: str


def read_office_days(connection: Connection) -> tuple[OfficeDay, ...]:
    """The business days that were pulled, the oldest first."""
    columns = (days.c[name] for name in OfficeDay._fields)
    return tuple(OfficeDay._make(row) for row in connection.execute(select(*columns).order_by(days.c.date)))


def last_posted(connection: Connection) -> str:
    """The last business date that is posted. Raises NothingPosted if there is none."""
    date: str | None = connection.execute(
        select(func.max(days.c.date)).where(days.c.state.in_(_DONE))
    ).scalar()
    if date is None:
        raise NothingPosted("no business day is posted yet: run `qianzhi office close`")
    return date


def prepare(office: Store, chart: Chart, at: int, by: str) -> None:
    """Create the office's tables if they are missing, and install the chart unless it is in force already.

    `by` and `at` (microseconds since 1970-01-01 UTC) go into the audit log. Raises ChartRefused, and
    InvariantBroken if the database has another schema version.
    """
    with office.transaction() as connection:
        make_missing(connection, OFFICE)
        schema = connection.execute(select(facts.c.value).where(facts.c.name == "schema")).scalar()
        if schema is None:
            connection.execute(insert(facts).values(name="schema", value=SCHEMA_VERSION))
            write_record(connection, at, by, "create", "schema", SCHEMA_VERSION)
        elif schema != SCHEMA_VERSION:
            raise InvariantBroken(
                f"the office's database is of schema {schema}, this program of {SCHEMA_VERSION}"
            )
        install_chart(connection, chart, at, by)
