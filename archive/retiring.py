"""Copies that leave: retired one by one, or all of one kind of medium once another has their place.

A good copy leaves only while enough good ones stay, at two places; below that two people decide. A volume
migrates by the states of its copies: new ones are written and read whole, and only then do the old ones
leave. That fewer stay than two people let, the catalogue's database refuses by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive import keeping
from archive.catalogue import copies, proposals, volumes
from archive.catalogue.acts import write_record
from archive.catalogue.copies import Check, Copy
from archive.catalogue.proposals import Act, Proposal
from archive.catalogue.volumes import Volume
from archive.errors import ActRefused
from archive.keeping import Actor
from archive.rules.states import COPY, GOOD_COPIES, PLACES_MIN, CopyEvent, CopyState, VolumeState
from archive.sealing import NOT_KEPT, Places
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

RETIRE: Final = "retire"
MIGRATE: Final = "migrate"


class Migrated(NamedTuple):
    """How far a migration has come: the checks of the copies that were written now, all good copies on the
    new medium, the old ones that were retired, and those that are lent and leave once they are back.
    """

    checks: tuple[Check, ...]
    new: tuple[Copy, ...]
    retired: tuple[Copy, ...]
    lent: tuple[Copy, ...]


def is_enough(good: Sequence[Copy], wanted: int) -> bool:
    """Whether good copies are `wanted` at least, and at two places."""
    return len(good) >= wanted and len({copy.place for copy in good if copy.place}) >= PLACES_MIN


def retire(store: Store, copy: str, reason: str, wanted: int, actor: Actor) -> Copy:
    """Retire a copy; returns it as it is then. Raises NoSuchItem, and ActRefused where it is lent or retired,
    and where fewer good copies than `wanted`, or none at a second place, would stay.
    """
    with store.transaction() as connection:
        known = copies.find_copy(connection, copy)
        if not _may_leave(connection, known, wanted):
            raise ActRefused(
                Sentence(
                    "{copy} stays: without it fewer than {wanted} good copies, at {places} places, are left;"
                    " --force proposes it to another person",
                    copy=copy,
                    wanted=wanted,
                    places=PLACES_MIN,
                )
            )
        return _retired(connection, known, reason, actor)


def propose_retirement(store: Store, copy: str, reason: str, actor: Actor) -> Proposal:
    """Propose that a copy leaves although too few stay. Raises NoSuchItem, and ActRefused where it cannot."""
    with store.transaction() as connection:
        known = copies.find_copy(connection, copy)
        if (known.state, CopyEvent.RETIRE) not in COPY:
            raise ActRefused(
                Sentence("copy {name} is {state}: nothing was changed", name=copy, state=known.state)
            )
        made = proposals.propose(connection, Act.RETIRE, copy, reason, "", *actor)
        write_record(connection, actor.at, actor.by, "propose retire", copy, reason)
    return made


def migrate(
    store: Store,
    places: Places,
    volume: str,
    medium: str,
    targets: Sequence[str],
    writer: Sequence[str],
    run: Callable[[Sequence[str]], str],
    wanted: int,
    days: int,
    actor: Actor,
) -> Migrated:
    """Have a volume's copies be on another kind of medium: write and read one at each of `targets` where
    there is none, and retire those on other media once `wanted` good ones of this are at two places.

    Run again, it goes on where it was. Raises NoSuchItem, ActRefused for a volume that is not kept, and what
    keeping.write_copy raises. No old copy leaves while a new one is faulty.
    """
    with store.reading() as connection:
        known = volumes.find_volume(connection, volume)
    if known.state in NOT_KEPT:
        raise ActRefused(
            Sentence("volume {name} is {state}: nothing was changed", name=volume, state=known.state)
        )
    checks = []
    for place in targets:
        with store.reading() as connection:
            here = [c for c in copies.copies_of(connection, volume) if (c.medium, c.place) == (medium, place)]
        if any(copy.state in GOOD_COPIES for copy in here):
            continue
        unread = next((copy for copy in here if copy.state is CopyState.WRITTEN), None)
        copy = unread or keeping.write_copy(store, places, volume, place, medium, writer, run, actor)
        at = keeping.medium_of(places, copy)
        checks.append(keeping.verify_copy(store, at, copy.copy, actor, sample_percent=100, days=days))
    with store.transaction() as connection:
        return _leave_to(connection, known, medium, wanted, tuple(checks), actor)


def _leave_to(
    connection: Connection, volume: Volume, medium: str, wanted: int, checks: tuple[Check, ...], actor: Actor
) -> Migrated:
    """Retire the copies on other media, if those on the new one are enough."""
    held = copies.copies_of(connection, volume.volume)
    new = tuple(copy for copy in held if copy.medium == medium and copy.state in GOOD_COPIES)
    old = [copy for copy in held if copy.medium != medium and copy.state is not CopyState.RETIRED]
    if not old or not is_enough(new, wanted) or any(check.errors for check in checks):
        return Migrated(checks, new, (), ())
    lent = tuple(copy for copy in old if copy.state is CopyState.LENT)
    leaving = [copy for copy in old if copy.state is not CopyState.LENT]
    retired = tuple(_retired(connection, copy, f"on {medium} now", actor) for copy in leaving)
    write_record(connection, actor.at, actor.by, MIGRATE, volume.volume, f"{len(new)} copies on {medium}")
    return Migrated(checks, new, retired, lent)


def _may_leave(connection: Connection, copy: Copy, wanted: int) -> bool:
    """Whether a copy may leave by one person's word: one that nobody trusts, one of a volume that was
    destroyed, or a good one that is not needed.
    """
    if copy.state not in GOOD_COPIES:
        return True
    if volumes.find_volume(connection, copy.volume).state is VolumeState.DESTROYED:
        return True
    others = [c for c in copies.copies_of(connection, copy.volume) if c.state in GOOD_COPIES and c != copy]
    return is_enough(others, wanted)


def _retired(connection: Connection, copy: Copy, reason: str, actor: Actor) -> Copy:
    moved = copies.move_copy(connection, copy, CopyEvent.RETIRE)
    write_record(connection, actor.at, actor.by, RETIRE, copy.copy, reason)
    return moved
