"""A witness's cosignature of the newest checkpoint is taken in, stands under each proof, and no other is."""

from __future__ import annotations

import shutil
from base64 import b64decode
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.audit import audit
from archive.catalogue.acts import prepare
from archive.catalogue.cosignatures import Cosigned, read_cosignatures
from archive.catalogue.schema import audit_log
from archive.errors import ActRefused, LogFault
from archive.keeping import Actor
from archive.log.checkpoint import Checkpoint, Cosignature, cosignatures, cosigned, parse_checkpoint
from archive.log.note import Note, SignatureType, check_note, parse_note, public_half, signed
from archive.log.tiles import nodes_of
from archive.log.tree import is_consistent, root
from archive.lookup import Lookup, parse_item
from archive.proving import prove
from archive.rebuild import rebuild
from archive.sealing import COSIGNED
from archive.volume.index import Kind
from archive.volume.medium import opened
from archive.witnessing import CLOCK_SECONDS, newest, request, take_cosignatures, witnessed
from ledger.book.audit_log import read_audit_log
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, AT
from tests.support.sealing_room import SEED, places, sealing

pytestmark = pytest.mark.slow

KEY = public_half(ARCHIVE, SEED)
BANK_SEED, OTHER_SEED = bytes(range(1, 33)), bytes(range(2, 34))
BANK = public_half("bank.example/witness", BANK_SEED, SignatureType.COSIGNATURE)
AUDITOR = public_half("auditor.example/witness", OTHER_SEED, SignatureType.COSIGNATURE)
SECONDS = AT // 1_000_000
LI = Actor("li", AT)


@pytest.fixture
def folder(sealed_days: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed_days, tmp_path / "archive")


def checkpoint(store: Store) -> Note:
    with store.reading() as connection:
        return witnessed(connection, newest(connection, ARCHIVE), SEED)


def take(store: Store, note: Note) -> tuple[Cosigned, ...]:
    return take_cosignatures(store, str(note).encode(), KEY, [BANK, AUDITOR], LI)


def test_a_cosignature_is_taken_once_recorded_and_stands_under_each_proof(store: Store, folder: Path) -> None:
    given = cosigned(checkpoint(store), BANK.name, BANK_SEED, SECONDS)
    for _again in range(2):
        assert [(row.witness, row.at) for row in take(store, given)] == [(BANK.name, SECONDS)]
    take(store, cosigned(checkpoint(store), AUDITOR.name, OTHER_SEED, SECONDS + 5))
    with store.reading() as connection:
        records = [row.subject for row in read_audit_log(connection, audit_log) if row.act == "cosign"]
    assert records == [BANK.name, AUDITOR.name]
    found = Lookup(store, places(folder)).find(Kind.KEY, some_key(folder), 1).records[0]
    proof = prove(store, places(folder), parse_item(found.item), ARCHIVE, SEED)
    said = (Cosignature(AUDITOR.name, SECONDS + 5), Cosignature(BANK.name, SECONDS))
    assert cosignatures(proof.checkpoint, [BANK, AUDITOR]) == said
    assert check_note(proof.checkpoint, [KEY]) == (ARCHIVE,)


def some_key(folder: Path) -> str:
    """The key of a transaction that is in the archive."""
    (index,) = places(folder).index.glob("*/key.idx")
    return index.read_bytes().split(b" ", 1)[0].decode()


def test_a_newer_line_of_a_witness_takes_the_place_of_the_one_before(store: Store) -> None:
    for later in (0, 9):
        take(store, cosigned(checkpoint(store), BANK.name, BANK_SEED, SECONDS + later))
    assert cosignatures(checkpoint(store), [BANK]) == (Cosignature(BANK.name, SECONDS + 9),)


def refused(store: Store, note: Note) -> str:
    with pytest.raises(LogFault) as fault:
        take(store, note)
    with store.reading() as connection:
        assert read_cosignatures(connection) == ()
    return str(fault.value)


