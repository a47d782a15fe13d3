"""Holds what the customers' database says of contacts, changes, who serves whom, and consents against itself
and the chained audit log.

Nothing that does the work is used here but the forms of tails, sealed lines and digests, and the tables of
states. No finding repeats a contact. The other checks are in `customers.audit`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Row

from customers.contacts import place_of
from customers.database.contact_tables import agents, changes, consents, contact_events, contacts, serving
from customers.database.schema import loads, person_keys, persons
from customers.evidence import Evidence, Failing, acts_of, rows_of
from customers.keys import KeyRow, Keys, key_of_row
from customers.rules.contact import ContactKind, tail
from customers.rules.contact_states import (
    BEGINNINGS,
    CONTACT_TRANSITIONS,
    AgentState,
    ChangeState,
    ContactEvent,
    ContactState,
)
from customers.rules.states import PersonState
from customers.sealing import opened, parse
from ledger.errors import LedgerError
from ledger.rules.beijing import day_of
from qianzhi_errors.sentence import Sentence


def _brought(evidence: Evidence) -> Iterator[Failing]:
    """What each load brought of contacts, servings and consents is there."""
    counts = {
        table.name: Counter(row.load for row in rows_of(evidence.connection, table))
        for table in (contacts, serving, consents)
    }
    for row in rows_of(evidence.connection, loads):
        there = tuple(counts[table.name][row.number] for table in (contacts, serving, consents))
        if there != (row.new_contacts, row.new_serving, row.new_consents):
            reason = Sentence("its contacts, servings and consents are not those that it brought")
            yield Failing(str(row.number), reason)


def _values(evidence: Evidence) -> Iterator[Failing]:
    """Each contact, and what each change asks for, opens under its person's key and is what its tail and
    digest say; of a shredded person nothing is left.
    """
    wrapped = {row.person: row for row in rows_of(evidence.connection, person_keys)}
    gone = {row.person for row in rows_of(evidence.connection, persons) if row.state == PersonState.SHREDDED}
    for table in (contacts, changes):
        for place, row in enumerate(rows_of(evidence.connection, table), 1):
            if row.number != place:
                yield Failing(
                    str(place), Sentence("{table} {number}: missing", table=table.name, number=place)
                )
                return
            if row.person in gone:
                if row.value_sealed or row.value_digest or row.tail:
                    yield Failing(row.person, Sentence("is shredded, and a contact is there"))
            else:
                yield from _opens(evidence.keys, table.name, row, wrapped)


def _opens(keys: Keys, table: str, row: Row[Any], wrapped: Mapping[str, Row[Any]]) -> Iterator[Failing]:
    subject = f"{table} {row.number}"
    try:
        key = wrapped[row.person]
        secret = key_of_row(keys.master, KeyRow(row.person, key.wrapped, key.master))
        value = opened(secret, parse(row.value_sealed), place_of(table, row.person, row.number)).decode()
    except (LedgerError, KeyError) as error:
        yield Failing(subject, str(error) if isinstance(error, LedgerError) else Sentence("there is no key"))
        return
    kind = ContactKind(row.kind)
    if (tail(kind, value), keys.contacts.of(kind, value)) != (row.tail, row.value_digest):
        yield Failing(subject, Sentence("the tail or the digest is another's"))


def _histories(evidence: Evidence) -> Iterator[Failing]:
    """Each contact is in the state to which its history leads, step by step; one that is dead failed on two
    days.
    """
    states: dict[int, str] = {}
    since: dict[int, str] = {}
    places: Counter[int] = Counter()
    for row in rows_of(evidence.connection, contact_events):
        before, event = states.get(row.contact), ContactEvent(row.event)
        places[row.contact] += 1
        if before is None:
            follows = event is ContactEvent.ADDED and row.state in BEGINNINGS
        else:
            follows = CONTACT_TRANSITIONS.get((ContactState(before), event)) == row.state
        if not follows or row.number != places[row.contact]:
            yield Failing(f"contacts {row.contact}", Sentence("a step of its history does not follow"))
        if event is ContactEvent.FAILED_AGAIN and day_of(row.at) == since.get(row.contact):
            yield Failing(f"contacts {row.contact}", Sentence("is dead by failures on one day"))
        if row.state == ContactState.BOUNCING and before != ContactState.BOUNCING:
            since[row.contact] = day_of(row.at)
        states[row.contact] = row.state
    for row in rows_of(evidence.connection, contacts):
        if states.get(row.number) != row.state:
            yield Failing(
                f"contacts {row.number}", Sentence("is in a state to which its history does not lead")
            )


def _changes(evidence: Evidence) -> Iterator[Failing]:
    """Each change, and each answer to one, stands in the audit log; what a change brought was done."""
    connection = evidence.connection
    asked = {(record.subject, record.by, record.note) for record in acts_of(connection, "change")}
    answered = {(record.subject, record.note.partition("; ")[0]) for record in acts_of(connection, "answer")}
    steps = {ChangeState.DONE: "accept", ChangeState.DECLINED: "decline"}
    done: dict[int, str] = {}
    for row in rows_of(connection, changes):
        subject = f"changes {row.number}"
        if (row.person, row.made_by, f"change {row.number}: {row.kind}, {row.source}") not in asked:
            yield Failing(subject, Sentence("is not in the audit log"))
        step = steps.get(ChangeState(row.state))
        if step and (row.person, f"change {row.number}: {step}") not in answered:
            yield Failing(subject, Sentence("its answer is not in the audit log"))
        if row.state == ChangeState.DONE:
            done[row.number] = row.person
    for row in rows_of(connection, contacts):
        if row.change and done.get(row.change) != row.person:
            yield Failing(f"contacts {row.number}", Sentence("came by a change that was not done"))


def _serving(evidence: Evidence) -> Iterator[Failing]:
    """Nobody is served by an agent who left."""
    left = {row.agent for row in rows_of(evidence.connection, agents) if row.state == AgentState.LEFT}
    for row in rows_of(evidence.connection, serving):
        if not row.to_date and row.agent in left:
            yield Failing(row.policy, Sentence("is served by an agent who left"))


def _consents(evidence: Evidence) -> Iterator[Failing]:
    """Each consent that no file brought stands in the audit log with its evidence."""
    granted = {(record.subject, record.note) for record in acts_of(evidence.connection, "grant")}
    for place, row in enumerate(rows_of(evidence.connection, consents), 1):
        if row.number != place:
            yield _missing(consents.name, place)
            return
        note = f"consent {row.number}: {row.purpose}; {row.evidence_digest}"
        if not row.load and (row.person, note) not in granted:
            yield Failing(f"consents {row.number}", Sentence("is not in the audit log"))


def _missing(table: str, number: int) -> Failing:
    return Failing(f"{table} {number}", Sentence("{table} {number}: missing", table=table, number=number))


SERVICE_CHECKS: Final[tuple[Callable[[Evidence], Iterator[Failing]], ...]] = (
    _brought,
    _values,
    _histories,
    _changes,
    _serving,
    _consents,
)
"""The checks of this module, in the order in which they are made."""
