"""Outcomes handed to the front, and what the front made of them: receipts, entries, misfits.

A file of outcomes has every line that has one and was in no such file yet. What the front answers closes the
circle: each line that was done has a receipt, or its money fitted no due. Then the batch is settled with the
bank's statement, and closed once nothing of it is open.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from collection.batches import Batch, Line, WrittenFile, find, lines_of, move, move_lines
from collection.database.schema import Direction, batches, lines, returns
from collection.desk import Desk, act, note
from collection.dues import chunks
from collection.errors import ActRefused, FileRefused
from collection.kept_files import check_new, keep, kept
from collection.mandates import note_use
from collection.rules.states import MONEY_MOVED, OPEN_LINES, BatchEvent, BatchState, LineEvent, LineState
from ledger.files.apply_file import (
    ApplyAnswer,
    ApplyFile,
    ApplyLine,
    Done,
    Failed,
    FailureClass,
    Returned,
    read_apply,
    read_apply_answer,
    write_apply,
)
from qianzhi_errors.sentence import Sentence

_OUTCOMES = (LineState.DONE, LineState.FAILED, LineState.RETURNED)


def write_results(desk: Desk, name: str) -> tuple[Batch, WrittenFile]:
    """Write the next file of outcomes of a batch for the front, and return both. Where nothing is new, it is
    the last file again, if the front has not answered it. Raises CollectionError.
    """
    with act(desk, "send", "batch apply", name) as connection:
        batch = find(connection, name)
        ended = [line for line in lines_of(connection, name, *_OUTCOMES) if line.part == 0]
        back = _returns(connection, name)
        if not ended and not back:
            return batch, _last_part(desk, connection, batch)
        part = batch.parts + 1
        data = write_apply(_file_of(connection, batch, part, ended, back))
        file_name = f"{name}-apply-{part}.txt"
        keep(desk, connection, Direction.APPLY, file_name, data, batch=name, channel=batch.channel)
        for chunk in chunks([line.line for line in ended]):
            here = (lines.c.batch == name) & lines.c.line.in_(chunk)
            connection.execute(update(lines).where(here).values(part=part))
        for chunk in chunks(sorted(back)):
            there = (returns.c.batch == name) & returns.c.line.in_(chunk)
            connection.execute(update(returns).where(there).values(part=part))
        connection.execute(update(batches).where(batches.c.batch == name).values(parts=part))
        note(desk, connection, "batch apply", name, f"part {part}: {len(ended)} lines, {len(back)} returns")
        return find(connection, name), WrittenFile(file_name, data)


def take_results_answer(desk: Desk, name: str, content: bytes) -> Batch:
    """Take the front's answer to a file of outcomes: the receipts of what was done, and the misfits. Return
    the batch, applied once every outcome is in the front's book. Raises CollectionError.
    """
    answer = read_apply_answer(content)
    with act(desk, "send", "batch applied", answer.batch) as connection:
        check_new(connection, content)
        batch = find(connection, answer.batch)
        if not 0 < answer.part <= batch.parts:
            raise FileRefused(
                Sentence("no part {part} of {batch} was written", part=answer.part, batch=batch.batch)
            )
        _check_fits(connection, answer)
        keep(
            desk, connection, Direction.APPLY_ANSWER, name, content, batch=batch.batch, channel=batch.channel
        )
        _note_receipts(connection, answer)
        mine = {line.line: line for line in lines_of(connection, batch.batch, LineState.DONE)}
        misfits = [mine[number] for number in answer.misfits if number in mine]
        move_lines(desk, connection, batch.batch, misfits, LineEvent.MISFIT)
        words = (
            f"part {answer.part}: {answer.done} done, {answer.failed} failed, {len(answer.misfits)} misfits"
        )
        if batch.state is BatchState.ANSWERED and _all_applied(connection, batch):
            return move(desk, connection, batch, BatchEvent.APPLY, words)
        note(desk, connection, "batch applied", batch.batch, words)
        return find(connection, batch.batch)


def settle(desk: Desk, name: str, settled_fen: int, fee_fen: int) -> Batch:
    """Note what the bank has paid for a batch, before its fee, and return it. Raises ActRefused where that is
    not what was done and not returned: then a person asks the bank.
    """
    with act(desk, "send", "batch settle", name) as connection:
        batch = find(connection, name)
        moved = sum(line.amount for line in lines_of(connection, name, *MONEY_MOVED))
        if moved != settled_fen:
            raise ActRefused(
                Sentence(
                    "{settled} fen were paid for {batch}, and {moved} fen were done and not returned: ask the"
                    " bank",
                    settled=settled_fen,
                    batch=name,
                    moved=moved,
                )
            )
        columns: dict[str, str | int] = {"settled_fen": settled_fen, "fee_fen": fee_fen}
        words = f"{settled_fen} fen, fee {fee_fen} fen"
        return move(desk, connection, batch, BatchEvent.SETTLE, words, **columns)


def close(desk: Desk, name: str) -> Batch:
    """Close a settled batch, and return it. Raises ActRefused while a line's outcome can still come."""
    with act(desk, "send", "batch close", name) as connection:
        batch = find(connection, name)
        if waiting := lines_of(connection, name, *OPEN_LINES):
            raise ActRefused(
                Sentence(
                    "line {line} of {batch} is {state}: the batch stays open",
                    line=waiting[0].line,
                    batch=name,
                    state=waiting[0].state,
                )
            )
        return move(desk, connection, batch, BatchEvent.CLOSE, "")


