"""The close can stop anywhere: killed at any transaction and run again, it ends in the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from ledger.book.store import Store
from office.accounting import breaks
from office.database.schema import OFFICE
from office.errors import OfficeError
from office.matching.reconcile import NotReconcilable, Terms, reconcile
from simulators.days.discrepancies import Counts
from tests.support.closing_days import BANKS, World

pytestmark = pytest.mark.slow

SOME = Counts(bank_only=1, ours_only=1, amount_differs=1, state_differs=1, details_differ=1, duplicate=1)
_MOMENTS = frozenset(
    {
        *(
            "audit_log.at",
            "audit_log.previous",
            "bank_files.taken_at",
            "reconciliations.made_at",
            "break_events.at",
        ),
        "postings.posted_at",
        "posted_dates.posted_at",
        "receipt_keys.added_at",
        "signed_receipts.signed_at",
    }
)


class Killed(BaseException):
    """The process dies here: nothing of ours may catch it."""


class Mortal(Store):
    """An office's database whose process is killed at the n-th transaction, before its commit or after."""

    def __init__(self, url: str, kill_at: int, *, committed: bool) -> None:
        super().__init__(url, by_index=False)
        self._left = kill_at
        self._committed = committed

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self._left -= 1
        with super().transaction() as connection:
            yield connection
            if self._left == 0 and not self._committed:
                raise Killed
        if self._left == 0:
            raise Killed


def content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All that the office holds, but for the moments at which it was done and the acts' hashes over them."""
    tables = {}
    with store.reading() as connection:
        for table in OFFICE.sorted_tables:
            columns = [column for column in table.columns if str(column) not in _MOMENTS]
            rows = connection.execute(select(*columns)).all()
            tables[table.name] = sorted(tuple(map(str, row)) for row in rows)
    return tables


@pytest.fixture
def closed_day(database: str, office_url: str) -> Iterator[World]:
    """A front book with one closed day, and the banks' files of it; the office has done nothing yet."""
    world = World(database, office_url, seed=7, policies=300)
    world.days.trade(20)
    world.leave_files(world.days.cut_over().date, SOME)
    yield world
    world.close_world()


def close_until_killed(world: World, kill_at: int, *, committed: bool) -> bool:
    """Whether the close was killed; it is over with its process."""
    world.office.close()
    mortal = Mortal(world.office_url, kill_at, committed=committed)
    world.office = mortal
    try:
        list(world.at_close().run())
    except Killed:
        return True
    finally:
        mortal.close()
        world.office = Store(world.office_url, by_index=False)
    return False


def test_a_close_killed_at_every_transaction_in_turn_ends_in_the_same(closed_day: World) -> None:
    """For each transaction of the close: begin anew, be killed at it, run again to the end. Killed after a
    commit it leaves what it leaves when it is killed before the next one, so that is done for the last alone.
    """
    list(closed_day.at_close().run())
    undisturbed = content(closed_day.office)
    # the tables, two for the pull, one for the receipts, two a bank, and the posting
    last = 1 + 2 + 1 + 2 * len(BANKS) + 1
    for kill_at, committed in [*((number, False) for number in range(1, last + 1)), (last, True)]:
        wipe(closed_day)
        assert close_until_killed(closed_day, kill_at, committed=committed)
        list(closed_day.at_close().run())
        assert content(closed_day.office) == undisturbed, (kill_at, committed)
    wipe(closed_day)
    assert not close_until_killed(closed_day, last + 1, committed=False)


def wipe(world: World) -> None:
    """Begin again with an empty office."""
    with world.office.transaction() as connection:
        if world.office.is_sqlite:
            for name in connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).scalars():
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            for table in reversed(OFFICE.sorted_tables):
                connection.execute(text(f"DROP TABLE {table.name}"))
        else:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))


def test_running_the_close_again_changes_nothing(closed_day: World) -> None:
    first = list(closed_day.at_close().run())
    after = content(closed_day.office)
    again = list(closed_day.at_close().run())
    assert [result.step for result in again] == ["pull"]
    assert content(closed_day.office) == after
    assert first[-1].text == "posted, 3 banks"


