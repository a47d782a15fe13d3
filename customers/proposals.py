"""Proposals about persons, as rows: found, made, taken a step further.

Statements only. Who may take which step, and that both its halves stand in the audit log, is decided in
`customers.decisions`; the table of steps is `customers.rules.states`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from customers.database.schema import proposals
from customers.errors import ProposalRefused
from customers.rules.states import OPEN, PROPOSAL_TRANSITIONS, Act, ProposalState, Step
from qianzhi_errors.sentence import Sentence


class Proposal(NamedTuple):
    """A proposal about a person: moments are microseconds since 1970-01-01 UTC, 0 for what has not happened.
    `decided_by` is who approved, rejected or withdrew it; `certificate` is the text of a shredding's.
    """

    number: int
    person: str
    act: Act
    reason: str
    proposed_by: str
    proposed_at: int
    state: ProposalState
    decided_by: str
    decided_at: int
    done_at: int
    certificate: str


_PROPOSALS: Final = select(*(proposals.c[name] for name in Proposal._fields)).order_by(proposals.c.number)


def find(connection: Connection, number: int) -> Proposal:
    """The proposal of this number. Raises ProposalRefused."""
    row = connection.execute(_PROPOSALS.where(proposals.c.number == number)).first()
    if row is None:
        raise ProposalRefused(Sentence("there is no proposal {number}", number=number))
    return _proposal(row)


def open_about(connection: Connection, person: str) -> Proposal | None:
    """The proposal about this person that waits for somebody; None if there is none."""
    waiting = proposals.c.state.in_([state.value for state in OPEN])
    row = connection.execute(_PROPOSALS.where(proposals.c.person == person, waiting)).first()
    return _proposal(row) if row else None


def listing(connection: Connection, *, everything: bool = False) -> Iterator[Proposal]:
    """The proposals that wait for somebody, or all, in the order of their numbers."""
    query = _PROPOSALS
    if not everything:
        query = query.where(proposals.c.state.in_([state.value for state in OPEN]))
    yield from map(_proposal, connection.execute(query))


def make(connection: Connection, person: str, act: Act, reason: str, by: str, at: int) -> Proposal:
    """Write a proposal under the next number, and return it."""
    number = 1 + int(connection.execute(select(func.count()).select_from(proposals)).scalar_one())
    made = Proposal(number, person, act, reason, by, at, ProposalState.PROPOSED, "", 0, 0, "")
    connection.execute(insert(proposals).values(made._asdict()))
    return made


def move(connection: Connection, proposal: Proposal, step: Step, **changes: str | int) -> Proposal:
    """Take a proposal a step further, with these columns changed, and return it. Raises ProposalRefused where
    its state does not allow the step, or has changed since it was read.
    """
    following = PROPOSAL_TRANSITIONS.get((proposal.state, step))
    same = (proposals.c.number == proposal.number) & (proposals.c.state == proposal.state.value)
    if following is None or (
        connection.execute(update(proposals).where(same).values(state=following.value, **changes)).rowcount
        != 1
    ):
        raise ProposalRefused(
            Sentence(
                "proposal {number} is {state}: it cannot be {step}",
                number=proposal.number,
                state=proposal.state,
                step=step,
            )
        )
    return find(connection, proposal.number)


def _proposal(row: Sequence[str | int]) -> Proposal:
    proposal = Proposal._make(row)
    return proposal._replace(act=Act(proposal.act), state=ProposalState(proposal.state))
