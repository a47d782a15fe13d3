"""A bank's answers: what became of each line, and what the bank took back afterwards.

A file is taken whole or refused whole, and once, by its digest; its bytes are kept. A line whose code no
table knows is unknown, and so is a line that an answer to its file lacks: it stays held, is not tried again,
and is ended by a later answer or by two people alone. What contradicts an earlier answer is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, update

from collection.batches import (
    TEXT_MAX,
    Batch,
    Line,
    WrittenFile,
    find,
    lines_of,
    move,
    move_each,
    move_lines,
)
from collection.database.schema import Direction, DueState, batches, returns
from collection.desk import Desk, act, note
from collection.dues import set_state, tell_dates
from collection.errors import ActRefused, FileRefused
from collection.forms import answer as answer_files
from collection.forms import returns as return_files
from collection.forms.codes import DONE, UNKNOWN, Codes, LineCode
from collection.forms.form_file import Form
from collection.forms.lines import AnswerFile, AnswerLine, ReturnLine
from collection.kept_files import check_new, digest_of, keep
from collection.mandates import find as find_mandate
from collection.mandates import move as move_mandate
from collection.request_batch import request_of
from collection.rules.attempts import HARD
from collection.rules.states import (
    MONEY_MOVED,
    BatchEvent,
    BatchState,
    LineEvent,
    LineState,
    MandateEvent,
    MandateState,
)
from collection.sending import on_file_code
from qianzhi_errors.sentence import Sentence

_AWAITING: Final = (LineState.SENT, LineState.UNKNOWN, LineState.RELEASED)


class Answered(NamedTuple):
    """What an answer file has brought. `unmapped` are codes that no table knows; `release` is a file for the
    front where the bank refused a whole request file.
    """

    batch: Batch
    done: int
    done_amount: int
    failed: int
    unknown: int
    unmapped: tuple[str, ...]
    release: WrittenFile | None


class ReturnsTaken(NamedTuple):
    """What a file of returns has brought: how many, their sum in fen, and the batches they are of."""

    channel: str
    lines: int
    amount: int
    batches: tuple[str, ...]


class _Outcome(NamedTuple):
    """A line, what the bank said of it, and what that means."""

    line: Line
    said: AnswerLine
    meaning: LineCode


def take_answer(desk: Desk, batch_name: str, name: str, content: bytes, form: Form, codes: Codes) -> Answered:
    """Take a bank's answer file to a batch. Raises CollectionError, among them FormFault, and FileRefused for
    a file that was taken before or that contradicts an earlier answer; then nothing of it was taken.
    """
    with act(desk, "send", "batch answer", batch_name) as connection:
        check_new(connection, content)
        batch = find(connection, batch_name)
        if batch.sent_at == 0 or batch.state in (BatchState.REFUSED_WHOLE, BatchState.CLOSED):
            raise ActRefused(
                Sentence("batch {batch} is {state}: it awaits no bank", batch=batch.batch, state=batch.state)
            )
        written = tuple(line for line in lines_of(connection, batch_name) if line.request_part)
        channel = desk.settings.channel_of(batch.channel)
        request = request_of(desk, connection, batch, channel, written)
        file = answer_files.read(name, content, form, request)
        keep(desk, connection, Direction.ANSWER, name, content, batch=batch_name, channel=batch.channel)
        outcome = codes.file(file.file_code)
        if outcome == "accepted":
            found = _outcomes(file, written, codes)
            answered = _answered(desk, connection, batch, file, found, digest_of(content))
            return answered._replace(unmapped=_unmapped(file, codes))
        if file.lines:
            raise FileRefused(Sentence("the file's code says that nothing was taken, and there are lines"))
        moved, release = on_file_code(desk, connection, batch, file.file_code, outcome, file.part)
        return Answered(moved, 0, 0, 0, 0, (), release)


def take_returns(
    desk: Desk, channel: str, name: str, content: bytes, form: Form, codes: Codes
) -> ReturnsTaken:
    """Take a channel's file of returns: lines that were done, and whose money the bank took back. Raises
    CollectionError; FileRefused where a line was not done, was returned before, or is of another amount.
    """
    with act(desk, "send", "returns take", channel) as connection:
        check_new(connection, content)
        account = desk.settings.channel_of(channel).payee_account
        file = return_files.read(name, content, form, channel, account)
        sha256 = keep(desk, connection, Direction.RETURNS, name, content, channel=channel)
        names = sorted({line.batch for line in file.lines})
        for batch_name in names:
            mine = [line for line in file.lines if line.batch == batch_name]
            _return_lines(desk, connection, channel, batch_name, mine, codes, sha256)
        tell_dates(desk, connection, desk.today)
        amount = sum(line.amount for line in file.lines)
        note(desk, connection, "returns take", channel, f"{len(file.lines)} lines, {amount} fen, {sha256}")
        return ReturnsTaken(channel, len(file.lines), amount, tuple(names))


def _outcomes(file: AnswerFile, written: Iterable[Line], codes: Codes) -> tuple[_Outcome, ...]:
    """The lines that the file has news of. Raises FileRefused where it contradicts what is known."""
    known = {line.line: line for line in written}
    found = []
    for said in file.lines:
        line, meaning = known[said.line], codes.line(said.code)
        if line.state in _AWAITING:
            found.append(_Outcome(line, said, meaning))
        elif meaning.klass != UNKNOWN and (line.code, line.reference, line.value_date) != (
            said.code,
            said.reference,
            said.value_date,
        ):
            raise FileRefused(
                Sentence(
                    "line {line} of {batch} is {state} by an earlier answer, which this one contradicts: ask"
                    " the bank",
                    line=line.line,
                    batch=line.batch,
                    state=line.state,
                )
            )
    return tuple(found)


def _answered(
    desk: Desk,
    connection: Connection,
    batch: Batch,
    file: AnswerFile,
    outcomes: tuple[_Outcome, ...],
    sha256: str,
) -> Answered:
    done = [one for one in outcomes if one.meaning.klass == DONE]
    failed = [one for one in outcomes if one.meaning.klass not in (DONE, UNKNOWN)]
    unclear = [one for one in outcomes if one.meaning.klass == UNKNOWN]
    first_unclear = [one for one in unclear if one.line.state is LineState.SENT]
    for event, group in (
        (LineEvent.DONE, done),
        (LineEvent.FAILED, failed),
        (LineEvent.MISSING, first_unclear),
    ):
        move_each(desk, connection, batch.batch, event, [(one.line, _columns(one)) for one in group])
    said = {line.line for line in file.lines}
    missing = [
        line
        for line in lines_of(connection, batch.batch, LineState.SENT)
        if file.part in (0, line.request_part) and line.line not in said
    ]
    move_lines(desk, connection, batch.batch, missing, LineEvent.MISSING, **{"class": UNKNOWN})
    set_state(connection, [one.line.due for one in done], DueState.SETTLED)
    _suspend(desk, connection, [(one.line, one.meaning) for one in failed])
    amount = sum(one.line.amount for one in done)
    words = f"{len(done)} done, {amount} fen; {len(failed)} failed, {len(unclear) + len(missing)} unknown"
    moved = _answered_whole(desk, connection, batch, words, sha256)
    tell_dates(desk, connection, desk.today)
    return Answered(moved, len(done), amount, len(failed), len(unclear) + len(missing), (), None)


def _unmapped(file: AnswerFile, codes: Codes) -> tuple[str, ...]:
    """The codes of a file's lines that no table knows."""
    return tuple(sorted({line.code for line in file.lines if not codes.knows(line.code)}))


