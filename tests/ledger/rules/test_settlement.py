"""The rules of a collection and a payout as a table: a request and a book in, a decision out."""

from __future__ import annotations

import pytest

from ledger.rules.decision import Decision
from ledger.rules.request import Act, BankDay, Request, Totals
from ledger.rules.settlement import WRONG_NUMBERS_A_DAY, match_due, settle
from ledger.rules.view import Due, DueState, Guesses, View
from protocol.responses import Response
from tests.support.builders import BENEFICIARY, DATE, benefit, due, policy, premium, request, view

OTHER_NUMBER = "11010519491231002X"
SETTLED = {"state": DueState.SETTLED, "settled_by": "key", "sequence": 1}


def collect(**given: object) -> Request:
    return request(Act.COLLECT, **given)


def pay(**given: object) -> Request:
    values = {"code": "260000", "policy": "P2", "amount": 500_000, "identity": BENEFICIARY}
    return request(Act.PAY, **{**values, **given})


def advice(**given: object) -> Request:
    return collect(**{"mti": "0220", "advice": True, **given})


def advice_of_payout(**given: object) -> Request:
    return pay(**{"mti": "0220", "advice": True, **given})


def outcome(decision: Decision) -> tuple[str, str, str]:
    """Response, reason, and the code of what does not fit."""
    [entry] = decision.entries
    assert (decision.answer.response, decision.answer.reason) == (entry.response, entry.reason)
    return entry.response, entry.reason, entry.exception_code


