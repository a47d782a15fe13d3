"""A forced release: two people let lines go though nobody knows what became of their money.

The one proposes, with a reason, and another decides. The lines are released and stay open here: no second
line of their dues is planned, and what the bank says later is taken as the outcome. The front records who
decided; if the customer has paid at a counter meanwhile, the bank's late success is a misfit that is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from collection.batches import WrittenFile, find, lines_of, move, move_lines, write_release_file
from collection.database.schema import Direction, proposals
from collection.desk import Desk, act, checked_reason, note
from collection.errors import ActRefused, NoSuchItem, SamePerson
from collection.kept_files import check_new, keep
from collection.rules.states import BatchEvent, BatchState, LineEvent, LineState
from ledger.files.hold_file import ReleaseAnswer, ReleaseCause, read_release_answer
from qianzhi_errors.sentence import Sentence

_FORCED: Final = (LineState.SENT, LineState.UNKNOWN)
"""The states of a line that only an outcome ends, or two people."""


class Proposal(NamedTuple):
    """What one person proposed: to release these lines of a batch; `state` says what was decided."""

    number: int
    batch: str
    lines: tuple[int, ...]
    reason: str
    proposed_by: str
    proposed_at: int
    state: str
    decided_by: str
    decided_at: int


def propose(desk: Desk, name: str, numbers: Sequence[int], reason: str) -> Proposal:
    """Propose to release lines of a batch; without numbers, every line whose outcome is not known. Raises
    CollectionError.
    """
    with act(desk, "force", "release propose", name) as connection:
        words = checked_reason(reason)
        find(connection, name)
        if waiting := [row for row in listing(connection) if row.batch == name]:
            raise ActRefused(
                Sentence("proposal {number} about this batch waits already", number=waiting[0].number)
            )
        open_lines = [line.line for line in lines_of(connection, name, *_FORCED)]
        chosen = sorted(set(numbers)) or open_lines
        if not chosen or not set(chosen) <= set(open_lines):
            raise ActRefused(
                Sentence("only lines of {batch} that were sent and have no outcome are forced", batch=name)
            )
        number = 1 + int(connection.execute(select(func.count()).select_from(proposals)).scalar_one())
        row = Proposal(number, name, tuple(chosen), words, desk.by, desk.at, "proposed", "", 0)
        values = {**row._asdict(), "lines": ",".join(map(str, chosen))}
        connection.execute(insert(proposals).values(values))
        note(desk, connection, "release propose", name, f"proposal {number}: {len(chosen)} lines: {words}")
        return row


def approve(desk: Desk, number: int) -> tuple[Proposal, WrittenFile]:
    """Approve another person's proposal: its lines are released; return it with the file for the front.
    Lines that got an outcome meanwhile keep it. Raises CollectionError, among them SamePerson.
    """
    with act(desk, "force", "release approve", str(number)) as connection:
        decided = _decide(desk, connection, number, "approved")
        batch = find(connection, decided.batch)
        chosen = set(decided.lines)
        forced = [line for line in lines_of(connection, batch.batch, *_FORCED) if line.line in chosen]
        if not forced:
            raise ActRefused(Sentence("every line of proposal {number} has an outcome", number=number))
        move_lines(desk, connection, batch.batch, forced, LineEvent.FORCED)
        numbers = [line.line for line in forced]
        people = (decided.proposed_by, decided.decided_by)
        release = write_release_file(desk, connection, batch, ReleaseCause.FORCED, numbers, people)
        note(desk, connection, "release approve", batch.batch, f"proposal {number}: {len(forced)} lines")
        waits = batch.state in (BatchState.SENT, BatchState.ACCEPTED)
        if waits and not lines_of(connection, batch.batch, LineState.SENT):
            move(desk, connection, batch, BatchEvent.ANSWER, "its last lines were released by two people")
        return decided, release


def reject(desk: Desk, number: int) -> Proposal:
    """Reject another person's proposal, and return it. Raises CollectionError."""
    with act(desk, "force", "release reject", str(number)) as connection:
        decided = _decide(desk, connection, number, "rejected")
        note(desk, connection, "release reject", decided.batch, f"proposal {number}")
        return decided


def take_release_answer(desk: Desk, name: str, content: bytes) -> ReleaseAnswer:
    """Take the front's answer to a file of release, and return it: nothing changes by it, and it is kept.
    Raises CollectionError, and BatchFileRefused.
    """
    answer = read_release_answer(content)
    with act(desk, "send", "batch released", answer.batch) as connection:
        batch = find(connection, answer.batch)
        check_new(connection, content)
        direction = Direction.RELEASE_ANSWER
        keep(desk, connection, direction, name, content, batch=batch.batch, channel=batch.channel)
        words = f"{answer.released} lines, {answer.amount} fen, {answer.left} left"
        note(desk, connection, "batch released", batch.batch, words)
        return answer


def listing(connection: Connection, *, everything: bool = False) -> tuple[Proposal, ...]:
    """The proposals that wait for somebody, or all, in the order of their numbers."""
    query = select(proposals).order_by(proposals.c.number)
    if not everything:
        query = query.where(proposals.c.state == "proposed")
    return tuple(
        Proposal(**{**row, "lines": tuple(map(int, row["lines"].split(",")))})
        for row in connection.execute(query).mappings()
    )


def _decide(desk: Desk, connection: Connection, number: int, state: str) -> Proposal:
    found = next((row for row in listing(connection, everything=True) if row.number == number), None)
    if found is None:
        raise NoSuchItem(Sentence("there is no proposal {number}", number=number))
    if found.state != "proposed":
        raise ActRefused(Sentence("proposal {number} is {state}", number=number, state=found.state))
    if found.proposed_by.lower() == desk.by.lower():
        raise SamePerson(
            Sentence("{person} proposed it: another person decides about it", person=found.proposed_by)
        )
    decided = found._replace(state=state, decided_by=desk.by, decided_at=desk.at)
    changes = {"state": state, "decided_by": desk.by, "decided_at": desk.at}
    connection.execute(update(proposals).where(proposals.c.number == number).values(changes))
    return decided
