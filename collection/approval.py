"""What happens to a batch before it is sent: the front's answer to its hold, another person's approval, lines
recalled, the whole cancelled.

A line whose payer has ended the mandate is dropped at once; what the front held for it is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select, update

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
    write_release_file,
)
from collection.database.schema import Direction, DueState, batches, lines
from collection.desk import Desk, act, checked_reason, note
from collection.dues import set_state
from collection.errors import ActRefused, FileRefused, NoSuchItem, SamePerson
from collection.forms.form_file import Form
from collection.kept_files import check_new, keep
from collection.request_batch import lines_without_mandate, unwritable_lines
from collection.rules.states import BatchEvent, BatchState, LineEvent, LineState
from ledger.files.hold_file import ReleaseCause, read_hold_answer
from ledger.rules.holding import NotHeld
from qianzhi_errors.sentence import Sentence

_STATE_OF_DUE: Final = {
    NotHeld.PAID: DueState.SETTLED,
    NotHeld.NO_DUE: DueState.WITHDRAWN,
    NotHeld.OTHER_POLICY: DueState.WITHDRAWN,
    NotHeld.NO_PREMIUM: DueState.WITHDRAWN,
    NotHeld.LAPSED: DueState.WITHDRAWN,
    NotHeld.WITHDRAWN: DueState.WITHDRAWN,
    NotHeld.POLICY_ENDED: DueState.WITHDRAWN,
}
"""What the front's reason says of a due; one that another line holds, or whose amount differs, stays open."""
NO_MANDATE: Final = "mandate not in force"
_BEFORE_SENT: Final = (BatchState.HELD, BatchState.APPROVED, BatchState.WRITTEN)


def take_hold_answer(desk: Desk, name: str, content: bytes) -> Batch:
    """Take the front's answer to a hold file: what it refused is dropped, the rest is held. Return the batch,
    cancelled where nothing is held. Raises CollectionError, and BatchFileRefused.
    """
    answer = read_hold_answer(content)
    with act(desk, "plan", "batch hold", answer.batch) as connection:
        check_new(connection, content)
        batch = find(connection, answer.batch)
        if batch.state is not BatchState.PLANNED:
            return move(desk, connection, batch, BatchEvent.HOLD, "")
        planned = lines_of(connection, batch.batch, LineState.PLANNED)
        refused = dict(answer.refused)
        dropped = [line for line in planned if line.line in refused]
        held = [line for line in planned if line.line not in refused]
        amount = sum(line.amount for line in held)
        if len(dropped) != len(refused) or (len(held), amount) != (answer.held, answer.amount):
            raise FileRefused(
                Sentence(
                    "the front holds {held} lines and {amount} fen, and of {batch} there would be {lines} and"
                    " {sum}: nothing was changed",
                    held=answer.held,
                    amount=answer.amount,
                    batch=batch.batch,
                    lines=len(held),
                    sum=amount,
                )
            )
        words = f"{len(held)} lines, {amount} fen; {len(dropped)} refused"
        keep(desk, connection, Direction.HOLD_ANSWER, name, content, batch=batch.batch, channel=batch.channel)
        for why in sorted(set(refused.values())):
            mine = [line for line in dropped if refused[line.line] is why]
            move_lines(desk, connection, batch.batch, mine, LineEvent.NOT_HELD, text=why.value)
            if state := _STATE_OF_DUE.get(why):
                set_state(connection, [line.due for line in mine], state)
        move_lines(desk, connection, batch.batch, held, LineEvent.HELD)
        return move(desk, connection, batch, BatchEvent.HOLD if held else BatchEvent.CANCEL, words)


def approve(desk: Desk, name: str, form: Form) -> tuple[Batch, WrittenFile | None]:
    """Approve a batch that another person planned, and return it. Lines without an active mandate, and those
    that the channel's form cannot say, are dropped first, with the reason; for these there is a file of
    release for the front. Raises CollectionError, among them SamePerson.
    """
    with act(desk, "approve", "batch approve", name) as connection:
        batch = find(connection, name)
        if batch.made_by.lower() == desk.by.lower():
            raise SamePerson(
                Sentence("{person} planned it: another person approves it", person=batch.made_by)
            )
        if batch.state is not BatchState.HELD:
            return move(desk, connection, batch, BatchEvent.APPROVE, ""), None
        idle = {line.line: (line, NO_MANDATE) for line in lines_without_mandate(connection, batch.batch)}
        rest = [line for line in lines_of(connection, batch.batch, LineState.HELD) if line.line not in idle]
        unsaid = unwritable_lines(desk, connection, batch, form, rest)
        release = _drop(desk, connection, batch, (*idle.values(), *unsaid))
        left = lines_of(connection, batch.batch, LineState.HELD)
        if not left:
            return move(desk, connection, batch, BatchEvent.CANCEL, "no line is left"), release
        words = f"{len(left)} lines, {sum(line.amount for line in left)} fen"
        columns: dict[str, str | int] = {"approved_by": desk.by, "approved_at": desk.at}
        return move(desk, connection, batch, BatchEvent.APPROVE, words, **columns), release


