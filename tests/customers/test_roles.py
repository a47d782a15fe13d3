"""Least privilege on PostgreSQL: under its role each program does all of its work and is refused the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from customers.audit import audit
from customers.book import Book
from customers.evidence import Evidence
from customers.rules.states import Act, PersonState
from ledger.book.store import Store
from ledger.errors import LedgerError
from tests.support.customers_desk import POLICY, ZHANG, Counter
from tests.support.interleaving import new_postgresql
from tests.support.role_logins import role_logins

SCRIPT = Path(__file__).parents[2] / "customers" / "database" / "roles.sql"
GROUPS = ("customers", "sealer", "auditor")


@pytest.fixture
def logins(postgresql: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The URL of one customers' database for a login of each group, the owner's among them."""
    owner = new_postgresql(postgresql, "roles_customers")
    Counter(owner, tmp_path).close()
    with role_logins(postgresql, owner, SCRIPT, GROUPS) as urls:
        yield urls


def test_each_program_does_its_work_under_its_role(logins: dict[str, str], tmp_path: Path) -> None:
    desk = Counter(logins["customers"], tmp_path)
    desk.load(desk.file())
    person = desk.person()
    desk.agreed(Act.RESTRICT, person)
    desk.agreed(Act.LOOK, person)
    assert desk.show(person).name == "张*"
    other = desk.person(POLICY, "insured")
    desk.agreed(Act.SHRED, other)
    sealer = Store(logins["sealer"])
    book = Book(sealer, desk.keys)
    assert (book.person_of(POLICY), book.state_of(person)) == (person, PersonState.RESTRICTED)
    assert (book.key_of(person) is None, book.key_of(other)) == (False, None)
    assert book.person_by_document(ZHANG) == person
    auditor = Store(logins["auditor"])
    with auditor.reading(snapshot=True) as connection:
        assert audit(Evidence(connection, desk.keys, tmp_path / "certificates")).failings == ()
    for store in (sealer, auditor):
        store.close()
    desk.close()


REFUSED = (
    ("customers", "DELETE FROM person_keys"),
    ("customers", "UPDATE audit_log SET note = ''"),
    ("customers", "UPDATE facts SET value = ''"),
    ("customers", "UPDATE persons SET person = ''"),
    ("customers", "UPDATE proposals SET proposed_by = ''"),
    ("customers", "DROP TRIGGER person_changes_by_two ON persons"),
    ("customers", "TRUNCATE persons CASCADE"),
    ("sealer", "SELECT name_sealed FROM persons"),
    ("sealer", "SELECT name_masked FROM persons"),
    ("sealer", "SELECT * FROM audit_log"),
    ("sealer", "UPDATE person_keys SET wrapped = ''"),
    ("auditor", "INSERT INTO audit_log VALUES (1, 1, '', '', '', '', '')"),
    ("auditor", "UPDATE person_keys SET wrapped = ''"),
)


def test_what_is_not_a_roles_work_is_refused(logins: dict[str, str]) -> None:
    stores = {group: Store(url) for group, url in logins.items()}
    for group, statement in REFUSED:
        with (
            pytest.raises(LedgerError, match="InsufficientPrivilege"),
            stores[group].transaction() as connection,
        ):
            connection.execute(text(statement))
    for store in stores.values():
        store.close()


def test_a_stranger_does_not_connect(logins: dict[str, str]) -> None:
    store = Store(logins["stranger"])
    with pytest.raises(LedgerError, match="cannot connect"), store.reading():
        pass
    store.close()
