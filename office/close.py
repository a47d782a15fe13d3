"""The close of a business day, from the pull to the posting: a sequence of steps that may stop anywhere.

Each step is a transaction of its own and is idempotent: asked for again, it changes nothing. So a close that
was killed is simply run again, and comes to the same end. `Close.run` lists the steps in order. The steps of
one bank's date are in `office.bank_close`; how a step works, its own module says: `office.intake.pull`,
`office.intake.take`, `office.matching.reconcile`, `office.accounting.posting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from ledger.book.schema import loads, make_missing
from ledger.book.store import Store
from ledger.errors import InvariantBroken
from ledger.rules.day import TRANSITIONS, DayEvent, DayState
from office.accounting.bank_dates import awaited, last_posting_dates, posted, without_file
from office.accounting.books import install_chart
from office.accounting.breaks import post_approved
from office.accounting.chart import Chart
from office.bank_close import BankClose, CloseStep, OpenFile, Progress, StepResult, WaitCause
from office.config import Settings
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.proofs import posted_note
from office.database.schema import OFFICE, days, entries, facts, reconciliations
from office.errors import OfficeError
from office.intake.frontday import sealed_by
from office.intake.pull import Pulled, pull
from office.receipts.sign import KeyUnusable, Signed, Signing, sign
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, listed

SCHEMA_VERSION = "4"
_DONE = (DayState.POSTED.value, DayState.ARCHIVED.value)
_NOTHING_POSTED = Sentence("no business day is posted yet: run `qianzhi office close`")


class NothingPosted(OfficeError):
    """No business day is posted yet."""


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
        signing: Callable[[], Signing] | None = None,
    ) -> None:
        """`signing` gives the key of receipts and may raise any error of ours; without it none is signed."""
        self._signing = signing
        self._office = office
        self._front = front
        self._settings = settings
        self._chart = chart
        self._now_us = now_us
        self._progress = progress
        self._banks = BankClose(office, settings, chart, now_us, open_file, progress)

    def run(self) -> Iterator[StepResult]:
        """Do every step that can be done now, the oldest date first; yields the result of each step.

        A bank's date waits for that bank's earlier dates only. A day is posted when each of its banks is, or
        was closed without its file, and after the day before it. Raises what the steps raise; then the failed
        step was rolled back.
        """
        prepare(self._office, self._chart, self._now_us(), MACHINE)
        yield self._pull()
        yield from self._sign()
        yield from self._archive()
        yield from self._late_files()
        is_next = True
        for date in self._unposted():
            results = tuple(self._day(date))
            yield from results
            is_next = is_next and not any(result.waiting for result in results)
            if is_next:
                yield self._finish(date)

    def _day(self, date: str) -> Iterator[StepResult]:
        """Close each bank's date of a day that is not posted."""
        for bank in self._settings.bank:
            yield from self._banks.close(bank.code, date)
        yield from self._unknown_banks(date)

    def _late_files(self) -> Iterator[StepResult]:
        """Close the banks' dates of posted days that were closed without a file, if it has come."""
        codes = {bank.code for bank in self._settings.bank}
        open_days = set(self._unposted())
        with self._office.reading() as connection:
            done = posted(connection)
            places = sorted(without_file(connection).keys() - done.keys(), key=lambda place: place[::-1])
        for code, date in places:
            if code in codes and date not in open_days:
                yield from self._banks.close(code, date)

    def _pull(self) -> StepResult:
        pulled: Pulled = pull(
            self._front,
            self._office,
            sealed_by(self._settings.office.seal_key),
            self._now_us(),
            MACHINE,
            lambda rows: self._progress("pull", rows),
        )
        text = Sentence(
            "{entries} entries, {days} closed days", entries=pulled.entries, days=len(pulled.days)
        )
        return StepResult(CloseStep.PULL, "", "", text)

    def _sign(self) -> Iterator[StepResult]:
        """Sign the receipts of what was pulled. Without a key that may sign it waits; all else goes on."""
        if self._signing is None:
            return
        try:
            done = self._signed(self._signing)
        except KeyUnusable as error:
            text = Sentence("not signed: {reason}", reason=error)
            yield StepResult(CloseStep.SIGN, "", "", text, WaitCause.KEY)
            return
        text = Sentence("{count} receipts", count=done.receipts)
        if done.refused:
            text = Sentence(
                "{text}; {refused} cannot be signed, the first: {reason}",
                text=text,
                refused=done.refused,
                reason=done.reason,
            )
        if done.receipts or done.refused:
            yield StepResult(CloseStep.SIGN, "", "", text)

    def _signed(self, open_key: Callable[[], Signing]) -> Signed:
        """Sign with the key that `open_key` gives. Raises KeyUnusable where it gives none that may sign."""
        try:
            signing = open_key()
        except QianzhiError as error:
            raise KeyUnusable(Sentence("{reason}", reason=error)) from error
        return sign(self._office, signing, self._now_us, MACHINE, lambda rows: self._progress("sign", rows))

    def _archive(self) -> Iterator[StepResult]:
        """Archive each posted day whose next day has its dues loaded at the front."""
        with self._office.reading() as connection:
            query = select(days.c.date, days.c.next_date).where(days.c.state == DayState.POSTED.value)
            posted = connection.execute(query.order_by(days.c.date)).all()
        with self._front.reading() as connection:
            loaded = set(connection.execute(select(loads.c.date)).scalars())
        for date, next_date in posted:
            if next_date in loaded:
                text = Sentence("{date} has its dues", date=next_date)
                with self._office.transaction() as connection:
                    self._move(connection, date, DayEvent.ARCHIVE)
                    self._record(connection, self._now_us(), CloseStep.ARCHIVE, date, text)
                yield StepResult(CloseStep.ARCHIVE, date, "", text)

    def _unposted(self) -> Sequence[str]:
        with self._office.reading() as connection:
            query = select(days.c.date).where(days.c.state.not_in(_DONE)).order_by(days.c.date)
            return connection.execute(query).scalars().all()

    def _unknown_banks(self, date: str) -> Iterator[StepResult]:
        """Yield a waiting result for each bank that is in the journal or reconciled, but not in the settings.

        The day cannot be posted without that bank's part.
        """
        codes = {bank.code for bank in self._settings.bank}
        with self._office.reading() as connection:
            codes |= {bank for bank, of_date in posted(connection) if of_date == date}
            effective = select(entries.c.bank, func.count()).where(
                entries.c.business_date == date, entries.c.response == "00"
            )
            reconciled = select(reconciliations.c.bank).where(reconciliations.c.date == date)
            counts: dict[str, int] = dict.fromkeys(connection.execute(reconciled).scalars(), 0)
            counts.update(map(tuple, connection.execute(effective.group_by(entries.c.bank))))
        for bank in sorted(counts.keys() - codes):
            text = Sentence(
                "the journal has {count} entries of it, and the settings have no such bank",
                count=counts[bank],
            )
            yield StepResult(CloseStep.RECONCILE, date, bank, text, WaitCause.UNKNOWN_BANK)

    def _finish(self, date: str) -> StepResult:
        """Take a day of which every bank's date is done to its end."""
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            banks = sum(of_date == date for _, of_date in posted(connection))
            missing = [of_bank.bank for of_bank in awaited(connection) if of_bank.date == date]
            self._move(connection, date, DayEvent.RECONCILE)
            self._move(connection, date, DayEvent.POST)
            text = Sentence("posted, {banks} banks", banks=banks)
            if missing:
                text = Sentence("{text}; without a file: {banks}", text=text, banks=listed(missing))
            self._record(connection, at, CloseStep.DAY, date, text)
        return StepResult(CloseStep.DAY, date, "", text)

    def post_decisions(self) -> StepResult:
        """Post the breaks that two people have settled, for each bank on the date of its last posting.

        Raises NothingPosted.
        """
        count = 0
        with self._office.transaction() as connection:
            dates = last_posting_dates(connection)
            for bank, date in dates.items():
                at = moment_of(connection, self._now_us())
                names = post_approved(connection, self._chart, bank, date, at)
                if names:
                    words = f"{len(names)} approved breaks, {names[0]} and on"
                    note = posted_note(connection, bank, date, at, words)
                    self._record(connection, at, CloseStep.POST, f"{bank} {date}", note)
                count += len(names)
        if not dates:
            raise NothingPosted(_NOTHING_POSTED)
        text = Sentence("{count} approved breaks out of suspense", count=count)
        return StepResult(CloseStep.POST, max(dates.values()), "", text)

    def _move(self, connection: Connection, date: str, event: DayEvent) -> None:
        """Take a day to its next state. Raises InvariantBroken if the event is impossible in its state."""
        state = connection.execute(select(days.c.state).where(days.c.date == date)).scalar_one()
        if (after := TRANSITIONS.get((DayState(state), event))) is None:
            raise InvariantBroken(
                Sentence(
                    "business day {date} is {state}: it cannot {event}", date=date, state=state, event=event
                )
            )
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
        raise NothingPosted(_NOTHING_POSTED)
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
                Sentence(
                    "the office's database is of schema {schema}, this program of {version}",
                    schema=schema,
                    version=SCHEMA_VERSION,
                )
            )
        install_chart(connection, chart, at, by)
