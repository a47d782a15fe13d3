"""The audit finds what was changed behind the database's back, and nothing in a database that was not."""

# ruff: noqa: S608 - the statements are put together from this file's own texts
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from customers import decisions
from customers.audit import audit
from customers.change_file import Answer, parse_answers, write_answers
from customers.changes import Asked, request_change, take_answers, write_file
from customers.consents import grant
from customers.contacts import mark
from customers.database.schema import CUSTOMERS
from customers.evidence import Evidence
from customers.load_rows import AgentRow, ContactRow, EndedHolding, ServingRow
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import ChangeState, Outcome, Purpose
from customers.rules.person import Role
from customers.rules.states import Act
from ledger.book.store import Store
from ledger.rules.beijing import midnight
from tests.support.customers_desk import FACTORY, LI, OTHER_POLICY, POLICY, Counter, holding


@pytest.fixture
def worked(tmp_path: Path) -> Iterator[Counter]:
    """Zhang restricted and looked at, the factory shredded, Li renamed, one holding ended; on SQLite: the
    audit reads what the tests of the parts wrote on both.
    """
    counter = Counter(f"sqlite:///{tmp_path}/customers.db", tmp_path)
    counter.load(counter.file())
    gone = EndedHolding(0, POLICY, Role.INSURED, LI, "20261124")
    renamed = holding("P9", Role.HOLDER, LI)._replace(name="王四")
    counter.load(counter.file_of("20261125", renamed, ended=[gone]))
    counter.show(counter.person())
    counter.agreed(Act.RESTRICT, counter.person())
    counter.agreed(Act.LOOK, counter.person())
    counter.show(counter.person())
    counter.load(counter.file_of("20261125", ContactRow(0, FACTORY, ContactKind.POST, "上海市示例路2号", "")))
    counter.agreed(Act.SHRED, counter.person(OTHER_POLICY, "payer"))
    decisions.propose(counter.desk(), "li", counter.person("P9"), Act.SHRED, "why")
    _served(counter)
    yield counter
    counter.close()


def _served(counter: Counter) -> None:
    """Li has a dead contact and one by a change that was done, a consent and an agent; the factory had a
    contact.
    """
    loader, person = counter.loader(), counter.person("P9")
    rows = (
        ContactRow(0, LI, ContactKind.MOBILE, "13800138001", "20261101"),
        ContactRow(0, LI, ContactKind.EMAIL, "li@example.com", ""),
        AgentRow(0, "A1", "Wang", "Shanghai", ""),
        ServingRow(0, "P9", "A1", "20261101"),
    )
    counter.load(counter.file_of("20261126", *rows))
    request_change(loader, Asked(person, ContactKind.MOBILE, "13800138002", Source.COUNTER))
    request_change(loader, Asked(person, ContactKind.POST, "上海市黄浦区示例路1号", Source.STAFF))
    write_file(loader)
    answers = [Answer(0, 1, ChangeState.DONE, ""), Answer(0, 2, ChangeState.DECLINED, "no")]
    take_answers(loader, parse_answers(write_answers("20261126", answers)))
    grant(counter.desk(), "li", person, Purpose.DEBIT, "ab" * 32)
    with counter.store.transaction() as connection:
        for date in ("20261127", "20261128"):
            mark(connection, 3, Outcome.FAILED, midnight(date))


def reasons(counter: Counter) -> list[str]:
    folder = Path(counter.settings.customers.certificates)
    with counter.store.reading(snapshot=True) as connection:
        return [failing.reason for failing in audit(Evidence(connection, counter.keys, folder)).failings]


def test_nothing_is_found_where_nothing_was_changed(worked: Counter) -> None:
    assert reasons(worked) == []
    with worked.store.reading(snapshot=True) as connection:
        audited = audit(Evidence(connection, worked.keys, worked.folder.joinpath("certificates")))
    assert (audited.persons, audited.shredded, audited.holdings, audited.loads) == (3, 1, 5, 4)
    assert (audited.proposals, audited.records) == (4, 22)


def tampered(counter: Counter, statement: str) -> None:
    """Run a statement with every trigger off and no constraint looked at, as who owns the database can."""
    store: Store = counter.store
    with store.transaction() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
        for name in names.all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(text(statement))


