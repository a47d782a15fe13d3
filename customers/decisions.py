"""What two people decide about a person: a restriction, its release, a look at a restricted person, a
shredding. Each step has its record in the audit log, in the same transaction; a refused one too.

The caller knows the person at the keyboard: the command has the name from the kernel, never from what was
typed. An approved proposal is carried out in a transaction of its own. Killed anywhere, the same approval is
given again, and comes to the same end: what was decided is not decided anew, what was destroyed stays so, and
the certificate's file is written from the text that was kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, update

from customers.book import read_person
from customers.certificate import EscrowedKey, certificate_text, digest_of, write_certificate
from customers.config import Permission, Settings
from customers.contacts import forget
from customers.database.audit_log import write_record, write_refusal
from customers.database.schema import escrows, person_keys, persons
from customers.errors import CustomersError, NotErased, ProposalRefused, SamePerson
from customers.proposals import Proposal, find, make, move, open_about
from customers.rules.person import is_person
from customers.rules.states import TRANSITIONS, Act, PersonState, ProposalState, Step
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence

PROPOSE: Final = "propose"
"""The act of a proposal in the audit log; those of the other steps are named as in Step."""
REASON_LENGTH_MAX: Final = 200
_MAY: Final[Mapping[Act, Permission]] = MappingProxyType(
    {Act.RESTRICT: "restrict", Act.RELEASE: "release", Act.LOOK: "look", Act.SHRED: "shred"}
)


class Desk(NamedTuple):
    """What a decision needs: the database, the settings, and the moment (microseconds since 1970-01-01
    UTC).
    """

    store: Store
    settings: Settings
    at: int


def propose(desk: Desk, by: str, person: str, act: Act, reason: str) -> Proposal:
    """Propose an act about a person, and return the proposal, which another person decides about. Identity
    numbers in the reason are masked. Raises CustomersError.
    """
    with refusals_recorded(desk, by, PROPOSE, person):
        desk.settings.check_may(by, _MAY[act])
        words = checked_reason(reason)
        with desk.store.transaction() as connection:
            state = read_person(connection, person).state
            _check_fits(state, act)
            if waiting := open_about(connection, person):
                raise ProposalRefused(
                    Sentence("proposal {number} about this person waits already", number=waiting.number)
                )
            made = make(connection, person, act, words, by, desk.at)
            write_record(connection, desk.at, by, PROPOSE, person, _note(made, words))
            return made


def approve(desk: Desk, by: str, number: int) -> Proposal:
    """Approve a proposal, carry it out, and return it; a look waits for its proposer to look. An approval
    that was given and not carried out to its end is carried out now. Raises CustomersError, among them
    SamePerson.
    """
    proposal = _decided(desk, by, number, Step.APPROVE)
    if proposal.state is ProposalState.APPROVED and proposal.act is not Act.LOOK:
        proposal = _carry_out(desk, by, proposal)
    if proposal.certificate:
        write_certificate(Path(desk.settings.customers.certificates), proposal)
        empty_log(desk.store)
    return proposal


def reject(desk: Desk, by: str, number: int) -> Proposal:
    """Reject a proposal, and return it. Raises CustomersError; who made it withdraws it instead."""
    return _decided(desk, by, number, Step.REJECT)


def withdraw(desk: Desk, by: str, number: int) -> Proposal:
    """Withdraw a proposal that was not carried out, and return it. Raises CustomersError."""
    return _decided(desk, by, number, Step.WITHDRAW)


def empty_log(store: Store) -> None:
    """Cut the write-ahead log of an SQLite file to nothing. Raises NotErased where a reader is in the way."""
    if store.is_sqlite and not store.empty_log():
        raise NotErased(
            Sentence(
                "it is done, but somebody reads the database, and what was deleted may lie in its log:"
                " end the reader, and give this command again"
            )
        )


def checked_reason(reason: str) -> str:
    """The reason, its identity numbers masked. Raises ProposalRefused for none, or one that is no line."""
    words = masked_numbers(reason.strip())
    if not words or len(words) > REASON_LENGTH_MAX or not words.isprintable():
        raise ProposalRefused(
            Sentence("a reason is one line of 1 to {most} characters", most=REASON_LENGTH_MAX)
        )
    return str(words)


def _decided(desk: Desk, by: str, number: int, step: Step) -> Proposal:
    """Take the step of a person who decides. An approval that was given already is given as it is."""
    with refusals_recorded(desk, by, step.value, str(number)), desk.store.transaction() as connection:
        proposal = find(connection, number)
        desk.settings.check_may(by, _MAY[proposal.act])
        if step is not Step.WITHDRAW and proposal.proposed_by.lower() == by.lower():
            raise SamePerson(
                Sentence("{person} proposed it: another person decides about it", person=proposal.proposed_by)
            )
        if step is Step.APPROVE and proposal.state in (ProposalState.APPROVED, ProposalState.DONE):
            return proposal
        if step is Step.APPROVE:
            _check_fits(read_person(connection, proposal.person).state, proposal.act)
        moved = move(connection, proposal, step, decided_by=by, decided_at=desk.at)
        write_record(connection, desk.at, by, step.value, proposal.person, _note(moved))
        return moved


def _carry_out(desk: Desk, by: str, proposal: Proposal) -> Proposal:
    """Do what two people agreed on, in one transaction."""
    act, person = proposal.act, proposal.person
    with refusals_recorded(desk, by, act.value, person), desk.store.transaction() as connection:
        following = _check_fits(read_person(connection, person).state, act)
        note, certificate, emptied = _note(proposal), "", {}
        if act is Act.SHRED:
            certificate, emptied = _destroy_key(connection, proposal, desk.at), dict.fromkeys(_PERSONAL, "")
            forget(connection, person)
            note += f"; certificate {digest_of(certificate)}"
        changed = update(persons).where(persons.c.person == person)
        connection.execute(changed.values(state=following.value, **emptied))
        done = move(connection, proposal, Step.CARRY_OUT, done_at=desk.at, certificate=certificate)
        write_record(connection, desk.at, by, act.value, person, note)
        return done


_PERSONAL: Final = ("name_sealed", "name_masked", "id_digest", "id_sealed")
"""The columns of a person that are emptied with the key."""


def _destroy_key(connection: Connection, proposal: Proposal, at: int) -> str:
    """Delete the person's wrapped key; return the certificate's text, which names every list of keys that was
    made while the key was there.
    """
    of_person = person_keys.c.person == proposal.person
    key = connection.execute(select(person_keys).where(of_person)).one()
    # Not by moments: a clock may have been set back between the key and the list.
    load = select(persons.c.load).where(persons.c.person == proposal.person).scalar_subquery()
    columns = (escrows.c[name] for name in EscrowedKey._fields)
    rows = connection.execute(select(*columns).where(escrows.c.loads >= load).order_by(escrows.c.number))
    certificate = certificate_text(proposal, at, key.master, map(EscrowedKey._make, rows))
    connection.execute(
        update(person_keys)
        .where(of_person)
        .values(wrapped="", master="", shredded_at=at, proposal=proposal.number)
    )
    return certificate


def _check_fits(state: PersonState, act: Act) -> PersonState:
    """The state that an act leads to. Raises ProposalRefused where the state of now does not allow it."""
    following = TRANSITIONS.get((state, act))
    if following is None:
        raise ProposalRefused(Sentence("the person is {state}: {act} does not fit", state=state, act=act))
    return following


def _note(proposal: Proposal, words: str = "") -> str:
    return f"proposal {proposal.number}: {proposal.act}{': ' if words else ''}{words}"


@contextmanager
def refusals_recorded(desk: Desk, by: str, act: str, subject: str) -> Iterator[None]:
    """Write a record if the block raises CustomersError, and raise it again. A subject that has not the form
    of a person or of a proposal's number may be anything, and is left out.
    """
    try:
        yield
    except CustomersError as error:
        known = subject if is_person(subject) or (subject.isdecimal() and len(subject) < 10) else ""
        write_refusal(desk.store, desk.at, by, act, known, error)
        raise
