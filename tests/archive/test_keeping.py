"""Copies are written by the site's command and believed when they were read; a lost image is made again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from archive import keeping
from archive.catalogue import copies, proposals, volumes
from archive.catalogue.proposals import Act, Decision
from archive.errors import ActRefused, SamePerson, VolumeFault
from archive.keeping import Actor
from archive.lookup import Lookup
from archive.rules.states import CopyState, VolumeState
from archive.volume.index import Kind
from ledger.book.store import Store
from tests.support.archived_days import AT, person_of
from tests.support.sealing_room import places, sealing

pytestmark = pytest.mark.slow

LI = Actor("li", AT)
WANG = Actor("wang", AT)
WRITER = ("burn", "--from={image}", "{place}", "{volume}")
LATER = "20991231"
WANG_LATER = Actor("wang", 4_102_358_400_000_000)
"""Another person, on that day."""


@pytest.fixture(scope="module")
def sealed(sealed_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with two volumes and their parity volume; each test works on a copy."""
    folder = shutil.copytree(sealed_days, tmp_path_factory.mktemp("kept") / "archive")
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    assert sealing(store, folder, volume_bytes=1_000).make_parity(AT).volume == "QZ-0003"
    store.close()
    return folder


@pytest.fixture
def folder(sealed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "archive")


def write(store: Store, folder: Path, shelf: Path, volume: str = "QZ-0001") -> str:
    """Write a copy with a command that copies; returns its name."""

    def run(arguments: Sequence[str]) -> str:
        assert arguments == ["burn", f"--from={places(folder).image(volume)}", str(shelf), volume]
        shelf.mkdir(exist_ok=True)
        shutil.copy(places(folder).image(volume), shelf)
        return ""

    return keeping.write_copy(store, places(folder), volume, str(shelf), "disk", WRITER, run, LI).copy


def verify(store: Store, folder: Path, copy: str, percent: int = 100) -> CopyState:
    with store.reading() as connection:
        medium = keeping.medium_of(places(folder), copies.find_copy(connection, copy))
    keeping.verify_copy(store, medium, copy, LI, sample_percent=percent, days=365)
    with store.reading() as connection:
        return copies.find_copy(connection, copy).state


def state(store: Store, volume: str) -> VolumeState:
    with store.reading() as connection:
        return volumes.find_volume(connection, volume).state


def test_two_verified_copies_at_two_places_make_a_volume_safe(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    for shelf in ("house", "vault"):
        assert verify(store, folder, write(store, folder, tmp_path / shelf)) is CopyState.VERIFIED
    assert state(store, "QZ-0001") is VolumeState.SAFE


def test_a_writer_that_failed_leaves_no_copy(store: Store, folder: Path) -> None:
    with pytest.raises(ActRefused, match="no drive"):
        keeping.write_copy(store, places(folder), "QZ-0001", "p", "bdr", WRITER, lambda _a: "no drive", LI)
    with store.reading() as connection:
        assert copies.copies_of(connection) == ()


@pytest.mark.parametrize("kind", ["byte", "swapped", "cut", "gone"])
def test_a_copy_that_is_not_what_was_sealed_is_suspect(
    store: Store, folder: Path, tmp_path: Path, kind: str
) -> None:
    copy, medium = write(store, folder, tmp_path / "house"), tmp_path / "house" / "QZ-0001.iso"
    match kind:
        case "byte":
            data = bytearray(medium.read_bytes())
            data[-70_000] ^= 1
            medium.write_bytes(data)
        case "swapped":
            shutil.copy(places(folder).image("QZ-0002"), medium)
        case "cut":
            medium.write_bytes(medium.read_bytes()[:-200_000])
        case "gone":
            medium.unlink()
    assert verify(store, folder, copy) is CopyState.SUSPECT


def test_samples_read_other_files_each_time_until_all_were_read(store: Store, folder: Path) -> None:
    with store.reading() as connection:
        files = volumes.files_of(connection, "QZ-0001")
    samples = [keeping.sampled(files, 10, earlier) for earlier in range(10)]
    assert sorted(file for sample in samples for file in sample) == sorted(files)


@pytest.mark.parametrize("volume", ["QZ-0001", "QZ-0002"])
def test_a_lost_image_is_made_again_of_its_set_bit_for_bit(store: Store, folder: Path, volume: str) -> None:
    image = places(folder).image(volume)
    before = image.read_bytes()
    image.unlink()
    keeping.restore(store, places(folder), volume, {}, None, LI)
    assert image.read_bytes() == before


def test_a_set_with_a_damaged_or_missing_member_restores_nothing(store: Store, folder: Path) -> None:
    lost, other = places(folder).image("QZ-0001"), places(folder).image("QZ-0002")
    lost.unlink()
    data = other.read_bytes()
    other.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(VolumeFault, match="QZ-0002"):
        keeping.restore(store, places(folder), "QZ-0001", {}, None, LI)
    other.unlink()
    with pytest.raises(VolumeFault, match="QZ-0002"):
        keeping.restore(store, places(folder), "QZ-0001", {}, None, LI)
    assert not lost.exists()
    with pytest.raises(ActRefused, match="of no set"):
        keeping.restore(store, places(folder), "QZ-0003", {}, None, LI)


def test_a_volume_is_destroyed_out_of_time_by_two_people_after_its_parity(store: Store, folder: Path) -> None:
    with pytest.raises(ActRefused, match="QZ-0003 is destroyed first"):
        keeping.propose_destruction(store, "QZ-0001", "over", LATER, LI)
    for volume in ("QZ-0003", "QZ-0001"):
        if volume == "QZ-0001":
            with pytest.raises(ActRefused, match="kept up to and with 20561231"):
                keeping.propose_destruction(store, volume, "over", "20561231", LI)
        made = keeping.propose_destruction(store, volume, "over", LATER, LI)
        assert "manifest-sha256.txt" in made.list
        with pytest.raises(SamePerson):
            keeping.decide(store, places(folder), made.proposal, Decision.APPROVE, LI)
        if volume == "QZ-0001":
            with pytest.raises(ActRefused, match="kept up to and with 20561231"):
                keeping.decide(store, places(folder), made.proposal, Decision.APPROVE, WANG)
        decided = keeping.decide(store, places(folder), made.proposal, Decision.APPROVE, WANG_LATER)
        assert "proposed by li, approved by wang" in decided.list
        assert state(store, volume) is VolumeState.DESTROYED
        assert not places(folder).image(volume).exists()
    lookup = Lookup(store, places(folder))
    found = [lookup.find(Kind.PERSON, person_of(f"P2021005{n:07}").person, 50).records for n in range(60)]
    assert {record.item[:7] for records in found for record in records} <= {"QZ-0002"}


def test_a_held_volume_is_not_proposed_for_destruction(store: Store, folder: Path) -> None:
    with store.transaction() as connection:
        proposals.add_hold(connection, "QZ-0003", "lawsuit", *LI)
    with pytest.raises(ActRefused, match="is held"):
        keeping.propose_destruction(store, "QZ-0003", "over", LATER, WANG)
    with store.transaction() as connection:
        made = proposals.propose(connection, Act.RELEASE, "1", "it is over", "", *LI)
    keeping.decide(store, places(folder), made.proposal, Decision.APPROVE, WANG)
    assert keeping.propose_destruction(store, "QZ-0003", "over", LATER, WANG).proposal == 2


def test_a_set_needs_enough_volumes(store: Store, folder: Path) -> None:
    with pytest.raises(ActRefused, match="made of 2 volumes, and 0 are in none"):
        sealing(store, folder).make_parity(AT)