def test_a_cosignature_of_another_log_tree_or_witness_is_refused_by_name(store: Store) -> None:
    own = parse_checkpoint(checkpoint(store).text)

    def of(given: Checkpoint, name: str = BANK.name, seed: bytes = BANK_SEED, at: int = SECONDS) -> Note:
        return cosigned(signed(given.text, given.origin, SEED), name, seed, at)

    assert "of the log other.example/log, and" in refused(store, of(own._replace(origin="other.example/log")))
    older = refused(store, of(own._replace(size=own.size - 1)))
    assert f"the tree of {own.size - 1} leaves, and the newest has {own.size}" in older
    assert "another root" in refused(store, of(own._replace(root=bytes(32))))
    assert "stranger.example with the key" in refused(store, of(own, "stranger.example"))
    assert f"{BANK.name} with the key" in refused(store, of(own, BANK.name, bytes(32)))
    assert "no witness has signed it" in refused(store, checkpoint(store))
    assert "no known key" in refused(store, cosigned(Note(own.text, ()), BANK.name, BANK_SEED, SECONDS))
    for at in (0, SECONDS + CLOCK_SECONDS + 1):
        assert f"yet to come: {at}" in refused(store, of(own, at=at))
    good = of(own)
    line = good.signatures[-1]
    wrong = line._replace(signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    assert f"signature of {BANK.name} is wrong" in refused(store, Note(own.text, (good.signatures[0], wrong)))
    two = cosigned(good, "stranger.example", bytes(32), SECONDS)
    assert "stranger.example" in refused(store, two)


def test_a_witness_is_given_the_proof_from_what_it_saw(store: Store, folder: Path) -> None:
    with store.reading() as connection:
        own = newest(connection, ARCHIVE)
        asked = request(connection, places(folder), ARCHIVE, SEED, 3)
        head, _gap, note = asked.partition("\n\n")
        first, *lines = head.split("\n")
        assert first == "old 3"
        proof = [b64decode(line) for line in lines]
        assert parse_checkpoint(parse_note(note.encode()).text) == own
        assert request(connection, places(folder), ARCHIVE, SEED, 0) == f"old 0\n\n{note}"
        with pytest.raises(ActRefused, match=f"has {own.size} leaves"):
            request(connection, places(folder), ARCHIVE, SEED, own.size + 1)
    old_root = root(3, nodes_of(places(folder).log, own.size))
    assert is_consistent(3, old_root, own.size, own.root, proof)


def test_the_audit_names_a_witness_whose_line_was_changed_or_is_of_no_tree(
    store: Store, folder: Path
) -> None:
    take(store, cosigned(checkpoint(store), BANK.name, BANK_SEED, SECONDS))

    def subjects() -> list[str]:
        with store.reading() as connection:
            found = audit(connection, places(folder), KEY, [BANK], (), "20261001")
            return [finding.subject for finding in found]

    assert subjects() == []
    with store.transaction() as connection:
        for name in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        line = cosigned(Note("x\n", ()), BANK.name, BANK_SEED, SECONDS).signatures[0].line
        connection.execute(text("UPDATE cosignatures SET line = :line"), {"line": line})
    assert subjects() == [BANK.name]
    with store.transaction() as connection:
        connection.execute(text("UPDATE cosignatures SET size = 1"))
    assert subjects() == [BANK.name]


def test_the_next_volume_carries_the_cosignatures_and_a_catalogue_is_made_again_with_them(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    take(store, cosigned(checkpoint(store), BANK.name, BANK_SEED, SECONDS))
    with store.reading() as connection:
        given = read_cosignatures(connection)
        own = newest(connection, ARCHIVE)
    assert sealing(store, folder).make_parity(AT + 1_000_000).volume == "QZ-0003"
    with opened(places(folder).image("QZ-0003")) as medium:
        note = parse_note(medium.read(COSIGNED, 0, medium.size(COSIGNED)))
    assert parse_checkpoint(note.text) == own
    assert check_note(note, [KEY]) == (ARCHIVE,)
    assert cosignatures(note, [BANK]) == (Cosignature(BANK.name, SECONDS),)
    other = tmp_path / "other"
    shutil.copytree(places(folder).images, places(other).images)
    again = Store(f"sqlite:///{other / 'archive.db'}", by_index=False)
    prepare(again, ARCHIVE, 1, "li")
    rebuild(again, places(other), sorted(places(other).images.glob("*.iso")), KEY, LI)
    with again.reading() as connection:
        assert [row[:4] for row in read_cosignatures(connection)] == [row[:4] for row in given]
    again.close()


def test_what_came_after_a_volume_was_begun_is_not_on_it(store: Store, folder: Path) -> None:
    take(store, cosigned(checkpoint(store), BANK.name, BANK_SEED, SECONDS))
    sealing(store, folder).make_parity(AT)
    with opened(places(folder).image("QZ-0003")) as medium:
        assert COSIGNED not in medium.sizes()


def test_an_archive_without_a_volume_has_no_checkpoint(on_sqlite: Store) -> None:
    with pytest.raises(ActRefused, match="the log is empty"):
        checkpoint(on_sqlite)
