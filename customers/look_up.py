"""A look at a person by somebody at the keyboard: what is shown, masked; the record of who looked and why.

Each look is written down before anything is shown. A restricted person is shown only to who proposed a look
that another person approved, once. What other packages read goes through `customers.book` instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from customers.book import NOBODY, Held, Person, held_on, read_person
from customers.contacts import every_contact
from customers.database.audit_log import write_record
from customers.database.contact_tables import consents
from customers.database.schema import holdings
from customers.decisions import Desk, checked_reason, refusals_recorded
from customers.errors import NoSuchPerson, Restricted
from customers.keys import Keys, key_of_row, key_rows
from customers.load import place_of
from customers.proposals import move, open_about
from customers.rules.contact_states import ContactState
from customers.rules.person import Role
from customers.rules.states import Act, PersonState, ProposalState, Step
from customers.sealing import opened, parse
from ledger.rules import identity
from qianzhi_errors.sentence import Sentence

SHOW: Final = "show"
"""The act of a look in the audit log; its note is the reason."""


class ShownContact(NamedTuple):
    """A contact as it is shown: its tail, never its value."""

    number: int
    kind: str
    tail: str
    state: str


class Shown(NamedTuple):
    """A person as it is shown: name and document masked, contacts by their tails; all of it empty where it
    may not be shown, or cannot be any more. `consents` are the purposes of those that go on.
    """

    person: str
    state: PersonState
    kind: str
    name: str
    document_kind: str
    document: str
    holdings: tuple[Held, ...]
    contacts: tuple[ShownContact, ...]
    consents: tuple[str, ...]


def show_person(desk: Desk, keys: Keys, by: str, person: str, reason: str) -> Shown:
    """Show a person. Raises CustomersError, among them Restricted; a refused look is written down too."""
    with refusals_recorded(desk, by, SHOW, person):
        desk.settings.check_may(by, SHOW)
        words = checked_reason(reason)
        with desk.store.transaction() as connection:
            found = read_person(connection, person)
            if found.state is PersonState.RESTRICTED and not _agreed(connection, desk, by, person):
                raise Restricted(
                    Sentence("{person} is restricted: propose a look, and have it approved", person=person)
                )
            write_record(connection, desk.at, by, SHOW, person, words)
            return _shown(connection, keys, found, _holdings(connection, person))


def show_policy(desk: Desk, keys: Keys, by: str, policy: str, reason: str) -> tuple[Shown, ...]:
    """Show the persons of a policy now. Of a restricted person only the name here and the state are shown.
    Raises CustomersError.
    """
    with refusals_recorded(desk, by, SHOW, ""):
        desk.settings.check_may(by, SHOW)
        words = checked_reason(reason)
        with desk.store.transaction() as connection:
            held = held_on(connection, policy)
            if not held:
                raise NoSuchPerson(NOBODY)
            shown = []
            for person in dict.fromkeys(row.person for row in held):
                found = read_person(connection, person)
                here = tuple(row for row in held if row.person == person)
                if found.state is PersonState.RESTRICTED:
                    shown.append(_hidden(found, here))
                    continue
                write_record(connection, desk.at, by, SHOW, person, f"{words}; policy {policy}")
                shown.append(_shown(connection, keys, found, here))
            return tuple(shown)


def _agreed(connection: Connection, desk: Desk, by: str, person: str) -> bool:
    """Whether another person approved that this one looks; that look is used up."""
    proposal = open_about(connection, person)
    if (
        proposal is None
        or proposal.act is not Act.LOOK
        or proposal.state is not ProposalState.APPROVED
        or proposal.proposed_by.lower() != by.lower()
    ):
        return False
    move(connection, proposal, Step.CARRY_OUT, done_at=desk.at)
    write_record(connection, desk.at, by, Act.LOOK, person, f"proposal {proposal.number}: {Act.LOOK}")
    return True


def _shown(connection: Connection, keys: Keys, found: Person, held: Sequence[Held]) -> Shown:
    if found.state is PersonState.SHREDDED:
        return _hidden(found, held)
    key = key_of_row(keys.master, key_rows(connection, [found.person])[found.person])
    number = opened(key, parse(found.id_sealed), place_of(found.person, "identity")).decode()
    document = identity.masked(number)
    reached = tuple(
        ShownContact(row.number, row.kind, row.tail, row.state)
        for row in every_contact(connection, found.person)
        if row.state is not ContactState.REPLACED
    )
    given = select(consents.c.purpose).where(consents.c.person == found.person, consents.c.withdrawn_at == 0)
    purposes = tuple(connection.execute(given.order_by(consents.c.purpose)).scalars())
    masked = (found.name_masked, found.id_kind, document)
    return Shown(found.person, found.state, found.kind, *masked, tuple(held), reached, purposes)


def _hidden(found: Person, held: Sequence[Held]) -> Shown:
    return Shown(found.person, found.state, found.kind, "", found.id_kind, "", tuple(held), (), ())


def _holdings(connection: Connection, person: str) -> tuple[Held, ...]:
    query = select(*(holdings.c[name] for name in Held._fields)).where(holdings.c.person == person)
    rows = connection.execute(query.order_by(holdings.c.policy, holdings.c.role, holdings.c.from_date))
    return tuple(Held._make(row)._replace(role=Role(row.role)) for row in rows)
