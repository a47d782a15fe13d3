"""Contacts that customers want to be reached by instead: asked for here, decided by the core system.

A change is a request. It is written into each file for the core system until that has answered; only then is
the contact here another one, and the one before is kept as replaced. So a request that was made in
somebody's name reaches nobody before the insurer has looked at it. The files' forms are in
`customers.change_file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from customers.book import read_person
from customers.change_file import Answer, AnswerFile, SentChange, write_changes
from customers.contacts import (
    Contact,
    NewContact,
    Sealing,
    add,
    every_contact,
    mark,
    place_of,
    replace,
    sealed_value,
)
from customers.database.audit_log import write_record
from customers.database.contact_tables import changes
from customers.database.schema import persons
from customers.decisions import refusals_recorded
from customers.errors import AnswersError, ChangeRefused, Restricted
from customers.keys import key_of_row, key_rows
from customers.load import place_of as place_in_persons
from customers.load_service import Loader
from customers.rules.contact import ContactKind, Source, is_contact
from customers.rules.contact_states import WAITING, ChangeState, ChangeStep, ContactState, Outcome
from customers.rules.states import PersonState
from customers.sealing import opened, parse
from ledger.errors import Problem
from ledger.rules.beijing import day_of
from ledger.rules.identity import Document
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence

CHANGE: Final = "change"
"""The act of a request in the audit log."""
SEND: Final = "changes"
"""The act of a file for the core system."""
ANSWER: Final = "answer"
"""The act of an answer that was taken."""
MARK: Final = "mark"
"""The act of a clerk who has learned of a contact whether it is good."""
_STEP_OF: Final = {ChangeState.DONE: ChangeStep.ACCEPT, ChangeState.DECLINED: ChangeStep.DECLINE}


class Asked(NamedTuple):
    """What a customer asks for: of which kind the contact is that shall be used instead, and from where the
    request came.
    """

    person: str
    kind: ContactKind
    value: str
    source: Source

    def __repr__(self) -> str:
        """Name the person, never the value."""
        return f"Asked({self.person}, {self.kind}, {self.source})"


class SentFile(NamedTuple):
    """A file for the core system: its bytes, and how many changes it has."""

    data: bytes
    changes: int


class Taken(NamedTuple):
    """The outcome of a file of answers: how many were done and declined now, how many the database had
    already, and how many were of persons who have been shredded since.
    """

    done: int
    declined: int
    known: int
    dropped: int


def request_change(loader: Loader, asked: Asked) -> int:
    """Write down what a customer asks for, and return its number. Raises ChangeRefused, Restricted,
    NotAllowed and NoSuchPerson; a refused request is written down too.
    """
    with refusals_recorded(loader.desk, loader.by, CHANGE, asked.person):
        loader.desk.settings.check_may(loader.by, CHANGE)
        with loader.desk.store.transaction() as connection:
            _check_request(connection, loader, asked)
            number = 1 + _count(connection)
            key = key_of_row(loader.keys.master, key_rows(connection, [asked.person])[asked.person])
            sealing = Sealing(loader.keys, loader.entropy, loader.desk.at)
            place = (changes.name, asked.person, number)
            connection.execute(
                insert(changes).values(
                    number=number,
                    person=asked.person,
                    kind=asked.kind.value,
                    **sealed_value(sealing, key, *place, asked.kind, asked.value),
                    source=asked.source.value,
                    made_by=loader.by,
                    made_at=loader.desk.at,
                    sent_at=0,
                    state=ChangeState.MADE.value,
                    answered_at=0,
                    reason="",
                )
            )
            note = f"{CHANGE} {number}: {asked.kind}, {asked.source}"
            write_record(connection, loader.desk.at, loader.by, CHANGE, asked.person, note)
            return number


def write_file(loader: Loader) -> SentFile:
    """The file of all changes that the core system has not answered, which are sent from now on. Given again
    it has them again, under the same numbers. Those of restricted persons stay here.
    """
    with refusals_recorded(loader.desk, loader.by, SEND, ""):
        loader.desk.settings.check_may(loader.by, "load")
        with loader.desk.store.transaction() as connection:
            rows = tuple(_sent(connection, loader))
            date, made = day_of(loader.desk.at), changes.c.state == ChangeState.MADE.value
            numbers = [row.number for row in rows]
            for number in numbers:
                values = {"state": ChangeState.SENT.value, "sent_at": loader.desk.at}
                connection.execute(update(changes).where(changes.c.number == number, made).values(values))
            data = b"".join(write_changes(date, rows))
            note = f"{sha256(data).hexdigest()}; {len(rows)} changes"
            write_record(connection, loader.desk.at, loader.by, SEND, date, note)
            return SentFile(data, len(rows))


def take_answers(loader: Loader, file: AnswerFile) -> Taken:
    """Take a file of answers, whole or not at all; the same answer again changes nothing. Raises AnswersError
    where one does not fit, and NotAllowed.
    """
    with refusals_recorded(loader.desk, loader.by, ANSWER, file.date):
        loader.desk.settings.check_may(loader.by, "load")
        with loader.desk.store.transaction() as connection:
            fitting, problems, known, dropped = [], [], 0, 0
            for answer in file.answers:
                row = connection.execute(select(changes).where(changes.c.number == answer.change)).first()
                if row is not None and row.state == ChangeState.DROPPED:
                    dropped += 1
                elif row is not None and row.state == answer.state:
                    known += 1
                elif row is None or row.state != ChangeState.SENT:
                    problems.append(_misfit(answer, "" if row is None else row.state))
                else:
                    fitting.append((answer, row))
            if problems:
                raise AnswersError(tuple(problems))
            for answer, row in fitting:
                _answer(connection, loader, answer, row, file.digest)
            done = sum(answer.state is ChangeState.DONE for answer, _row in fitting)
            return Taken(done, len(fitting) - done, known, dropped)


def mark_by_clerk(loader: Loader, number: int, outcome: Outcome, person: str) -> ContactState:
    """Write down what a clerk has learned of a contact of a person, and return its state. Raises
    NoSuchContact, ChangeRefused where it is another person's, and NotAllowed.
    """
    with refusals_recorded(loader.desk, loader.by, MARK, person):
        loader.desk.settings.check_may(loader.by, CHANGE)
        with loader.desk.store.transaction() as connection:
            state = read_person(connection, person).state
            _check_active(person, state)
            if number not in {contact.number for contact in every_contact(connection, person)}:
                raise ChangeRefused(Sentence("this person has no contact {number}", number=number))
            following = mark(connection, number, outcome, loader.desk.at)
            note = f"contact {number}: {outcome}, {following}"
            write_record(connection, loader.desk.at, loader.by, MARK, person, note)
            return following


def _check_request(connection: Connection, loader: Loader, asked: Asked) -> None:
    _check_active(asked.person, read_person(connection, asked.person).state)
    if not is_contact(asked.kind, asked.value):
        raise ChangeRefused(Sentence("what was given is no contact of the kind {kind}", kind=asked.kind))
    digest = loader.keys.contacts.of(asked.kind, asked.value)
    for contact in every_contact(connection, asked.person):
        if contact.value_digest == digest and contact.state is not ContactState.REPLACED:
            raise ChangeRefused(
                Sentence(
                    "contact {number} is this one, and {state}: it may be marked",
                    number=contact.number,
                    state=contact.state,
                )
            )
    waiting = select(changes.c.number).where(
        changes.c.person == asked.person,
        changes.c.kind == asked.kind.value,
        changes.c.state.in_([state.value for state in WAITING]),
    )
    if (number := connection.execute(waiting).scalar()) is not None:
        raise ChangeRefused(Sentence("change {number} waits for the core system already", number=number))


def _check_active(person: str, state: PersonState) -> None:
    if state is PersonState.RESTRICTED:
        raise Restricted(Sentence("{person} is restricted: nothing is changed", person=person))
    if state is PersonState.SHREDDED:
        raise ChangeRefused(Sentence("{person} was shredded: nothing is changed any more", person=person))


def _sent(connection: Connection, loader: Loader) -> Iterator[SentChange]:
    """The changes that wait, of active persons, as the core system is told of them."""
    query = (
        select(changes, persons.c.id_kind, persons.c.id_sealed)
        .join(persons, persons.c.person == changes.c.person)
        .where(
            changes.c.state.in_([state.value for state in WAITING]),
            persons.c.state == PersonState.ACTIVE.value,
        )
        .order_by(changes.c.number)
    )
    rows = connection.execute(query).all()
    keys = key_rows(connection, list(dict.fromkeys(row.person for row in rows)))
    for row in rows:
        key = key_of_row(loader.keys.master, keys[row.person])
        document = opened(key, parse(row.id_sealed), place_in_persons(row.person, "identity")).decode()
        value = opened(key, parse(row.value_sealed), place_of(changes.name, row.person, row.number)).decode()
        kinds = (ContactKind(row.kind), value, Source(row.source), day_of(row.made_at))
        yield SentChange(row.number, Document(row.id_kind, document), *kinds)


def _misfit(answer: Answer, state: str) -> Problem:
    reason: str = Sentence("there is no such change")
    if state == ChangeState.MADE:
        reason = Sentence("this change was not sent to the core system")
    elif state:
        reason = Sentence("this change is {state} already", state=ChangeState(state))
    return Problem(answer.line, "change", reason)


def _answer(connection: Connection, loader: Loader, answer: Answer, row: Row[Any], digest: str) -> None:
    """Take one answer: what is done makes the contact the person's only one of its kind."""
    at, reason = loader.desk.at, str(masked_numbers(answer.reason))
    connection.execute(
        update(changes)
        .where(changes.c.number == row.number)
        .values(state=answer.state.value, answered_at=at, reason=reason)
    )
    if answer.state is ChangeState.DONE:
        _bring(connection, loader, row)
    note = f"{CHANGE} {row.number}: {_STEP_OF[answer.state]}; {digest}"
    write_record(connection, at, loader.by, ANSWER, row.person, note)


def _bring(connection: Connection, loader: Loader, row: Row[Any]) -> None:
    """Have the contact of a change take the place of those of its kind; one that the core system's file
    brought before the answer is confirmed.
    """
    kind, at = ContactKind(row.kind), loader.desk.at
    there: list[Contact] = [
        contact
        for contact in every_contact(connection, row.person)
        if contact.kind is kind and contact.state is not ContactState.REPLACED
    ]
    replace(connection, [contact for contact in there if contact.value_digest != row.value_digest], at)
    known = next((contact for contact in there if contact.value_digest == row.value_digest), None)
    if known is not None:
        mark(connection, known.number, Outcome.CONFIRMED, at)
        return
    key = key_of_row(loader.keys.master, key_rows(connection, [row.person])[row.person])
    value = opened(key, parse(row.value_sealed), place_of(changes.name, row.person, row.number)).decode()
    new = NewContact(row.person, kind, value, Source(row.source), at, change=row.number)
    add(connection, Sealing(loader.keys, loader.entropy, at), [new])


def _count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(changes)).scalar_one())
