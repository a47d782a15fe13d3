"""The log's newest checkpoint as others see it: signed by the archive, and cosigned by witnesses.

A witness gets the checkpoint with the proof that the tree goes on from the one that the witness saw before,
checks that by its own program, and hands back the checkpoint with its line under it. The line is taken in
here if it holds under a key of the settings, and stands under each proof from then on. The archive never
signs for a witness.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from archive.catalogue.acts import write_record
from archive.catalogue.cosignatures import Cosigned, add_cosignature, read_cosignatures
from archive.catalogue.volumes import read_volumes
from archive.errors import ActRefused, LogFault
from archive.keeping import Actor
from archive.log.checkpoint import Checkpoint, cosignatures, parse_checkpoint
from archive.log.note import Note, NoteKey, check_note, parse_note, signed
from archive.log.tiles import nodes_of
from archive.log.tree import consistency_proof
from archive.rules.states import VolumeState
from archive.sealing import Places
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

COSIGN: Final = "cosign"
CLOCK_SECONDS: Final = 86_400
"""A witness's clock may be so far before the archive's."""
_MICROSECONDS: Final = 1_000_000


def newest(connection: Connection, origin: str) -> Checkpoint:
    """The log's state after the newest sealed volume. Raises ActRefused where no volume was sealed yet."""
    known = [volume for volume in read_volumes(connection) if volume.state is not VolumeState.OPEN]
    if not known:
        raise ActRefused(Sentence("no volume was sealed yet: the log is empty"))
    last = known[-1]
    return Checkpoint(origin, last.first_leaf + last.leaves, bytes.fromhex(last.root))


def witnessed(connection: Connection, checkpoint: Checkpoint, seed: bytes) -> Note:
    """The checkpoint, signed with the archive's key (`seed`), and each witness's newest line under it."""
    note = signed(checkpoint.text, checkpoint.origin, seed)
    lines = {row.witness: row.line for row in read_cosignatures(connection, checkpoint.size)}
    return parse_note(f"{note}{''.join(lines.values())}".encode())


def request(connection: Connection, places: Places, origin: str, seed: bytes, old: int) -> str:
    """What a witness is asked by who last saw the tree of `old` leaves: that size, the proof that the newest
    tree goes on from it, and the newest checkpoint (C2SP's tlog-witness, add-checkpoint).

    Raises ActRefused where the log has not so many leaves, and LogFault where a tile of it is damaged.
    """
    checkpoint = newest(connection, origin)
    if old > checkpoint.size:
        raise ActRefused(
            Sentence("the log has {size} leaves, not {given} yet", size=checkpoint.size, given=old)
        )
    proof = consistency_proof(old, checkpoint.size, nodes_of(places.log, checkpoint.size))
    lines = "".join(f"{b64encode(hashed).decode()}\n" for hashed in proof)
    return f"old {old}\n{lines}\n{witnessed(connection, checkpoint, seed)}"


def take_cosignatures(
    store: Store, data: bytes, key: NoteKey, witnesses: Sequence[NoteKey], actor: Actor
) -> tuple[Cosigned, ...]:
    """Take in the cosignatures of a checkpoint that a witness handed back, all or none; returns them.

    `key` is the public half of the archive's key, and its name that of the log. Raises LogFault, which names
    what is wrong: another log, a tree that is not the newest, a line of nobody whom the settings know, a
    signature that does not hold, a moment that cannot be.
    """
    note = parse_note(data)
    given = parse_checkpoint(note.text)
    if given.origin != key.name:
        raise LogFault(
            Sentence(
                "it is of the log {other}, and this archive's is {name}", other=given.origin, name=key.name
            )
        )
    check_note(note, [key])
    with store.transaction() as connection:
        _check_tree(given, newest(connection, key.name))
        known = {(row.witness, row.at) for row in read_cosignatures(connection, given.size)}
        taken = tuple(_lines(note, key, witnesses, given.size, actor))
        for row in taken:
            if (row.witness, row.at) not in known:
                add_cosignature(connection, row)
                text = f"{row.size} leaves, by its clock at {row.at}"
                write_record(connection, actor.at, actor.by, COSIGN, row.witness, text)
    return taken


def faults_of(
    connection: Connection, key: NoteKey, witnesses: Sequence[NoteKey]
) -> Iterable[tuple[str, str]]:
    """Yield the name and the fault of each witness whose line in the catalogue does not hold, or is under a
    tree that no volume ends with. A witness whom the settings no longer know is passed over.
    """
    trees = {v.first_leaf + v.leaves: v.root for v in read_volumes(connection) if v.root}
    for row in read_cosignatures(connection):
        if row.size not in trees:
            yield (
                row.witness,
                Sentence("cosigned a tree of {size} leaves, which no volume has", size=row.size),
            )
            continue
        text = Checkpoint(key.name, row.size, bytes.fromhex(trees[row.size])).text
        try:
            cosignatures(parse_note(f"{text}\n{row.line}".encode()), witnesses)
        except LogFault as fault:
            yield row.witness, str(fault)


def _check_tree(given: Checkpoint, own: Checkpoint) -> None:
    """Raise LogFault unless a checkpoint is the newest one."""
    if given.size != own.size:
        raise LogFault(
            Sentence(
                "it is of the tree of {given} leaves, and the newest has {size}: give the witness that one",
                given=given.size,
                size=own.size,
            )
        )
    if given.root != own.root:
        raise LogFault(
            Sentence(
                "it has another root than this log's {size} leaves: the archive's key has signed two trees",
                size=own.size,
            )
        )


def _lines(
    note: Note, key: NoteKey, witnesses: Sequence[NoteKey], size: int, actor: Actor
) -> Iterable[Cosigned]:
    """Yield the witnesses' lines of a note. Raises LogFault for the first that cannot be taken."""
    known = {(witness.name, witness.id) for witness in witnesses}
    lines = [line for line in note.signatures if (line.name, line.key_id) != (key.name, key.id)]
    for line in lines:
        if (line.name, line.key_id) not in known:
            raise LogFault(
                Sentence(
                    "{name} with the key {id} is no witness of the settings",
                    name=line.name,
                    id=line.key_id.hex(),
                )
            )
    if not lines:
        raise LogFault(Sentence("no witness has signed it"))
    for line, statement in zip(lines, cosignatures(note, witnesses), strict=True):
        if not 0 < statement.at <= actor.at // _MICROSECONDS + CLOCK_SECONDS:
            raise LogFault(
                Sentence(
                    "the moment of {name} is none, or is yet to come: {at}", name=line.name, at=statement.at
                )
            )
        yield Cosigned(size, statement.name, statement.at, line.line, actor.by, actor.at)
