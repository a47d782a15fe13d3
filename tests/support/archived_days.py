"""An office after posted days, with all that the archive takes of them: files, exports, reports, persons."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from archive.intake.office_day import OfficeBooks, OfficeFolders
from archive.sealed_line import PersonKey
from customers.sealing import SecretKey
from ledger.book.store import Store
from office.exports.make import make_export
from simulators.days.discrepancies import Counts
from tests.support.closing_days import SEALER, World

ARCHIVE = "insurer.example/archive"
COUNTS = Counts(bank_only=1, ours_only=1, amount_differs=1, details_differ=1)
AT = 1_790_000_000_000_000


def person_of(policy: str) -> PersonKey:
    """Every policy's holder, with a key that the test can make again."""
    digest = hashlib.sha256(policy.encode()).digest()
    return PersonKey(base64.b32encode(digest)[:16].decode(), SecretKey(hashlib.sha256(digest).digest()))


def persons_of(policies: Sequence[str]) -> dict[str, PersonKey]:
    """Every policy has its holder."""
    return {policy: person_of(policy) for policy in policies}


def nobody(_policies: Sequence[str]) -> dict[str, PersonKey]:
    """Nobody is known to hold any policy."""
    return {}


def forgotten(policies: Sequence[str]) -> dict[str, PersonKey]:
    """Every holder was forgotten."""
    return dict.fromkeys(policies, PersonKey("A" * 16, None))


def _open(folder: Path, name: str) -> BinaryIO:
    return (folder / name).open("wb")


class OfficeDays:
    """An office whose first days are posted, in a folder with its files."""

    def __init__(self, folder: Path, days: int = 1) -> None:
        self.folder = folder
        self.urls = tuple(f"sqlite:///{folder / name}.db" for name in ("front", "office"))
        self.folders = OfficeFolders(*(folder / name for name in ("bankfiles", "exports", "reports")))
        for made in self.folders:
            made.mkdir(parents=True)
        world = World(*self.urls, seed=20_261_007, policies=60)
        self.dates = []
        try:
            for _day in range(days):
                date, _steps = world.one_day(12, COUNTS)
                self.dates.append(date)
                world.days.next_book()
                list(world.at_close().run())
            for (bank, date), data in world.files.items():
                (self.folders.files / f"{bank}.{date}.txt").write_bytes(data)
            self._export(world.office)
        finally:
            world.close_world()

    def _export(self, office: Store) -> None:
        for date in self.dates:
            target = self.folders.exports / date
            target.mkdir()
            with office.transaction() as connection:
                make_export(connection, date, AT, "li", partial(_open, target))
            (self.folders.reports / f"{date}.overview.html").write_bytes(b"<html>" + date.encode())

    @contextmanager
    def books(self) -> Iterator[OfficeBooks]:
        """The books, opened for reading."""
        front, office = (Store(url, lock=False, by_index=False) for url in self.urls)
        try:
            with office.reading(snapshot=True) as ours, front.reading(snapshot=True) as theirs:
                yield OfficeBooks(ours, theirs, self.folders, SEALER.public)
        finally:
            front.close()
            office.close()
