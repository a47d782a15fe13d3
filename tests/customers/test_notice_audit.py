"""The audit finds each thing that does not hold of notices and tasks, on rows that no guard kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from customers.database.schema import CUSTOMERS
from customers.notice_audit import notice_findings
from customers.notices.tasks import TaskWanted, open_task
from customers.rules.notice_states import TaskKind
from tests.support.customers_desk import Counter
from tests.support.outbox import ALL, Post

DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def connection(loaded: Counter) -> Iterator[Connection]:
    """The rows of an office that sent three notices and has a task, copied to where nothing is refused."""
    post = Post(loaded)
    post.reach(*ALL)
    for about in ("D1", "D2", "D3"):
        post.put(about)
    post.run()
    with loaded.store.transaction() as source:
        open_task(source, TaskWanted(TaskKind.LAPSING, "P1", "", "20261201"), post.at)
    engine = create_engine("sqlite://")
    with engine.connect() as copy, loaded.store.reading() as source:
        for table in CUSTOMERS.sorted_tables:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            copy.execute(text(f"CREATE TABLE {table.name} ({columns})"))
            rows = source.execute(table.select()).mappings().all()
            if rows:
                copy.execute(table.insert(), [dict(row) for row in rows])
        yield copy
    engine.dispose()


def findings(connection: Connection, *statements: str) -> list[str]:
    for statement in statements:
        connection.execute(text(statement))
    found = [f"{subject}: {reason}" for subject, reason in notice_findings(connection)]
    connection.rollback()
    return found


AGAIN = (
    "INSERT INTO deliveries SELECT notice, 2, person, '20261202', 1, channel, contact, sender, key, ref,"
    " state, sent_at + {later}, 0, '' FROM deliveries WHERE notice = 1"
)


def test_what_does_not_hold_is_found(connection: Connection) -> None:
    connection.commit()
    assert findings(connection) == []
    assert findings(connection, AGAIN.format(later=DAY)) == []
    for statement, finding in (
        (AGAIN.format(later=DAY - 1), "notice 1: it was sent again though it may have arrived"),
        ("UPDATE notices SET dedupe = 'x'", "notice 1: another notice has its dedupe"),
        ("UPDATE notices SET state = 'delivered'", "notice 1: its state does not follow from its deliveries"),
        ("UPDATE notices SET state = 'queued'", "notice 1: its state does not follow from its deliveries"),
        ("DELETE FROM deliveries", "notice 1: its state does not follow from its deliveries"),
        ("DELETE FROM notices", "notice 1: a delivery has no notice to this person"),
        ("UPDATE contacts SET person = 'X'", "notice 1: a delivery went to a contact of somebody else"),
        ("UPDATE tasks SET state = 'done'", "task 1: it is not what its history says"),
        ("DELETE FROM task_history", "task 1: it is not what its history says"),
        ("UPDATE tasks SET note = 'call 13912345678'", "tasks 1: a phone number or an address is in clear"),
        (
            "UPDATE deliveries SET ref = 'a@b.cn'",
            "deliveries 1: a phone number or an address is in clear",
        ),
    ):
        assert finding in findings(connection, statement), statement


def test_more_than_three_a_day_are_found(connection: Connection) -> None:
    connection.commit()
    fourth = AGAIN.format(later=0).replace("'20261202'", "day").replace("notice, 2", "9, 1")
    assert any("4 notices went out on 20261201" in line for line in findings(connection, fourth))