def _columns(one: _Outcome) -> dict[str, str | int]:
    """What the bank said of a line, as its row has it."""
    return {
        "code": one.said.code,
        "class": one.meaning.klass,
        "retry": int(one.meaning.retry),
        "text": one.said.text[:TEXT_MAX],
        "value_date": one.said.value_date,
        "reference": one.said.reference,
    }


def _answered_whole(desk: Desk, connection: Connection, batch: Batch, words: str, sha256: str) -> Batch:
    """The batch after an answer: answered once none of its lines waits for its first one."""
    columns: dict[str, str | int] = {"answer_sha256": sha256, "answered_at": desk.at}
    if lines_of(connection, batch.batch, LineState.SENT):
        connection.execute(update(batches).where(batches.c.batch == batch.batch).values(columns))
        note(desk, connection, "batch answer", batch.batch, words)
        return find(connection, batch.batch)
    return move(desk, connection, batch, BatchEvent.ANSWER, words, **columns)


def _suspend(desk: Desk, connection: Connection, refused: Iterable[tuple[Line, LineCode]]) -> None:
    """Suspend the mandates whose account or which themselves the bank refused."""
    for line, meaning in refused:
        if meaning.klass not in HARD:
            continue
        mandate = find_mandate(connection, line.mandate)
        if mandate.state is MandateState.ACTIVE:
            words = f"{line.batch}/{line.line}: {meaning.klass}"
            move_mandate(desk, connection, mandate, MandateEvent.SUSPEND, words)


def _return_lines(
    desk: Desk,
    connection: Connection,
    channel: str,
    batch_name: str,
    given: Iterable[ReturnLine],
    codes: Codes,
    sha256: str,
) -> None:
    batch = find(connection, batch_name)
    done = {line.line: line for line in lines_of(connection, batch_name, *MONEY_MOVED)}
    for one in given:
        line = done.get(one.line)
        if line is None or batch.channel != channel or line.amount != one.amount:
            raise FileRefused(
                Sentence(
                    "line {line} of {batch}: it is not done with this amount and channel, or was returned"
                    " before: nothing was changed",
                    line=one.line,
                    batch=batch_name,
                )
            )
        meaning = codes.line(one.code)
        changes: dict[str, str | int] = {"class": meaning.klass, "retry": int(meaning.retry)}
        move_lines(desk, connection, batch_name, [line], LineEvent.RETURN, **changes)
        row = {
            **{"batch": batch_name, "line": one.line, "channel": channel, "reference": one.reference},
            **{"code": one.code, "date": one.date, "amount": one.amount, "file_sha256": sha256, "part": 0},
            "business_date": "",
        }
        connection.execute(insert(returns).values(row))
        set_state(connection, [line.due], DueState.OPEN)
        _suspend(desk, connection, [(line, meaning)])
