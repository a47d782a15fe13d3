"""A break's life: every state and event, two people, two clerks at once, and the end in the books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, text

from ledger.book.store import Store
from ledger.errors import LedgerError
from office.accounting import breaks as module
from office.accounting.break_states import TRANSITIONS, Break, BreakEvent, BreakState, HistoryLine
from office.accounting.breaks import (
    age_days,
    approve,
    close_matched,
    find,
    history,
    listing,
    open_breaks,
    post_approved,
    propose,
    reject,
    to_suspense,
    withdraw,
)
from office.accounting.finding import Finding
from office.database.schema import OFFICE
from office.errors import BreakMoved, NoSuchBreak, SamePerson, StepRefused
from tests.support.suspense_breaks import (
    BANK,
    CHART,
    D1,
    D2,
    D3,
    LI,
    NAME,
    OTHER,
    WANG,
    finding,
    in_suspense,
    marked,
    proposed,
    row,
    tried,
)

# The table of states and events.

GRID = """
             posted_to_suspense propose  withdraw approve  reject   post   close  matched
open         suspense           .        .        .        .        .      .      .
suspense     .                  proposed .        .        .        .      .      closed
proposed     .                  .        suspense approved suspense .      .      closed
approved     .                  .        .        .        .        posted .      .
posted       .                  .        .        .        .        .      closed .
closed       .                  .        .        .        .        .      .      .
"""
_HEAD, *_ROWS = [line.split() for line in GRID.strip().splitlines()]
CELLS = [(row[0], event, to) for row in _ROWS for event, to in zip(_HEAD, row[1:], strict=True)]


def test_grid_has_every_state_and_every_event() -> None:
    assert [row[0] for row in _ROWS] == list(BreakState)
    assert list(BreakEvent) == _HEAD


def test_transitions_are_those_of_the_grid() -> None:
    assert {cell[:2]: cell[2] for cell in CELLS if cell[2] != "."} == dict(TRANSITIONS)


def test_every_state_is_reached_and_only_the_closed_one_is_the_end() -> None:
    assert set(TRANSITIONS.values()) | {BreakState.OPEN} == set(BreakState)
    left = {state for state, _ in TRANSITIONS}
    assert left == set(BreakState) - {BreakState.CLOSED}


ACTS: dict[BreakEvent, Callable[[Connection, str], Any]] = {
    BreakEvent.PROPOSE: lambda connection, name: propose(connection, name, "refund", WANG, 9, "why", CHART),
    BreakEvent.WITHDRAW: lambda connection, name: withdraw(connection, name, WANG, 9),
    BreakEvent.APPROVE: lambda connection, name: approve(connection, name, LI, 9),
    BreakEvent.REJECT: lambda connection, name: reject(connection, name, LI, 9),
    BreakEvent.MATCHED: lambda connection, name: close_matched(connection, name, "timing", D2, 9, "late"),
}
"""What asks for one break; the other events happen to all that are in the state."""


def brought_to(connection: Connection, state: str) -> str:
    """The name of a break in this state."""
    name, *_ = open_breaks(connection, BANK, D1, [finding()], 1)
    if state == "open":
        return name
    to_suspense(connection, BANK, D1, 2)
    if state == "suspense":
        return name
    proposed(connection, name)
    if state == "proposed":
        return name
    approve(connection, name, LI, 4)
    if state == "posted":
        marked(connection, state="posted", settled_on=D2)
    if state == "closed":
        post_approved(connection, CHART, BANK, D2, 5)
    return name


def test_asking_takes_a_break_where_the_grid_says_or_nowhere(
    connection: Connection, subtests: pytest.Subtests
) -> None:
    for state, event, to_state in CELLS:
        act = ACTS.get(BreakEvent(event))
        if act is None:
            continue
        with subtests.test(f"{event} in {state}"), tried(connection):
            name = brought_to(connection, state)
            before, lines = find(connection, name), history(connection, name)
            if to_state == ".":
                with pytest.raises(StepRefused, match=f"{name} is {state}: {event} is not possible, but"):
                    act(connection, name)
                assert (find(connection, name), history(connection, name)) == (before, lines)
            else:
                moved = act(connection, name)
                assert (moved.state, find(connection, name)) == (to_state, moved)
                assert [line[3:5] for line in history(connection, name)[len(lines) :]] == [(state, to_state)]


def test_the_close_takes_along_only_what_is_open_or_approved(
    connection: Connection, subtests: pytest.Subtests
) -> None:
    ends = {"open": "suspense", "approved": "closed", "posted": "closed"}
    for state in BreakState:
        with subtests.test(state.value), tried(connection):
            name = brought_to(connection, state)
            assert to_suspense(connection, BANK, D1, 9) == (state == "open")
            assert post_approved(connection, CHART, BANK, D2, 9) == (
                (name,) if ends.get(state) == "closed" else ()
            )
            assert find(connection, name).state == ends.get(state, state)


# Opening.


def test_breaks_are_named_in_the_order_given_and_kept_as_found(connection: Connection) -> None:
    given = [finding(), finding(30, 0, "ours_only"), finding(5, 5, "exception_advice")]
    names = open_breaks(connection, BANK, D1, iter(given), 7)
    assert names == tuple(f"B{D1}-{BANK}-000{number}" for number in (1, 2, 3))
    first = find(connection, names[0])
    assert first == Break(
        NAME,
        BANK,
        D1,
        *given[0][:7],
        0,
        100,
        0,
        100,
        "",
        "",
        "",
        "why",
        "",
        "",
        BreakState.OPEN,
        "",
        "",
        "",
        "",
        "",
    )
    assert [row.difference for row in listing(connection)] == [100, -30, 0]
    assert history(connection, NAME) == (HistoryLine(1, 7, "office", "", "open", "bank_only: why"),)


def test_many_breaks_are_listed_in_their_order(connection: Connection) -> None:
    names = open_breaks(connection, BANK, D1, (finding() for _ in range(10_002)), 1)
    assert names[-1] == f"B{D1}-{BANK}-10002"
    assert to_suspense(connection, BANK, D1, 2) == 10_002
    assert tuple(row.name for row in listing(connection)) == names
    assert connection.scalar(text("SELECT count(*) FROM break_events")) == 2 * 10_002
    assert [line.to_state for line in history(connection, names[-1])] == ["open", "suspense"]


def test_breaks_of_a_date_are_opened_once(connection: Connection) -> None:
    open_breaks(connection, BANK, D1, [finding()], 1)
    with pytest.raises(StepRefused, match=f"the breaks of {BANK} on {D1} are open already"):
        open_breaks(connection, BANK, D1, [finding()], 1)
    assert open_breaks(connection, OTHER, D1, [finding()], 1) == (f"B{D1}-{OTHER}-0001",)
    assert open_breaks(connection, BANK, D2, [], 1) == ()


def test_listing_finds_by_bank_date_and_state(connection: Connection) -> None:
    first = in_suspense(connection, finding(), finding())
    second = in_suspense(connection, bank=OTHER)
    third = in_suspense(connection, date=D2)
    proposed(connection, first)

    def found(**given: Any) -> list[str]:  # noqa: ANN401 - passed on
        return [row.name for row in listing(connection, **given)]

    assert found() == [first, f"B{D1}-{BANK}-0002", second, third]
    assert found(bank=OTHER) == [second]
    assert found(date=D2) == [third]
    assert found(states=("proposed",)) == [first]
    assert found(bank=BANK, date=D1, states=("suspense", "approved")) == [f"B{D1}-{BANK}-0002"]


def test_break_that_is_not_there_is_named(connection: Connection) -> None:
    for ask in (find, history):
        with pytest.raises(NoSuchBreak, match="no break B1"):
            ask(connection, "B1")
    with pytest.raises(NoSuchBreak, match="no break B1"):
        withdraw(connection, "B1", WANG, 1)


# Two people.


def test_history_says_who_did_what_when_and_why(connection: Connection) -> None:
    name = in_suspense(connection)
    propose(connection, name, "gain", WANG, 30, "cannot be explained", CHART)
    reject(connection, name, LI, 40, "ask the branch first")
    propose(connection, name, "refund", WANG, 50, "", CHART)
    withdraw(connection, name, "zhao", 60, "wrong customer")
    propose(connection, name, "refund", LI, 70, "to account 1", CHART)
    approve(connection, name, WANG, 80, "seen the slip")
    assert post_approved(connection, CHART, BANK, D2, 90) == (name,)
    assert history(connection, name) == (
        HistoryLine(1, 1, "office", "", "open", "bank_only: why"),
        HistoryLine(2, 2, "office", "open", "suspense", ""),
        HistoryLine(3, 30, WANG, "suspense", "proposed", "gain: cannot be explained"),
        HistoryLine(4, 40, LI, "proposed", "suspense", "ask the branch first"),
        HistoryLine(5, 50, WANG, "suspense", "proposed", "refund"),
        HistoryLine(6, 60, "zhao", "proposed", "suspense", "wrong customer"),
        HistoryLine(7, 70, LI, "suspense", "proposed", "refund: to account 1"),
        HistoryLine(8, 80, WANG, "proposed", "approved", "seen the slip"),
        HistoryLine(9, 90, "office", "approved", "posted", f"posted on {D2}"),
        HistoryLine(10, 90, "office", "posted", "closed", ""),
    )
    end = find(connection, name)
    assert (end.state, end.resolution, end.settled_on) == ("closed", "refund", D2)
    assert (end.proposed_by, end.approved_by) == (LI, WANG)


@pytest.mark.parametrize("decide", [approve, reject])
def test_who_proposed_does_not_decide_in_whatever_spelling(
    connection: Connection, decide: Callable[..., Break]
) -> None:
    name = in_suspense(connection)
    proposed(connection, name)
    for by in (WANG, "Wang", "WANG"):
        with pytest.raises(SamePerson, match="another person must decide"):
            decide(connection, name, by, 4)
    assert find(connection, name).state == "proposed"


def test_decision_needs_a_persons_name(connection: Connection) -> None:
    name = in_suspense(connection)
    for by in ("", " ", " wang", "wang ", "office", "Office", "x" * 65):
        with pytest.raises(StepRefused, match="needs a person's name"):
            proposed(connection, name, by=by)
        with tried(connection):
            proposed(connection, name)
            for decide in (approve, reject, withdraw):
                with pytest.raises(StepRefused, match="needs a person's name"):
                    decide(connection, name, by, 4)


@pytest.mark.parametrize("take_back", [withdraw, reject])
def test_proposal_taken_back_leaves_nothing_of_itself(
    connection: Connection, take_back: Callable[..., Break]
) -> None:
    name = in_suspense(connection)
    before = find(connection, name)
    proposed(connection, name)
    assert take_back(connection, name, LI, 5) == before


def test_approval_is_of_what_was_seen(connection: Connection) -> None:
    name = in_suspense(connection)
    proposed(connection, name, "gain")
    with pytest.raises(BreakMoved, match="what is proposed now is gain, not refund: look again"):
        approve(connection, name, LI, 4, "", "refund")
    assert approve(connection, name, LI, 4, "", "gain").state == "approved"


UNFIT: tuple[tuple[Finding, str, str], ...] = (
    (finding(), "loss", "bank_corrects, accept, refund, gain"),
    (finding(), "no_money", "bank_corrects, accept, refund, gain"),
    (finding(), "write_off", "bank_corrects, accept, refund, gain"),
    (finding(100, 0, "ours_only"), "gain", "bank_corrects, accept, recover, loss"),
    (finding(5, 5, "exception_advice"), "accept", "no_money"),
    (finding(0, 100, "timing"), "gain", "bank_corrects, accept"),
)


def test_resolution_must_fit_class_and_sign(connection: Connection, subtests: pytest.Subtests) -> None:
    for found, resolution, fitting in UNFIT:
        with subtests.test(f"{resolution} for {found.cls}"), tried(connection):
            name = in_suspense(connection, found)
            with pytest.raises(StepRefused, match=f"{resolution} does not fit .* there are {fitting}$"):
                proposed(connection, name, resolution)


def test_line_of_an_unknown_code_has_no_account_to_be_adjusted(connection: Connection) -> None:
    name = in_suspense(connection, finding(code="999999"))
    with pytest.raises(StepRefused, match="processing code '999999' has no account"):
        proposed(connection, name, "accept")
    assert proposed(connection, name, "refund").state == "proposed"


# Two clerks at once.

GAIN_BY_ZHAO = {"resolution": "gain", "proposed_by": "zhao"}
APPROVED_BY_ZHAO = {"state": "approved", "approved_by": "zhao"}
RIVALS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("suspense", "propose", {"state": "proposed", **GAIN_BY_ZHAO}),
    ("proposed", "approve", {"state": "suspense", "resolution": "", "proposed_by": ""}),
    ("proposed", "approve", GAIN_BY_ZHAO),
    ("proposed", "approve", {"resolution": "gain"}),
    ("proposed", "approve", {"proposed_by": "zhao"}),
    ("proposed", "reject", APPROVED_BY_ZHAO),
    ("proposed", "withdraw", APPROVED_BY_ZHAO),
    ("proposed", "matched", APPROVED_BY_ZHAO),
)
"""State that both clerks saw, what the second asks for, and what the first has changed meanwhile."""


def test_second_of_two_clerks_who_saw_the_same_is_refused(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for state, event, change in RIVALS:
        with subtests.test(f"{event} after {change}"), tried(connection):
            name = brought_to(connection, state)
            seen, lines = find(connection, name), history(connection, name)
            marked(connection, **change)
            changed = find(connection, name)
            with monkeypatch.context() as patch:
                patch.setattr(module, "find", lambda _connection, _name, seen=seen: seen)
                with pytest.raises(BreakMoved, match="somebody was quicker"):
                    ACTS[BreakEvent(event)](connection, name)
            assert (find(connection, name), history(connection, name)) == (changed, lines)


def test_of_two_clerks_on_postgresql_one_acts(
    store: Store, office_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's whole transaction falls between the second one's look and its act."""
    if store.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    engine = create_engine(office_url)
    with store.transaction() as connection:
        name = in_suspense(connection)

    def looked_at_before_the_other_acted(connection: Connection, name: str) -> Break:
        seen = find(connection, name)
        monkeypatch.setattr(module, "find", find)
        with engine.begin() as first:
            proposed(first, name, "gain", "zhao")
        return seen

    monkeypatch.setattr(module, "find", looked_at_before_the_other_acted)
    with pytest.raises(BreakMoved), store.transaction() as second:
        proposed(second, name)
    engine.dispose()
    with store.reading() as connection:
        assert [line.by for line in history(connection, name)] == ["office", "office", "zhao"]
        assert find(connection, name).proposed_by == "zhao"


