"""A catalogue that is lost is made again of the volumes alone, and finds and proves as before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archive.catalogue.acts import prepare
from archive.catalogue.parcels import read_parcels
from archive.catalogue.volumes import files_of, read_volumes
from archive.errors import ActRefused, LogFault, VolumeFault
from archive.keeping import Actor
from archive.log.note import public_half
from archive.log.proof import check_proof
from archive.lookup import Item
from archive.proving import prove
from archive.rebuild import Rebuilt, rebuild
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, AT, OfficeDays
from tests.support.sealing_room import SEED, places, sealing, take_days

pytestmark = pytest.mark.slow

KEY = public_half(ARCHIVE, SEED)
LI = Actor("li", AT)


def empty(folder: Path) -> Store:
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    return store


def rebuilt(store: Store, folder: Path) -> Rebuilt:
    return rebuild(store, places(folder), sorted(places(folder).images.glob("*.iso")), KEY, LI)


def test_a_catalogue_is_made_again_of_the_images_alone(
    office_days: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    take_days(on_sqlite, tmp_path, office_days)
    at_work = sealing(on_sqlite, tmp_path, volume_bytes=1_000)
    assert len(list(at_work.run(AT, now=True))) == 2
    at_work.make_parity(AT)
    other = tmp_path / "other"
    store = empty(other)
    places(other).images.mkdir()
    for image in places(tmp_path).images.glob("*.iso"):
        shutil.copy(image, places(other).images)
    assert rebuilt(store, other) == Rebuilt(("QZ-0001", "QZ-0002", "QZ-0003"), 2)
    sealing(store, other).tidy()
    with on_sqlite.reading() as before, store.reading() as after:
        assert [v._replace(made_at=0) for v in read_volumes(after)] == [
            v._replace(made_at=0) for v in read_volumes(before)
        ]
        assert read_parcels(after) == read_parcels(before)
        for volume in ("QZ-0001", "QZ-0002", "QZ-0003"):
            known = [file[1:5] for file in files_of(before, volume)]
            assert [file[1:5] for file in files_of(after, volume)] == known
        (entries,) = (f for f in files_of(after, "QZ-0002") if f.path.endswith("entries-1.jsonl"))
    with places(other).image("QZ-0002").open("rb") as image_file:
        image_file.seek(entries.image_offset)
        length = len(image_file.readline()) - 1
    item = Item("QZ-0002", entries.number, 0, length)
    proof = prove(store, places(other), item, ARCHIVE, SEED)
    assert check_proof(proof, [KEY]).size > proof.place
    assert proof == prove(on_sqlite, places(tmp_path), item, ARCHIVE, SEED)
    with pytest.raises(ActRefused, match="only an empty one"):
        rebuilt(store, other)
    store.close()


def test_an_image_that_is_damaged_or_foreign_is_named_and_nothing_is_written(
    office_days: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    take_days(on_sqlite, tmp_path, office_days)
    list(sealing(on_sqlite, tmp_path).run(AT, now=True))
    image = places(tmp_path).image("QZ-0001")
    with on_sqlite.reading() as connection:
        file = next(f for f in files_of(connection, "QZ-0001") if f.path.endswith("entries-1.jsonl"))
    store = empty(tmp_path / "other")
    with pytest.raises(LogFault, match="no known key"):
        rebuild(store, places(tmp_path / "other"), [image], public_half(ARCHIVE, b"b" * 32), LI)
    with image.open("r+b") as stream:
        stream.seek(file.image_offset)
        stream.write(b"?")
    with pytest.raises(VolumeFault, match=r"QZ-0001\.iso.*entries-1\.jsonl"):
        rebuild(store, places(tmp_path / "other"), [image], KEY, LI)
    with store.reading() as connection:
        assert read_volumes(connection) == ()
    store.close()
