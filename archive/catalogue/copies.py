"""The copies of the catalogue: which medium carries which volume, where it is, to whom it is lent, and each
time that it was read again.

Statements on `copies`, `checks` and `loans`; the caller owns the transaction. What follows for the volume
(safe, due, no longer safe) is decided here too, of the copies' rows alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from archive.catalogue import volumes
from archive.catalogue.acts import no_such
from archive.catalogue.schema import checks, copies, loans
from archive.catalogue.volumes import Volume
from archive.errors import ActRefused
from archive.rules.names import copy_name
from archive.rules.states import COPY, GOOD_COPIES, PLACES_MIN, CopyEvent, CopyState, VolumeEvent, VolumeState
from qianzhi_errors.sentence import Sentence

FULL: Final = "full"
SAMPLE: Final = "sample"
_DAY_US: Final = 86_400_000_000


class Copy(NamedTuple):
    """One medium that carries a volume: where it is, and when it was written and last read whole, in
    microseconds since 1970-01-01 UTC (0 if never).
    """

    copy: str
    volume: str
    medium: str
    place: str
    written_at: int
    verified_at: int
    state: CopyState


class Check(NamedTuple):
    """A copy that was read again: `kind` is full or sample, `files` how many of it; `result` names what was
    wrong, and is empty where nothing was.
    """

    copy: str
    at: int
    by: str
    kind: str
    files: int
    errors: int
    result: str


class Loan(NamedTuple):
    """A copy that was lent: to whom, when, by whom, and until which date (YYYYMMDD)."""

    copy: str
    to: str
    at: int
    by: str
    until: str


_COLUMNS = tuple(copies.c[name] for name in Copy._fields)


def copies_of(connection: Connection, volume: str = "") -> tuple[Copy, ...]:
    """The copies of a volume, or all of them, by name."""
    query = select(*_COLUMNS).order_by(copies.c.copy)
    rows = connection.execute(query.where(copies.c.volume == volume) if volume else query)
    return tuple(_copy(row) for row in rows)


def held_copies(connection: Connection, volume: str) -> tuple[Copy, ...]:
    """The copies of a volume that have not left, by name."""
    return tuple(copy for copy in copies_of(connection, volume) if copy.state is not CopyState.RETIRED)


def find_copy(connection: Connection, name: str) -> Copy:
    """The copy of this name. Raises NoSuchItem."""
    row = connection.execute(select(*_COLUMNS).where(copies.c.copy == name)).first()
    if row is None:
        raise no_such("copy", name)
    return _copy(row)


def next_copy_name(connection: Connection, volume: str) -> str:
    """The name that the next copy of a volume gets."""
    return copy_name(volume, len(copies_of(connection, volume)) + 1)


def add_copy(connection: Connection, copy: Copy) -> None:
    """Write down a copy that was written; its volume is written from now on."""
    connection.execute(insert(copies).values(copy._asdict()))
    volume = volumes.find_volume(connection, copy.volume)
    if volume.state is VolumeState.SEALED:
        volumes.move(connection, volume, VolumeEvent.COPY_WRITTEN)


def move_copy(connection: Connection, copy: Copy, event: CopyEvent, **values: object) -> Copy:
    """Move a copy to its next state, and its volume after it. Raises ActRefused where none follows."""
    following = COPY.get((copy.state, event))
    if following is None:
        raise ActRefused(
            Sentence("copy {name} is {state}: nothing was changed", name=copy.copy, state=copy.state)
        )
    connection.execute(
        update(copies).where(copies.c.copy == copy.copy).values(state=following.value, **values)
    )
    _follow(connection, copy.volume)
    return copy._replace(state=following)


def put_at(connection: Connection, copy: Copy, place: str) -> Copy:
    """Have a good copy be at a place: verified ones go on a shelf, shelved ones from one to another."""
    if copy.state is CopyState.SHELVED:
        connection.execute(update(copies).where(copies.c.copy == copy.copy).values(place=place))
        _follow(connection, copy.volume)
        return copy._replace(place=place)
    return move_copy(connection, copy, CopyEvent.SHELVE, place=place)._replace(place=place)


def record_check(connection: Connection, check: Check) -> Copy:
    """Write down that a copy was read again, and what follows; returns the copy as it is then."""
    number = connection.execute(select(func.count()).select_from(checks)).scalar_one() + 1
    connection.execute(insert(checks).values(number=number, **check._asdict()))
    copy = find_copy(connection, check.copy)
    if check.errors:
        return (
            copy
            if copy.state in (CopyState.SUSPECT, CopyState.RETIRED)
            else move_copy(connection, copy, CopyEvent.FAULT)
        )
    if check.kind != FULL:
        return copy
    if copy.state is CopyState.WRITTEN:
        return move_copy(connection, copy, CopyEvent.VERIFY, verified_at=check.at)
    if copy.state in GOOD_COPIES:
        connection.execute(update(copies).where(copies.c.copy == copy.copy).values(verified_at=check.at))
        _follow(connection, copy.volume)
    return find_copy(connection, copy.copy)


def count_checks(connection: Connection, copy: str) -> int:
    """How often a copy was read again."""
    query = select(func.count()).select_from(checks).where(checks.c.copy == copy)
    number: int = connection.execute(query).scalar_one()
    return number


def lend(connection: Connection, copy: Copy, loan: Loan) -> None:
    """Write down that a shelved copy is lent."""
    number = connection.execute(select(func.count()).select_from(loans)).scalar_one() + 1
    move_copy(connection, copy, CopyEvent.LEND)
    connection.execute(insert(loans).values(number=number, **loan._asdict()))


def last_loan(connection: Connection, copy: str) -> Loan | None:
    """The last loan of a copy; None if it was never lent."""
    columns = (loans.c[name] for name in Loan._fields)
    query = select(*columns).where(loans.c.copy == copy).order_by(loans.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return Loan._make(row) if row else None


def due_copies(connection: Connection, at: int, days: int) -> tuple[Copy, ...]:
    """The good copies that were not read whole for so many days, those the longest not read first."""
    due = [copy for copy in copies_of(connection) if copy.state in GOOD_COPIES]
    late = [copy for copy in due if at - copy.verified_at >= days * _DAY_US]
    return tuple(sorted(late, key=lambda copy: (copy.verified_at, copy.copy)))


def mark_due(connection: Connection, at: int, days: int) -> tuple[Volume, ...]:
    """Have the safe volumes of which a copy is due for a check be due; returns those that became so."""
    names = {copy.volume for copy in due_copies(connection, at, days)}
    found = [v for v in volumes.read_volumes(connection) if v.volume in names and v.state is VolumeState.SAFE]
    return tuple(volumes.move(connection, volume, VolumeEvent.CHECK_DUE) for volume in found)


def _follow(connection: Connection, name: str) -> None:
    """Move a volume after its copies: safe where enough good ones are at two places, and no longer if not."""
    volume = volumes.find_volume(connection, name)
    good = [copy for copy in copies_of(connection, name) if copy.state in GOOD_COPIES]
    is_safe = len({copy.place for copy in good if copy.place}) >= PLACES_MIN
    if volume.state is VolumeState.WRITTEN and is_safe:
        volumes.move(connection, volume, VolumeEvent.COPIES_VERIFIED)
    elif volume.state in (VolumeState.SAFE, VolumeState.DUE) and not is_safe:
        volumes.move(connection, volume, VolumeEvent.COPY_LOST)


def checked_in_time(connection: Connection, name: str, at: int, days: int) -> None:
    """Have a volume that was due be safe again, once none of its copies is due any more."""
    volume = volumes.find_volume(connection, name)
    late = {copy.volume for copy in due_copies(connection, at, days)}
    if volume.state is VolumeState.DUE and name not in late:
        volumes.move(connection, volume, VolumeEvent.CHECKED)


def _copy(row: Iterable[Any]) -> Copy:
    copy = Copy._make(row)
    return copy._replace(state=CopyState(copy.state))
