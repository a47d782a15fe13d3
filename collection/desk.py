"""What every act of collection needs: the database, the settings, the moment, the keys; and its record.

The caller knows the person at the keyboard: the command has the name from the kernel, never from what was
typed. What an act does stands in its own module.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sqlalchemy import Connection

from collection.config import Permission, Settings
from collection.database.audit_log import write_record, write_refusal
from collection.errors import ActRefused, CollectionError
from collection.keys import Keys
from customers.book import Book
from customers.errors import CustomersError
from customers.sealing import Entropy
from ledger.book.store import Store
from ledger.rules.beijing import beijing
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence

REASON_LENGTH_MAX: Final = 200


class Desk(NamedTuple):
    """What an act needs. `book` is the customers', which has each person's key; `at` is the moment of the act
    (microseconds since 1970-01-01 UTC), `by` the person who acts.
    """

    store: Store
    settings: Settings
    keys: Keys
    book: Book
    entropy: Entropy
    at: int
    by: str

    @property
    def today(self) -> str:
        """The date of the act in Beijing, YYYYMMDD."""
        return f"{beijing(self.at):%Y%m%d}"


@contextmanager
def act(desk: Desk, permission: Permission | None, name: str, subject: str) -> Iterator[Connection]:
    """Context manager: one transaction for an act by a person who may do it. A refused one has its record in
    the audit log, in a transaction of its own. Raises NotAllowed.
    """
    with refusals_recorded(desk, name, subject):
        if permission:
            desk.settings.check_may(desk.by, permission)
        with desk.store.transaction() as connection:
            yield connection


@contextmanager
def refusals_recorded(desk: Desk, name: str, subject: str) -> Iterator[None]:
    """Write a record if the block raises an error of collection or of the customers, and raise it again."""
    try:
        yield
    except (CollectionError, CustomersError) as error:
        write_refusal(desk.store, desk.at, desk.by, name, subject, error)
        raise


def note(desk: Desk, connection: Connection, name: str, subject: str, text: str) -> None:
    """Write the record of an act that is done, in its own transaction."""
    write_record(connection, desk.at, desk.by, name, subject, text)


def checked_reason(reason: str) -> str:
    """The reason, its identity numbers masked. Raises ActRefused for none, or one that is no line."""
    words = masked_numbers(reason.strip())
    if not words or len(words) > REASON_LENGTH_MAX or not words.isprintable():
        raise ActRefused(Sentence("a reason is one line of 1 to {most} characters", most=REASON_LENGTH_MAX))
    return str(words)
