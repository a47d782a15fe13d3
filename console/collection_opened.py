"""Collection as a command opens it: its database, its keys, and the customers' book.

The composition root of collection. What is done with them, `collection` says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from collection.config import Settings, load_settings
from collection.desk import Desk
from collection.forms.codes import Codes, codes_of, hold_together
from collection.forms.form_file import Form, form_of
from collection.keys import check, keys_of, prepare
from console import settings_place
from console.inside_keys import ACCOUNT, FILES, inside_secret
from console.persons_book import persons_book
from console.wall_clock import now_us
from fep.keys.keys import KeyKind
from fep.operator.identity import at_keyboard
from ledger.book.store import Store
from ledger.files import private_file

COLLECTION_SETTINGS = settings_place.option(
    "config", settings_place.COLLECTION, "the settings file of collection"
)
"""The option of a command that works on the database of collection."""
REASON = click.option("--reason", required=True, help="why; it is kept, so name nobody in it")


@contextmanager
def opened(config: Path, *, write: bool = True) -> Iterator[Desk]:
    """Context manager: the desk at this moment; without `write` nothing is made."""
    settings = load_settings(config)
    account = inside_secret(settings.keystore, ACCOUNT, KeyKind.BLAKE2B)
    files = inside_secret(settings.keystore, FILES, KeyKind.AES)
    keys = keys_of(account.reveal(), files.reveal())
    store = Store(settings.collection.database, lock=write, by_index=False)
    try:
        prepare(store, keys) if write else check(store, keys)
        with persons_book(Path(settings.collection.customers)) as book:
            yield Desk(store, settings, keys, book, os.urandom, now_us(), at_keyboard())
    finally:
        store.close()


def form_of_channel(settings: Settings, channel: str) -> Form:
    """The form of a channel's files. Raises FormError and NoSuchItem."""
    return form_of(settings.channel_of(channel).request)


def codes_of_channel(settings: Settings, channel: str) -> Codes:
    """The table of a channel's codes: its own, or its form's. Raises FormError, also where it and the form
    differ about what says done, and NoSuchItem.
    """
    form = form_of_channel(settings, channel)
    codes = codes_of(settings.channel_of(channel).codes or form.codes)
    hold_together(form, codes)
    return codes


def write_private(settings: Settings, name: str, content: bytes) -> Path:
    """Write a file into the folder of files, for this user alone and whole, and return its path. One of the
    same name is replaced: the same act gives the same bytes.
    """
    path = Path(settings.collection.files) / name
    private_file.write_private(path, content)
    return path
