"""The contacts of persons: which there are, what happened to them, and their values for who sends.

`mark` is what a sender calls when something arrived or did not; `value_of` opens a contact for the sender
alone. Of a restricted or a shredded person there is nothing to send to. How contacts come in by a file,
`customers.load` says, and by the customers themselves, `customers.changes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from customers.book import read_person
from customers.database.contact_tables import changes, contact_events, contacts
from customers.errors import NoSuchContact, Restricted
from customers.keys import AT_ONCE, Keys, key_of_row, key_rows
from customers.rules.contact import ContactKind, Source, normalised, tail
from customers.rules.contact_states import (
    CONTACT_TRANSITIONS,
    SENDABLE,
    WAITING,
    ChangeState,
    ContactEvent,
    ContactState,
    Outcome,
)
from customers.rules.states import PersonState
from customers.sealing import NONCE_BYTES, Entropy, Label, SecretKey, opened, parse, sealed_line
from ledger.rules.beijing import day_of
from qianzhi_errors.sentence import Sentence

CONTACT: Final = "contact"
"""What a sealed contact is, in the label of its line."""
_ORDER: Final = (*SENDABLE, ContactState.DEAD, ContactState.REPLACED)
_EMPTY: Final = {"value_sealed": "", "value_digest": "", "tail": ""}


class Contact(NamedTuple):
    """A contact as the database has it: `value_sealed` is a sealed line, `verified_at` 0 where nobody has
    verified it; moments are microseconds since 1970-01-01 UTC.
    """

    number: int
    person: str
    kind: ContactKind
    value_sealed: str
    value_digest: str
    tail: str
    source: Source
    state: ContactState
    verified_at: int
    added_at: int


class NewContact(NamedTuple):
    """A contact that is to be added. `load` or `change` brought it; the other one is 0."""

    person: str
    kind: ContactKind
    value: str
    source: Source
    verified_at: int
    load: int = 0
    change: int = 0

    def __repr__(self) -> str:
        """Name the person, never the value."""
        return f"NewContact({self.person}, {self.kind})"


class Sealing(NamedTuple):
    """What adding contacts needs: the keys, the source of random bytes, the moment."""

    keys: Keys
    entropy: Entropy
    at: int


def contacts_of(connection: Connection, person: str) -> tuple[Contact, ...]:
    """The contacts by which a person may be reached now: good ones, then unverified, then bouncing ones; of
    each the newest first. None of a restricted or shredded person. Raises NoSuchPerson.
    """
    if read_person(connection, person).state is not PersonState.ACTIVE:
        return ()
    return tuple(row for row in every_contact(connection, person) if row.state in SENDABLE)


def is_reachable(connection: Connection, person: str) -> bool:
    """Whether a person has a good contact, and may be written to. Raises NoSuchPerson."""
    return any(row.state is ContactState.GOOD for row in contacts_of(connection, person))


def every_contact(connection: Connection, person: str) -> tuple[Contact, ...]:
    """All contacts of a person, the replaced ones last."""
    rows = map(_contact, connection.execute(_CONTACTS.where(contacts.c.person == person)))
    return tuple(sorted(rows, key=lambda row: (_ORDER.index(row.state), -row.number)))


def value_of(connection: Connection, keys: Keys, contact: Contact) -> str:
    """The contact's value, for who sends to it at once. Raises Restricted, Shredded, and NotOpened."""
    if read_person(connection, contact.person).state is PersonState.RESTRICTED:
        raise Restricted(
            Sentence("{person} is restricted: nothing is sent to this person", person=contact.person)
        )
    key = key_of_row(keys.master, key_rows(connection, [contact.person])[contact.person])
    place = place_of(contacts.name, contact.person, contact.number)
    return opened(key, parse(contact.value_sealed), place).decode()


def mark(connection: Connection, number: int, outcome: Outcome, at: int) -> ContactState:
    """Write down what was told of a contact at `at` (microseconds since 1970-01-01 UTC), in the caller's
    transaction, and return its state: one failure makes it bouncing, a second one on another day in Beijing
    dead. Raises NoSuchContact.
    """
    contact = find(connection, number)
    event = ContactEvent(outcome)
    if outcome is Outcome.FAILED and contact.state is ContactState.BOUNCING:
        first = _bouncing_since(connection, number)
        if day_of(first) != day_of(at):
            event = ContactEvent.FAILED_AGAIN
    if (contact.state, event) not in CONTACT_TRANSITIONS:
        raise NoSuchContact(Sentence("contact {number} was replaced by another", number=number))
    return _follow(connection, contact, event, at)


def replace(connection: Connection, replaced: Iterable[Contact], at: int) -> None:
    """Keep these contacts as replaced ones."""
    for contact in replaced:
        _follow(connection, contact, ContactEvent.REPLACED, at)


def happened_last(connection: Connection, number: int) -> int:
    """The moment of what happened to a contact last (microseconds since 1970-01-01 UTC)."""
    query = select(contact_events.c.at).where(contact_events.c.contact == number)
    return int(connection.execute(query.order_by(contact_events.c.number.desc())).scalars().first() or 0)


