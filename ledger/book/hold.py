"""Dues that a batch of collection holds: taken, and let go, in small transactions, so that no bank waits.

A file is carried out once. Every transaction of it can be run again, and its row in `hold_files` says how far
it has come, so the same file given again goes on where it was left, or gets its first answer. Statements on
holds, hold_lines, hold_files and dues.held_by; what may be held is in `ledger.rules.holding`, a batch's
results are in `ledger.book.results`. Nothing here lets a due go by the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, insert, select, update

from ledger.book import visible
from ledger.book.audit_log import record
from ledger.book.journal import last_stamp
from ledger.book.retry import retried
from ledger.book.schema import audit_log, dues, hold_files, hold_lines, holds, policies
from ledger.book.store import Store
from ledger.errors import Conflict, LedgerError, OutcomeUnknown
from ledger.files.hold_file import (
    HoldAnswer,
    HoldFile,
    HoldLine,
    ReleaseAnswer,
    ReleaseFile,
    write_hold_answer,
    write_release_answer,
)
from ledger.rules.batch_line import BatchLine, hold_name
from ledger.rules.dues import Policy
from ledger.rules.holding import NotHeld, why_not_held
from ledger.rules.view import Due, DueState
from qianzhi_errors.sentence import Sentence

HOLD: Final = "batch hold"
RELEASE: Final = "batch release"
APPLY: Final = "batch apply"
ENDED: Final = {act: f"{act} ended" for act in (HOLD, RELEASE, APPLY)}
"""The acts of a batch's files in the audit log, and that each was carried out."""
ROWS_A_TRANSACTION: Final = 500
_ATTEMPTS: Final = 5
_T = TypeVar("_T")

Run = Callable[[Callable[[], Any]], Any]
"""Runs one transaction on the thread of the book's writer, and returns what it returns."""

_HOLD_DUE: Final = (
    update(dues)
    .where(dues.c.due == bindparam("given"), dues.c.held_by == "", dues.c.state == DueState.OPEN.value)
    .values(held_by=bindparam("hold"))
)


class HoldRefused(LedgerError):
    """A batch's file cannot be carried out. Nothing of it was done."""


class BatchHold(NamedTuple):
    """A batch as the book has it: `lines` granted, their sum in fen, and since when and until when
    (microseconds since 1970-01-01 UTC; 0 for not yet).
    """

    batch: str
    channel: str
    date: str
    created_at: str
    digest: str
    lines: int
    amount: int
    held_at: int
    released_at: int


class HeldBatch(NamedTuple):
    """How many dues a batch holds now, and their sum in fen; `held_at` is since when (microseconds since
    1970-01-01 UTC), 0 while its lines are being held.
    """

    batch: str
    channel: str
    date: str
    held_at: int
    lines: int
    amount: int


@dataclass(frozen=True, slots=True)
class BatchBook:
    """How a batch's files are carried out: on which book, in whose name, and when (microseconds since
    1970-01-01 UTC). `run` runs each transaction, none of which touches more than a few times
    ROWS_A_TRANSACTION rows; `progress` is called with the count of lines of each.
    """

    store: Store
    at: int
    by: str
    run: Run
    progress: Callable[[int], None]

    def transact(self, step: Callable[[Connection], _T]) -> _T:
        """Run one transaction, again if a batch of requests was in its way or its outcome is not known."""

        def transaction() -> _T:
            with self.store.transaction() as connection:
                return step(connection)

        outcome: _T = retried(partial(self.run, transaction), _ATTEMPTS, Conflict, OutcomeUnknown)
        return outcome


def answer_given(store: Store, digest: str) -> str:
    """The answer that a file was given, by its digest; empty if it was not carried out, or not to its end."""
    with store.reading() as connection:
        query = select(hold_files.c.answer).where(hold_files.c.digest == digest)
        return str(connection.execute(query).scalar() or "")


def held_batches(connection: Connection) -> tuple[HeldBatch, ...]:
    """The batches that hold dues, the oldest first."""
    held = select(dues.c.held_by, dues.c.amount).where(dues.c.held_by != "")
    counts: dict[str, tuple[int, int]] = {}
    for name, amount in connection.execute(held):
        batch = name.partition("/")[0]
        lines, total = counts.get(batch, (0, 0))
        counts[batch] = lines + 1, total + amount
    query = select(holds.c.batch, holds.c.channel, holds.c.date, holds.c.held_at).order_by(
        holds.c.created_at, holds.c.batch
    )
    known = connection.execute(query.where(holds.c.batch.in_(sorted(counts))))
    return tuple(HeldBatch(*row, *counts[row.batch]) for row in known)


