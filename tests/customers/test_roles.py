"""Least privilege on PostgreSQL: under its role each program does all of its work and is refused the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from customers.audit import audit
from customers.book import Book
from customers.change_file import Answer, parse_answers, write_answers
from customers.changes import Asked, mark_by_clerk, request_change, take_answers, write_file
from customers.consents import grant, revoke
from customers.evidence import Evidence
from customers.load_rows import AgentRow, ContactRow, LeftRow, ServingRow
from customers.notices.queue import dedupes
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import ChangeState, Outcome, Purpose
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
    _serve(desk, person)
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
    with sealer.reading() as connection:
        assert dedupes(connection, "receipt:") == set()  # what collection's report counts
    auditor = Store(logins["auditor"])
    with auditor.reading(snapshot=True) as connection:
        assert audit(Evidence(connection, desk.keys, tmp_path / "certificates")).failings == ()
    for store in (sealer, auditor):
        store.close()
    desk.close()


def _serve(desk: Counter, person: str) -> None:
    """Contacts, agents, changes and consents, as a clerk and the core system's files have them."""
    agent = AgentRow(0, "A1", "Wang", "Shanghai", "")
    rows = (
        ContactRow(0, ZHANG, ContactKind.MOBILE, "13800138001", ""),
        ServingRow(0, POLICY, "A1", "20200101"),
    )
    desk.load(desk.file_of("20261125", agent, *rows))
    request_change(desk.loader(), Asked(person, ContactKind.MOBILE, "13800138002", Source.STAFF))
    write_file(desk.loader())
    answers = write_answers("20261125", [Answer(0, 1, ChangeState.DONE, "")])
    take_answers(desk.loader(), parse_answers(answers))
    mark_by_clerk(desk.loader(), 2, Outcome.FAILED, person)
    for change in (grant, revoke):
        change(desk.desk(), "li", person, Purpose.DEBIT, "ab" * 32)
    desk.load(desk.file_of("20261126", LeftRow(0, "A1", "20261120")))


REFUSED = (
    ("customers", "UPDATE contacts SET person = ''"),
    ("customers", "UPDATE contact_events SET state = 'good'"),
    ("customers", "UPDATE consents SET purpose = 'debit'"),
    ("customers", "UPDATE changes SET made_by = 'x'"),
    ("sealer", "SELECT tail FROM contacts"),
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