def find(connection: Connection, number: int) -> Contact:
    """The contact of this number. Raises NoSuchContact."""
    row = connection.execute(_CONTACTS.where(contacts.c.number == number)).first()
    if row is None:
        raise NoSuchContact(Sentence("there is no contact {number}", number=number))
    return _contact(row)


def contacts_by_person(connection: Connection, persons: Sequence[str]) -> dict[str, list[Contact]]:
    """The contacts of these persons that no other has replaced, by person."""
    found: dict[str, list[Contact]] = {}
    for start in range(0, len(persons), AT_ONCE):
        query = _CONTACTS.where(
            contacts.c.person.in_(persons[start : start + AT_ONCE]),
            contacts.c.state != ContactState.REPLACED.value,
        )
        for contact in map(_contact, connection.execute(query)):
            found.setdefault(contact.person, []).append(contact)
    return found


def add(connection: Connection, sealing: Sealing, fresh: Sequence[NewContact]) -> None:
    """Add contacts under the next numbers, sealed under their persons' keys: good ones where they were
    verified. Raises Shredded, OtherKeys and NotOpened.
    """
    last = int(connection.execute(select(func.coalesce(func.max(contacts.c.number), 0))).scalar_one())
    rows = key_rows(connection, list(dict.fromkeys(contact.person for contact in fresh)))
    values, events = [], []
    for number, contact in enumerate(fresh, last + 1):
        key = key_of_row(sealing.keys.master, rows[contact.person])
        values.append(_row(sealing, key, number, contact))
        events.append(_event(number, 1, sealing.at, ContactEvent.ADDED, values[-1]["state"]))
    if values:
        connection.execute(insert(contacts), values)
        connection.execute(insert(contact_events), events)


def sealed_value(
    sealing: Sealing, key: SecretKey, table: str, person: str, number: int, kind: ContactKind, value: str
) -> Mapping[str, str]:
    """The columns of a contact's value in row `number` of a table: sealed, as a keyed digest, its tail."""
    text = normalised(kind, value)
    label = Label(person, CONTACT, f"{table}/{number}")
    place = place_of(table, person, number)
    return {
        "value_sealed": sealed_line(key, label, text.encode(), sealing.entropy(NONCE_BYTES), place),
        "value_digest": sealing.keys.contacts.of(kind, text),
        "tail": tail(kind, text),
    }


def place_of(table: str, person: str, number: int) -> bytes:
    """The associated data of a contact's sealed line in a row of a table."""
    return f"{table}|{person}|{number}".encode()


def forget(connection: Connection, person: str) -> None:
    """Delete what is kept of a person's contacts, and drop the changes that wait for the core system: a part
    of a shredding that two people decided, in its transaction.
    """
    waiting = changes.c.state.in_([state.value for state in WAITING])
    of_person = changes.c.person == person
    connection.execute(update(contacts).where(contacts.c.person == person).values(_EMPTY))
    connection.execute(update(changes).where(of_person, waiting).values(state=ChangeState.DROPPED.value))
    connection.execute(update(changes).where(of_person).values(_EMPTY))


def _row(sealing: Sealing, key: SecretKey, number: int, contact: NewContact) -> dict[str, Any]:
    state = ContactState.GOOD if contact.verified_at else ContactState.UNVERIFIED
    person, kind = contact.person, contact.kind
    return {
        "number": number,
        "person": person,
        "kind": kind.value,
        **sealed_value(sealing, key, contacts.name, person, number, kind, contact.value),
        "source": contact.source.value,
        "state": state.value,
        "verified_at": contact.verified_at,
        "added_at": sealing.at,
        "load": contact.load,
        "change": contact.change,
    }


def _follow(connection: Connection, contact: Contact, event: ContactEvent, at: int) -> ContactState:
    """Write what happened to a contact into its history, and have its row say so."""
    following = CONTACT_TRANSITIONS[contact.state, event]
    of_contact = contact_events.c.contact == contact.number
    last = connection.execute(select(func.max(contact_events.c.number)).where(of_contact)).scalar_one()
    connection.execute(
        insert(contact_events).values(_event(contact.number, last + 1, at, event, following.value))
    )
    changed: dict[str, Any] = {"state": following.value}
    if event is ContactEvent.CONFIRMED:
        changed["verified_at"] = at
    connection.execute(update(contacts).where(contacts.c.number == contact.number).values(changed))
    return following


def _event(contact: int, number: int, at: int, event: ContactEvent, state: str) -> dict[str, Any]:
    return {"contact": contact, "number": number, "at": at, "event": event.value, "state": state}


def _bouncing_since(connection: Connection, number: int) -> int:
    """The moment of the first failure since a contact bounces."""
    history = select(contact_events.c.at, contact_events.c.state).where(contact_events.c.contact == number)
    first = 0
    for at, state in connection.execute(history.order_by(contact_events.c.number.desc())):
        if state != ContactState.BOUNCING:
            break
        first = int(at)
    return first


_CONTACTS: Final = select(*(contacts.c[name] for name in Contact._fields))


def _contact(row: Iterable[Any]) -> Contact:
    contact = Contact._make(row)
    return contact._replace(
        kind=ContactKind(contact.kind), source=Source(contact.source), state=ContactState(contact.state)
    )
