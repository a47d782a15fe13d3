"""The archive's audit finds nothing in what was sealed, and each thing that was changed behind its back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.audit import Finding, audit
from archive.catalogue.acts import write_access
from archive.log.note import public_half
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, OfficeDays
from tests.support.sealing_room import SEED, places

KEY = public_half(ARCHIVE, SEED)
WITNESSES = ()


@pytest.fixture(scope="module")
def sealed(sealed_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with two volumes; each test works on a copy."""
    folder = shutil.copytree(sealed_days, tmp_path_factory.mktemp("audited") / "archive")
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    with store.transaction() as connection:
        for number in range(3):
            write_access(connection, number, "li", "get", "QZ-0001", "asked")
        for name in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    store.close()
    return folder


@pytest.fixture
def folder(sealed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "archive")


def findings(
    folder: Path, *statements: str, posted: tuple[str, ...] = (), today: str = "20261001"
) -> list[Finding]:
    store = Store(f"sqlite:///{folder / 'archive.db'}", by_index=False)
    with store.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))
    with store.reading() as connection:
        found = list(audit(connection, places(folder), KEY, WITNESSES, posted, today))
    store.close()
    return found


def test_nothing_is_found_in_what_was_sealed(office_days: OfficeDays, folder: Path) -> None:
    assert findings(folder, posted=tuple(office_days.dates), today="20991231") == []


def test_a_posted_day_that_is_on_no_volume_after_a_month_is_named(folder: Path) -> None:
    assert findings(folder, posted=("20260829",), today="20260929") == []
    assert [found.subject for found in findings(folder, posted=("20260829",), today="20260930")] == [
        "20260829"
    ]


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("UPDATE volumes SET note = replace(note, 'Z30', 'Z10') WHERE volume = 'QZ-0001'", "QZ-0001"),
        ("UPDATE volumes SET manifest = 'ab' WHERE volume = 'QZ-0002'", "QZ-0002"),
        ("UPDATE files SET sha256 = 'ab' WHERE path = 'manifest-sha256.txt'", "QZ-0001"),
        ("UPDATE volumes SET root = '00' || substr(root, 3) WHERE volume = 'QZ-0002'", "QZ-0002"),
        (
            "UPDATE volumes SET first_leaf = first_leaf + 1, leaves = leaves - 1 WHERE volume = 'QZ-0002'",
            "QZ-0002",
        ),
        ("UPDATE audit_log SET note = 'other' WHERE number = 2", "audit_log 3"),
        ("DELETE FROM accesses WHERE number = 2", "accesses 2"),
    ],
)
def test_what_was_changed_is_named(folder: Path, statement: str, subject: str) -> None:
    assert subject in [found.subject for found in findings(folder, statement)]


def test_a_changed_tile_is_named(folder: Path) -> None:
    tile = next(path for path in (places(folder).log / "tile" / "0").rglob("*") if path.is_file())
    data = tile.read_bytes()
    tile.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert findings(folder) != []
