"""Least privilege on PostgreSQL: under its role the program does all of its work and is refused the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.book.store import Store
from ledger.errors import LedgerError
from tests.support.collection_desk import Room
from tests.support.customers_desk import POLICY, Counter
from tests.support.interleaving import new_postgresql
from tests.support.role_logins import role_logins

SCRIPT = Path(__file__).parents[2] / "collection" / "database" / "roles.sql"


@pytest.fixture
def customers(tmp_path: Path) -> Iterator[Counter]:
    """The customers' office, on SQLite: this is about the other database."""
    opened = Counter(f"sqlite:///{tmp_path}/customers.db", tmp_path)
    opened.load(opened.file())
    yield opened
    opened.close()


@pytest.fixture
def logins(postgresql: str, customers: Counter, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The URL of one database of collection for a login of each group."""
    owner = new_postgresql(postgresql, "roles_collection")
    Room(owner, customers, tmp_path).close()
    with role_logins(postgresql, owner, SCRIPT, ("collection", "auditor")) as urls:
        yield urls


def test_under_its_role_a_batch_goes_all_the_way_and_nothing_else_is_granted(
    logins: dict[str, str], customers: Counter, tmp_path: Path
) -> None:
    room = Room(logins["collection"], customers, tmp_path)
    room.mandate()
    room.dues(("D1", POLICY, 100))
    name = room.sent()
    room.answer(name, D1="ACSC")
    assert room.apply(name).state == "applied"
    room.close()
    for group, statement in (
        ("collection", "DELETE FROM lines"),
        ("collection", "UPDATE audit_log SET note = ''"),
        ("collection", "UPDATE files SET name = ''"),
        ("collection", "UPDATE lines SET due = ''"),
        ("collection", "UPDATE batches SET made_by = ''"),
        ("collection", "UPDATE mandates SET account_sealed = ''"),
        ("collection", "DROP TRIGGER line_step ON lines"),
        ("auditor", "UPDATE lines SET state = 'failed'"),
        ("auditor", "INSERT INTO events VALUES (1, 1, '', '', '', 1, '', '')"),
    ):
        store = Store(logins[group])
        with pytest.raises(LedgerError, match="InsufficientPrivilege"), store.transaction() as connection:
            connection.execute(text(statement))
        store.close()
    auditor = Store(logins["auditor"])
    with auditor.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM lines")).scalar_one() == 1
    auditor.close()
