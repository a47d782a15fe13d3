"""The two keys of the customers' program, and the database to which they belong.

`person` makes the digests of documents and contacts, `persons` wraps each person's own key. Where they are
kept, console/ knows: it hands in their bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, select

from customers.database.schema import CUSTOMERS, SCHEMA_VERSION, facts, person_keys
from customers.errors import OtherKeys, Shredded
from customers.rules.contact import ContactDigest
from customers.rules.person import DocumentDigest
from customers.sealing import SecretKey, unwrap
from ledger.book.schema import make_missing
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

DIGEST_KEY: Final = "person"
"""The name in the keystore of the key that makes documents' digests (blake2b)."""
MASTER_KEY: Final = "persons"
"""The name in the keystore of the key that wraps the persons' keys (aes, 32 bytes)."""


class Keys(NamedTuple):
    """The opened keys."""

    digest: DocumentDigest
    contacts: ContactDigest
    master: SecretKey


def keys_of(person: bytes, persons: bytes) -> Keys:
    """The keys that the keystore's bytes make: `person` of 32 bytes, `persons` of 32 bytes."""
    return Keys(DocumentDigest(person), ContactDigest(person), SecretKey(persons))


def prepare(store: Store, keys: Keys) -> None:
    """Make the tables that are missing, and remember the key of the digests. Raises OtherKeys where the
    database was made with another one, or is of another version of the program.
    """
    with store.transaction() as connection:
        make_missing(connection, CUSTOMERS)
        known = _facts(connection)
        if not known:
            rows = {"schema": SCHEMA_VERSION, "person": keys.digest.check_value}
            connection.execute(insert(facts), [{"name": name, "value": rows[name]} for name in rows])
    check(store, keys)


def check(store: Store, keys: Keys) -> None:
    """Raise OtherKeys unless the database is of this version and its digests were made with this key."""
    with store.reading() as connection:
        known = _facts(connection)
    if known.get("schema") != SCHEMA_VERSION:
        raise OtherKeys(
            Sentence(
                "the customers' database {place} is of another version than this program", place=store.place
            )
        )
    if known.get("person") != keys.digest.check_value:
        raise OtherKeys(
            Sentence(
                "the customers' database {place} was made with another key {name}",
                place=store.place,
                name=DIGEST_KEY,
            )
        )


AT_ONCE: Final = 500
"""So many persons one statement names: far below the number of parameters that a database takes."""


class KeyRow(NamedTuple):
    """A person's wrapped key, and the check value of the master key that wraps it; both empty once the key
    was destroyed.
    """

    person: str
    wrapped: str
    master: str


def key_rows(connection: Connection, names: Sequence[str]) -> dict[str, KeyRow]:
    """The keys of these persons, by person."""
    found: dict[str, KeyRow] = {}
    for start in range(0, len(names), AT_ONCE):
        query = select(*(person_keys.c[name] for name in KeyRow._fields)).where(
            person_keys.c.person.in_(names[start : start + AT_ONCE])
        )
        found |= {row.person: KeyRow._make(row) for row in connection.execute(query)}
    return found


def key_of_row(master: SecretKey, row: KeyRow) -> SecretKey:
    """The person's key. Use it at once, and keep no reference to it. Raises Shredded, OtherKeys where another
    master key wraps it, and NotOpened where it was altered.
    """
    if not row.wrapped:
        raise Shredded(Sentence("{person} was shredded: there is no key any more", person=row.person))
    if row.master != master.check_value:
        raise OtherKeys(
            Sentence(
                "the key of {person} is wrapped under the master key with check value {there}, not {given}",
                person=row.person,
                there=row.master,
                given=master.check_value,
            )
        )
    return unwrap(master, row.person, row.wrapped)


def _facts(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(facts))}
