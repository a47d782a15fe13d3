"""A bank's figures of a day, and the one key of a transaction: plain arithmetic, as tables."""

from __future__ import annotations

import pytest

from ledger.rules.request import (
    ACT_OF_CODE,
    FINANCIAL,
    INQUIRIES,
    NO_FIGURES,
    NO_TOTALS,
    REVERSAL_DAYS_MAX,
    SETTLEMENT_CODES,
    TOO_MANY_MISSES,
    Act,
    Answer,
    BankDay,
    Request,
    Totals,
    key_of,
)
from protocol.responses import Response

SOME = Totals(1, 10, 2, 20, 3, 30, 4, 40)


@pytest.mark.parametrize(
    ("side", "after"),
    [("premium", Totals(2, 17, 2, 20, 3, 30, 4, 40)), ("benefit", Totals(1, 10, 2, 20, 4, 37, 4, 40))],
)
def test_a_settlement_counts_once_on_its_side(side: str, after: Totals) -> None:
    assert SOME.settled(side, 7) == after
    assert BankDay(SOME, used=100, unfit=5).settled(side, 7) == BankDay(after, used=107, unfit=5)
    earlier = BankDay(SOME, used=100, unfit=5).settled(side, 7, is_todays=False)
    assert earlier == BankDay(after, used=100, unfit=5)


@pytest.mark.parametrize(
    ("side", "count", "after"),
    [
        ("premium", 1, Totals(1, 10, 3, 27, 3, 30, 4, 40)),
        ("benefit", 1, Totals(1, 10, 2, 20, 3, 30, 5, 47)),
        ("premium", -1, Totals(1, 10, 1, 13, 3, 30, 4, 40)),
        ("benefit", -1, Totals(1, 10, 2, 20, 3, 30, 3, 33)),
    ],
)
def test_what_is_taken_back_counts_beside_what_was_settled(side: str, count: int, after: Totals) -> None:
    assert SOME.taken_back(side, 7, count) == after
    day = BankDay(SOME, used=100, unfit=5)
    assert day.taken_back(side, 7, count) == BankDay(after, used=100 - count * 7, unfit=5)
    assert day.taken_back(side, 7, count, is_todays=False) == BankDay(after, used=100, unfit=5)


def test_one_is_taken_back_unless_another_count_is_given() -> None:
    assert SOME.taken_back("premium", 7) == SOME.taken_back("premium", 7, 1)
    assert BankDay(SOME).taken_back("benefit", 7) == BankDay(SOME).taken_back("benefit", 7, 1)


@pytest.mark.parametrize("amount", [7, -5])
def test_what_does_not_fit_is_counted_apart(amount: int) -> None:
    assert BankDay(SOME, 100, 5).with_unfit(amount) == BankDay(SOME, 100, 5 + amount)


@pytest.mark.parametrize(
    ("totals", "net"),
    [
        (NO_TOTALS, 0),
        (Totals(collected=100), 100),
        (Totals(collected=100, collected_reversed=30), 70),
        (Totals(paid=100), -100),
        (Totals(paid=100, paid_reversed=30), -70),
        (Totals(9, 1000, 9, 200, 9, 30, 9, 4), 774),
    ],
)
def test_the_net_is_what_the_bank_owes_the_insurer(totals: Totals, net: int) -> None:
    assert totals.net == net


def test_totals_are_shown_figure_by_figure() -> None:
    assert str(SOME) == "1/10/2/20/3/30/4/40"


def test_nothing_is_nought() -> None:
    assert Totals(0, 0, 0, 0, 0, 0, 0, 0) == NO_TOTALS
    assert BankDay(NO_TOTALS, 0, 0) == NO_FIGURES


@pytest.mark.parametrize("bank", ["1020000", "01020000", "00001020000"])
def test_a_key_is_bank_terminal_moment_and_number_and_both_spellings_of_a_bank_are_one(bank: str) -> None:
    assert key_of(bank, "T1", "20261124101112", "000007") == "00001020000/T1/20261124101112/000007"


def test_the_processing_codes_are_those_of_the_interface() -> None:
    assert {act: sorted(code for code, of in ACT_OF_CODE.items() if of is act) for act in Act} == {
        Act.DUES: ["310000"],
        Act.STATUS: ["311000"],
        Act.OUTCOME: ["312000"],
        Act.RECEIPT: ["313000"],
        Act.TOTALS: [],
        Act.COLLECT: ["500000", "501000", "502000"],
        Act.PAY: ["260000", "261000", "262000", "263000"],
        Act.CANCEL: ["020000"],
        Act.REVERSE: [],
    }
    assert {"500000", "501000", "502000", "260000", "261000", "262000", "263000"} == SETTLEMENT_CODES


def test_an_act_is_written_down_as_its_name() -> None:
    assert [str(act) for act in Act] == [act.name.lower() for act in Act]


def test_acts_read_move_money_or_stop_it() -> None:
    assert {Act.DUES, Act.STATUS, Act.OUTCOME, Act.RECEIPT} == INQUIRIES
    assert {Act.COLLECT, Act.PAY, Act.CANCEL} == FINANCIAL
    assert set(Act) == INQUIRIES | FINANCIAL | {Act.TOTALS, Act.REVERSE}


def test_what_a_request_and_an_answer_do_not_say_is_nothing() -> None:
    least = Request("key", Act.DUES, "01020000")
    filled = {name: value for name, value in least._asdict().items() if value}
    assert filled == {
        "key": "key",
        "act": Act.DUES,
        "bank": "01020000",
        "verdict": Response.APPROVED,
        "reversal_days": 1,
        "may_settle": SETTLEMENT_CODES,
        "page": 1,
        "totals": NO_TOTALS,
    }
    assert {name for name, value in Answer(Response.APPROVED)._asdict().items() if value} == {"response"}
    numbers = {"amount": 0, "advice": False, "outside_window": False, "must_wait": False}
    numbers |= {"limit_day": 0, "net": 0}
    assert {name: value for name, value in least._asdict().items() if not value and value != ""} == numbers
    empty = {"amount": 0, "receipted": False, "dues": (), "more": False, "totals": None, "replayed": False}
    assert Answer._field_defaults == dict.fromkeys(Answer._fields[1:], "") | empty
    texts = {name for name, value in least._asdict().items() if value == ""}
    assert len(texts) == 19
    assert REVERSAL_DAYS_MAX == 30


def test_a_bank_that_has_missed_too_often_is_told_to_wait() -> None:
    assert Answer(Response.UNAVAILABLE, "TOO MANY 25 AND 76, WAIT") == TOO_MANY_MISSES
