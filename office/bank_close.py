"""The close of one bank's date: its file is taken and reconciled in one transaction, then it is posted.

A bank's date waits for no other bank. If its file makes too many breaks, the transaction is rolled back: no
line, no break and no fen of it is kept. The file is held until two people let it through, or until another
file, or another edition of its layout, is there. `office.close` says in which order the dates come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import partial
from typing import BinaryIO, Final, NamedTuple

from sqlalchemy import Connection, select

from ledger.book.store import Store
from ledger.errors import BankFileError, LayoutError
from ledger.files.layout import Layout
from office.accounting.bank_dates import (
    HeldFile,
    date_name,
    earlier_date_due,
    held,
    hold,
    is_let_through,
    posted,
    posting_date,
    without_file,
    write_posted,
)
from office.accounting.breaks import post_approved, to_suspense
from office.accounting.chart import Chart
from office.accounting.posting import post_day
from office.config import Bank, Settings, bank_layout
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.proofs import held_note, posted_note, reconciled_note
from office.database.schema import products, reconciliations
from office.errors import FileRefused
from office.intake.take import Taken, take_file
from office.matching.reconcile import Reconciled, Terms, TooManyBreaks, reconcile
from office.matching.tolerance import Tolerance
from qianzhi_errors.sentence import Sentence, listed

_BLOCK_BYTES: Final = 1 << 20
HOLD: Final = "hold"


class CloseStep(StrEnum):
    """The steps of the close. SIGN is of the receipts of what was pulled; ARCHIVE is of days posted by an
    earlier close, and comes before the files.
    """

    PULL = "pull"
    SIGN = "sign"
    FILE = "file"
    RECONCILE = "reconcile"
    POST = "post"
    DAY = "day"
    ARCHIVE = "archive"


class WaitCause(StrEnum):
    """Why a step waits."""

    MISSING = "missing"
    REFUSED = "refused"
    HELD = "held"
    EARLIER = "earlier"
    UNKNOWN_BANK = "unknown bank"
    KEY = "key"


class StepResult(NamedTuple):
    """The result of one step for people: `date` (YYYYMMDD) and `bank` are empty where a step has none.

    `cause`: the step could not be done yet, and `text` says why.
    """

    step: CloseStep
    date: str
    bank: str
    text: Sentence
    cause: WaitCause | None = None

    @property
    def waiting(self) -> bool:
        """Whether the step waits for something."""
        return self.cause is not None


OpenFile = Callable[[str, str], AbstractContextManager[BinaryIO] | None]
"""Opens a bank's day file by the bank's code and the date; returns None if there is no file yet."""
Progress = Callable[[str, int], None]
"""Called with the name of the step at work, and the number of rows done since its last call."""


class BankClose:
    """Closes banks' dates. `now_us` returns the time in microseconds since 1970-01-01 UTC."""

    def __init__(
        self,
        office: Store,
        settings: Settings,
        chart: Chart,
        now_us: Callable[[], int],
        open_file: OpenFile,
        progress: Progress,
    ) -> None:
        self._office = office
        self._settings = settings
        self._chart = chart
        self._now_us = now_us
        self._open_file = open_file
        self._progress = progress

    def close(self, code: str, date: str) -> Iterator[StepResult]:
        """Do the steps of a bank's date that can be done now; yields the result of each. The last one waits
        if the date is neither posted nor closed without its file.
        """
        with self._office.reading() as connection:
            if (code, date) in posted(connection):
                return
            due = earlier_date_due(connection, code, date)
            is_reconciled = _result(connection, code, date) is not None
        if due:
            text = Sentence("its business day {due} comes first", due=due)
            yield StepResult(CloseStep.FILE, date, code, text, WaitCause.EARLIER)
            return
        if not is_reconciled:
            results = tuple(self._take(code, date))
            yield from results
            if results[-1].step is CloseStep.FILE:
                return
        yield self._post(code, date)

    def _take(self, code: str, date: str) -> Iterator[StepResult]:
        """Take a bank's file and reconcile its date; yields a result of the file alone if it cannot."""
        bank, cause = self._settings.named(code), WaitCause.HELD
        try:
            opened = self._open_file(code, date)
            if opened is None:
                yield self._missing(code, date)
                return
            layout = bank_layout(bank)
            with opened as stream:
                file = self._held(stream, layout, code, date)
                if file is None:
                    yield from self._taken(stream, layout, bank, date)
                    return
            text = _held_text(file.text, code, date)
        except TooManyBreaks as error:
            self._hold(error.held)
            text = _held_text(error.held.text, code, date)
        except (BankFileError, FileRefused, LayoutError) as error:
            # The other banks' files are still taken: this one may be incomplete only because it is arriving.
            text, cause = Sentence("not taken: {reason}", reason=error), WaitCause.REFUSED
        yield StepResult(CloseStep.FILE, date, code, text, cause)

    def _missing(self, code: str, date: str) -> StepResult:
        with self._office.reading() as connection:
            closed = without_file(connection).get((code, date))
        if closed is None:
            text = Sentence("the bank's file is not there yet")
            return StepResult(CloseStep.FILE, date, code, text, WaitCause.MISSING)
        text = Sentence(
            "closed without it by {proposer} and {approver}: {reason}",
            proposer=closed.proposed_by,
            approver=closed.approved_by,
            reason=closed.reason,
        )
        return StepResult(CloseStep.FILE, date, code, text)

    def _held(self, stream: BinaryIO, layout: Layout, code: str, date: str) -> HeldFile | None:
        """The hold on this file as this layout reads it, or None. The stream is at its start again then."""
        with self._office.reading() as connection:
            files = held(connection, code, date)
            if not files:
                return None
            digest = hashlib.sha256()
            for block in iter(partial(stream.read, _BLOCK_BYTES), b""):
                digest.update(block)
            stream.seek(0)
            named = code, date, digest.hexdigest(), layout.edition
            if is_let_through(connection, *named):
                return None
        return next((file for file in files if file[:4] == named), None)

    def _taken(self, stream: BinaryIO, layout: Layout, bank: Bank, date: str) -> Iterator[StepResult]:
        """Take the file and reconcile the date, in one transaction. Raises TooManyBreaks and what the two
        steps raise; then nothing is kept.
        """
        code, of_file = bank.code, partial(self._progress, "file")
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            taken: Taken = take_file(connection, layout, stream, code, date, at, of_file)
            text = Sentence(
                "{lines} lines, {collected} fen collected, {paid} fen paid",
                lines=taken.lines,
                collected=taken.collected,
                paid=taken.paid,
            )
            note = f"{text}; layout {layout.edition}, file {taken.digest}, rows {taken.rows}"
            _record(connection, at, CloseStep.FILE, f"{code} {date}", note)
            at = moment_of(connection, self._now_us())
            tolerance = Tolerance(bank.breaks_max, bank.breaks_percent, bank.breaks_few)
            has_policy = layout.carries("policy")
            terms = Terms(layout.lists_reversed, has_policy, bank.owner, self._settings.near_us, tolerance)
            of_lines = partial(self._progress, "reconcile")
            done: Reconciled = reconcile(connection, code, date, terms, at, of_lines)
            note = reconciled_note(connection, code, date)
            _record(connection, at, CloseStep.RECONCILE, f"{code} {date}", note)
        yield StepResult(CloseStep.FILE, date, code, text)
        parts = [
            Sentence(
                "{ours} ours, {theirs} theirs, {matched} agree, {opened} breaks",
                ours=done.ours,
                theirs=done.theirs,
                matched=done.matched,
                opened=done.opened,
            )
        ]
        parts += [Sentence("{count} earlier ones closed", count=done.closed)] if done.closed else []
        yield StepResult(CloseStep.RECONCILE, date, code, listed(parts))

    def _hold(self, file: HeldFile) -> None:
        """Keep that a file is held, with its audit record."""
        with self._office.transaction() as connection:
            file = file._replace(held_at=moment_of(connection, file.held_at))
            hold(connection, file)
            _record(
                connection, file.held_at, HOLD, date_name(file.bank, file.date), held_note(file._asdict())
            )

    def _post(self, code: str, date: str) -> StepResult:
        """Post a bank's date, take its breaks to suspense, and post what two people have settled since."""
        with self._office.transaction() as connection:
            at = moment_of(connection, self._now_us())
            on = posting_date(connection, date)
            write_posted(connection, code, date, on, at)
            clearing = _result(connection, code, date)
            row = products.c
            rows = connection.execute(select(row.code, row.effect).where(row.bank == code, row.date == date))
            product = {each.code: int(each.effect) for each in rows}
            posting = post_day(connection, self._chart, code, date, product, clearing or 0, at, on)
            in_suspense = to_suspense(connection, code, date, at, on)
            names = post_approved(connection, self._chart, code, on, at)
            words = f"the day of {date}, {in_suspense} breaks into suspense, {len(names)} approved breaks"
            note = posted_note(connection, code, on, at, words)
            _record(connection, at, CloseStep.POST, f"{code} {on}", note)
        legs = len(posting.legs) if posting else 0
        parts = [Sentence("{legs} legs, {breaks} breaks into suspense", legs=legs, breaks=in_suspense)]
        parts += [Sentence("{count} approved ones out of it", count=len(names))] if names else []
        text = listed(parts)
        if on != date:
            text = Sentence("{text}; posted on {date}", text=text, date=on)
        return StepResult(CloseStep.POST, date, code, text)


def _result(connection: Connection, code: str, date: str) -> int | None:
    """The sum of the bank's effects of a reconciled date in fen, or None for another date."""
    row = reconciliations.c
    query = select(row.theirs_effect).where(row.bank == code, row.date == date)
    effect: int | None = connection.scalar(query)
    return effect


def _held_text(held_text: str, code: str, date: str) -> Sentence:
    return Sentence(
        "{held}; look at the file and its layout; to let it through, two people:"
        " qianzhi recon propose {name} let_through --note WHY",
        held=held_text,
        name=date_name(code, date),
    )


def _record(connection: Connection, at: int, step: str, subject: str, note: str) -> None:
    write_record(connection, at, MACHINE, str(step), subject, note)