_SHREDDED = "(SELECT person FROM persons WHERE state = 'shredded')"
_LI = "(SELECT person FROM holdings WHERE policy = 'P9')"
_ZHANG = "(SELECT person FROM persons WHERE state = 'restricted')"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_log SET note = 'x' WHERE number = 2", "does not carry the hash of the act before it"),
        ("DELETE FROM audit_log WHERE number = 2", "missing; the next act is 3"),
        (f"UPDATE person_keys SET wrapped = 'aa' WHERE person = {_SHREDDED}", "is shredded, and its key"),
        (f"UPDATE persons SET name_masked = '示*' WHERE person = {_SHREDDED}", "is shredded, and its key"),
        (f"UPDATE person_keys SET wrapped = '' WHERE person = {_LI}", "has no key, and is not shredded"),
        (f"DELETE FROM person_keys WHERE person = {_LI}", "has no row of a key"),
        (
            f"UPDATE person_keys SET wrapped = (SELECT wrapped FROM person_keys WHERE person = {_ZHANG})"
            f" WHERE person = {_LI}",
            "does not open: it was altered, or is another's",
        ),
        (
            f"UPDATE persons SET name_sealed = (SELECT id_sealed FROM persons WHERE person = {_LI})"
            f" WHERE person = {_LI}",
            "does not open: it was altered, or stood elsewhere",
        ),
        (f"UPDATE persons SET name_masked = '李*' WHERE person = {_LI}", "the masked name is another's"),
        (
            f"UPDATE persons SET id_digest = '{'0' * 32}' WHERE person = {_LI}",
            "the document's digest is another's",
        ),
        (f"UPDATE persons SET state = 'active' WHERE person = {_ZHANG}", "in a state to which no two people"),
        (f"UPDATE persons SET state = 'restricted' WHERE person = {_LI}", "in a state to which no two"),
        ("UPDATE proposals SET decided_by = 'li' WHERE act = 'shred'", "one person proposed and approved it"),
        ("UPDATE proposals SET decided_by = 'zhao' WHERE act = 'shred'", "a step of it is not in the audit"),
        ("DELETE FROM proposals WHERE number = 1", "proposal 1: missing"),
        ("UPDATE proposals SET certificate = 'x' WHERE act = 'shred'", "the certificate is not that of"),
        ("DELETE FROM proposals WHERE act = 'shred' AND state = 'done'", "is shredded without a proposal"),
        ("UPDATE loads SET new_persons = 9 WHERE number = 1", "its persons and holdings are not those"),
        ("UPDATE loads SET digest = 'x' WHERE number = 2", "no record of the audit log has its digest"),
        (
            "UPDATE holdings SET to_date = '20261130', ended_load = 1 WHERE policy = 'P9'",
            "holdings that ended",
        ),
        ("DELETE FROM proposals WHERE act = 'look'", "a look at a restricted person that nobody approved"),
        ("UPDATE contacts SET tail = '*9' WHERE number = 3", "the tail or the digest is another's"),
        (f"UPDATE contacts SET value_digest = '{'0' * 32}' WHERE number = 3", "digest is another's"),
        (
            "UPDATE contacts SET value_sealed = (SELECT value_sealed FROM contacts WHERE number = 2)"
            " WHERE number = 3",
            "does not open: it was altered, or stood elsewhere",
        ),
        ("UPDATE contacts SET tail = '*9' WHERE number = 1", "is shredded, and a contact is there"),
        ("UPDATE changes SET tail = '*9' WHERE number = 1", "the tail or the digest is another's"),
        ("UPDATE contacts SET state = 'good' WHERE number = 3", "to which its history does not lead"),
        ("DELETE FROM contact_events WHERE contact = 3 AND number = 2", "a step of its history does not"),
        ("UPDATE contact_events SET event = 'delivered' WHERE number = 2", "a step of its history does not"),
        ("UPDATE contact_events SET at = 1 WHERE contact = 3", "is dead by failures on one day"),
        (
            "UPDATE contacts SET load = 9 WHERE number = 2",
            "its contacts, servings and consents are not those",
        ),
        ("UPDATE serving SET load = 9", "its contacts, servings and consents are not those"),
        ("UPDATE changes SET made_by = 'zhao' WHERE number = 1", "is not in the audit log"),
        ("UPDATE changes SET state = 'done' WHERE number = 2", "its answer is not in the audit log"),
        ("UPDATE changes SET state = 'declined' WHERE number = 1", "came by a change that was not done"),
        ("DELETE FROM changes WHERE number = 1", "changes 1: missing"),
        ("UPDATE agents SET state = 'left', left_on = '20261101'", "is served by an agent who left"),
        ("UPDATE consents SET purpose = 'notice'", "is not in the audit log"),
        ("UPDATE consents SET number = 2", "consents 1: missing"),
    ],
)
def test_a_change_behind_the_databases_back_is_found(worked: Counter, statement: str, reason: str) -> None:
    tampered(worked, statement)
    assert [found for found in reasons(worked) if reason in found]


@pytest.mark.parametrize("content", ["", None])
def test_a_certificate_that_is_gone_or_changed_is_found(worked: Counter, content: str | None) -> None:
    (path,) = worked.folder.joinpath("certificates").iterdir()
    if content is None:
        path.unlink()
    else:
        path.write_text(content, encoding="utf-8")
    assert [f"{path}: the certificate's file is not there as it was"] == reasons(worked)


def test_every_table_of_the_database_is_there(worked: Counter) -> None:
    with worked.store.reading() as connection:
        assert set(inspect(connection).get_table_names()) == set(CUSTOMERS.tables)
