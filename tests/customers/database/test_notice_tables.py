"""What the database refuses by itself of notices, deliveries and tasks, whatever the program does."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from customers.rules.sending import AGAIN_US
from ledger.errors import LedgerError
from tests.support.customers_desk import Counter

NOTICE = "INSERT INTO notices VALUES (1, :p, 'P1', 'grace', 'zh', 'D1', 'k1', '{}', 0, 'queued', 1, 1)"
INSERT = "INSERT INTO deliveries VALUES "
DELIVERY = f"{INSERT}(1, 1, :p, '20261201', 1, 'mobile', 1, 'folder', 'k', '', 'unknown', 5, 0, '')"
TASK = "INSERT INTO tasks VALUES (1, 'lapsing', 'P1', '', '', '20261201', 'open', '', '', 0, 1, 1)"


class Rows:
    """The tables of an office with a notice, and the answer whether a statement is refused."""

    def __init__(self, counter: Counter) -> None:
        self.counter, self.person = counter, counter.person()
        self.do(NOTICE)

    def do(self, *statements: str) -> None:
        with self.counter.store.transaction() as connection:
            for statement in statements:
                connection.execute(text(statement), {"p": self.person})

    def refuses(self, *statements: str) -> bool:
        try:
            self.do(*statements)
        except LedgerError:
            return True
        return False


@pytest.fixture
def rows(loaded: Counter) -> Rows:
    return Rows(loaded)


def test_a_notice_is_there_once_and_only_goes_on(rows: Rows) -> None:
    another = NOTICE.replace("(1,", "(2,")
    for statement in (
        another.replace("'D1'", "'D2'"),
        another.replace("'k1'", "'k2'"),
        another.replace("'D1', 'k1'", "'D2', 'k2'").replace("'queued'", "'accepted'"),
        another.replace("'D1', 'k1'", "'D2', 'k2'").replace("(2,", "(3,"),
        another.replace("'D1', 'k1', '{}'", "'D2', 'k2', 'li@a.cn'"),
        "UPDATE notices SET dedupe = 'k9'",
        "UPDATE notices SET person = 'x'",
        "UPDATE notices SET content = '{1}'",
        "UPDATE notices SET state = 'unknown'",
        "UPDATE notices SET state = 'accepted'",
        "UPDATE notices SET state = 'delivered'",
        "DELETE FROM notices",
    ):
        assert rows.refuses(statement), statement
    assert not rows.refuses(another.replace("'D1', 'k1'", "'D2', 'k2'"))
    rows.do("UPDATE notices SET state = 'failed' WHERE notice = 1")
    assert rows.refuses("UPDATE notices SET state = 'queued' WHERE notice = 1")


def test_a_delivery_begins_unknown_and_its_notice_follows(rows: Rows) -> None:
    for statement in (
        DELIVERY.replace("'unknown'", "'accepted'"),
        DELIVERY.replace("(1, 1,", "(1, 2,"),
        DELIVERY.replace("(1, 1,", "(2, 1,"),
        DELIVERY.replace("'20261201', 1", "'20261201', 0"),
        DELIVERY.replace("'20261201', 1", "'20261201', 4"),
        DELIVERY.replace("''", "'li@a.cn'"),
    ):
        assert rows.refuses(statement), statement
    rows.do(DELIVERY, "UPDATE notices SET state = 'unknown'")
    again = DELIVERY.replace("(1, 1,", "(1, 2,").replace("1, 'mobile'", "2, 'mobile'")
    for statement in (
        again,  # the notice is not queued
        "UPDATE notices SET state = 'accepted'",
        "UPDATE notices SET state = 'delivered'",
        "UPDATE notices SET state = 'failed'",
        "UPDATE deliveries SET contact = 2",
        "UPDATE deliveries SET key = 'x'",
        "UPDATE deliveries SET nth_of_day = 2",
        "UPDATE deliveries SET state = 'failed'",  # it counts for the day still
        "DELETE FROM deliveries",
    ):
        assert rows.refuses(statement), statement
    rows.do("UPDATE deliveries SET state = 'accepted', ref = 'r'", "UPDATE notices SET state = 'accepted'")
    assert rows.refuses("UPDATE deliveries SET ref = 's'")
    assert rows.refuses("UPDATE notices SET state = 'queued', moved_at = 99999999999999999")
    rows.do("UPDATE deliveries SET state = 'delivered'", "UPDATE notices SET state = 'delivered'")
    assert rows.refuses("UPDATE deliveries SET state = 'failed', nth_of_day = 0")


def test_what_may_have_been_sent_is_not_sent_again_within_a_day(rows: Rows) -> None:
    rows.do(DELIVERY, "UPDATE notices SET state = 'unknown'")
    again = "UPDATE notices SET state = 'queued', moved_at = "
    assert rows.refuses(f"{again}{5 + AGAIN_US - 1}")
    assert not rows.refuses(f"{again}{5 + AGAIN_US}")


def test_a_person_gets_three_a_day(rows: Rows) -> None:
    other = NOTICE.replace("(1,", "(2,").replace("'D1', 'k1'", "'D2', 'k2'")
    rows.do(other, DELIVERY)
    assert rows.refuses(DELIVERY.replace("(1, 1,", "(2, 1,"))
    assert not rows.refuses(DELIVERY.replace("(1, 1,", "(2, 1,").replace("1, 'mobile'", "2, 'mobile'"))


def test_a_task_is_open_once_and_only_goes_on(rows: Rows) -> None:
    history = "INSERT INTO task_history VALUES (1, 1, 'open', 1, '', '', 'open', '')"
    for statement in (
        TASK.replace("'open'", "'done'"),
        TASK.replace("(1,", "(7,"),
        TASK.replace("'P1', ''", "'', ''"),
        TASK.replace("'lapsing'", "'other'"),
    ):
        assert rows.refuses(statement), statement
    rows.do(TASK, history)
    for statement in (
        TASK.replace("(1,", "(2,"),
        history,
        history.replace("(1, 1,", "(1, 2,").replace("'open', ''", "'done', ''"),
        "UPDATE task_history SET note = 'x'",
        "DELETE FROM task_history",
        "UPDATE tasks SET policy = 'P2'",
        "UPDATE tasks SET state = 'assigned'",
        "UPDATE tasks SET owner = 'li'",
        "UPDATE tasks SET escalated = 1",
        "UPDATE tasks SET outcome = 'paid'",
        "DELETE FROM tasks",
    ):
        assert rows.refuses(statement), statement
    rows.do("UPDATE tasks SET state = 'assigned', owner = 'li'")
    assert rows.refuses("UPDATE tasks SET state = 'open', owner = ''")
    rows.do("UPDATE tasks SET state = 'open', owner = '', escalated = 1")
    rows.do("UPDATE tasks SET state = 'done'")
    assert rows.refuses("UPDATE tasks SET state = 'open'")