def hold_of(connection: Connection, batch: str, channel: str) -> BatchHold:
    """The batch as the book has it. Raises HoldRefused where the book does not hold it whole, or has it of
    another channel.
    """
    columns = (holds.c[name] for name in BatchHold._fields)
    row = connection.execute(select(*columns).where(holds.c.batch == batch)).first()
    if row is None or not row.held_at:
        raise HoldRefused(Sentence("batch {batch} is not held: nothing was done", batch=batch))
    if row.channel != channel:
        raise HoldRefused(Sentence("batch {batch} is of another channel: nothing was done", batch=batch))
    return BatchHold(*row)


def lines_of(connection: Connection, hold: BatchHold, numbers: Iterable[int]) -> dict[int, BatchLine]:
    """Lines that a batch was granted, by their numbers. Raises HoldRefused if one of them was not."""
    found: dict[int, BatchLine] = {}
    for chunk in chunks(numbers):
        query = select(
            hold_lines.c.line, hold_lines.c.due, hold_lines.c.policy, hold_lines.c.code, hold_lines.c.amount
        ).where(hold_lines.c.batch == hold.batch, hold_lines.c.line.in_(chunk))
        rows = {row.line: row for row in connection.execute(query)}
        if unknown := [number for number in chunk if number not in rows]:
            raise HoldRefused(
                Sentence(
                    "line {line} of batch {batch} was not held: nothing was done",
                    line=unknown[0],
                    batch=hold.batch,
                )
            )
        found |= {
            number: BatchLine(hold.channel, hold.batch, hold.created_at, *row) for number, row in rows.items()
        }
    return found


def begin_file(connection: Connection, book: BatchBook, digest: str, batch: str, act: str, note: str) -> None:
    """Write down that a file is being carried out, unless that is there already."""
    known = connection.execute(select(hold_files.c.act).where(hold_files.c.digest == digest)).scalar()
    if known is None:
        start = {"lines": 0, "amount": 0, "withdrawn": 0, "at": 0, "answer": ""}
        connection.execute(insert(hold_files).values(digest=digest, batch=batch, act=act, **start))
        at = max(book.at, last_stamp(connection))
        record(connection, audit_log, at, book.by, act, batch, f"{digest}{note}")


def end_file(
    connection: Connection,
    book: BatchBook,
    digest: str,
    batch: str,
    act: str,
    answer: str,
    lines: str = "",
) -> None:
    """Write down a file's answer, once, and that its batch holds nothing any more where that is so. `lines`
    is a digest over the lines that were granted.
    """
    at = max(book.at, last_stamp(connection))
    ended = (
        update(hold_files)
        .where(hold_files.c.digest == digest, hold_files.c.at == 0)
        .values(at=at, answer=answer)
        .returning(hold_files.c.lines, hold_files.c.amount, hold_files.c.withdrawn)
    )
    counts = connection.execute(ended).first()
    if counts is not None:
        note = end_note(digest, counts.lines, counts.amount, counts.withdrawn, sum_of(answer), lines)
        record(connection, audit_log, at, book.by, ENDED[act], batch, note)
    is_held = dues.c.held_by.startswith(f"{batch}/", autoescape=True)
    if connection.execute(select(dues.c.due).where(dues.c.held_by != "", is_held).limit(1)).first() is None:
        open_hold = (holds.c.batch == batch, holds.c.released_at == 0, holds.c.held_at > 0)
        connection.execute(update(holds).where(*open_hold).values(released_at=at))


def end_note(digest: str, let_go: int, amount: int, withdrawn: int, answer: str, lines: str) -> str:
    """The audit log's note at a file's end: its digest; how many dues it has let go, with their sum in fen,
    and how many of them have left by it; the digests of its answer and of the lines that it was granted.
    """
    note = f"{digest}; let go {let_go}, {amount} fen, {withdrawn} withdrawn; answer {answer}"
    return f"{note}; lines {lines}" if lines else note


