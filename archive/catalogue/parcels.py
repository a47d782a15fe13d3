"""The parcels of the catalogue: expected, complete, in a volume that is being made, sealed.

Statements on `parcels` alone; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from archive.catalogue.schema import parcels
from archive.rules.states import PARCEL, ParcelEvent, ParcelState
from ledger.errors import InvariantBroken
from qianzhi_errors.sentence import Sentence


class Parcel(NamedTuple):
    """One parcel: what belongs to a business date (YYYYMMDD) of one source; `cls` is its retention class.
    `volume` is empty before it is put into one; `first_leaf` counts once it is sealed.
    """

    date: str
    source: str
    cls: str
    state: ParcelState
    items: int
    bytes: int
    digest: str
    volume: str
    first_leaf: int = 0

    @property
    def name(self) -> str:
        """What people call it, and its folder."""
        return f"{self.date}-{self.source}"


_COLUMNS = tuple(parcels.c["class" if name == "cls" else name] for name in Parcel._fields)


def read_parcels(connection: Connection) -> tuple[Parcel, ...]:
    """All parcels, the oldest first."""
    query = select(*_COLUMNS).order_by(parcels.c.date, parcels.c.source)
    return tuple(_parcel(row) for row in connection.execute(query))


def find_parcel(connection: Connection, date: str, source: str) -> Parcel | None:
    """The parcel of a date and source; None if it was never expected."""
    query = select(*_COLUMNS).where(parcels.c.date == date, parcels.c.source == source)
    row = connection.execute(query).first()
    return _parcel(row) if row else None


def expected(connection: Connection, date: str, source: str) -> Parcel:
    """The parcel of a date and source, which was expected before. Raises InvariantBroken if it was not."""
    parcel = find_parcel(connection, date, source)
    if parcel is None:
        raise InvariantBroken(Sentence("parcel {name} was never expected", name=f"{date}-{source}"))
    return parcel


def parcels_of(connection: Connection, volume: str) -> tuple[Parcel, ...]:
    """The parcels of a volume, the oldest first."""
    return tuple(parcel for parcel in read_parcels(connection) if parcel.volume == volume)


def expect(connection: Connection, date: str, source: str, cls: str) -> None:
    """Have a parcel expected."""
    values = {"date": date, "source": source, "class": cls, "state": ParcelState.EXPECTED.value}
    connection.execute(insert(parcels).values(**values, items=0, bytes=0, digest="", volume="", first_leaf=0))


def gathered(connection: Connection, parcel: Parcel, items: int, size: int, digest: str) -> None:
    """Move an expected parcel on: its folder is whole."""
    _move(connection, parcel, ParcelEvent.GATHERED, items=items, bytes=size, digest=digest)


def put_into(connection: Connection, chosen: Iterable[Parcel], volume: str) -> None:
    """Move complete parcels on: they are of this volume."""
    for parcel in chosen:
        _move(connection, parcel, ParcelEvent.PUT_INTO_A_VOLUME, volume=volume)


def sealed(connection: Connection, volume: str, first_leaves: Mapping[str, int]) -> None:
    """Move the parcels of a volume on: it is sealed, and each has its first leaf (by the parcel's name)."""
    for parcel in parcels_of(connection, volume):
        _move(connection, parcel, ParcelEvent.VOLUME_SEALED, first_leaf=first_leaves[parcel.name])


def _parcel(row: Iterable[Any]) -> Parcel:
    parcel = Parcel._make(row)
    return parcel._replace(state=ParcelState(parcel.state))


def _move(connection: Connection, parcel: Parcel, event: ParcelEvent, **values: object) -> None:
    following = PARCEL.get((parcel.state, event))
    if following is None:
        raise InvariantBroken(
            Sentence(
                "parcel {name} is {state}: it cannot be {event}",
                name=parcel.name,
                state=parcel.state,
                event=event,
            )
        )
    place = (parcels.c.date == parcel.date) & (parcels.c.source == parcel.source)
    connection.execute(update(parcels).where(place).values(state=following.value, **values))