HELD = due(held_by="B0000123/17")
TWO_DUES = (due(), due(premium("D2")))
REFUSED = {
    "a policy that the book does not have": (collect(policy="P9"), view(), "25", "NO SUCH POLICY"),
    "a due that the book does not have": (collect(due="D9"), view(), "25", "NO SUCH DUE"),
    "a due of another policy": (
        collect(policy="P1", due="D2"),
        view(due(), due(premium("D2", "P3"))),
        "25",
        "NO SUCH DUE",
    ),
    "a benefit that is to be collected": (
        collect(policy="P2", due="B1", amount=500_000),
        view(),
        "25",
        "NO SUCH DUE",
    ),
    "a premium that is to be paid": (pay(policy="P1", due="D1", amount=120_000), view(), "25", "NO SUCH DUE"),
    "a policy without dues": (
        collect(),
        view(due(benefit()), policies=[policy()]),
        "25",
        "NO SUCH DUE",
    ),
    "a policy without dues of the kind": (
        collect(policy="P2", amount=500_000),
        view(),
        "25",
        "NO SUCH DUE",
    ),
    "a named due of another code": (
        collect(code="501000", due="D1"),
        view(),
        "25",
        "THE DUE IS OF DE 3 500000",
    ),
    "the only due is of another code": (collect(code="502000"), view(), "25", "THE DUE IS OF DE 3 500000"),
    "two open dues and none named": (collect(), view(*TWO_DUES), "30", "DE 48.DU missing"),
    "a named due that is settled": (collect(due="D1"), view(due(**SETTLED)), "12", "ALREADY PAID"),
    "the only due is settled": (collect(), view(due(**SETTLED)), "12", "ALREADY PAID"),
    "a lapsed due": (collect(due="D1"), view(due(state=DueState.LAPSED)), "12", "DUE LAPSED"),
    "the only due has lapsed": (collect(), view(due(state=DueState.LAPSED)), "12", "DUE LAPSED"),
    "a withdrawn due": (collect(), view(due(state=DueState.WITHDRAWN)), "12", "DUE WITHDRAWN"),
    "no due is open, and one was paid": (
        collect(),
        view(due(premium("D2"), state=DueState.WITHDRAWN), due(**SETTLED)),
        "12",
        "ALREADY PAID",
    ),
    "a due that a batch holds": (collect(due="D1"), view(HELD), "12", "IN BATCH COLLECTION"),
    "the only open due is held": (collect(), view(HELD), "12", "IN BATCH COLLECTION"),
    "a due that is held, and another amount": (collect(amount=5), view(HELD), "12", "IN BATCH COLLECTION"),
    "a due that another line holds": (
        collect(due="D1", hold="B0000124/17"),
        view(HELD),
        "12",
        "IN BATCH COLLECTION",
    ),
    "two open dues of which one is held, and none named": (
        collect(),
        view(HELD, due(premium("D2"))),
        "30",
        "DE 48.DU missing",
    ),
    "a premium of a lapsed policy": (
        collect(),
        view(policies=[policy(state="lapsed")]),
        "12",
        "POLICY LAPSED",
    ),
    "a premium of a terminated policy": (
        collect(),
        view(policies=[policy(state="terminated")]),
        "12",
        "POLICY TERMINATED",
    ),
    "another amount": (collect(amount=119_999), view(), "13", "AMOUNT DIFFERS"),
    "another amount of a payout": (pay(amount=500_001), view(), "13", "AMOUNT DIFFERS"),
    "a due that is settled, and another amount": (
        collect(amount=1),
        view(due(**SETTLED)),
        "12",
        "ALREADY PAID",
    ),
    "a fen more than the day's limit": (
        collect(limit_day=119_999),
        view(),
        "61",
        "OVER LIMIT OF THE DAY",
    ),
    "a fen more than what is left of the day's limit": (
        collect(limit_day=200_000),
        view(figures={DATE: BankDay(used=80_001)}),
        "61",
        "OVER LIMIT OF THE DAY",
    ),
    "another amount, over the day's limit": (collect(amount=5, limit_day=1), view(), "13", "AMOUNT DIFFERS"),
    "another identity number": (pay(identity=OTHER_NUMBER), view(), "76", "IDENTITY DIFFERS"),
    "no identity number": (pay(identity=""), view(), "76", "IDENTITY DIFFERS"),
    "another identity number and another amount": (
        pay(identity=OTHER_NUMBER, amount=1),
        view(),
        "13",
        "AMOUNT DIFFERS",
    ),
    "another identity number over the day's limit": (
        pay(identity=OTHER_NUMBER, limit_day=1),
        view(),
        "61",
        "OVER LIMIT OF THE DAY",
    ),
    "a key outside the window": (
        collect(outside_window=True),
        view(),
        "30",
        "DE 7 OUTSIDE THE WINDOW",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_the_book_is_refused_and_changes_nothing(case: str) -> None:
    asked, book, response, reason = REFUSED[case]
    decision = settle(asked, book)
    assert outcome(decision) == (response, reason, "")
    assert (decision.due, decision.figures) == (None, None)
    assert (decision.entries[0].sequence, decision.entries[0].receipt) == (None, None)


# Over the day's limit an advice settles its due all the same: it has a test of its own.
UNFIT = [case for case, (_, _, response, _) in REFUSED.items() if response != "61"]


@pytest.mark.parametrize("case", UNFIT)
def test_the_same_by_an_advice_is_recorded_and_the_money_is_its_own_subject(case: str) -> None:
    asked, book, response, _ = REFUSED[case]
    decision = settle(asked._replace(advice=True), book)
    [entry] = decision.entries
    assert outcome(decision) == ("00", "", response)
    assert (entry.subject, entry.sequence, entry.sequence_before) == (asked.key, 1, None)
    assert (entry.receipt, decision.answer.receipted, decision.due) == (None, False, None)
    side = "premium" if asked.act is Act.COLLECT else "benefit"
    totals = Totals().settled(side, asked.amount)
    assert decision.figures == BankDay(totals, used=asked.amount, unfit=asked.amount)
    assert entry.side == side


DONE = {
    "the only open due": (collect(), view(), "D1", "premium"),
    "a due by its name": (collect(due="D2"), view(*TWO_DUES), "D2", "premium"),
    "the one of two that is open": (
        collect(),
        view(due(**SETTLED), due(premium("D2"))),
        "D2",
        "premium",
    ),
    "the one of its kind": (
        collect(),
        view(due(benefit("B1", "P1")), due()),
        "D1",
        "premium",
    ),
    "the first premium of a pending policy": (
        collect(code="501000"),
        view(due(premium(code="501000")), policies=[policy(state="pending")]),
        "D1",
        "premium",
    ),
    "exactly the day's limit": (collect(limit_day=120_000), view(), "D1", "premium"),
    "exactly what is left of the day's limit": (
        collect(limit_day=200_000),
        view(figures={DATE: BankDay(used=80_000)}),
        "D1",
        "premium",
    ),
    "no limit": (collect(limit_day=0), view(figures={DATE: BankDay(used=10**12)}), "D1", "premium"),
    "what was used on another day": (
        collect(limit_day=120_000),
        view(figures={"20261123": BankDay(used=10**12)}),
        "D1",
        "premium",
    ),
    "a payout": (pay(), view(), "B1", "benefit"),
    "a payout of a lapsed policy": (
        pay(),
        view(policies=[policy("P2", "lapsed")]),
        "B1",
        "benefit",
    ),
    "a payout of a terminated policy": (
        pay(),
        view(policies=[policy("P2", "terminated")]),
        "B1",
        "benefit",
    ),
}


@pytest.mark.parametrize("case", DONE)
@pytest.mark.parametrize("is_advice", [False, True])
def test_what_fits_settles_its_due_and_counts_for_the_bank(case: str, is_advice: bool) -> None:
    asked, book, name, side = DONE[case]
    before: Due = book.dues[name]
    decision = settle(asked._replace(advice=is_advice), book)
    [entry] = decision.entries
    assert outcome(decision) == ("00", "", "")
    assert decision.due == before._replace(state=DueState.SETTLED, settled_by=asked.key, sequence=1)
    assert (entry.subject, entry.sequence, entry.sequence_before, entry.side) == (name, 1, None, side)
    assert (entry.due, decision.answer.receipted, decision.guesses) == (name, True, None)
    used = book.figures_of(asked.bank, DATE).used
    totals = Totals().settled(side, asked.amount)
    assert decision.figures == BankDay(totals, used=used + asked.amount, unfit=0)


def test_a_due_that_was_settled_and_freed_gets_the_next_turn() -> None:
    decision = settle(collect(), view(due(sequence=4)))
    [entry] = decision.entries
    assert decision.due is not None
    assert (decision.due.sequence, entry.sequence, entry.sequence_before) == (5, 5, 4)


def test_what_is_settled_adds_to_what_the_bank_has_already() -> None:
    before = BankDay(Totals(3, 30, 1, 10, 2, 20, 1, 5), used=35, unfit=7)
    decision = settle(collect(), view(figures={DATE: before}))
    assert decision.figures == BankDay(Totals(4, 120_030, 1, 10, 2, 20, 1, 5), used=120_035, unfit=7)


@pytest.mark.parametrize("verdict", [Response.BANK_NOT_ALLOWED, Response.OVER_LIMIT])
def test_an_advice_against_the_gates_verdict_settles_its_due_without_a_receipt(verdict: Response) -> None:
    decision = settle(advice(verdict=verdict, reason="NO"), view())
    assert outcome(decision) == ("00", "", verdict)
    assert decision.due is not None
    assert decision.due.state is DueState.SETTLED
    assert (decision.entries[0].subject, decision.entries[0].receipt) == ("D1", None)
    assert decision.figures == BankDay(Totals(1, 120_000), used=120_000, unfit=120_000)


@pytest.mark.parametrize(
    ("asked", "name", "side"), [(advice(), "D1", "premium"), (advice_of_payout(), "B1", "benefit")]
)
def test_an_advice_over_the_days_limit_settles_its_due_and_does_not_fit(
    asked: Request, name: str, side: str
) -> None:
    decision = settle(asked._replace(limit_day=asked.amount - 1), view())
    assert outcome(decision) == ("00", "", Response.OVER_LIMIT)
    assert (decision.entries[0].subject, decision.entries[0].receipt) == (name, None)
    totals = Totals().settled(side, asked.amount)
    assert decision.figures == BankDay(totals, used=asked.amount, unfit=asked.amount)


def test_the_gates_verdict_goes_before_the_days_limit() -> None:
    asked = advice(verdict=Response.TERMINAL_NOT_ALLOWED, limit_day=1)
    assert outcome(settle(asked, view())) == ("00", "", Response.TERMINAL_NOT_ALLOWED)


# Wrong numbers so far, on which date, whether locked; then what the due's guesses are.
GUESSES = {
    "the first": (None, Guesses("B1", DATE, 1, locked=False)),
    "the second": (Guesses("B1", DATE, 1, locked=False), Guesses("B1", DATE, 2, locked=False)),
    "the last but one": (Guesses("B1", DATE, 3, locked=False), Guesses("B1", DATE, 4, locked=False)),
    "the last": (Guesses("B1", DATE, 4, locked=False), Guesses("B1", DATE, 5, locked=True)),
    "the first of another day": (
        Guesses("B1", "20261123", 4, locked=False),
        Guesses("B1", DATE, 1, locked=False),
    ),
    "one of a locked due": (Guesses("B1", DATE, 5, locked=True), Guesses("B1", DATE, 5, locked=True)),
    "one of a due locked on another day": (
        Guesses("B1", "20261123", 5, locked=True),
        Guesses("B1", "20261123", 5, locked=True),
    ),
}


def book_with(known: Guesses | None) -> View:
    return view(guesses=[known] if known else [])


@pytest.mark.parametrize("case", GUESSES)
@pytest.mark.parametrize("is_advice", [False, True])
def test_a_wrong_number_counts_and_five_in_a_day_lock_the_due(case: str, is_advice: bool) -> None:
    known, after = GUESSES[case]
    decision = settle(pay(identity=OTHER_NUMBER, advice=is_advice), book_with(known))
    assert decision.guesses == after
    assert outcome(decision) == (("00", "", "76") if is_advice else ("76", "IDENTITY DIFFERS", ""))


def test_a_locked_due_is_paid_to_nobody_not_even_to_the_right_person() -> None:
    locked = Guesses("B1", DATE, WRONG_NUMBERS_A_DAY, locked=True)
    decision = settle(pay(), view(guesses=[locked]))
    assert (outcome(decision), decision.guesses) == (("76", "IDENTITY DIFFERS", ""), locked)
    assert decision.due is None


def test_the_right_number_counts_for_nothing_and_another_dues_guesses_neither() -> None:
    some = [Guesses("B1", DATE, 4, locked=False), Guesses("B2", DATE, 5, locked=True)]
    decision = settle(pay(), view(guesses=some))
    assert (outcome(decision), decision.guesses) == (("00", "", ""), None)


def test_a_premium_is_collected_whatever_number_is_shown() -> None:
    decision = settle(collect(identity=OTHER_NUMBER), view(guesses=[Guesses("D1", DATE, 5, locked=True)]))
    assert (outcome(decision), decision.guesses) == (("00", "", ""), None)


def test_what_does_not_fit_is_no_guess() -> None:
    decision = settle(pay(identity=OTHER_NUMBER, amount=1), view())
    assert decision.guesses is None


def test_five_wrong_numbers_are_allowed_for_one_due_and_day() -> None:
    assert WRONG_NUMBERS_A_DAY == 5


def test_which_due_is_meant_does_not_depend_on_who_is_to_be_paid() -> None:
    book = view()
    assert match_due(pay(identity=OTHER_NUMBER), book) is book.dues["B1"]


def result(**given: object) -> Request:
    """The advice of the line that holds D1."""
    return advice(due="D1", hold="B0000123/17", **given)


@pytest.mark.parametrize("state", ["active", "lapsed", "terminated"])
@pytest.mark.parametrize("withdrawn", [0, 1])
def test_the_line_that_holds_a_due_settles_it_whatever_came_to_the_policy_meanwhile(
    state: str, withdrawn: int
) -> None:
    held = HELD._replace(withdrawn=withdrawn)
    asked = result()
    decision = settle(asked, view(held, policies=[policy(state=state)]))
    assert outcome(decision) == ("00", "", "")
    assert decision.due == held._replace(state=DueState.SETTLED, settled_by=asked.key, sequence=1, held_by="")


def test_what_a_line_reports_with_another_amount_fits_no_due_and_leaves_it_held() -> None:
    decision = settle(result(amount=119_999), view(HELD))
    assert (outcome(decision), decision.due) == (("00", "", "13"), None)


def test_a_line_that_was_released_settles_its_due_like_anybody() -> None:
    assert outcome(settle(result(), view(due()))) == ("00", "", "")
    assert outcome(settle(result(), view(due(**SETTLED)))) == ("00", "", "12")
    assert outcome(settle(result(), view(due(), policies=[policy(state="lapsed")]))) == ("00", "", "12")


def test_a_benefit_is_paid_beside_a_premium_that_is_held() -> None:
    assert outcome(settle(pay(), view(HELD, due(benefit())))) == ("00", "", "")
