"""The images on the disk: which of them stay, and one that left made again from a copy, byte for byte.

An image on the disk serves look-ups, copies and parity; it is not a copy. It may leave once its volume is on
media at two places that were all read and are all on their shelves, and it can be made again at any time, of
the files that a copy has. What a copy is, and whether it is good, `archive.catalogue.copies` says.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from archive.catalogue import copies, volumes
from archive.catalogue.acts import MACHINE, write_record
from archive.catalogue.copies import Copy
from archive.catalogue.volumes import CatalogueFile, Volume
from archive.errors import ActRefused, NothingServed, VolumeFault
from archive.keeping import Actor, medium_of
from archive.medium_check import copy_out, whole_digest
from archive.rules.states import CopyState, VolumeState
from archive.sealing import NOT_KEPT, Places, check_room
from archive.volume import image
from ledger.book.store import Store
from ledger.files.synced_folder import sync_names
from qianzhi_errors.sentence import Sentence, listed

MADE_AGAIN: Final = "image"
REMOVED: Final = "remove image"
_DAY_US: Final = 86_400_000_000


def make_again(
    store: Store,
    places: Places,
    volume: str,
    media: Sequence[Path],
    free: Callable[[Path], int],
    actor: Actor,
) -> Path | None:
    """Make the image of a sealed volume again of the files on a medium, and hold it against the digest of its
    sealing; returns the medium, or None where the image is there and as it was sealed.

    `media` are tried first, then the copies that are at hand. Raises NoSuchItem, ActRefused for a volume that
    is not kept and where no medium is at hand, NoRoom, and NothingServed where each medium gives other bytes
    than were sealed. An image stands in its place only if it is what was sealed.
    """
    with store.reading() as connection:
        known = volumes.find_volume(connection, volume)
        files = volumes.files_of(connection, volume)
        held = copies.held_copies(connection, volume)
    if known.state in NOT_KEPT:
        raise ActRefused(
            Sentence("volume {name} is {state}: nothing was changed", name=volume, state=known.state)
        )
    target = places.image(volume)
    if target.exists() and whole_digest(target) == known.image_sha256:
        return None
    at_hand = [path for path in (*media, *(medium_of(places, copy) for copy in held)) if path.exists()]
    if not at_hand:
        raise ActRefused(
            Sentence(
                "no medium of {volume} is at hand: fetch one, and name it with --from; its copies: {copies}",
                volume=volume,
                copies=listed([f"{copy.copy} ({copy.place})" for copy in held]) or Sentence("none"),
            )
        )
    check_room(places, free, known.image_bytes)
    faults: list[str] = []
    for medium in at_hand:
        try:
            _make(places, known, files, medium)
        except VolumeFault as fault:
            faults.append(Sentence("{medium}: {fault}", medium=medium, fault=fault))
            continue
        with store.transaction() as connection:
            write_record(connection, actor.at, actor.by, MADE_AGAIN, volume, f"made again of {medium}")
        return medium
    raise NothingServed(
        Sentence(
            "{volume}: no image was made: {faults}", volume=volume, faults=listed(faults, "{first}; {rest}")
        )
    )


def _make(places: Places, volume: Volume, files: Sequence[CatalogueFile], medium: Path) -> None:
    """Make a volume's image of a medium's files. Raises VolumeFault where it is not what was sealed."""
    folder, target = places.staging.joinpath("images", volume.volume), places.image(volume.volume)
    fresh = target.with_suffix(".again")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        copy_out(medium, files, folder)
        image.write(folder, fresh)
        if whole_digest(fresh) != volume.image_sha256:
            raise VolumeFault(target.name, Sentence("what was made is not what was sealed"))
        fresh.replace(target)
        sync_names(target.parent)
    finally:
        fresh.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def remove_surplus(
    store: Store, places: Places, keep: int, wanted: int, at: int, days: int
) -> tuple[Volume, ...]:
    """Remove images from the disk until those that are left have at most `keep` bytes, the oldest first, but
    none that `may_leave` keeps; returns the volumes whose images left. `at` is in microseconds since
    1970-01-01 UTC.
    """
    with store.reading() as connection:
        known, held = volumes.read_volumes(connection), copies.copies_of(connection)
    present = [volume for volume in known if places.image(volume.volume).exists()]
    own = {volume.volume: [copy for copy in held if copy.volume == volume.volume] for volume in present}
    free_to_leave = {
        volume.volume
        for volume in present
        if may_leave(volume, known, own[volume.volume], wanted, at, days)
        and not any(_is_the_image(copy, places) for copy in own[volume.volume])
    }
    gone = tuple(surplus(present, free_to_leave, keep))
    for volume in gone:
        with store.transaction() as connection:
            write_record(connection, at, MACHINE, REMOVED, volume.volume, f"{volume.image_bytes} bytes")
        places.image(volume.volume).unlink()
    return gone


def surplus(present: Sequence[Volume], free_to_leave: Collection[str], keep: int) -> Iterator[Volume]:
    """Yield the volumes whose images leave the disk, so that at most `keep` bytes of them stay: the oldest of
    those that may.
    """
    size = sum(volume.image_bytes for volume in present)
    for volume in present:
        if size <= keep:
            return
        if volume.volume in free_to_leave:
            size -= volume.image_bytes
            yield volume


def may_leave(
    volume: Volume, known: Sequence[Volume], own: Sequence[Copy], wanted: int, at: int, days: int
) -> bool:
    """Whether the image of a volume may leave the disk: the volume is safe, its parity was made (or it is
    one), and its copies, `wanted` at least, are all on their shelves and were read whole in the last `days`.
    """
    kept = [copy for copy in own if copy.state is not CopyState.RETIRED]
    sealed = {v.volume for v in known if v.state is not VolumeState.OPEN}
    is_parity = any(v.set_of == volume.volume for v in known)
    return (
        volume.state is VolumeState.SAFE
        and (is_parity or volume.set_of in sealed)
        and len(kept) >= wanted
        and all(c.state is CopyState.SHELVED and at - c.verified_at < days * _DAY_US for c in kept)
    )


def _is_the_image(copy: Copy, places: Places) -> bool:
    """Whether a copy is said to be in the folder of the images itself: then it leaves with the image."""
    return Path(copy.place).absolute().is_relative_to(places.images.absolute())
