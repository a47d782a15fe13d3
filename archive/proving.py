"""Proves that a record is in the sealed books: its place in the log, and the way from there to a signed root.

The leaf is derived from the volume's own bytes, its place from the catalogue's row of its parcel, the hashes
from the log's tiles. Whoever has the archive's public key checks the proof without us (`archive.log.proof`).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from archive.catalogue.parcels import Parcel, parcels_of
from archive.catalogue.volumes import files_of
from archive.errors import NoSuchItem, NothingServed
from archive.log.leaf import Leaf
from archive.log.proof import LeafProof
from archive.log.tiles import nodes_of
from archive.log.tree import inclusion_proof
from archive.lookup import Item, Lookup
from archive.medium_check import copy_out
from archive.numbered_files import whole_name
from archive.parcel import RECEIPTS, leaves_of, receipt_number
from archive.sealing import Places
from archive.witnessing import newest, witnessed
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence


def prove(store: Store, places: Places, item: Item, name: str, seed: bytes) -> LeafProof:
    """The proof of a record under the log's newest checkpoint, signed with the archive's key (`seed`) and
    with the lines of the witnesses that have cosigned it.

    Raises NoSuchItem for a record that is no leaf of its own, NothingServed where no medium is at hand that
    gives the volume right, and LogFault where a tile of the log is damaged.
    """
    lookup = Lookup(store, places)
    read = lookup.read(item)
    if read is None:
        raise NothingServed(Sentence("no medium of {volume} is at hand", volume=item.volume))
    with store.reading() as connection:
        checkpoint = newest(connection, name)
        note = witnessed(connection, checkpoint, seed)
        parcel = _parcel_of(parcels_of(connection, item.volume), read.path)
        files = [file for file in files_of(connection, item.volume) if f"/{parcel.date}" in f"/{file.path}"]
    leaf = _leaf(read.path, read.data)
    with tempfile.TemporaryDirectory() as folder:
        copy_out(read.medium, files, Path(folder))
        place = _place(leaf, parcel, Path(folder))
    nodes = nodes_of(places.log, checkpoint.size)
    return LeafProof(leaf, place, inclusion_proof(place, checkpoint.size, nodes), note)


def _parcel_of(parcels: tuple[Parcel, ...], path: str) -> Parcel:
    """The parcel of a volume's file: the one whose date is in its path."""
    for parcel in parcels:
        if parcel.date in path.split("/")[1]:
            return parcel
    raise NoSuchItem(Sentence("{path} is of no business date: nothing in it is proved by the log", path=path))


def _leaf(path: str, data: bytes) -> Leaf:
    """The leaf of a record. Raises NoSuchItem for one that has none."""
    name = whole_name(path.rpartition("/")[2])
    digest = hashlib.sha256(data).hexdigest()
    if name.startswith("entries-"):
        chain, position = json.loads(data)[:2]
        return Leaf("entry", f"{chain}/{position}", digest)
    if name == RECEIPTS:
        return Leaf("receipt", receipt_number(data), digest)
    raise NoSuchItem(Sentence("what is in {path} has no leaf of its own in the log", path=path))


def _place(leaf: Leaf, parcel: Parcel, folder: Path) -> int:
    """The number of a leaf in the log. Raises NothingServed where the volume's bytes do not make it."""
    for number, other in enumerate(leaves_of(folder, parcel.date)):
        if other == leaf:
            return parcel.first_leaf + number
    raise NothingServed(Sentence("{name} is not in the log", name=leaf.name))
