"""The audit finds what was changed behind the database's back, and nothing in a database that was not."""

# ruff: noqa: S608 - the statements are put together from this file's own texts
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from customers import decisions
from customers.audit import Evidence, audit
from customers.database.schema import CUSTOMERS
from customers.load_rows import EndedHolding
from customers.rules.person import Role
from customers.rules.states import Act
from ledger.book.store import Store
from tests.support.customers_desk import LI, OTHER_POLICY, POLICY, Counter, holding


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
    counter.agreed(Act.SHRED, counter.person(OTHER_POLICY, "payer"))
    decisions.propose(counter.desk(), "li", counter.person("P9"), Act.SHRED, "why")
    yield counter
    counter.close()


def reasons(counter: Counter) -> list[str]:
    folder = Path(counter.settings.customers.certificates)
    with counter.store.reading(snapshot=True) as connection:
        return [failing.reason for failing in audit(Evidence(connection, counter.keys, folder)).failings]


def test_nothing_is_found_where_nothing_was_changed(worked: Counter) -> None:
    assert reasons(worked) == []
    with worked.store.reading(snapshot=True) as connection:
        audited = audit(Evidence(connection, worked.keys, worked.folder.joinpath("certificates")))
    assert (audited.persons, audited.shredded, audited.holdings, audited.loads) == (3, 1, 5, 2)
    assert (audited.proposals, audited.records) == (4, 14)


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