def _returns(connection: Connection, name: str) -> dict[int, Returned]:
    """The returns of a batch that were in no file for the front, by line."""
    chosen = (returns.c.batch == name, returns.c.part == 0)
    rows = connection.execute(select(returns).where(*chosen).order_by(returns.c.line))
    return {row.line: Returned(row.line, row.date, row.reference, row.code) for row in rows}


def _file_of(
    connection: Connection, batch: Batch, part: int, ended: list[Line], back: dict[int, Returned]
) -> ApplyFile:
    """The file of outcomes: what was done and returned since is both in it."""
    found: list[ApplyLine] = []
    for line in ended:
        if line.state is LineState.FAILED:
            found.append(Failed(line.line, FailureClass(line.klass)))
        else:
            found.append(Done(line.line, line.value_date or batch.date, line.reference))
    found += back.values()
    amounts = {line.line: line.amount for line in lines_of(connection, batch.batch)}
    done = sum(amounts[line.line] for line in found if isinstance(line, Done))
    returned = sum(amounts[number] for number in back)
    found.sort(key=lambda line: (line.line, isinstance(line, Returned)))
    return ApplyFile(batch.batch, batch.channel, part, tuple(found), done, returned)


def _last_part(desk: Desk, connection: Connection, batch: Batch) -> WrittenFile:
    """The last file of outcomes, which the front has not answered. Raises ActRefused where it has."""
    written = kept(desk, connection, batch.batch, Direction.APPLY)
    answered = {
        read_apply_answer(file.content).part
        for file in kept(desk, connection, batch.batch, Direction.APPLY_ANSWER)
    }
    if not written or batch.parts in answered:
        raise ActRefused(Sentence("batch {batch} has no outcome that is new", batch=batch.batch))
    last = next(file for file in written if read_apply(file.content).part == batch.parts)
    return WrittenFile(last.name, last.content)


def _check_fits(connection: Connection, answer: ApplyAnswer) -> None:
    """Raise FileRefused for an answer about lines that were not in this part, or that gives a line another
    receipt than it has.
    """
    columns = (lines.c.line, lines.c.state, lines.c.receipt, lines.c.entry_key)
    query = select(*columns).where(lines.c.batch == answer.batch, lines.c.part == answer.part)
    mine = {row.line: row for row in connection.execute(query)}
    back = select(returns.c.line).where(returns.c.batch == answer.batch, returns.c.part == answer.part)
    for receipt in answer.receipts:
        row = mine.get(receipt.line)
        known = row and row.entry_key and (row.receipt, row.entry_key) != (receipt.receipt, receipt.key)
        if known or (row and row.state == LineState.FAILED):
            raise FileRefused(
                Sentence(
                    "line {line} of {batch} has another receipt, or was not done: nothing was changed",
                    line=receipt.line,
                    batch=answer.batch,
                )
            )
    sent = {*mine, *connection.execute(back).scalars()}
    dated = [*(receipt.line for receipt in answer.receipts), *(back.line for back in answer.returns)]
    for number in (*dated, *answer.misfits):
        if number not in sent:
            raise FileRefused(
                Sentence(
                    "line {line} of {batch} was not in part {part}",
                    line=number,
                    batch=answer.batch,
                    part=answer.part,
                )
            )


def _note_receipts(connection: Connection, answer: ApplyAnswer) -> None:
    """Write down the receipts and entries of lines that were done, and that their mandates were used."""
    rows = [
        {"of": receipt.line, "number": receipt.receipt, "key": receipt.key, "booked": receipt.date}
        for receipt in answer.receipts
    ]
    chosen = (lines.c.batch == answer.batch) & (lines.c.line == bindparam("of"))
    statement = update(lines).where(chosen)
    statement = statement.values(
        receipt=bindparam("number"), entry_key=bindparam("key"), business_date=bindparam("booked")
    )
    for chunk in chunks(rows):
        connection.execute(statement, list(chunk))
    back = [{"of": line.line, "booked": line.date} for line in answer.returns]
    there = (returns.c.batch == answer.batch) & (returns.c.line == bindparam("of"))
    dated = update(returns).where(there).values(business_date=bindparam("booked"))
    for chunk in chunks(back):
        connection.execute(dated, list(chunk))
    used = select(lines.c.mandate, batches.c.date).join(batches, batches.c.batch == lines.c.batch)
    found = connection.execute(used.where(lines.c.batch == answer.batch, lines.c.receipt != "")).all()
    if found:
        note_use(connection, [row.mandate for row in found], found[0].date)


def _all_applied(connection: Connection, batch: Batch) -> bool:
    """Whether every outcome of a batch went to the front and came back with a receipt, or as a misfit."""
    for line in lines_of(connection, batch.batch, LineState.DONE, LineState.FAILED, LineState.RETURNED):
        if line.part == 0 or (line.state is LineState.DONE and not line.receipt):
            return False
    return True
