"""What the archive's tests share: an office after posted days, and a catalogue on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger.book.store import Store
    from tests.support.archived_days import OfficeDays


@pytest.fixture(scope="session")
def office_days(tmp_path_factory: pytest.TempPathFactory) -> OfficeDays:
    """An office with two posted days and an open one; a test leaves it as it was."""
    from tests.support.archived_days import OfficeDays

    return OfficeDays(tmp_path_factory.mktemp("office"), days=2)


@pytest.fixture
def catalogue(new_database: Callable[[str], str]) -> Iterator[Store]:
    """An empty catalogue, on each kind of database."""
    from archive.catalogue.acts import prepare
    from ledger.book.store import Store
    from tests.support.archived_days import ARCHIVE

    store = Store(new_database("archive"), by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    yield store
    store.close()


@pytest.fixture(scope="session")
def sealed_days(office_days: OfficeDays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with two volumes of a day each; a test works on a copy."""
    from tests.support.archived_days import AT
    from tests.support.sealing_room import sealing, with_days

    folder = tmp_path_factory.mktemp("sealed")
    with with_days(folder, office_days) as store:
        sealed = sealing(store, folder, volume_bytes=1_000).run(AT, now=True)
        assert [volume.volume for volume in sealed] == ["QZ-0001", "QZ-0002"]
    return folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The catalogue in a test's own folder."""
    from ledger.book.store import Store

    opened = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    yield opened
    opened.close()


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Store]:
    """An empty catalogue in a file: for tests of what is on disk, which no database decides."""
    from archive.catalogue.acts import prepare
    from ledger.book.store import Store
    from tests.support.archived_days import ARCHIVE

    store = Store(f"sqlite:///{tmp_path / 'archive.db'}", by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    yield store
    store.close()
