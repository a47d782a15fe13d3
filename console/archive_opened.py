"""The archive as a command opens it: catalogue, keys, the office's books, and the persons' keys.

The composition root of the archive: its settings, the office's and the customers' come together here. What is
done with them, `archive` says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from archive.catalogue.acts import prepare
from archive.config import Settings
from archive.intake.office_day import OfficeBooks, OfficeFolders
from archive.log.note import public_half
from archive.rules.retention import shipped
from archive.sealed_line import KeysOfPolicies, PersonKey
from archive.sealing import Identity, Limits, Places, Sealing
from console import settings_place
from console.inside_keys import ARCHIVE, inside_secret
from console.persons_book import persons_book
from console.wall_clock import now_us
from customers.book import Book
from fep.keys.keys import KeyKind
from fep.operator.identity import at_keyboard
from ledger.book.store import Store
from office.config import load_settings as load_office
from office.receipts.published import published_keys
from receipts.public_keys import write as write_keys

ARCHIVE_SETTINGS = settings_place.option("config", settings_place.ARCHIVE, "the archive's settings file")
"""The option of a command that works on the archive."""


@contextmanager
def opened(settings: Settings, *, write: bool = True) -> Iterator[Store]:
    """Open the catalogue, and close it in any case. With `write` its tables are made if they are missing, and
    its writer lock is taken.
    """
    store = Store(settings.archive.database, lock=write, by_index=False)
    try:
        if write:
            prepare(store, settings.archive.name, now_us(), at_keyboard())
        yield store
    finally:
        store.close()


def places_of(settings: Settings) -> Places:
    """The archive's folders."""
    return Places(Path(settings.archive.staging), Path(settings.archive.images))


def seed_of(settings: Settings) -> bytes:
    """The private half of the archive's key, 32 bytes."""
    return inside_secret(settings.keystore, ARCHIVE, KeyKind.ED25519).reveal()


@contextmanager
def office_books(settings: Settings) -> Iterator[OfficeBooks]:
    """The office's book and the front's, opened for reading, and the office's folders."""
    office = load_office(Path(settings.archive.office)).office
    folders = OfficeFolders(Path(office.files), Path(office.exports), Path(office.reports))
    with ExitStack() as stack:
        stores = [Store(url, lock=False, by_index=False) for url in (office.database, office.front)]
        for store in stores:
            stack.callback(store.close)
        ours, theirs = (stack.enter_context(store.reading(snapshot=True)) for store in stores)
        yield OfficeBooks(ours, theirs, folders, office.seal_key)


@contextmanager
def customers_book(settings: Settings) -> Iterator[Book | None]:
    """The customers' book, opened for reading; None where the settings name none."""
    if not settings.archive.customers:
        yield None
        return
    with persons_book(Path(settings.archive.customers)) as book:
        yield book


def keys_of_policies(book: Book | None) -> KeysOfPolicies:
    """Who holds policies, with the keys. Without a customers' book every holder is as one forgotten: the
    archive gets the name's digest, and the name stays with the office.
    """

    def keys_of(policies: Sequence[str]) -> Mapping[str, PersonKey]:
        if book is None:
            return {policy: PersonKey("", None) for policy in policies}
        return {policy: PersonKey(*held) for policy, held in book.holder_keys(policies).items()}

    return keys_of


def public_keys(settings: Settings, seed: bytes) -> bytes:
    """The text of every public key, a line each: what it signs, whose it is, its id, algorithm, first and
    last date, and the key in hex.
    """
    key = public_half(settings.archive.name, seed)
    with office_books(settings) as books:
        seal_key, receipts = books.seal_key, write_keys(published_keys(books.office))
    lines = (
        "# what it signs|name|key id|algorithm|from|to|public key in hex",
        f"volumes|{key.name}|{key.id.hex()}|ed25519|||{key.public.hex()}",
        f"day seals|front|{seal_key[:8]}|ed25519|||{seal_key}",
        *(f"receipts|{line}" for line in receipts.splitlines() if not line.startswith("#")),
    )
    return "".join(f"{line}\n" for line in lines).encode()


def sealing(settings: Settings, store: Store) -> Sealing:
    """The sealing of the archive's volumes."""
    given, seed = settings.archive, seed_of(settings)
    identity = Identity(given.name, given.prefix, public_keys(settings, seed), version("qianzhi"), seed)
    limits = Limits(given.volume_bytes, given.set)
    return Sealing(store, places_of(settings), identity, limits, shipped(), room_of)


def room_of(folder: Path) -> int:
    """The bytes that are free where a folder is."""
    return shutil.disk_usage(folder).free