def test_a_bank_whose_file_is_missing_holds_up_the_day_and_the_posting_of_no_other_bank(
    closed_day: World,
) -> None:
    (date,) = {date for _, date in closed_day.files}
    late = closed_day.files.pop((BANKS[1], date))
    results = list(closed_day.at_close().run())
    assert [(result.bank, result.text) for result in results if result.waiting] == [
        (BANKS[1], "the bank's file is not there yet")
    ]
    assert [result.bank for result in results if result.step == "reconcile"] == [BANKS[0], BANKS[2]]
    assert [result.bank for result in results if result.step == "post"] == [BANKS[0], BANKS[2]]
    assert [result for result in results if result.step == "day"] == []
    closed_day.files[BANKS[1], date] = late
    assert [result.waiting for result in closed_day.at_close().run() if result.waiting] == []


def test_a_damaged_file_is_taken_not_at_all_and_a_mended_one_is(closed_day: World) -> None:
    (date,) = {date for _, date in closed_day.files}
    good = closed_day.files[BANKS[0], date]
    closed_day.files[BANKS[0], date] = good[:-3]
    results = list(closed_day.at_close().run())
    assert [(result.bank, result.text[:16]) for result in results if result.waiting] == [
        (BANKS[0], "not taken: line ")
    ]
    assert [result.bank for result in results if result.step == "reconcile"] == [BANKS[1], BANKS[2]]
    assert {row[0] for row in content(closed_day.office)["bank_lines"]} == {BANKS[1], BANKS[2]}
    closed_day.files[BANKS[0], date] = good
    assert [result.waiting for result in closed_day.at_close().run() if result.waiting] == []


def test_a_bank_that_the_settings_have_not_holds_up_the_posting(closed_day: World) -> None:
    """Its money would never be posted, and nobody would be told."""
    whole = closed_day.settings
    closed_day.settings = whole.model_copy(update={"bank": whole.bank[:2]})
    results = list(closed_day.at_close().run())
    assert [(result.bank, result.text.partition(" has ")[0]) for result in results if result.waiting] == [
        (BANKS[2], "the journal")
    ]
    closed_day.settings = whole
    assert [result for result in closed_day.at_close().run() if result.waiting] == []
    closed_day.settings = whole.model_copy(update={"bank": whole.bank[1:]})
    assert list(closed_day.at_close().run())[1:] == []


def test_a_bank_taken_out_after_its_posting_holds_up_nothing(closed_day: World) -> None:
    (date,) = {date for _, date in closed_day.files}
    kept = closed_day.files.pop((BANKS[2], date))
    list(closed_day.at_close().run())
    whole = closed_day.settings
    closed_day.settings = whole.model_copy(update={"bank": whole.bank[2:]})
    closed_day.files[BANKS[2], date] = kept
    results = list(closed_day.at_close().run())
    assert [result.text for result in results if result.waiting] == []
    assert results[-1].text == "posted, 3 banks"


def test_a_day_is_not_reconciled_before_the_one_before_it(closed_day: World) -> None:
    (first,) = {date for _, date in closed_day.files}
    kept = dict(closed_day.files)
    closed_day.files.clear()
    closed_day.days.trade(5)
    second = closed_day.days.cut_over().date
    closed_day.leave_files(second, Counts())
    results = list(closed_day.at_close().run())
    assert {result.text for result in results if (result.waiting, result.date) == (True, second)} == {
        f"its business day {first} comes first"
    }
    assert [result for result in results if result.step == "reconcile"] == []
    with (
        pytest.raises(NotReconcilable, match=f"the file of bank {BANKS[0]} for {second} has not been taken"),
        closed_day.office.transaction() as connection,
    ):
        reconcile(connection, BANKS[0], second, Terms(True, True, "", 0), 1)
    closed_day.files.update(kept)
    assert [result.waiting for result in closed_day.at_close().run() if result.waiting] == []


def test_decisions_are_posted_once_and_by_two(closed_day: World) -> None:
    from tests.support.closing_days import CHART

    list(closed_day.at_close().run())
    with closed_day.office.transaction() as connection:
        open_break = next(row for row in breaks.listing(connection, states=("suspense",)) if row.difference)
        end = CHART.fitting(open_break.cls, open_break.difference)[0].name
        breaks.propose(connection, open_break.name, end, "li", 1, "", CHART)
    with pytest.raises(OfficeError), closed_day.office.transaction() as connection:
        breaks.approve(connection, open_break.name, "li", 2)
    with closed_day.office.transaction() as connection:
        breaks.approve(connection, open_break.name, "wang", 2)
    assert closed_day.at_close().post_decisions().text == "1 approved breaks out of suspense"
    after = content(closed_day.office)
    assert closed_day.at_close().post_decisions().text == "0 approved breaks out of suspense"
    assert content(closed_day.office) == after