def recall(desk: Desk, name: str, number: int, reason: str) -> tuple[Batch, WrittenFile]:
    """Take a line out of a batch that was not sent, and return the batch with the file of release. What was
    written is to be written anew. Raises CollectionError.
    """
    with act(desk, "plan", "batch recall", name) as connection:
        words = checked_reason(reason)
        batch = find(connection, name)
        chosen = [line for line in lines_of(connection, name, LineState.HELD) if line.line == number]
        if batch.state not in _BEFORE_SENT or not chosen:
            raise ActRefused(
                Sentence("line {line} of {batch} is not held, or was sent already", line=number, batch=name)
            )
        batch, release = _recalled(desk, connection, batch, chosen)
        note(desk, connection, "batch recall", batch.batch, f"line {number}: {words}")
        return batch, release


def recall_of_mandate(desk: Desk, connection: Connection, mandate: str) -> list[WrittenFile]:
    """Take the lines of a mandate out of every batch that was not sent; the files of release for the front.
    In the caller's transaction. Lines that the front has not answered for are dropped when it does.
    """
    states = [state.value for state in _BEFORE_SENT]
    joined = lines.join(batches, batches.c.batch == lines.c.batch)
    query = select(lines.c.batch, lines.c.line).select_from(joined)
    chosen = (
        lines.c.mandate == mandate,
        lines.c.state == LineState.HELD.value,
        batches.c.state.in_(states),
    )
    found = connection.execute(query.where(*chosen).order_by(lines.c.batch, lines.c.line)).all()
    files = []
    for name in sorted({row.batch for row in found}):
        numbers = {row.line for row in found if row.batch == name}
        mine = [line for line in lines_of(connection, name, LineState.HELD) if line.line in numbers]
        files.append(_recalled(desk, connection, find(connection, name), mine)[1])
    return files


def cancel(desk: Desk, name: str, reason: str) -> tuple[Batch, WrittenFile]:
    """Cancel a batch that was not sent, and return it with the file of release. Raises CollectionError."""
    with act(desk, "plan", "batch cancel", name) as connection:
        words = checked_reason(reason)
        batch = find(connection, name)
        open_lines = lines_of(connection, name, LineState.PLANNED, LineState.HELD)
        move_lines(desk, connection, name, open_lines, LineEvent.DROP)
        release = write_release_file(desk, connection, batch, ReleaseCause.RECALL, ())
        return move(desk, connection, batch, BatchEvent.CANCEL, words), release


def _recalled(
    desk: Desk, connection: Connection, batch: Batch, chosen: list[Line]
) -> tuple[Batch, WrittenFile]:
    release = _drop(desk, connection, batch, [(line, "") for line in chosen])
    if release is None:
        raise NoSuchItem(Sentence("there is no line to recall"))
    if not lines_of(connection, batch.batch, LineState.HELD):
        return move(desk, connection, batch, BatchEvent.CANCEL, "no line is left"), release
    if batch.state is BatchState.WRITTEN:
        connection.execute(update(lines).where(lines.c.batch == batch.batch).values(request_part=0))
        batch = move(desk, connection, batch, BatchEvent.RECALL, "to be written anew", file_sha256="")
    return batch, release


def _drop(
    desk: Desk, connection: Connection, batch: Batch, chosen: Sequence[tuple[Line, str]]
) -> WrittenFile | None:
    """Drop lines, each with the reason, and return the file of release for the front; None for no line."""
    if not chosen:
        return None
    reasons = [(line, {"text": why[:TEXT_MAX]}) for line, why in chosen]
    move_each(desk, connection, batch.batch, LineEvent.DROP, reasons)
    numbers = sorted(line.line for line, _why in chosen)
    return write_release_file(desk, connection, batch, ReleaseCause.RECALL, numbers)
