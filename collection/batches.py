"""Batches and their lines as rows: found, listed, taken a step further, with their history.

Statements only. Who may take which step, and what else it brings, is decided in `approval`, `sending`,
`answers`, `results` and `releases`; the tables of steps are `collection.rules.states`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, func, select, update

from collection.database.history import Event, write_events
from collection.database.schema import Direction, batches, lines
from collection.desk import Desk, note
from collection.dues import chunks
from collection.errors import ActRefused, NoSuchItem
from collection.kept_files import keep
from collection.rules.states import BATCH, LINE, BatchEvent, BatchState, LineEvent, LineState
from ledger.files.hold_file import ReleaseCause, ReleaseFile, write_release
from qianzhi_errors.sentence import Sentence


class Batch(NamedTuple):
    """A batch: moments are microseconds since 1970-01-01 UTC, 0 for what has not happened; amounts fen."""

    batch: str
    channel: str
    date: str
    state: BatchState
    lines: int
    amount: int
    made_by: str
    made_at: int
    approved_by: str
    approved_at: int
    sent_at: int
    answered_at: int
    parts: int
    settled_fen: int
    fee_fen: int


class Line(NamedTuple):
    """One due in a batch, and what became of it."""

    batch: str
    line: int
    due: str
    policy: str
    mandate: str
    amount: int
    attempt: int
    state: LineState
    code: str
    klass: str
    text: str
    value_date: str
    reference: str
    request_part: int
    part: int
    receipt: str
    entry_key: str
    business_date: str


TEXT_MAX: Final = 80
"""So much of a bank's text or of a reason a line keeps, in characters."""


class WrittenFile(NamedTuple):
    """A file that is to be handed on: to the front, or to the bank."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        """Name the file, and say nothing of what is in it."""
        return f"WrittenFile({self.name!r})"


_BATCHES: Final = tuple(batches.c[name] for name in Batch._fields)
_LINES: Final = tuple(
    lines.c["class"].label("klass") if name == "klass" else lines.c[name] for name in Line._fields
)


def find(connection: Connection, name: str) -> Batch:
    """The batch of this name. Raises NoSuchItem."""
    row = connection.execute(select(*_BATCHES).where(batches.c.batch == name)).mappings().first()
    if row is None:
        raise NoSuchItem(Sentence("there is no batch of this name"))
    return _batch(row)


def listing(connection: Connection, *, everything: bool = False) -> tuple[Batch, ...]:
    """The batches that are not at their end, or all, in the order of their names."""
    query = select(*_BATCHES).order_by(batches.c.batch)
    if not everything:
        ends = {*BatchState} - {state for state, _event in BATCH}
        query = query.where(batches.c.state.not_in(sorted(state.value for state in ends)))
    return tuple(_batch(row) for row in connection.execute(query).mappings())


def lines_of(connection: Connection, name: str, *states: LineState) -> tuple[Line, ...]:
    """The lines of a batch in these states, or all, by number."""
    query = select(*_LINES).where(lines.c.batch == name).order_by(lines.c.line)
    if states:
        query = query.where(lines.c.state.in_([state.value for state in states]))
    return tuple(_line(row) for row in connection.execute(query).mappings())


def counts_of(connection: Connection, name: str) -> Mapping[LineState, tuple[int, int]]:
    """How many lines of a batch are in each state, and their sum in fen."""
    query = select(lines.c.state, func.count(), func.sum(lines.c.amount)).where(lines.c.batch == name)
    rows = connection.execute(query.group_by(lines.c.state).order_by(lines.c.state))
    return {LineState(state): (count, int(amount)) for state, count, amount in rows}


def move(
    desk: Desk, connection: Connection, batch: Batch, event: BatchEvent, words: str, **changes: str | int
) -> Batch:
    """Take a batch a step further in the caller's transaction, with its record, and return it. Raises
    ActRefused where its state does not allow the step.
    """
    following = BATCH.get((batch.state, event))
    if following is None:
        raise ActRefused(
            Sentence(
                "batch {batch} is {state}: it cannot be {event}",
                batch=batch.batch,
                state=batch.state,
                event=event,
            )
        )
    same = (batches.c.batch == batch.batch) & (batches.c.state == batch.state.value)
    connection.execute(update(batches).where(same).values(state=following.value, **changes))
    write_events(connection, desk.at, desk.by, [Event(event, following, batch=batch.batch)])
    note(desk, connection, f"batch {event}", batch.batch, words)
    return find(connection, batch.batch)


def move_lines(
    desk: Desk,
    connection: Connection,
    batch: str,
    chosen: Iterable[Line],
    event: LineEvent,
    **changes: str | int,
) -> int:
    """Take lines of a batch a step further in the caller's transaction, all with the same changes; return how
    many. Raises ActRefused where the state of one does not allow the step.
    """
    moved = list(chosen)
    for before in sorted({line.state for line in moved}):
        following = LINE.get((before, event))
        mine = [line.line for line in moved if line.state is before]
        if following is None:
            raise _refused(batch, mine[0], before, event)
        for chunk in chunks(mine):
            here = (lines.c.batch == batch) & lines.c.line.in_(chunk)
            connection.execute(update(lines).where(here).values(state=following.value, **changes))
        write_events(
            connection,
            desk.at,
            desk.by,
            (Event(event, following, batch=batch, line=number) for number in mine),
        )
    return len(moved)


def move_each(
    desk: Desk,
    connection: Connection,
    batch: str,
    event: LineEvent,
    rows: Sequence[tuple[Line, Mapping[str, str | int]]],
) -> None:
    """Take lines a step further in the caller's transaction, each with changes of its own, of the same
    columns. Raises ActRefused as `move_lines` does.
    """
    if not rows:
        return
    for line, _changes in rows:
        if (line.state, event) not in LINE:
            raise _refused(batch, line.line, line.state, event)
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("state", *rows[0][1])}
    chosen = (lines.c.batch == batch) & (lines.c.line == bindparam("of"))
    statement = update(lines).where(chosen).values(columns)
    for chunk in chunks(rows):
        values = [
            {
                "of": line.line,
                "new_state": LINE[line.state, event].value,
                **{f"new_{name}": value for name, value in changes.items()},
            }
            for line, changes in chunk
        ]
        connection.execute(statement, values)
        following = (
            Event(event, LINE[line.state, event], batch=batch, line=line.line) for line, _changes in chunk
        )
        write_events(connection, desk.at, desk.by, following)


def write_release_file(
    desk: Desk,
    connection: Connection,
    batch: Batch,
    cause: ReleaseCause,
    numbers: Sequence[int],
    forced_by: tuple[str, ...] = (),
) -> WrittenFile:
    """The file by which the front lets lines of a batch go (no numbers: all that it holds); it is kept."""
    data = write_release(ReleaseFile(batch.batch, batch.channel, cause, tuple(numbers), forced_by))
    first = f"-{numbers[0]:06d}" if numbers else ""
    name = f"{batch.batch}-release{first}-{desk.at}.txt"
    keep(desk, connection, Direction.RELEASE, name, data, batch=batch.batch, channel=batch.channel)
    return WrittenFile(name, data)


def _refused(batch: str, line: int, state: LineState, event: LineEvent) -> ActRefused:
    return ActRefused(
        Sentence(
            "line {line} of {batch} is {state}: it cannot be {event}",
            line=line,
            batch=batch,
            state=state,
            event=event,
        )
    )


def _batch(row: RowMapping) -> Batch:
    batch = Batch(**row)
    return batch._replace(state=BatchState(batch.state))


def _line(row: RowMapping) -> Line:
    line = Line(**row)
    return line._replace(state=LineState(line.state))
