"""A bank's date is closed by itself: other banks do not wait for it, two people close it without a file, and
a mass of breaks stops before suspense.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import pytest
from sqlalchemy import Connection, func, insert, select, text

from ledger.errors import LedgerError
from ledger.files import bankfile, layout
from office.accounting import breaks
from office.accounting.bank_dates import Cause, Unposted, date_name, unposted, waiting_holds
from office.accounting.books import BalanceScope, trial_balance
from office.accounting.date_decisions import decide_date, propose_date
from office.audit.evidence import Evidence, Stated
from office.audit.run import examine
from office.bank_close import StepResult
from office.database.schema import (
    bank_files,
    bank_lines,
    date_decisions,
    days,
    held_files,
    posted_dates,
    postings,
    reconciliations,
)
from office.errors import NoSuchDate, SamePerson, StepRefused
from office.reports import extract
from office.reports.date_lines import date_lines
from simulators.days.discrepancies import Counts
from tests.support.audit_books import STATED
from tests.support.closing_days import BANKS, CHART, World

pytestmark = pytest.mark.slow

A, B, C = BANKS
SOME = Counts(bank_only=1, ours_only=1, amount_differs=1)


@pytest.fixture
def world(database: str, office_url: str) -> Iterator[World]:
    opened = World(database, office_url, seed=11, policies=200)
    yield opened
    opened.close_world()


def traded(world: World, customers: int = 8, counts: Counts = SOME) -> str:
    """A business day that is closed at the front, with the banks' files of it."""
    world.days.trade(customers)
    date: str = world.days.cut_over().date
    world.leave_files(date, counts)
    return date


def closed(world: World) -> list[StepResult]:
    return list(world.at_close().run())


def steps_of(results: list[StepResult], step: str) -> list[tuple[str, str]]:
    return [(result.bank, result.date) for result in results if result.step == step]


def waiting(results: list[StepResult]) -> dict[tuple[str, str], str]:
    return {(result.bank, result.date): result.text for result in results if result.waiting}


def count(connection: Connection, table: object, bank: str, date: str) -> int:
    rows = select(func.count()).where(table.c.bank == bank, table.c.date == date)  # type: ignore[attr-defined]
    return int(connection.scalar(rows) or 0)


def decide(world: World, bank: str, date: str, resolution: str) -> None:
    name = date_name(bank, date)
    with world.office.transaction() as connection:
        propose_date(connection, name, resolution, "li", 1, "the bank said so by telephone")
        decide_date(connection, name, "wang", 1, "", step="approve")


def findings(world: World) -> list[str]:
    """What the audit says of both databases."""
    stated = Stated(world.settings.office.seal_key, STATED.chart, STATED.clerks)
    with world.office.reading() as office, world.front_store.reading() as front:
        done = examine(Evidence(office, front, stated, lambda _what, _rows: None))
    # the days' digests are of another kind than a machine's: only what the office made is asked about
    return [
        f"{failing.subject}: {failing.what}" for failing in done.failings if "front" not in failing.subject
    ]


def test_a_bank_without_a_file_holds_neither_other_banks_nor_their_later_dates(world: World) -> None:
    first = traded(world)
    late = world.files.pop((A, first))
    second = traded(world)
    results = closed(world)
    assert steps_of(results, "post") == [(B, first), (C, first), (B, second), (C, second)]
    assert waiting(results) == {
        (A, first): "the bank's file is not there yet",
        (A, second): f"its business day {first} comes first",
    }
    assert steps_of(results, "day") == []
    world.files[A, first] = late
    results = closed(world)
    assert steps_of(results, "post") == [(A, first), (A, second)]
    assert [result.date for result in results if result.step == "day"] == [first, second]
    assert findings(world) == []


def test_two_people_close_a_date_without_a_file_which_is_posted_on_the_date_of_its_coming(
    world: World,
) -> None:
    first = traded(world)
    late = world.files.pop((A, first))
    closed(world)
    decide(world, A, first, "without_file")
    results = closed(world)
    assert waiting(results) == {}
    assert results[-1].text == f"posted, 2 banks; without a file: {A}"
    with world.office.reading() as connection:
        before = trial_balance(connection, BalanceScope(to_date=first))
        (line,) = date_lines(connection)
        reported = extract.overview(connection, first, dict.fromkeys(BANKS, "bank"), first, CHART)
    assert line.text.startswith("closed without its file by li and wang, still awaited: the bank said so")
    assert [row.bank for row in reported.reports] == [B, C]

    second = traded(world)
    assert steps_of(closed(world), "post") == [(A, second), (B, second), (C, second)]
    world.files[A, first] = late
    results = closed(world)
    assert steps_of(results, "post") == [(A, first)]
    with world.office.reading() as connection:
        today = connection.scalar(select(func.max(days.c.next_date)))
        name = f"{today}/{A}/{first}"
        assert connection.scalar(select(postings.c.date).where(postings.c.posting == name)) == today
        assert trial_balance(connection, BalanceScope(to_date=first)) == before
        assert date_lines(connection) == ()
        shown = extract.report(connection, A, first, "bank", first, CHART)
    assert shown.posted_on == today
    assert [posting.posting for posting in shown.postings] == [name]
    assert findings(world) == []

    third = traded(world)
    assert third == today
    closed(world)
    with world.office.reading() as connection:
        shown = extract.report(connection, A, third, "bank", third, CHART)
        late_sum = sum(
            row.difference for row in breaks.listing(connection, A, first) if row.suspense_on == third
        )
    assert shown.long.late + shown.short.late == late_sum
    assert findings(world) == []


