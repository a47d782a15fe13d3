"""What collection wants reaches the customers' queue and tasks once, for who pays; events end tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collection.handover import Handed, fresh, hand_over, of_payers, payers_of, untold
from collection.reminders import Chore, Ends, Reminder, Template, Wanted
from customers.notices import tasks
from customers.notices.queue import notice_rows
from customers.notices.templates import read_templates
from customers.rules.notice_states import Outcome, TaskKind
from customers.rules.person import Role
from tests.support.collection_desk import AT
from tests.support.customers_desk import OTHER_POLICY, POLICY, Counter

NONE = Ends(frozenset(), frozenset())


def receipt(policy: str = POLICY, number: str = "26120101000001", tail: str = "000001") -> Reminder:
    values = {"amount": "1", "date": "20261201", "policy": policy[-4:], "receipt": tail}
    return Reminder(policy, number, Template.DONE, values, f"receipt:{number}")


def chore(kind: TaskKind = TaskKind.RETURN, policy: str = POLICY, attempt: int = 1) -> Chore:
    return Chore(policy, kind, "20270130", f"due of 20261201, attempt {attempt}")


def remind(counter: Counter, wanted: Wanted, ends: Ends = NONE) -> Handed:
    """Hand over what is wanted, as the command does."""
    with counter.store.reading() as connection:
        found = fresh(connection, wanted)
    payers = payers_of(counter.book, found)
    with counter.store.transaction() as connection:
        return hand_over(connection, read_templates(), of_payers(found, payers), payers, ends, AT)


@pytest.fixture
def counter(new_database: Callable[[str], str], tmp_path: Path) -> Iterator[Counter]:
    """The customers' three persons on two policies; a company pays the second."""
    opened = Counter(new_database("customers"), tmp_path)
    opened.load(opened.file())
    yield opened
    opened.close()


def test_what_was_handed_over_is_not_handed_over_again(counter: Counter) -> None:
    wanted = Wanted((receipt(), receipt()), (chore(),))
    with counter.store.reading() as connection:
        assert untold(connection, wanted.notices) == 1
    assert remind(counter, wanted) == Handed(1, 1, 1, 0, ())
    assert remind(counter, wanted) == Handed(0, 0, 0, 0, ())
    with counter.store.reading() as connection:
        assert untold(connection, wanted.notices) == 0


def test_a_notice_is_for_who_pays_and_of_a_policy_that_nobody_pays_there_is_none(counter: Counter) -> None:
    given = (receipt(), receipt(OTHER_POLICY, "26120101000002"), receipt("P20170080000009", "26120101000003"))
    assert remind(counter, Wanted(given, (chore(policy="P20170080000009"),))).new == 2
    with counter.store.reading() as connection:
        people = [row.person for row in notice_rows(connection)]
    assert people == [counter.person(), counter.person(OTHER_POLICY, Role.PAYER)]


def test_a_notice_whose_text_cannot_be_made_holds_up_no_other(counter: Counter) -> None:
    handed = remind(counter, Wanted((receipt(tail="x"), receipt(OTHER_POLICY, "26120101000002")), ()))
    assert handed.new == 1
    assert handed.refused[0].startswith(f"26120101000001 {POLICY}: no notice of debit_done")


def test_a_task_that_staff_have_done_is_not_opened_again_but_one_of_another_attempt_is(
    counter: Counter,
) -> None:
    remind(counter, Wanted((), (chore(),)))
    with counter.store.transaction() as connection:
        tasks.assign(connection, 1, "li", "li", AT)
        tasks.finish(connection, 1, Outcome.SETTLED, "li", AT)
    assert remind(counter, Wanted((), (chore(), chore(attempt=2)))).opened == 1


def test_a_payment_ends_what_wants_money_and_a_mandate_what_wants_a_mandate(counter: Counter) -> None:
    kinds = (TaskKind.RETURN, TaskKind.LAPSING, TaskKind.HARD_FAILURE, TaskKind.NO_MANDATE)
    wanted = Wanted((), tuple(chore(kind) for kind in kinds))
    assert remind(counter, wanted).opened == len(kinds)
    assert remind(counter, wanted, Ends(frozenset(), frozenset({OTHER_POLICY}))).ended == 0
    assert remind(counter, wanted, Ends(frozenset(), frozenset({POLICY}))).ended == 2
    assert remind(counter, wanted, Ends(frozenset({POLICY}), frozenset())).ended == 2
