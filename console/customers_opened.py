"""The customers' office as a command opens it: settings, database and keys, at this moment.

What is done with them, `customers` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from console.inside_keys import PERSON, PERSONS, inside_secret
from console.wall_clock import now_us
from customers.config import Settings, load_settings
from customers.decisions import Desk
from customers.keys import Keys, check, keys_of, prepare
from fep.keys.keys import KeyKind
from ledger.book.store import Store


class Opened(NamedTuple):
    """The customers' office as a command opens it."""

    settings: Settings
    store: Store
    keys: Keys

    @property
    def desk(self) -> Desk:
        """The desk at this moment."""
        return Desk(self.store, self.settings, now_us())


@contextmanager
def opened(config: Path, *, write: bool = True) -> Iterator[Opened]:
    """Context manager: the settings, their database and their keys; without `write` nothing is made."""
    settings = load_settings(config)
    digest = inside_secret(settings.keystore, PERSON, KeyKind.BLAKE2B)
    wraps = inside_secret(settings.keystore, PERSONS, KeyKind.AES)
    keys = keys_of(digest.reveal(), wraps.reveal())
    store = Store(settings.customers.database, lock=write, by_index=False, erase=True)
    try:
        prepare(store, keys) if write else check(store, keys)
        yield Opened(settings, store, keys)
    finally:
        store.close()