def test_a_date_that_is_not_posted_is_named_with_its_cause(world: World) -> None:
    first = traded(world)
    late = [world.files.pop((bank, first)) for bank in (A, B)]
    closed(world)
    decide(world, A, first, "without_file")
    with world.office.reading() as connection:
        assert unposted(connection, BANKS) == (
            Unposted(A, first, Cause.WITHOUT_FILE),
            Unposted(B, first, Cause.WAITS),
        )
    for bank, data in zip((A, B), late, strict=True):
        world.files[bank, first] = data
    closed(world)
    with world.office.reading() as connection:
        assert unposted(connection, BANKS) == ()


def test_one_person_closes_nothing_and_a_reason_is_needed(world: World) -> None:
    first = traded(world)
    del world.files[A, first]
    closed(world)
    name = date_name(A, first)
    with world.office.transaction() as connection:
        with pytest.raises(StepRefused, match="give a reason"):
            propose_date(connection, name, "without_file", "li", 1, " ")
        with pytest.raises(StepRefused, match="no file of it is held"):
            propose_date(connection, name, "let_through", "li", 1, "why")
        with pytest.raises(StepRefused, match="nothing is proposed"):
            decide_date(connection, name, "wang", 1, "", step="approve")
        with pytest.raises(NoSuchDate):
            propose_date(connection, date_name(A, "20991231"), "without_file", "li", 1, "why")
        with pytest.raises(StepRefused, match="taken and reconciled"):
            propose_date(connection, date_name(B, first), "without_file", "li", 1, "why")
        propose_date(connection, name, "without_file", "li", 1, "why")
        with pytest.raises(StepRefused, match="proposed by li already"):
            propose_date(connection, name, "without_file", "wang", 1, "why")
        with pytest.raises(SamePerson):
            decide_date(connection, name, "LI", 1, "", step="approve")
    assert list(waiting(closed(world))) == [(A, first)]


def hundredfold(world: World, bank: str, date: str) -> bytes:
    """A bank's file as a wrong layout reads it: each amount a hundred times as much."""
    of_bank = layout.load(world.settings.named(bank).layout)
    lines = world.days.lines(bank, date, Counts())
    return b"".join(
        bankfile.write(of_bank, bank, date, [line._replace(amount=100 * line.amount) for line in lines])
    )


def strict(world: World) -> None:
    """The banks' tolerance as the settings have it unless they say otherwise, but for a few breaks."""
    few = [bank.model_copy(update={"breaks_few": 3}) for bank in world.settings.bank]
    world.settings = world.settings.model_copy(update={"bank": tuple(few)})


@pytest.fixture
def held_day(world: World) -> tuple[World, str]:
    """A date of which the first bank's file differs in each line; the close has held it."""
    strict(world)
    date = traded(world, 20, Counts())
    good = world.files[A, date]
    world.files[A, date] = hundredfold(world, A, date)
    assert world.files[A, date] != good
    closed(world)
    return world, date


def test_a_mass_of_breaks_stops_before_suspense_and_holds_that_bank_alone(
    held_day: tuple[World, str],
) -> None:
    world, date = held_day
    again = closed(world)
    ((place, said),) = waiting(again).items()
    assert place == (A, date)
    assert said.startswith("held: ")
    assert "our amount is" in said
    assert f"qianzhi recon propose {date_name(A, date)} let_through" in said
    with world.office.reading() as connection:
        for table in (bank_files, bank_lines, reconciliations, posted_dates, breaks.breaks):
            assert count(connection, table, A, date) == 0, table.name
        assert count(connection, held_files, A, date) == 1, "a hold is kept once"
        assert count(connection, posted_dates, B, date) == 1
        (held,) = waiting_holds(connection)
        assert unposted(connection, BANKS) == (Unposted(A, date, Cause.HELD),)
        assert [(line.name, line.text) for line in date_lines(connection)] == [
            (date_name(A, date), held.text)
        ]
    assert findings(world) == []


def test_a_held_file_is_let_through_by_two_and_every_fen_is_accounted_for(
    held_day: tuple[World, str],
) -> None:
    world, date = held_day
    decide(world, A, date, "let_through")
    results = closed(world)
    assert waiting(results) == {}
    assert steps_of(results, "post") == [(A, date)]
    with world.office.reading() as connection:
        assert waiting_holds(connection) == ()
        assert count(connection, breaks.breaks, A, date) > 3
    assert findings(world) == []