def sum_of(text: str) -> str:
    """SHA-256, hex, over a text in UTF-8."""
    return sha256(text.encode()).hexdigest()


def hold_dues(book: BatchBook, file: HoldFile, digest: str) -> str:
    """Hold the dues that a batch asks for, as far as they may be held; the answer, as its file's text. A due
    is held from its own transaction on. Raises HoldRefused where another file has the batch's number.
    """
    if answer := answer_given(book.store, digest):
        return answer
    book.transact(partial(_begin_hold, book=book, file=file, digest=digest))
    refused: dict[int, NotHeld] = {}
    for chunk in chunks(file.lines):
        refused |= book.transact(partial(_hold, batch=file.batch, lines=chunk))
        book.progress(len(chunk))
    lines = _granted(book.store, file.batch)
    book.transact(partial(_end_hold, book=book, file=file, digest=digest, refused=refused, lines=lines))
    return answer_given(book.store, digest)


def _begin_hold(connection: Connection, book: BatchBook, file: HoldFile, digest: str) -> None:
    known = connection.execute(select(holds.c.digest).where(holds.c.batch == file.batch)).scalar()
    if known not in (None, digest):
        raise HoldRefused(
            Sentence("batch {batch} was held by another file: nothing was done", batch=file.batch)
        )
    if known is None:
        head = dict(zip(HoldFile._fields[:4], file[:4], strict=True))
        start = {"lines": 0, "amount": 0, "held_at": 0, "released_at": 0}
        connection.execute(insert(holds).values(**head, digest=digest, **start))
    note = f"; {file.channel}, {file.date}, {file.created_at}"
    begin_file(connection, book, digest, file.batch, HOLD, note)


def _hold(connection: Connection, batch: str, lines: Sequence[HoldLine]) -> dict[int, NotHeld]:
    """Hold these lines' dues; the lines that are not held, and why."""
    found = _dues(connection, [line.due for line in lines])
    owners = _policies(connection, {line.policy for line in lines})
    refused: dict[int, NotHeld] = {}
    granted: list[tuple[HoldLine, Due]] = []
    for line in lines:
        due, hold = found.get(line.due), hold_name(batch, line.line)
        why = why_not_held(due, owners.get(line.policy), line.amount, hold)
        if why is not None:
            refused[line.line] = why
        elif due is not None and due.held_by != hold:
            granted.append((line, due))
    if granted:
        held = connection.execute(
            _HOLD_DUE, [{"given": line.due, "hold": hold_name(batch, line.line)} for line, _ in granted]
        )
        if held.rowcount != len(granted):
            raise Conflict(Sentence("another node changed a due first"))
        rows = [{"batch": batch, **line._asdict(), "code": due.code} for line, due in granted]
        connection.execute(insert(hold_lines), rows)
    return refused


def _dues(connection: Connection, names: Sequence[str]) -> dict[str, Due]:
    """These dues by name, as they are seen; locked until the transaction ends, in one order on every node."""
    newest = visible.newest
    pending: dict[str, ColumnElement[Any]] = {
        "state": visible.due_state(newest),
        "withdrawn": visible.due_withdrawn(newest),
    }
    columns = [pending.get(name, dues.c[name]) for name in Due._fields]
    query = (
        select(*columns)
        .where(dues.c.due.in_(names), visible.is_there(dues, newest))
        .order_by(dues.c.due)
        .with_for_update(of=dues)
    )
    found = (Due(*row) for row in connection.execute(query))
    return {due.due: due._replace(state=DueState(due.state)) for due in found}


def _policies(connection: Connection, names: Iterable[str]) -> dict[str, Policy]:
    newest = visible.newest
    query = select(*visible.policy_columns(newest)).where(
        policies.c.policy.in_(sorted(names)), visible.is_there(policies, newest)
    )
    return {row[0]: Policy._make(row) for row in connection.execute(query)}


def _granted(store: Store, batch: str) -> str:
    """A digest over the lines that a batch was granted, each as JSON, in order."""
    whole = sha256()
    query = select(hold_lines).where(hold_lines.c.batch == batch).order_by(hold_lines.c.line)
    with store.reading() as connection:
        for row in connection.execute(query):
            whole.update(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode())
    return whole.hexdigest()


