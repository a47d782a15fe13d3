"""Complete parcels become a sealed volume, or nothing; killed anywhere, the same bytes come of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import select

from archive.catalogue.parcels import read_parcels
from archive.catalogue.volumes import files_of, read_volumes
from archive.errors import NoRoom
from archive.rules.states import ParcelState, VolumeState
from ledger.book.store import Store
from office.database.schema import entries
from tests.crash.sealing import POINTS, Sealed, play_sealing, sealed_in
from tests.support.archived_days import AT, OfficeDays
from tests.support.sealing_room import places, sealing, take_days, with_days

pytestmark = pytest.mark.slow


def test_a_volume_is_sealed_with_its_parcels_its_files_and_its_place_in_the_log(
    office_days: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    take_days(on_sqlite, tmp_path, office_days)
    (volume,) = sealing(on_sqlite, tmp_path).run(AT, now=True)
    with on_sqlite.reading() as connection:
        assert [parcel.state for parcel in read_parcels(connection)] == [ParcelState.SEALED] * 2
        assert read_volumes(connection) == (volume,)
        paths = [file.path for file in files_of(connection, volume.volume)]
    assert (volume.volume, volume.state, volume.cls) == ("QZ-0001", VolumeState.SEALED, "Z30")
    assert (volume.first_date, volume.last_date) == tuple(office_days.dates)
    assert volume.destroy_after == "20561231"
    assert f"data/{office_days.dates[0]}/seal.json" in paths
    image = places(tmp_path).image("QZ-0001")
    assert hashlib.sha256(image.read_bytes()).hexdigest() == volume.image_sha256
    assert list(places(tmp_path).staging.rglob("*.jsonl")) == []


def test_no_holders_name_is_in_an_image_an_index_or_the_catalogue(
    office_days: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    take_days(on_sqlite, tmp_path, office_days)
    list(sealing(on_sqlite, tmp_path).run(AT, now=True))
    with office_days.books() as books:
        names = {name.encode() for name in books.office.scalars(select(entries.c.holder)) if name}
    assert names
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert [name for name in names if name in data] == [], path


def test_without_now_a_volume_waits_until_the_next_parcel_does_not_fit(
    office_days: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    first, _second = take_days(on_sqlite, tmp_path, office_days)
    assert list(sealing(on_sqlite, tmp_path).run(AT, now=False)) == []
    (volume,) = sealing(on_sqlite, tmp_path, volume_bytes=first.bytes + 1).run(AT, now=False)
    assert (volume.first_date, volume.last_date) == (office_days.dates[0],) * 2


def test_the_second_volume_goes_on_from_the_first(
    office_days: OfficeDays, tmp_path: Path, on_sqlite: Store
) -> None:
    take_days(on_sqlite, tmp_path, office_days)
    first, second = sealing(on_sqlite, tmp_path, volume_bytes=1_000).run(AT, now=True)
    assert second.first_leaf == first.leaves > 0
    assert second.previous == f"QZ-0001 {first.manifest}"


def test_without_room_nothing_is_begun(office_days: OfficeDays, tmp_path: Path, on_sqlite: Store) -> None:
    taken = take_days(on_sqlite, tmp_path, office_days)
    needed = sum(parcel.bytes for parcel in taken) * 22 // 10
    with pytest.raises(NoRoom, match=f"needs {needed}"):
        list(sealing(on_sqlite, tmp_path, free=lambda _folder: needed - 1).run(AT, now=True))
    with on_sqlite.reading() as connection:
        assert read_volumes(connection) == ()
    assert len(list(sealing(on_sqlite, tmp_path, free=lambda _folder: needed).run(AT, now=True))) == 1


@pytest.fixture(scope="module")
def ready(office_days: OfficeDays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose parcels are complete; each test works on a copy."""
    folder = tmp_path_factory.mktemp("ready")
    with with_days(folder, office_days):
        return folder


@pytest.fixture(scope="module")
def whole(ready: Path) -> Sealed:
    """What came of a sealing that nothing struck."""
    sealed, wrong = sealed_in(ready)
    assert wrong == []
    return sealed


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_durable_step_and_run_again_later_the_same_bytes_come_of_it(
    ready: Path, whole: Sealed, point: str
) -> None:
    assert play_sealing(ready, whole, point) == []