# What the database itself refuses, whoever asks.

PROPOSED = {"state": "proposed", "resolution": "gain", "proposed_by": WANG}
RAW: tuple[tuple[dict[str, object], str], ...] = (
    ({**PROPOSED, "approved_by": WANG}, "two_people"),
    ({"state": "proposed"}, "proposal_names_someone"),
    ({"state": "proposed", "proposed_by": WANG}, "proposal_names_someone"),
    ({**PROPOSED, "state": "approved"}, "approval_names_someone"),
    ({**PROPOSED, "state": "posted"}, "approval_names_someone"),
    ({"state": "approved", "approved_by": LI}, "proposal_names_someone"),
    ({"state": "closed"}, "end_was_approved_or_matched"),
    ({"state": "closed", "settled_on": D2, "resolution": "gain"}, "end_was_approved_or_matched"),
    ({"state": "forgotten"}, "break_state"),
    ({"class": "rounding"}, "break_class"),
    ({"difference": 0}, "never changes"),
    ({"theirs_effect": 0, "difference": 0}, "never changes"),
    ({"ours_effect": 100, "difference": 0}, "never changes"),
    *(({column: "1"}, "never changes") for column in ("break", "bank", "date", "key", "direction", "code")),
    *(({column: 1}, "never changes") for column in ("line", "policy", "due")),
)


