"""Takes a parcel in: gathers it into its folder, and has the catalogue say that it is complete.

The folder is in its place before the catalogue is told; killed between the two, the next intake gathers it
again. A parcel that is complete or sealed is gathered again beside it and compared: where the digests differ,
the audit log says so, and nothing is overwritten.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from archive.catalogue import parcels
from archive.catalogue.acts import MACHINE, write_record
from archive.errors import ParcelDiffers
from archive.intake.gather import Gathered
from archive.intake.pieces import MissingPiece
from archive.rules.states import ParcelState
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

INTAKE: Final = "intake"
ALARM: Final = "alarm"
_AGAIN: Final = ".again"

Gather = Callable[[Path], Gathered]
"""Gathers a parcel into a folder that is not there yet."""


class TakenIn(NamedTuple):
    """What an intake of a date came to: `missing` names what it waits for; `again`: it was complete before,
    and came to the same.
    """

    date: str
    source: str
    items: int
    bytes: int
    digest: str
    missing: tuple[MissingPiece, ...]
    again: bool


def parcel_folder(staging: Path, name: str) -> Path:
    """Where a parcel lies until its volume is sealed."""
    return staging.joinpath("parcels", name)


def take_in(
    store: Store, staging: Path, date: str, source: str, cls: str, gather: Gather, at: int
) -> TakenIn:
    """Take in the parcel of a date and source. `at` is in microseconds since 1970-01-01 UTC.

    Raises ParcelDiffers where it was taken in before with another digest, and what `gather` raises.
    """
    with store.transaction() as connection:
        if parcels.find_parcel(connection, date, source) is None:
            parcels.expect(connection, date, source, cls)
        parcel = parcels.expected(connection, date, source)
    folder = parcel_folder(staging, parcel.name)
    if parcel.state is not ParcelState.EXPECTED:
        return _compared(store, folder, parcel, gather, at)
    shutil.rmtree(folder, ignore_errors=True)
    gathered = gather(folder)
    if not gathered.missing:
        with store.transaction() as connection:
            parcels.gathered(connection, parcel, len(gathered.files), gathered.bytes, gathered.digest)
            note = f"{len(gathered.files)} files, {gathered.bytes} bytes; digest {gathered.digest}"
            write_record(connection, at, MACHINE, INTAKE, parcel.name, note)
    return _taken_in(parcel, gathered, again=False)


def _compared(store: Store, folder: Path, parcel: parcels.Parcel, gather: Gather, at: int) -> TakenIn:
    beside = folder.with_name(f"{folder.name}{_AGAIN}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        gathered = gather(beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if not gathered.missing and gathered.digest != parcel.digest:
        with store.transaction() as connection:
            write_record(connection, at, MACHINE, ALARM, parcel.name, f"digest {gathered.digest}")
        raise ParcelDiffers(
            Sentence(
                "{name} was taken in with digest {digest}, and comes to {other} now: nothing was"
                " overwritten; run `qianzhi audit` and find out why",
                name=parcel.name,
                digest=parcel.digest,
                other=gathered.digest,
            )
        )
    return _taken_in(parcel, gathered, again=True)


def _taken_in(parcel: parcels.Parcel, gathered: Gathered, *, again: bool) -> TakenIn:
    return TakenIn(
        parcel.date,
        parcel.source,
        len(gathered.files),
        gathered.bytes,
        gathered.digest,
        gathered.missing,
        again,
    )
