"""Business days in a row, with faults and discrepancies of every class, from the first request to the audit."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import BinaryIO

import pytest

from ledger import bankfile, layout
from ledger.calendar import Calendar
from ledger.front import FrontBook
from ledger.seal import Sealer
from ledger.store import Store
from office import breaks, chart
from office.books import trial_balance
from office.close import Close, Told
from office.config import Settings
from simulators.days import Days
from simulators.discrepancies import Counts

BANKS = ("01020000", "01030000", "03010000")
LAYOUTS = ("standard", "fixed-gb18030", "csv-yuan")
SEALER = Sealer(bytes(range(32)))
FIRST_DATE = "20260923"  # the Mid-Autumn and National Day holidays lie within the ten days that follow
CHART = chart.shipped()


class World:
    """A front book, an office, and the days that pass between them."""

    def __init__(self, front_url: str, office_url: str, seed: int, policies: int) -> None:
        self.random = Random(seed)
        self.front_store = Store(front_url)
        front = FrontBook(self.front_store, "check")
        front.create()
        front.claim("fep1")
        self.front = front
        self.days = Days(
            self.front_store,
            front,
            SEALER,
            lambda number: f"digest {number}",
            self.random,
            BANKS,
            Calendar().next_business_date,
        )
        self.days.first_book(FIRST_DATE, policies)
        self.office_url, self.front_url = office_url, front_url
        self.office = Store(office_url, by_index=False)
        self.files: dict[tuple[str, str], bytes] = {}
        self.settings = Settings.model_validate(
            {
                "office": {"database": office_url, "front": front_url, "seal_key": SEALER.public},
                "bank": [
                    {"code": code, "name": code, "layout": name, "owner": "li"}
                    for code, name in zip(BANKS, LAYOUTS, strict=True)
                ],
                "clerk": [{"name": "li"}, {"name": "wang"}],
            }
        )

    def close_world(self) -> None:
        self.office.close()
        self.front_store.close()

    def open_file(self, bank: str, date: str) -> BinaryIO | None:
        data = self.files.get((bank, date))
        return None if data is None else io.BytesIO(data)

    def at_close(self) -> Close:
        ticks = iter(range(1, 10**9))
        return Close(self.office, self.front_store, self.settings, CHART, lambda: next(ticks), self.open_file)

    def leave_files(self, date: str, counts: Counts) -> None:
        """Each bank's file of a date, in its own layout; one that knows no RRN cannot be matched by it."""
        for code in BANKS:
            of_bank = layout.load(self.settings.named(code).layout)
            has_rrn = any(column.name == "rrn" for column in of_bank.detail)
            given = counts if has_rrn else counts._replace(renumbered=0)
            lines = self.days.lines(code, date, given)
            self.files[code, date] = b"".join(bankfile.write(of_bank, code, date, lines))

    def one_day(self, customers: int, counts: Counts) -> tuple[str, list[Told]]:
        """Trade, cut over, close; the date, and what the close said."""
        self.days.trade(customers)
        done = self.days.cut_over()
        self.leave_files(done.date, counts)
        return done.date, list(self.at_close().run())


@pytest.fixture
def world(database: str, office_url: str) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(seed: int = 1, policies: int = 400) -> World:
        made.append(World(database, office_url, seed, policies))
        return made[-1]

    yield make
    for one in made:
        one.close_world()


def found(world: World, bank: str, date: str) -> list[tuple[str, str, int]]:
    """The differences of a bank's date: class, key, difference."""
    with world.office.reading() as connection:
        listed = breaks.listing(connection, bank, date)
    return sorted((one.cls, one.key, one.difference) for one in listed)


def expected(world: World, bank: str, date: str) -> list[tuple[str, str, int]]:
    """What must be found, by the world's own reckoning: at first, or, once the next day has told, as timing."""
    side = next(one for one in world.days.banks if one.code == bank)
    told_later = {key for day, keys in side.closes.items() if day > date for key in keys}
    opened = [
        ("timing" if one.key in told_later else one.cls.value, one.key, one.difference)
        for one in side.opens[date]
    ]
    return sorted(opened + [("misfit", key, 0) for key in side.misfits.get(date, [])])


COUNTS = Counts(
    bank_only=3, ours_only=4, amount_differs=3, state_differs=3, duplicate=3, timing=1, renumbered=3
)


def decide(world: World, date: str) -> None:
    """Two people decide on half of what lies in suspense since before a date: a day younger may still be timing."""
    with world.office.transaction() as connection:
        for one in breaks.listing(connection, states=("suspense",)):
            if one.date < date and world.random.random() < 0.5:
                resolution = CHART.fitting(one.cls, one.difference)[0]
                breaks.propose(connection, one.name, resolution.name, "li", 1, "", CHART)
                breaks.approve(connection, one.name, "wang", 2)


@pytest.mark.slow
def test_ten_days_in_a_row_every_difference_is_found_and_the_books_balance(
    world: Callable[..., World],
) -> None:
    here = world(seed=20_260_923, policies=1_500)
    dates = []
    for _ in range(10):
        date, told = here.one_day(60, COUNTS)
        assert [one.text for one in told if one.waiting] == []
        dates.append(date)
        decide(here, date)
        here.days.next_book()
    list(here.at_close().run())
    for date in dates[:-1]:
        for bank in BANKS:
            assert found(here, bank, date) == expected(here, bank, date), (bank, date)
    with here.office.reading() as connection:
        balance = trial_balance(connection)
    assert sum(row.balance for row in balance.rows) == 0
    assert len(balance.rows) > 5
