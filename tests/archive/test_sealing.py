"""Complete parcels become a sealed volume, or nothing; killed anywhere, the same bytes come of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from archive import merged_index
from archive.catalogue.parcels import Parcel, read_parcels
from archive.catalogue.volumes import Volume, files_of, read_volumes
from archive.errors import NoRoom
from archive.rules.states import ParcelState, VolumeState
from archive.volume.index import Kind
from ledger.book.store import Store
from office.database.schema import entries
from tests.support.archived_days import AT, OfficeDays, person_of
from tests.support.sealing_room import places, sealing, take_days, with_days

pytestmark = pytest.mark.slow


def images(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("images/*.iso")}


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


Result = tuple[dict[str, str], tuple[Volume, ...], tuple[Parcel, ...]]


def killed(folder: Path, kill_at: str) -> None:
    """Have a process of its own seal, and kill itself before a step: nothing cleans up after it."""

    def step(name: str) -> None:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        try:
            store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
            list(sealing(store, folder, step=step).run(AT, now=True))
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def sealed_in(ready: Path, folder: Path, kill_at: str = "") -> tuple[list[str], Result]:
    """Seal a copy; where a step is named, a process was killed before it, and this one seals later."""
    shutil.copytree(ready, folder)
    if kill_at:
        killed(folder, kill_at)
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    steps: list[str] = []
    list(sealing(store, folder, step=steps.append).run(AT + bool(kill_at not in ("", *BEFORE)), now=True))
    with store.reading() as connection:
        result = images(folder), read_volumes(connection), read_parcels(connection)
    assert merged_index.find(places(folder).index, Kind.PERSON, person_of("P1").person, 1) is not None
    assert list(places(folder).staging.rglob("*.jsonl")) == []
    store.close()
    return steps, result


BEFORE = ("index", "tidy", "room")
"""The steps before the volume has its name and its moment."""


@pytest.fixture(scope="module")
def whole(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Result]:
    """The steps of a sealing that nothing disturbed, and what came of it."""
    return sealed_in(ready, tmp_path_factory.mktemp("sealed") / "whole")


STEPS = (*BEFORE, "stage", "log", "build", "image", "check", "seal")


def test_the_steps_of_a_sealing_are_those_at_which_it_is_killed(whole: tuple[list[str], Result]) -> None:
    assert set(whole[0]) == set(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_killed_before_a_step_and_run_again_later_the_same_bytes_come_of_it(
    ready: Path, tmp_path: Path, whole: tuple[list[str], Result], name: str
) -> None:
    assert sealed_in(ready, tmp_path / name, name)[1] == whole[1]
