"""What happens to an approved batch until the bank has it: its request files written, sent, taken or refused
as a whole.

What a bank's code of a file means, a table of codes says; a code that is not in it asks a person, and changes
nothing. A batch is noted as sent before its files leave: from then on only an outcome, or two people, end a
line.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, update

from collection.batches import (
    Batch,
    WrittenFile,
    counts_of,
    find,
    lines_of,
    move,
    move_lines,
    write_release_file,
)
from collection.database.history import Event, write_events
from collection.database.schema import Direction, lines
from collection.desk import Desk, act, note
from collection.dues import chunks
from collection.errors import ActRefused
from collection.forms.codes import FileOutcome
from collection.forms.form_file import Form
from collection.forms.request import parts_of, write
from collection.kept_files import is_kept, keep
from collection.request_batch import lines_without_mandate, request_of
from collection.rules.states import BatchEvent, BatchState, LineEvent, LineState
from ledger.files.hold_file import ReleaseCause
from qianzhi_errors.sentence import Sentence


def write_request(desk: Desk, name: str, form: Form) -> tuple[Batch, tuple[WrittenFile, ...]]:
    """Write the request files of an approved batch, and return it with them. One that was written and not
    sent gives the same bytes again. Raises CollectionError; FormFault for a line that the form cannot say.
    """
    with act(desk, "send", "batch write", name) as connection:
        batch = find(connection, name)
        channel = desk.settings.channel_of(batch.channel)
        held = lines_of(connection, name, LineState.HELD)
        if batch.state not in (BatchState.APPROVED, BatchState.WRITTEN) or not held:
            return move(desk, connection, batch, BatchEvent.WRITE, ""), ()
        _check_mandates(connection, batch)
        request = request_of(desk, connection, batch, channel, held)
        made = tuple(WrittenFile(file.name, file.content) for file in write(request, form))
        digest = hashlib.sha256(b"".join(file.content for file in made)).hexdigest()
        if batch.state is BatchState.WRITTEN:
            _check_same(connection, made)
            return batch, made
        for file in made:
            if not is_kept(connection, file.content):
                keep(
                    desk, connection, Direction.REQUEST, file.name, file.content, batch=name,
                    channel=batch.channel,
                )  # fmt: skip
        for part in parts_of(request, form):
            numbers = [line.line for line in part.lines]
            for chunk in chunks(numbers):
                here = (lines.c.batch == name) & lines.c.line.in_(chunk)
                connection.execute(update(lines).where(here).values(request_part=part.part))
        words = f"{len(made)} files, {len(held)} lines"
        return move(desk, connection, batch, BatchEvent.WRITE, words, file_sha256=digest), made


def mark_sent(desk: Desk, name: str) -> Batch:
    """Note that the bank is given the files of a batch: from now on only its outcome ends a line. Raises
    CollectionError; ActRefused where a mandate is not in force any more.
    """
    with act(desk, "send", "batch sent", name) as connection:
        batch = find(connection, name)
        _check_mandates(connection, batch)
        moved = move(desk, connection, batch, BatchEvent.SEND, "", sent_at=desk.at)
        held = lines_of(connection, name, LineState.HELD)
        move_lines(desk, connection, name, held, LineEvent.SEND)
        return moved


def take_file_code(
    desk: Desk, name: str, code: str, outcome: FileOutcome, part: int = 0
) -> tuple[Batch, WrittenFile | None]:
    """Take what the bank says of a request file as a whole, and return the batch: accepted; not received, to
    be sent again as it was; refused whole, so that its lines are released (the file for the front); or `ask`:
    a person must ask the bank, and everything stays held. `part` is the number of the request file, 0 for
    all. Raises CollectionError.
    """
    with act(desk, "send", "batch accept", name) as connection:
        return on_file_code(desk, connection, find(connection, name), code, outcome, part)


def on_file_code(
    desk: Desk, connection: Connection, batch: Batch, code: str, outcome: FileOutcome, part: int
) -> tuple[Batch, WrittenFile | None]:
    """What `take_file_code` does, in the caller's transaction."""
    words = f"file {part or 'all'}: code {code}, {outcome}"
    if outcome == "release":
        return _refused_whole(desk, connection, batch, words, part)
    if outcome == "accepted":
        if batch.state is BatchState.ACCEPTED:
            note(desk, connection, "batch accept", batch.batch, words)
            return batch, None
        return move(desk, connection, batch, BatchEvent.ACCEPT, words), None
    _check_awaits(batch)
    if outcome == "resend":
        return move(desk, connection, batch, BatchEvent.NOT_RECEIVED, words), None
    write_events(connection, desk.at, desk.by, [Event("ask", batch.state, batch=batch.batch)])
    note(desk, connection, "batch ask", batch.batch, words)
    return batch, None


def _refused_whole(
    desk: Desk, connection: Connection, batch: Batch, words: str, part: int
) -> tuple[Batch, WrittenFile]:
    """Drop the lines of a request file that the bank has certainly not taken, and release them."""
    _check_awaits(batch)
    sent = lines_of(connection, batch.batch, LineState.SENT)
    refused = [line for line in sent if part in (0, line.request_part)]
    if not refused:
        raise ActRefused(Sentence("batch {batch} has no open line in this file", batch=batch.batch))
    move_lines(desk, connection, batch.batch, refused, LineEvent.REFUSED_WHOLE, text=words)
    numbers = [line.line for line in refused]
    release = write_release_file(desk, connection, batch, ReleaseCause.REFUSED_WHOLE, numbers)
    left = {state for state in counts_of(connection, batch.batch) if state is not LineState.DROPPED}
    if not left:
        return move(desk, connection, batch, BatchEvent.REFUSE_WHOLE, words), release
    if LineState.SENT not in left:
        return move(desk, connection, batch, BatchEvent.ANSWER, words), release
    note(desk, connection, "batch refuse", batch.batch, words)
    return batch, release


def _check_awaits(batch: Batch) -> None:
    if batch.state not in (BatchState.SENT, BatchState.ACCEPTED):
        raise ActRefused(
            Sentence("batch {batch} is {state}: it awaits no bank", batch=batch.batch, state=batch.state)
        )


def _check_mandates(connection: Connection, batch: Batch) -> None:
    """Raise ActRefused for a line whose mandate came to its end, or was suspended, after the approval."""
    for line in lines_without_mandate(connection, batch.batch):
        raise ActRefused(
            Sentence(
                "line {line} of {batch}: mandate {mandate} is not in force: recall the line",
                line=line.line,
                batch=batch.batch,
                mandate=line.mandate,
            )
        )


def _check_same(connection: Connection, made: tuple[WrittenFile, ...]) -> None:
    """Raise ActRefused where files that were written before would have other bytes now."""
    if not all(is_kept(connection, file.content) for file in made):
        raise ActRefused(
            Sentence("the files would not be those that were written: recall a line, and write the rest anew")
        )
