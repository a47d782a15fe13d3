"""The customers' book: who is what to a policy, how far a person's data may be used, and each person's key.

What other packages ask: the archive seals under `key_of`, and names a person by what `person_of` gives. No
name and no document's number comes from here but masked. Who may look is decided in `customers.look_up`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from customers.database.schema import holdings, persons
from customers.errors import NoSuchPerson
from customers.keys import AT_ONCE, Keys, key_of_row, key_rows
from customers.rules.person import PersonKind, Role
from customers.rules.states import PersonState
from customers.sealing import SecretKey
from ledger.book.store import Store
from ledger.rules.identity import Document
from qianzhi_errors.sentence import Sentence

NOBODY: Final = Sentence("there is no person of this name")
"""What was typed is not repeated: it may be somebody's identity number."""


class Person(NamedTuple):
    """A person as the database has it; `name_sealed` and `id_sealed` are sealed lines, empty once the key was
    destroyed.
    """

    person: str
    kind: PersonKind
    name_sealed: str
    name_masked: str
    id_kind: str
    id_digest: str
    id_sealed: str
    state: PersonState


class Held(NamedTuple):
    """A holding: dates are YYYYMMDD, `to_date` is empty while it goes on."""

    policy: str
    role: Role
    person: str
    from_date: str
    to_date: str


class Book:
    """The book, for reading. `store` may be open for reading only, under a role that sees neither names nor
    documents (roles.sql: `qianzhi_sealer`).
    """

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store, self._keys = store, keys

    def person_of(self, policy: str, role: str = Role.HOLDER, on_date: str = "") -> str | None:
        """The person who was this to the policy on a date (YYYYMMDD), or is so now without one; None if
        nobody was. Of several (beneficiaries) it is the one whose holding is the oldest.
        """
        found = self.held_of(policy, on_date)
        return next((held.person for held in found if held.role == role), None)

    def held_of(self, policy: str, on_date: str = "") -> tuple[Held, ...]:
        """The holdings of a policy on a date, or those that go on now; the oldest first."""
        with self._store.reading() as connection:
            return held_on(connection, policy, on_date)

    def state_of(self, person: str) -> PersonState:
        """The person's state. Raises NoSuchPerson."""
        with self._store.reading() as connection:
            state = connection.execute(select(persons.c.state).where(persons.c.person == person)).scalar()
        if state is None:
            raise NoSuchPerson(NOBODY)
        return PersonState(state)

    def key_of(self, person: str) -> SecretKey | None:
        """The person's key; None where it was destroyed. Use it at once, and keep no reference to it. Raises
        NoSuchPerson, and what `customers.keys.key_of_row` raises.
        """
        with self._store.reading() as connection:
            row = key_rows(connection, [person]).get(person)
        if row is None:
            raise NoSuchPerson(NOBODY)
        return key_of_row(self._keys.master, row) if row.wrapped else None

    def holder_keys(self, policies: Sequence[str]) -> dict[str, tuple[str, SecretKey | None]]:
        """The person who now holds each of these policies, AT_ONCE of them at most, with that person's key,
        None where it was destroyed; a policy that nobody holds is not in it. Raises what `key_of` raises.
        """
        query = select(holdings.c.policy, holdings.c.person).where(
            holdings.c.policy.in_(policies), holdings.c.role == Role.HOLDER.value, holdings.c.to_date == ""
        )
        with self._store.reading() as connection:
            holders = {row.policy: row.person for row in connection.execute(query)}
            rows = key_rows(connection, sorted(set(holders.values())))
        keys = {
            person: key_of_row(self._keys.master, row) if row.wrapped else None
            for person, row in rows.items()
        }
        return {policy: (person, keys[person]) for policy, person in holders.items()}

    def person_by_document(self, document: Document) -> str | None:
        """The person with this document; None if the book has none, or has shredded them."""
        query = select(persons.c.person).where(persons.c.id_digest == self._keys.digest.of(document))
        with self._store.reading() as connection:
            return connection.execute(query).scalar()


def read_person(connection: Connection, person: str) -> Person:
    """The person of this name. Raises NoSuchPerson."""
    row = connection.execute(_PERSONS.where(persons.c.person == person)).first()
    if row is None:
        raise NoSuchPerson(NOBODY)
    return _person(row)


def by_digest(connection: Connection, digests: Sequence[str]) -> dict[str, Person]:
    """The persons whose documents have these digests, by digest."""
    found: dict[str, Person] = {}
    for start in range(0, len(digests), AT_ONCE):
        names = digests[start : start + AT_ONCE]
        rows = connection.execute(_PERSONS.where(persons.c.id_digest.in_(names)))
        found |= {row.id_digest: _person(row) for row in rows}
    return found


def held_on(connection: Connection, policy: str, on_date: str = "") -> tuple[Held, ...]:
    """The holdings of a policy on a date, or those that go on now; the oldest first."""
    query = select(*(holdings.c[name] for name in Held._fields)).where(holdings.c.policy == policy)
    if on_date:
        runs = (holdings.c.to_date == "") | (holdings.c.to_date >= on_date)
        query = query.where(holdings.c.from_date <= on_date, runs)
    else:
        query = query.where(holdings.c.to_date == "")
    rows = connection.execute(query.order_by(holdings.c.from_date, holdings.c.load, holdings.c.person))
    return tuple(Held._make(row)._replace(role=Role(row.role)) for row in rows)


_PERSONS = select(*(persons.c[name] for name in Person._fields))


def _person(row: Iterable[str]) -> Person:
    person = Person._make(row)
    return person._replace(kind=PersonKind(person.kind), state=PersonState(person.state))
