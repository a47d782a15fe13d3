"""What two people decide: the end of a legal hold, a copy that leaves too few, the destruction of a volume.

Statements on `holds`, `releases`, `proposals` and `decisions`; the caller owns the transaction. Who may do
what, the settings say. The database itself refuses a decision by whoever proposed. Any spelling of a login,
in large or small letters, is the same person.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from archive.catalogue.acts import no_such
from archive.catalogue.schema import decisions, holds, proposals, releases
from archive.errors import ActRefused, SamePerson
from qianzhi_errors.sentence import Sentence


class Act(StrEnum):
    """What is proposed."""

    DESTROY = "destroy"
    RELEASE = "release"
    RETIRE = "retire"


class Decision(StrEnum):
    """What the other person says."""

    APPROVE = "approve"
    REJECT = "reject"


class Hold(NamedTuple):
    """A legal hold on a volume: why, by whom, and when (microseconds since 1970-01-01 UTC)."""

    hold: int
    subject: str
    reason: str
    by: str
    at: int


class Proposal(NamedTuple):
    """What one person proposed; `list` says what a destruction destroys. `decision` is empty while nobody has
    decided.
    """

    proposal: int
    act: Act
    subject: str
    reason: str
    list: str
    by: str
    at: int
    decision: str = ""


def add_hold(connection: Connection, subject: str, reason: str, by: str, at: int) -> Hold:
    """Hold a volume: it is not destroyed before two people release it."""
    number: int = connection.execute(select(func.count()).select_from(holds)).scalar_one() + 1
    hold = Hold(number, subject, reason, by, at)
    connection.execute(insert(holds).values(hold._asdict()))
    return hold


def open_holds(connection: Connection, subject: str = "") -> tuple[Hold, ...]:
    """The holds that nobody has released, of one volume or of all."""
    columns = (holds.c[name] for name in Hold._fields)
    query = select(*columns).where(holds.c.hold.not_in(select(releases.c.hold))).order_by(holds.c.hold)
    rows = connection.execute(query.where(holds.c.subject == subject) if subject else query)
    return tuple(Hold._make(row) for row in rows)


def check_is_open(connection: Connection, hold: int) -> None:
    """Raise NoSuchItem unless the hold of this number is there and nobody has released it."""
    if hold not in [row.hold for row in open_holds(connection)]:
        raise no_such("hold", str(hold))


def release(connection: Connection, hold: int, at: int) -> None:
    """End a hold whose release two people have decided."""
    connection.execute(insert(releases).values(hold=hold, at=at))


def propose(
    connection: Connection, act: Act, subject: str, reason: str, listing: str, by: str, at: int
) -> Proposal:
    """Propose an act. Raises ActRefused where the same is proposed already."""
    if any(p.act is act and p.subject == subject and not p.decision for p in read_proposals(connection)):
        raise ActRefused(Sentence("{act} {subject} is proposed already", act=act.value, subject=subject))
    number: int = connection.execute(select(func.count()).select_from(proposals)).scalar_one() + 1
    proposal = Proposal(number, act, subject, reason, listing, by, at)
    values = proposal._asdict()
    del values["decision"]
    connection.execute(insert(proposals).values(values))
    return proposal


def read_proposals(connection: Connection) -> tuple[Proposal, ...]:
    """All proposals, each with its decision, the oldest first."""
    columns = [proposals.c[name] for name in Proposal._fields[:-1]]
    joined = proposals.outerjoin(decisions, decisions.c.proposal == proposals.c.proposal)
    query = select(*columns, func.coalesce(decisions.c.decision, "")).select_from(joined)
    found = []
    for row in connection.execute(query.order_by(proposals.c.proposal)):
        proposal = Proposal._make(row)
        found.append(proposal._replace(act=Act(proposal.act)))
    return tuple(found)


def decide(
    connection: Connection, number: int, decision: Decision, by: str, at: int, certificate: str = ""
) -> Proposal:
    """Decide on a proposal. Raises NoSuchItem, ActRefused where it was decided on, and SamePerson."""
    proposal = open_proposal(connection, number)
    if decision is Decision.APPROVE and proposal.by.lower() == by.lower():
        raise SamePerson(Sentence("{person} proposed it: another person approves", person=by))
    values = {"proposal": number, "decision": decision.value, "by": by, "at": at, "certificate": certificate}
    connection.execute(insert(decisions).values(values))
    return proposal._replace(decision=decision.value)


def open_proposal(connection: Connection, number: int) -> Proposal:
    """The proposal of this number, on which nobody has decided. Raises NoSuchItem and ActRefused."""
    proposal = next((p for p in read_proposals(connection) if p.proposal == number), None)
    if proposal is None:
        raise no_such("proposal", str(number))
    if proposal.decision:
        raise ActRefused(
            Sentence("proposal {number} was decided: {decision}", number=number, decision=proposal.decision)
        )
    return proposal
