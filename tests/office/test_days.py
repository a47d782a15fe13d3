"""Business days in a row, with faults and discrepancies of every class, from the first request on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from office.accounting import breaks
from office.accounting.books import trial_balance
from office.audit.run import audit
from simulators.days.discrepancies import Counts
from tests.support.audit_books import STATED
from tests.support.closing_days import BANKS, CHART, World

pytestmark = pytest.mark.slow


@pytest.fixture
def world(database: str, office_url: str) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(seed: int = 1, policies: int = 400) -> World:
        made.append(World(database, office_url, seed, policies))
        return made[-1]

    yield make
    for world in made:
        world.close_world()


def break_rows(world: World, bank: str, date: str) -> list[tuple[str, str, int]]:
    """The differences of a bank's date: class, key, difference."""
    with world.office.reading() as connection:
        listed = breaks.listing(connection, bank, date)
    return sorted((row.cls, row.key, row.difference) for row in listed)


def expected(world: World, bank: str, date: str) -> list[tuple[str, str, int]]:
    """What must be found, by the world's own reckoning; as timing where the next day has told."""
    side = next(row for row in world.days.banks if row.code == bank)
    matched_later = {key for day, keys in side.closes.items() if day > date for key in keys}
    opened = [
        ("timing" if finding.key in matched_later else finding.cls.value, finding.key, finding.difference)
        for finding in side.opens[date]
    ]
    exception_advices = [
        (finding.cls.value, finding.key, finding.difference)
        for finding in side.exception_advices.get(date, [])
    ]
    return sorted(opened + exception_advices)


COUNTS = Counts(
    bank_only=3,
    ours_only=4,
    amount_differs=3,
    state_differs=3,
    details_differ=3,
    duplicate=3,
    timing=1,
    renumbered=3,
)


def decide(world: World, date: str) -> None:
    """Two people decide on half of what is older than a date: what is younger may still be timing."""
    with world.office.transaction() as connection:
        for row in breaks.listing(connection, states=("suspense",)):
            if row.date < date and world.random.random() < 0.5:
                resolution = CHART.fitting(row.cls, row.difference)[0]
                breaks.propose(connection, row.name, resolution.name, "li", 1, "", CHART)
                breaks.approve(connection, row.name, "wang", 2)


def test_ten_days_in_a_row_every_difference_is_found_and_the_books_balance(
    world: Callable[..., World],
) -> None:
    here = world(seed=20_260_923, policies=1_900)
    dates = []
    for _ in range(10):
        date, results = here.one_day(75, COUNTS)
        assert [result.text for result in results if result.waiting] == []
        dates.append(date)
        decide(here, date)
        here.days.next_book()
    list(here.at_close().run())
    for date in dates[:-1]:
        for bank in BANKS:
            assert break_rows(here, bank, date) == expected(here, bank, date), (bank, date)
    failings = audit(here.office, here.front_store, STATED).failings
    assert failings == ()
    with here.office.reading() as connection:
        balance = trial_balance(connection)
    assert sum(row.balance for row in balance.rows) == 0
    assert len(balance.rows) > 5
