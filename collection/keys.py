"""The two keys of collection, and the database to which they belong.

`account` makes the digests under which an account is known again, `files` seals the bytes of files that are
kept. Where they are kept, console/ knows: it hands in their bytes.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, select

from collection.database.schema import COLLECTION, SCHEMA_VERSION, facts
from collection.errors import OtherKeys
from customers.sealing import SecretKey
from ledger.book.schema import make_missing
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

ACCOUNT_KEY: Final = "account"
"""The name in the keystore of the key that makes accounts' digests (blake2b)."""
FILES_KEY: Final = "files"
"""The name in the keystore of the key that seals the bytes of files (aes, 32 bytes)."""
_DIGEST_BYTES: Final = 16


class AccountDigest:
    """Makes the keyed digest under which an account is known again without being kept in clear."""

    def __init__(self, key: bytes) -> None:
        self._digest = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=b"account")
        self.check_value = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=b"check").hexdigest()

    def of(self, bank: str, account: str) -> str:
        """The keyed digest (BLAKE2b, RFC 7693; 32 hex digits) of a bank's account."""
        digest = self._digest.copy()
        digest.update(f"{bank}:{account}".encode())
        return digest.hexdigest()


class Keys(NamedTuple):
    """The opened keys."""

    account: AccountDigest
    files: SecretKey

    @property
    def facts(self) -> dict[str, str]:
        """What the database remembers of them: their check values, by which none is found out."""
        return {ACCOUNT_KEY: self.account.check_value, FILES_KEY: self.files.check_value}


def keys_of(account: bytes, files: bytes) -> Keys:
    """The keys that the keystore's bytes make: 32 bytes each."""
    return Keys(AccountDigest(account), SecretKey(files))


def prepare(store: Store, keys: Keys) -> None:
    """Make the tables that are missing, and remember the keys. Raises OtherKeys where the database was made
    with others, or is of another version of the program.
    """
    with store.transaction() as connection:
        make_missing(connection, COLLECTION)
        if not _facts(connection):
            rows = {"schema": SCHEMA_VERSION, **keys.facts}
            connection.execute(insert(facts), [{"name": name, "value": rows[name]} for name in rows])
    check(store, keys)


def check(store: Store, keys: Keys) -> None:
    """Raise OtherKeys unless the database is of this version and was made with these keys."""
    with store.reading() as connection:
        known = _facts(connection)
    if known.get("schema") != SCHEMA_VERSION:
        raise OtherKeys(
            Sentence(
                "the database of collection {place} is of another version than this program",
                place=store.place,
            )
        )
    for name, value in keys.facts.items():
        if known.get(name) != value:
            raise OtherKeys(
                Sentence(
                    "the database of collection {place} was made with another key {name}",
                    place=store.place,
                    name=name,
                )
            )


def _facts(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(facts))}
