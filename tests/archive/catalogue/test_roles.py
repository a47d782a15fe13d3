"""Least privilege on PostgreSQL: under its role the archive does all of its work and is refused the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalogue.acts import prepare
from archive.catalogue.volumes import read_volumes
from archive.errors import ActRefused
from archive.keeping import Actor, propose_destruction
from ledger.book.store import Store
from ledger.errors import LedgerError
from tests.support.archived_days import ARCHIVE, AT, OfficeDays
from tests.support.interleaving import new_postgresql
from tests.support.role_logins import role_logins
from tests.support.sealing_room import sealing, take_days

SCRIPT = Path(__file__).parents[3] / "archive" / "catalogue" / "roles.sql"
GROUPS = ("archive", "auditor")
REFUSED = (
    ("archive", "DELETE FROM volumes"),
    ("archive", "UPDATE audit_log SET note = ''"),
    ("archive", "UPDATE files SET sha256 = ''"),
    ("archive", "UPDATE facts SET value = 'x'"),
    ("archive", "DROP TRIGGER volume_step ON volumes"),
    ("archive", "ALTER TABLE accesses DISABLE TRIGGER ALL"),
    ("auditor", "INSERT INTO fetches VALUES (1, 'v', 'b', 1)"),
    ("stranger", "SELECT 1 FROM volumes"),
)


@pytest.fixture
def logins(postgresql: str) -> Iterator[dict[str, str]]:
    """The URL of one catalogue for a login of each group."""
    owner = new_postgresql(postgresql, "roles_archive")
    store = Store(owner, by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    store.close()
    with role_logins(postgresql, owner, SCRIPT, GROUPS) as urls:
        yield urls


def test_under_its_role_the_archive_seals_and_is_refused_the_rest(
    logins: dict[str, str], office_days: OfficeDays, tmp_path: Path
) -> None:
    store = Store(logins["archive"], by_index=False)
    prepare(store, ARCHIVE, 2, "li")
    take_days(store, tmp_path, office_days)
    at_work = sealing(store, tmp_path, volume_bytes=1_000)
    assert len(list(at_work.run(AT, now=True))) == 2
    assert at_work.make_parity(AT).volume == "QZ-0003"
    with pytest.raises(ActRefused):
        propose_destruction(store, "QZ-0001", "over", "20261001", Actor("li", AT))
    store.close()
    auditor = Store(logins["auditor"], by_index=False)
    with auditor.reading() as connection:
        assert len(read_volumes(connection)) == 3
    auditor.close()
    for group, statement in REFUSED:
        refused = Store(logins[group], by_index=False)
        with pytest.raises(LedgerError), refused.transaction() as connection:
            connection.execute(text(statement))
        refused.close()