def _end_hold(
    connection: Connection,
    book: BatchBook,
    file: HoldFile,
    digest: str,
    refused: Mapping[int, NotHeld],
    lines: str,
) -> None:
    """Count what was granted and give the answer, unless an earlier attempt has."""
    query = select(holds.c.held_at).where(holds.c.batch == file.batch)
    if connection.execute(query).scalar_one():
        return
    mine = hold_lines.c.batch == file.batch
    figures = select(func.count(), func.coalesce(func.sum(hold_lines.c.amount), 0)).where(mine)
    count, amount = map(int, connection.execute(figures).one())
    at = max(book.at, last_stamp(connection))
    whole = update(holds).where(holds.c.batch == file.batch)
    connection.execute(whole.values(lines=count, amount=amount, held_at=at))
    answer = HoldAnswer(file.batch, count, amount, tuple(refused.items()))
    text = write_hold_answer(answer).decode("ascii")
    end_file(connection, book, digest, file.batch, HOLD, text, lines)


def release_dues(book: BatchBook, file: ReleaseFile, digest: str) -> str:
    """Let go of lines that a batch still holds; the answer, as its file's text. Lines that it holds no more
    stay as they are. Raises HoldRefused where a line was never held.
    """
    if answer := answer_given(book.store, digest):
        return answer
    with book.store.reading() as connection:
        hold = hold_of(connection, file.batch, file.channel)
        every = select(hold_lines.c.line).where(hold_lines.c.batch == file.batch).order_by(hold_lines.c.line)
        numbers = file.lines or tuple(connection.execute(every).scalars())
        lines = lines_of(connection, hold, numbers)
    people = f" by {' and '.join(file.forced_by)}" if file.forced_by else ""
    note = f"; {file.cause}{people}"
    book.transact(partial(begin_file, book=book, digest=digest, batch=file.batch, act=RELEASE, note=note))
    let_go_of(book, digest, lines.values())
    book.transact(partial(_end_release, book=book, file=file, digest=digest))
    return answer_given(book.store, digest)


def let_go_of(book: BatchBook, digest: str, lines: Iterable[BatchLine]) -> None:
    """Let go of those of these lines that hold their dues, and count them in the row of the file that says
    so, each once.
    """
    for chunk in chunks(lines):
        book.transact(partial(_let_go, digest=digest, lines=chunk))
        book.progress(len(chunk))


def _let_go(connection: Connection, digest: str, lines: Sequence[BatchLine]) -> None:
    """The dues are open again, or withdrawn if they were to leave (ledger.rules.holding.let_go)."""
    mine = held_by_any(lines)
    held = select(dues.c.due, dues.c.amount, dues.c.withdrawn).where(mine)
    rows = connection.execute(held.order_by(dues.c.due).with_for_update()).all()
    if not rows:
        return
    state = case((dues.c.withdrawn == 1, DueState.WITHDRAWN.value), else_=dues.c.state)
    connection.execute(update(dues).where(mine).values(held_by="", state=state))
    counted = update(hold_files).where(hold_files.c.digest == digest)
    connection.execute(
        counted.values(
            lines=hold_files.c.lines + len(rows),
            amount=hold_files.c.amount + sum(row.amount for row in rows),
            withdrawn=hold_files.c.withdrawn + sum(row.withdrawn for row in rows),
        )
    )


def held_by_any(lines: Sequence[BatchLine]) -> ColumnElement[bool]:
    """Whether a due is held by one of these lines, in a form for which its index is used."""
    return and_(dues.c.held_by != "", dues.c.held_by.in_([line.hold for line in lines]))


def _end_release(connection: Connection, book: BatchBook, file: ReleaseFile, digest: str) -> None:
    columns = (hold_files.c.lines, hold_files.c.amount, hold_files.c.withdrawn)
    counts = connection.execute(select(*columns).where(hold_files.c.digest == digest)).one()
    text = write_release_answer(ReleaseAnswer(file.batch, *counts)).decode("ascii")
    end_file(connection, book, digest, file.batch, RELEASE, text)


def chunks(rows: Iterable[_T]) -> Iterator[list[_T]]:
    """The rows, ROWS_A_TRANSACTION at a time."""
    source = iter(rows)
    while chunk := list(islice(source, ROWS_A_TRANSACTION)):
        yield chunk
