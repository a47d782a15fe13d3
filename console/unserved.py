"""A front book that no process serves, opened for one command: to load, to cut over, to retire.

Where a machine serves, a command asks that machine instead (fep.operator.control) and comes here only after
NotServing. The book's writer lock keeps a machine from starting meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fep.settings.config import Settings
from ledger.book.front import FrontBook
from ledger.book.store import Store


@contextmanager
def unserved_book(settings: Settings, key_check: str) -> Iterator[tuple[Store, FrontBook]]:
    """Open the book of these settings and create it if it is not there; close it in any case.

    `key_check` is the check value of the front key. Raises LedgerError, BookInUse where a process serves.
    """
    store = Store(settings.node.database)
    try:
        book = FrontBook(store, key_check, os.urandom)
        book.create()
        yield store, book
    finally:
        store.close()