def test_database_refuses_to_change_a_break_so(store: Store, subtests: pytest.Subtests) -> None:
    with store.transaction() as connection:
        before = find(connection, in_suspense(connection))
    for columns, wording in RAW:
        with subtests.test(f"{columns}"):
            with pytest.raises(LedgerError, match=wording), store.transaction() as connection:
                marked(connection, **columns)
            with store.reading() as connection:
                assert listing(connection) == (before,)


@pytest.mark.parametrize(
    ("statement", "wording"),
    [
        ("DELETE FROM breaks", "never changes"),
        ("UPDATE break_events SET by = 'li'", "append-only"),
        ("DELETE FROM break_events", "append-only"),
        ("INSERT INTO break_events VALUES ('B1', 1, 1, '', '', 'open', '')", "(?i)foreign key"),
    ],
)
def test_database_refuses_to_forget_or_invent(store: Store, statement: str, wording: str) -> None:
    with store.transaction() as connection:
        name = in_suspense(connection)
    with pytest.raises(LedgerError, match=wording), store.transaction() as connection:
        connection.execute(text(statement))
    with store.reading() as connection:
        assert [line.by for line in history(connection, name)] == ["office", "office"]


def test_database_refuses_a_difference_that_is_none(store: Store) -> None:
    given = {**row(difference=1)._asdict(), "theirs_effect": 0, "state": "open"}
    values = dict(zip(OFFICE.tables["breaks"].c.keys(), given.values(), strict=True))
    with pytest.raises(LedgerError, match="break_difference"), store.transaction() as connection:
        connection.execute(insert(OFFICE.tables["breaks"]).values(**values))


# Age.


@pytest.mark.parametrize(
    ("date", "settled_on", "today", "days"),
    [
        (D1, "", D1, 0),
        (D1, "", D3, 2),
        ("20261231", "", "20270101", 1),
        ("20280228", "", "20280301", 2),
        (D1, D2, "20270101", 1),
    ],
)
def test_age_is_in_calendar_days_and_ends_with_the_break(
    date: str, settled_on: str, today: str, days: int
) -> None:
    assert age_days(row(date=date, settled_on=settled_on), today) == days
