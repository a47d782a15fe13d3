"""An archive on disk with complete parcels, ready to be sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from archive.catalogue.acts import prepare
from archive.intake.gather import gather_office
from archive.intake.take import TakenIn, take_in
from archive.log.note import public_half
from archive.parcel import OFFICE
from archive.rules.retention import shipped
from archive.sealing import Identity, Limits, Places, Sealing
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, AT, OfficeDays, persons_of

SEED = b"a" * 32
KEY = public_half(ARCHIVE, SEED)
IDENTITY = Identity(ARCHIVE, "QZ", f"{KEY.text}\n".encode(), "0.5.0", SEED)
ROOM = 10**12


def places(folder: Path) -> Places:
    """The folders of an archive below a folder."""
    return Places(folder / "staging", folder / "images")


def sealing(
    store: Store,
    folder: Path,
    *,
    volume_bytes: int = 10**9,
    free: Callable[[Path], int] = lambda _folder: ROOM,
) -> Sealing:
    """The sealing of an archive below a folder."""
    return Sealing(store, places(folder), IDENTITY, Limits(volume_bytes, 2), shipped(), free)


@contextmanager
def with_days(folder: Path, days: OfficeDays) -> Iterator[Store]:
    """A new catalogue in a folder, with every posted date of the office taken in; closed afterwards."""
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    take_days(store, folder, days)
    yield store
    store.close()


def take_days(store: Store, folder: Path, days: OfficeDays) -> list[TakenIn]:
    """Take in every posted date of the office."""
    with days.books() as books:
        return [
            take_in(
                store,
                places(folder).staging,
                date,
                OFFICE,
                "Z30",
                lambda parcel, date=date: gather_office(ARCHIVE, date, books, persons_of, parcel),
                AT,
            )
            for date in days.dates
        ]
