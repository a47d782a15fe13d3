"""An image leaves the disk only while good copies of it are on shelves, and comes back byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archive import images
from archive.catalogue import copies, proposals, volumes
from archive.catalogue.copies import FULL, Check, Copy
from archive.catalogue.proposals import Act, Decision
from archive.catalogue.schema import audit_log
from archive.catalogue.volumes import Volume
from archive.errors import ActRefused, NoRoom, NothingServed
from archive.keeping import Actor
from archive.medium_check import copy_out
from archive.rules.states import CopyState, VolumeEvent, VolumeState
from ledger.book.audit_log import read_audit_log
from ledger.book.store import Store
from tests.support.archived_days import AT
from tests.support.sealing_room import ROOM, places

pytestmark = pytest.mark.slow

LI = Actor("li", AT)
DAY = 86_400_000_000
VOLUME = "QZ-0001"


@pytest.fixture
def folder(sealed_days: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed_days, tmp_path / "archive")


def again(store: Store, folder: Path, *media: Path, room: int = ROOM) -> Path | None:
    return images.make_again(store, places(folder), VOLUME, media, lambda _folder: room, LI)


def unpacked(store: Store, folder: Path, target: Path) -> Path:
    """The files of the volume in a folder, as a mounted disc has them."""
    with store.reading() as connection:
        files = volumes.files_of(connection, VOLUME)
    copy_out(places(folder).image(VOLUME), files, target)
    return target


def test_an_image_is_made_again_of_a_folder_or_of_an_image_byte_for_byte(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    image = places(folder).image(VOLUME)
    before = image.read_bytes()
    assert again(store, folder) is None
    disc, copy = unpacked(store, folder, tmp_path / "disc"), tmp_path / "copy.iso"
    shutil.copy(image, copy)
    for medium in (disc, copy):
        image.unlink(missing_ok=True)
        assert again(store, folder, medium) == medium
        assert image.read_bytes() == before
    image.write_bytes(before[:-1] + b"x")
    assert again(store, folder, disc) == disc
    assert image.read_bytes() == before
    with store.reading() as connection:
        acts = [row.subject for row in read_audit_log(connection, audit_log) if row.act == images.MADE_AGAIN]
    assert acts == [VOLUME] * 3
    assert sorted(path.name for path in image.parent.iterdir()) == [
        "QZ-0001.iso",
        "QZ-0002.iso",
        "index",
        "log",
    ]


def test_a_damaged_or_foreign_medium_makes_no_image_and_the_next_one_is_tried(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    image = places(folder).image(VOLUME)
    disc, good = unpacked(store, folder, tmp_path / "disc"), tmp_path / "good.iso"
    shutil.move(image, good)
    note = disc / "volume.note"
    note.write_bytes(note.read_bytes().replace(b"Z30", b"Z10"))
    foreign = places(folder).image("QZ-0002")
    with pytest.raises(NothingServed, match=r"volume.note.*not what was sealed|not what was sealed"):
        again(store, folder, disc, foreign)
    assert not image.exists()
    assert list(image.parent.glob("*.again")) == []
    assert again(store, folder, disc, good) == good


def test_what_the_files_come_to_is_held_against_the_catalogues_digest(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, good = places(folder).image(VOLUME), tmp_path / "good.iso"
    shutil.move(image, good)
    right = images.image.write

    def longer(given: Path, path: Path) -> None:
        right(given, path)
        with path.open("ab") as file:
            file.write(b"x")

    monkeypatch.setattr(images.image, "write", longer)
    with pytest.raises(NothingServed, match="what was made is not what was sealed"):
        again(store, folder, good)
    assert not image.exists()


def test_without_a_medium_or_room_nothing_is_begun(store: Store, folder: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.iso"
    shutil.move(places(folder).image(VOLUME), good)
    with pytest.raises(ActRefused, match=r"no medium of QZ-0001 is at hand.*its copies: none"):
        again(store, folder)
    with pytest.raises(NoRoom):
        again(store, folder, good, room=1_000)


KEPT = Volume(
    *(VOLUME, "Z30", VolumeState.SAFE, "20260923", "20260924", 7, "none", 0, 5, 3, 9, "ab", "cd", "n"),
    *(100, "ef", "", "QZ-0009"),
)
PARITY = KEPT._replace(volume="QZ-0009", set_of="", state=VolumeState.SEALED)
SHELVED = Copy("C1", VOLUME, "bdr", "house", 1, AT, CopyState.SHELVED)
OTHER = SHELVED._replace(copy="C2", place="vault")


def may(volume: Volume = KEPT, *own: Copy, parity: Volume = PARITY, wanted: int = 2, at: int = AT) -> bool:
    return images.may_leave(volume, [volume, parity], own or (SHELVED, OTHER), wanted, at, 365)


def test_an_image_may_leave_only_while_all_copies_are_shelved_checked_and_enough() -> None:
    assert may()
    assert may(KEPT, SHELVED, OTHER, OTHER._replace(copy="C3", state=CopyState.RETIRED))
    assert images.may_leave(
        PARITY._replace(state=VolumeState.SAFE), [KEPT, PARITY], [SHELVED, OTHER], 2, AT, 365
    )
    for state in (CopyState.WRITTEN, CopyState.VERIFIED, CopyState.LENT, CopyState.SUSPECT):
        assert not may(KEPT, SHELVED, OTHER, OTHER._replace(copy="C3", state=state)), state
    for state in set(VolumeState) - {VolumeState.SAFE}:
        assert not may(KEPT._replace(state=state)), state
    assert not may(wanted=3)
    assert not may(KEPT._replace(set_of=""))
    assert not may(parity=PARITY._replace(state=VolumeState.OPEN))
    assert may(at=AT + 365 * DAY - 1)
    assert not may(at=AT + 365 * DAY)


def test_the_oldest_that_may_leave_do_until_the_rest_fits() -> None:
    present = [KEPT._replace(volume=f"QZ-000{number}") for number in range(1, 5)]
    free = {"QZ-0001", "QZ-0003", "QZ-0004"}

    def gone(keep: int) -> list[str]:
        return [volume.volume for volume in images.surplus(present, free, keep)]

    assert gone(400) == []
    assert gone(399) == ["QZ-0001"]
    assert gone(200) == ["QZ-0001", "QZ-0003"]
    assert gone(0) == ["QZ-0001", "QZ-0003", "QZ-0004"]


def test_a_shelved_volume_leaves_the_disk_and_one_whose_copy_is_the_image_does_not(
    store: Store, folder: Path
) -> None:
    image = places(folder).image(VOLUME)
    with store.transaction() as connection:
        volumes.put_into_set(connection, [VOLUME], "QZ-0002")
        for name, place in (("C1", "house"), ("C2", str(image.parent))):
            copies.add_copy(connection, Copy(name, VOLUME, "bdr", place, 1, 0, CopyState.WRITTEN))
            shelved = copies.record_check(connection, Check(name, AT, "li", FULL, 3, 0, ""))
            copies.put_at(connection, shelved, place)
    for place, left in ((str(image.parent), ()), ("vault", (VOLUME,))):
        with store.transaction() as connection:
            copies.put_at(connection, copies.find_copy(connection, "C2"), place)
        gone = images.remove_surplus(store, places(folder), 0, 2, AT, 365)
        assert tuple(volume.volume for volume in gone) == left
        assert image.exists() is not bool(left)
    assert places(folder).image("QZ-0002").exists()


def test_a_destroyed_volume_gets_no_image_again(store: Store, folder: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.iso"
    shutil.move(places(folder).image(VOLUME), good)
    with store.transaction() as connection:
        made = proposals.propose(connection, Act.DESTROY, VOLUME, "over", "list", "li", AT)
        proposals.decide(connection, made.proposal, Decision.APPROVE, "wang", AT)
        volumes.move(connection, volumes.find_volume(connection, VOLUME), VolumeEvent.DESTROY)
    with pytest.raises(ActRefused, match="is destroyed"):
        again(store, folder, good)
