"""Keeps volumes: writes copies, reads them again, makes a lost image anew, and destroys what is out of time.

Each function does what is on disk first and writes it down after; what cannot be read again as it was
sealed is written down as a fault. Who may do it is the caller's; in which state a copy is, the catalogue's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive import merged_index
from archive.catalogue import copies, proposals, volumes
from archive.catalogue.acts import write_record
from archive.catalogue.copies import FULL, SAMPLE, Check, Copy
from archive.catalogue.ends import ends_on
from archive.catalogue.proposals import Act, Decision, Proposal
from archive.catalogue.volumes import CatalogueFile, Volume
from archive.errors import ActRefused, VolumeFault
from archive.medium_check import faults_of, whole_digest
from archive.rules.states import CopyEvent, CopyState, VolumeEvent
from archive.sealing import NOT_KEPT, Places
from archive.volume import parity
from ledger.book.store import Store
from ledger.rules.beijing import beijing
from qianzhi_errors.sentence import Sentence

NAMED_MAX: Final = 20
"""At most so many faults of one check are named."""
_DATE_LENGTH: Final = 8


class Actor(NamedTuple):
    """Who has something done, and when, in microseconds since 1970-01-01 UTC."""

    by: str
    at: int


def write_copy(
    store: Store,
    places: Places,
    volume: str,
    place: str,
    medium: str,
    writer: Sequence[str],
    run: Callable[[Sequence[str]], str],
    actor: Actor,
) -> Copy:
    """Have the site's command write a copy of a volume to a place, and write it down; it is not verified yet.

    `run` runs a list of arguments without a shell, and returns why it failed, or an empty text. Raises
    NoSuchItem, and ActRefused where the image is not at hand or the command failed: then nothing was written
    down.
    """
    with store.reading() as connection:
        known = volumes.find_volume(connection, volume)
    image = places.image(volume)
    if known.state in NOT_KEPT or not image.exists():
        raise ActRefused(
            Sentence(
                "the image of {volume} is not at hand: nothing was written; make it again (`image`)",
                volume=volume,
            )
        )
    filled = [part.format(image=image, volume=volume, place=place) for part in writer]
    if fault := run(filled):
        raise ActRefused(
            Sentence(
                "the writer failed: {fault}; no copy of {volume} is written down", fault=fault, volume=volume
            )
        )
    with store.transaction() as connection:
        name = copies.next_copy_name(connection, volume)
        copy = Copy(name, volume, medium, place, actor.at, 0, CopyState.WRITTEN)
        copies.add_copy(connection, copy)
        write_record(connection, actor.at, actor.by, "write", name, place)
    return copy


def medium_of(places: Places, copy: Copy) -> Path:
    """Where a copy is read: its place is a folder with images, an image, a mounted disc, or a drive."""
    place = Path(copy.place)
    in_folder = place.joinpath(places.image(copy.volume).name)
    return in_folder if in_folder.exists() else place


def verify_copy(
    store: Store, medium: Path, copy: str, actor: Actor, *, sample_percent: int, days: int
) -> Check:
    """Read a copy again, whole or so many of 100 files, and write down what was found. Raises NoSuchItem.

    Samples take other files each time, so that after a few of them all were read.
    """
    with store.reading() as connection:
        known = copies.find_copy(connection, copy)
        volume = volumes.find_volume(connection, known.volume)
        files = volumes.files_of(connection, known.volume)
        earlier = copies.count_checks(connection, copy)
    kind = FULL if sample_percent == 100 else SAMPLE
    chosen = files if kind == FULL else sampled(files, sample_percent, earlier)
    faults = list(faults_of(medium, chosen))[:NAMED_MAX]
    if kind == FULL and not faults and medium.is_file() and whole_digest(medium) != volume.image_sha256:
        faults.append(Sentence("{file} is not what was sealed", file=medium.name))
    check = Check(copy, actor.at, actor.by, kind, len(chosen), len(faults), "; ".join(faults))
    with store.transaction() as connection:
        copies.record_check(connection, check)
        copies.checked_in_time(connection, known.volume, actor.at, days)
        write_record(connection, actor.at, actor.by, "verify", copy, f"{kind}, {len(faults)} faults")
    return check


def sampled(files: Sequence[CatalogueFile], percent: int, earlier: int) -> tuple[CatalogueFile, ...]:
    """The files of the next sample: each `100 // percent`-th, beginning one later after each check before."""
    every = 100 // percent
    return tuple(file for place, file in enumerate(files) if place % every == earlier % every)


def restore(
    store: Store, places: Places, volume: str, given: Mapping[str, Path], parity_at: Path | None, actor: Actor
) -> Volume:
    """Make the image of a lost volume again of the others of its set, and compare it with what was sealed.

    `given` are images of others that are not in the archive's folder, `parity_at` the parity volume where it
    is not there. Raises ActRefused where the volume is of no set, VolumeFault where a medium is not as it
    was; then no image stands.
    """
    with store.reading() as connection:
        known = volumes.find_volume(connection, volume)
        members = [v.volume for v in volumes.read_volumes(connection) if v.set_of == known.set_of]
    if not known.set_of:
        raise ActRefused(Sentence("{volume} is of no set: it is restored from another copy", volume=volume))
    present = {name: given.get(name, places.image(name)) for name in members if name != volume}
    here = {name: path for name, path in present.items() if path.exists()}
    image = places.image(volume)
    made = parity.restore(here, parity_at or places.image(known.set_of), volume, image)
    if made.sha256 != known.image_sha256:
        image.unlink()
        raise VolumeFault(str(image), Sentence("what was made is not what was sealed"))
    with store.transaction() as connection:
        write_record(connection, actor.at, actor.by, "restore", volume, f"from the set of {known.set_of}")
    return known


def propose_destruction(store: Store, volume: str, reason: str, today: str, actor: Actor) -> Proposal:
    """Propose to destroy a volume, with the list of all that is on it. `today` is YYYYMMDD.

    Raises ActRefused before the day after which its class lets it be destroyed, while a hold is on it, and
    for a member of a set: what is left of the set could make it again, so its parity goes first. A parity
    volume has nothing of its own, and may go at any time.
    """
    with store.transaction() as connection:
        known = volumes.find_volume(connection, volume)
        _check_out_of_time(connection, known, today)
        if proposals.open_holds(connection, volume):
            raise ActRefused(Sentence("{volume} is held: two people release it first", volume=volume))
        if known.set_of:
            raise ActRefused(
                Sentence(
                    "{volume} could be made again of its set: the parity volume {parity} is destroyed first",
                    volume=volume,
                    parity=known.set_of,
                )
            )
        listing = "\n".join(_listing(connection, volume))
        made = proposals.propose(connection, Act.DESTROY, volume, reason, listing, *actor)
        write_record(connection, actor.at, actor.by, "propose destroy", volume, reason)
    return made


def _listing(connection: Connection, volume: str) -> Iterator[str]:
    """Yield the lines of a list of destruction: each file, and each policy with its class and its end."""
    for file in volumes.files_of(connection, volume):
        yield f"{file.sha256}  {file.path}"
    for end in ends_on(connection, volume):
        yield f"policy {end.policy}, {end.cls}, ended {end.ended}"


def _check_out_of_time(connection: Connection, volume: Volume, today: str) -> None:
    """Raise ActRefused for a volume that its class keeps; never for a parity volume, which has nothing of its
    own.
    """
    if any(v.set_of == volume.volume for v in volumes.read_volumes(connection)):
        return
    going_on = [end.policy for end in ends_on(connection, volume.volume) if not end.ended]
    if not volume.destroy_after and going_on:
        raise ActRefused(
            Sentence(
                "{volume} is kept: of {count} of its policies no end is known, such as {policy}",
                volume=volume.volume,
                count=len(going_on),
                policy=going_on[0],
            )
        )
    if not volume.destroy_after:
        raise ActRefused(
            Sentence(
                "{volume} is kept: its class {cls} names no day yet", volume=volume.volume, cls=volume.cls
            )
        )
    if today[:_DATE_LENGTH] <= volume.destroy_after:
        raise ActRefused(
            Sentence(
                "{volume} is kept up to and with {date}", volume=volume.volume, date=volume.destroy_after
            )
        )


def decide(store: Store, places: Places, number: int, decision: Decision, actor: Actor) -> Proposal:
    """Decide on a proposal, and do what was approved: end the hold, retire the copy, or destroy the volume
    with its image.

    Raises NoSuchItem, ActRefused and SamePerson. The media on the shelves are for people to destroy; the
    certificate names them.
    """
    with store.transaction() as connection:
        open_one = proposals.open_proposal(connection, number)
        certificate = _certificate(connection, open_one, actor) if open_one.act is Act.DESTROY else ""
        decided = proposals.decide(connection, number, decision, *actor, certificate)
        if decision is Decision.APPROVE and decided.act is Act.DESTROY:
            known = volumes.find_volume(connection, decided.subject)
            _check_out_of_time(connection, known, f"{beijing(actor.at):%Y%m%d}")
            volumes.move(connection, known, VolumeEvent.DESTROY)
            members = [v.volume for v in volumes.read_volumes(connection) if v.set_of == decided.subject]
            volumes.put_into_set(connection, members, "")
        elif decision is Decision.APPROVE and decided.act is Act.RETIRE:
            copies.move_copy(connection, copies.find_copy(connection, decided.subject), CopyEvent.RETIRE)
        elif decision is Decision.APPROVE:
            proposals.release(connection, int(decided.subject), actor.at)
        act = f"{decision.value} {decided.act.value}"
        write_record(connection, actor.at, actor.by, act, decided.subject, "")
    if decision is Decision.APPROVE and decided.act is Act.DESTROY:
        remove_destroyed(store, places)
    return decided._replace(list=certificate or decided.list)


def remove_destroyed(store: Store, places: Places) -> None:
    """Remove the images of destroyed volumes, and their lines in the merged indexes; run again at will."""
    with store.reading() as connection:
        gone = [v for v in volumes.read_volumes(connection) if v.state in NOT_KEPT and v.manifest]
        live = merged_index.live_volumes(connection)
    for volume in gone:
        places.image(volume.volume).unlink(missing_ok=True)
    merged_index.bring_up_to_date(places.index, live, places.image)


def _certificate(connection: Connection, proposal: Proposal, actor: Actor) -> str:
    """The certificate of a destruction: what, why, by whom, and the media that are still to be destroyed."""
    volume = volumes.find_volume(connection, proposal.subject)
    media = copies.copies_of(connection, proposal.subject)
    lines = [
        f"destroyed: {volume.volume}, class {volume.cls}, {volume.first_date} to {volume.last_date}",
        f"manifest: {volume.manifest}",
        f"reason: {proposal.reason}",
        f"proposed by {proposal.by}, approved by {actor.by}",
        *(f"medium: {copy.copy}, {copy.medium}, {copy.place}" for copy in media),
        "files:",
        proposal.list,
    ]
    return "\n".join(lines) + "\n"