def test_a_held_file_is_replaced_by_another_and_both_digests_are_kept(held_day: tuple[World, str]) -> None:
    world, date = held_day
    world.leave_files(date, Counts())
    assert waiting(closed(world)) == {}
    with world.office.reading() as connection:
        held = connection.scalar(select(held_files.c.digest))
        taken = connection.scalar(select(bank_files.c.digest).where(bank_files.c.bank == A))
    assert held != taken
    assert findings(world) == []


def test_a_held_file_is_read_again_by_another_edition_of_its_layout(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    strict(world)
    date = traded(world, 20, Counts())
    right = (resources.files("ledger.files") / "layouts" / "standard.toml").read_text("utf-8")
    wrong = right.replace('"policy"', '"other"').replace('"due"', '"policy"').replace('"other"', '"due"')
    own = tmp_path_factory.mktemp("layouts") / "own.toml"
    own.write_text(wrong, encoding="utf-8")
    bank = world.settings.bank[0].model_copy(update={"layout": str(own)})
    world.settings = world.settings.model_copy(update={"bank": (bank, *world.settings.bank[1:])})
    assert "the bank names another policy" in waiting(closed(world))[A, date]
    own.write_text(right, encoding="utf-8")
    assert waiting(closed(world)) == {}
    with world.office.reading() as connection:
        held = connection.execute(select(held_files.c.digest, held_files.c.layout)).one()
        taken = connection.execute(
            select(bank_files.c.digest, bank_files.c.layout).where(bank_files.c.bank == A)
        )
        digest, edition = taken.one()
    assert held.digest == digest
    assert held.layout != edition
    assert findings(world) == []


REFUSED_ROWS = {
    "a decision by its proposer": (date_decisions, {"number": 2, "by": "LI", "step": "approve"}),
    "a decision that nobody proposed": (date_decisions, {"number": 1, "by": "wang", "step": "approve"}),
    "a decision about another thing": (
        date_decisions,
        {"number": 2, "by": "wang", "step": "approve", "resolution": "let_through"},
    ),
    "a second proposal": (date_decisions, {"number": 2, "by": "wang", "step": "propose"}),
    "a proposal without a reason": (date_decisions, {"number": 1, "by": "li", "step": "propose", "note": ""}),
    "letting through what is not held": (
        date_decisions,
        {"number": 1, "by": "li", "step": "propose", "resolution": "let_through", "digest": "x"},
    ),
}


@pytest.mark.parametrize("name", REFUSED_ROWS)
def test_the_database_refuses_a_step_that_does_not_follow(world: World, name: str) -> None:
    date = traded(world)
    del world.files[A, date]
    closed(world)
    table, given = REFUSED_ROWS[name]
    row = {"bank": A, "date": date, "at": 1, "resolution": "without_file", "digest": "", "layout": ""}
    row |= {"note": "why"}
    with world.office.transaction() as connection:
        if given["number"] == 2:
            propose_date(connection, date_name(A, date), "without_file", "li", 1, "why")
    with pytest.raises(LedgerError), world.office.transaction() as connection:
        connection.execute(insert(table).values(row | given))


def test_the_database_refuses_what_no_two_people_let_through(held_day: tuple[World, str]) -> None:
    world, date = held_day
    with world.office.reading() as connection:
        (held,) = waiting_holds(connection)
    file = {"digest": held.digest, "layout": held.layout, "lines": 0, "collected": 0, "paid": 0}
    result = dict.fromkeys(("ours", "theirs", "matched", "ours_effect", "theirs_effect"), 0)
    row = result | {"breaks_allowed": 99, "made_at": 1}
    with world.office.transaction() as connection:
        connection.execute(insert(bank_files).values(bank=A, date=date, taken_at=1, **file))
    with pytest.raises(LedgerError, match="no two people"), world.office.transaction() as connection:
        connection.execute(insert(reconciliations).values(bank=A, date=date, **row))


def test_the_database_refuses_to_post_a_date_before_the_banks_earlier_ones_or_on_another_date(
    world: World,
) -> None:
    first = traded(world)
    late = world.files.pop((A, first))
    second = traded(world)
    closed(world)
    world.files[A, first] = late
    figures = ("ours", "theirs", "matched", "ours_effect", "theirs_effect", "breaks_allowed", "made_at")
    with world.office.transaction() as connection:
        for date in (first, second):
            row = {"bank": A, "date": date, **dict.fromkeys(figures, 0)}
            connection.execute(insert(reconciliations).values(row))
    for date, on in ((second, second), (first, second), (first, "")):
        row = {"bank": A, "date": date, "posted_on": on, "posted_at": 1}
        with pytest.raises(LedgerError, match="not the next one"), world.office.transaction() as connection:
            connection.execute(insert(posted_dates).values(row))
    statement = text("UPDATE breaks SET suspense_on = '20991231'")
    with pytest.raises(LedgerError, match="never changes"), world.office.transaction() as connection:
        connection.execute(statement)
