"""The rules of taking back as a table: a cancel or reversal and a book in, a decision out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.errors import InvariantBroken
from ledger.files.bookline import DueLine
from ledger.rules.decision import Decision
from ledger.rules.entry import Entry, Kind
from ledger.rules.request import Act, BankDay, Request, Totals
from ledger.rules.reversal import cancel, reverse
from ledger.rules.view import Due, DueState, View
from protocol.responses import Response
from tests.support.builders import DATE, benefit, due, entry, premium, request, view

Rule = Callable[[Request, View], Decision]
EARLIER = ("20261123", "20261120", "20261119")
CARD = "622848******0018"
PAID = entry(1)
"""The collection of D1 that is to be taken back."""
USED = BankDay(Totals(1, 120_000), used=120_000, unfit=0)


def taking(act: Act, **given: object) -> Request:
    """A cancel or reversal of PAID that agrees with it."""
    code = "020000" if act is Act.CANCEL else "500000"
    mti = "0200" if act is Act.CANCEL else "0400"
    return request(act, **{"mti": mti, "code": code, "original": PAID.key, "policy": "", **given})


def cancelling(**given: object) -> Request:
    return taking(Act.CANCEL, **given)


def reversing(**given: object) -> Request:
    return taking(Act.REVERSE, **given)


def settled(line: DueLine | None = None, by: Entry = PAID, **given: object) -> Due:
    return due(line, **{"state": DueState.SETTLED, "settled_by": by.key, "sequence": 1, **given})


def book(*others: Entry, original: Entry = PAID, **given: object) -> View:
    """A day on which `original` settled D1, and then `others` came."""
    given = {"figures": {DATE: USED}, "earlier_dates": EARLIER, **given}
    return view(given.pop("due", settled()), entries=[original, *others], **given)


def outcome(decision: Decision) -> tuple[str, str, str]:
    first = decision.entries[0]
    assert (decision.answer.response, decision.answer.reason) == (first.response, first.reason)
    return first.response, first.reason, first.exception_code


def refusal_of(position: int = 1, response: Response = Response.NOT_POSSIBLE, **given: object) -> Entry:
    none = {"authorization": "", "receipt": None, "side": "", "subject": None, "sequence": None}
    return entry(position, **{"response": response, "reason": "NO", **none, **given})


def tombstone() -> Entry:
    none = {"mti": "", "code": "", "content": ""}
    return refusal_of(2, Response.NO_ORIGINAL, key=PAID.key, kind=Kind.TOMBSTONE, original="", **none)


def cancel_of(original: Entry = PAID, **given: object) -> Entry:
    undo = {"kind": Kind.CANCEL, "code": "020000", "original": original.key}
    return entry(2, **{**undo, "sequence": 2, "sequence_before": 1, **given})


def reversal_of(original: Entry = PAID, **given: object) -> Entry:
    undo = {"kind": Kind.REVERSAL, "mti": "0400", "original": original.key, "receipt": None}
    return entry(2, **{**undo, "sequence": 2, "sequence_before": 1, **given})


UNFIT = entry(1, exception_code="13", receipt=None, subject=entry(1).key, due="D1")
"""An advice that fits no due: its own subject."""


# What a cancel, and what a reversal, says of its original that is not so.
DISAGREEMENTS = {
    "another policy": ({"policy": "P9"}, "25", "ORIGINAL: OTHER POLICY"),
    "another due": ({"due": "D9"}, "25", "ORIGINAL: OTHER DUE"),
    "another branch": ({"branch": "B00000000000002"}, "12", "ORIGINAL: OTHER DE 42"),
    "another card": ({"card": "622848******9999"}, "12", "ORIGINAL: OTHER DE 2"),
    "a fen less": ({"amount": 119_999}, "13", "AMOUNT DIFFERS"),
    "a fen more": ({"amount": 120_001}, "13", "AMOUNT DIFFERS"),
    "another policy before another amount": (
        {"policy": "P9", "amount": 1},
        "25",
        "ORIGINAL: OTHER POLICY",
    ),
}
AGREEMENTS: dict[str, dict[str, object]] = {
    "no policy, due or card": {"policy": "", "due": "", "card": ""},
    "its policy": {"policy": "P1"},
    "its due": {"due": "D1"},
    "its card": {"card": CARD},
    "its branch, padded": {"branch": "B00000000000001    "},
}
WITH_CARD = PAID._replace(card=CARD)


@pytest.mark.parametrize("rule", [cancel, reverse])
@pytest.mark.parametrize("case", DISAGREEMENTS)
def test_what_says_other_things_of_its_original_is_refused(rule: Rule, case: str) -> None:
    given, response, reason = DISAGREEMENTS[case]
    asked = cancelling(**given) if rule is cancel else reversing(**given)
    decision = rule(asked, book(original=WITH_CARD))
    assert outcome(decision) == (response, reason, "")
    assert (len(decision.entries), decision.due, decision.figures) == (1, None, None)


@pytest.mark.parametrize("rule", [cancel, reverse])
@pytest.mark.parametrize("case", AGREEMENTS)
def test_what_agrees_with_its_original_frees_its_due(rule: Rule, case: str) -> None:
    given = AGREEMENTS[case]
    asked = cancelling(**given) if rule is cancel else reversing(**given)
    decision = rule(asked, book(original=WITH_CARD))
    [own] = decision.entries
    assert outcome(decision) == ("00", "", "")
    assert decision.due == settled()._replace(state=DueState.OPEN, settled_by="", sequence=2)
    assert (own.subject, own.sequence, own.sequence_before, own.side) == ("D1", 2, 1, "premium")
    assert decision.figures == BankDay(Totals(1, 120_000, 1, 120_000), used=0)
    assert (own.policy, own.due, own.due_date) == ("P1", "D1", "20261201")
    assert (own.receipt is not None) is (rule is cancel)


def test_a_padded_branch_of_the_original_is_the_same_branch() -> None:
    padded = PAID._replace(branch="B1             ")
    assert outcome(reverse(reversing(branch="B1"), book(original=padded)))[0] == "00"


HIDDEN = ("11010519491231002X", "11010519491231002X"[-4:].rjust(18, "*"))


@pytest.mark.parametrize("rule", [cancel, reverse])
@pytest.mark.parametrize("name", ["policy", "due"])
def test_an_original_recorded_with_a_number_concealed_is_compared_with_it_concealed(
    rule: Rule, name: str
) -> None:
    number, shown = HIDDEN
    original = PAID._replace(**{name: shown})
    make = cancelling if rule is cancel else reversing
    seen = book(original=original)
    seen.dues[original.due] = settled()
    assert outcome(rule(make(**{name: number}), seen))[0] == "00"
    assert outcome(rule(make(**{name: "310105194912310029"}), seen))[0] == "25"


CANCELS_REFUSED = {
    "outside the window": (cancelling(outside_window=True), book(), "30", "DE 7 OUTSIDE THE WINDOW"),
    "another bank's": (
        cancelling(original="00001030000/T0000001/20261124101112/000001"),
        book(),
        "57",
        "DE 90: OTHER BANK",
    ),
    "no original": (cancelling(), view(), "21", "NO SUCH ORIGINAL"),
    "of what was reversed before it came": (
        cancelling(),
        view(entries=[tombstone()]),
        "21",
        "NO SUCH ORIGINAL",
    ),
    "of a cancel": (
        cancelling(),
        book(original=cancel_of(key=PAID.key)),
        "12",
        "ORIGINAL IS A CANCEL",
    ),
    "of a reversal": (
        cancelling(),
        book(original=reversal_of(key=PAID.key)),
        "12",
        "ORIGINAL IS A REVERSAL",
    ),
    "of a refusal": (cancelling(), book(original=refusal_of()), "21", "ORIGINAL REFUSED 12"),
    "of an advice that fits no due": (cancelling(), book(original=UNFIT), "12", "ORIGINAL IS A BREAK"),
    "a second time": (
        cancelling(),
        book(cancel_of(), due=due(sequence=2)),
        "12",
        "ALREADY CANCELLED",
    ),
    "of what another has paid since": (
        cancelling(),
        book(due=settled(by=entry(9), sequence=3)),
        "12",
        "ALREADY CANCELLED",
    ),
    "of an earlier business date": (
        cancelling(),
        book(original=entry(1, business_date="20261123")),
        "12",
        "CANCEL AFTER CUTOVER",
    ),
}


@pytest.mark.parametrize("case", CANCELS_REFUSED)
def test_what_cannot_be_cancelled_is_refused(case: str) -> None:
    asked, seen, response, reason = CANCELS_REFUSED[case]
    decision = cancel(asked, seen)
    assert outcome(decision) == (response, reason, "")
    assert (decision.due, decision.figures, decision.entries[0].sequence) == (None, None, None)
    assert len(decision.entries) == (2 if case == "no original" else 1)


@pytest.mark.parametrize("case", CANCELS_REFUSED)
def test_an_advice_of_a_cancel_is_recorded_without_effect(case: str) -> None:
    asked, seen, response, _ = CANCELS_REFUSED[case]
    decision = cancel(asked._replace(advice=True), seen)
    own = decision.entries[0]
    assert outcome(decision) == ("00", "", response)
    assert (decision.due, decision.figures) == (None, None)
    assert (own.subject, own.sequence, own.side, own.receipt) == (None, None, "", None)
    assert len(decision.entries) == (2 if case == "no original" else 1)


def test_a_cancel_before_its_original_lays_a_tombstone_even_outside_the_window() -> None:
    [own, grave] = cancel(cancelling(outside_window=True), view()).entries
    assert (own.response, grave.key, grave.kind) == ("30", PAID.key, Kind.TOMBSTONE)


@pytest.mark.parametrize("kind", [Kind.COLLECTION, Kind.PAYOUT])
def test_a_collection_and_a_payout_can_be_cancelled(kind: Kind) -> None:
    side = "premium" if kind is Kind.COLLECTION else "benefit"
    line = premium() if kind is Kind.COLLECTION else benefit("D1", "P1", 120_000)
    original = PAID._replace(kind=kind, side=side)
    decision = cancel(cancelling(), book(original=original, due=settled(line)))
    assert outcome(decision) == ("00", "", "")
    assert decision.entries[0].side == side
    assert decision.figures == BankDay(USED.totals.taken_back(side, 120_000), used=0)


def test_an_advice_of_a_cancel_against_the_gates_verdict_frees_its_due_and_does_not_fit() -> None:
    asked = cancelling(advice=True, verdict=Response.TERMINAL_NOT_ALLOWED)
    decision = cancel(asked, book())
    assert outcome(decision) == ("00", "", Response.TERMINAL_NOT_ALLOWED)
    assert decision.due is not None
    assert (decision.due.state, decision.entries[0].receipt) == (DueState.OPEN, None)


def test_what_was_withdrawn_meanwhile_is_withdrawn_when_it_is_free_again() -> None:
    for decision in (
        cancel(cancelling(), book(due=settled(withdrawn=1))),
        reverse(reversing(), book(due=settled(withdrawn=1))),
    ):
        assert decision.due is not None
        assert decision.due.state is DueState.WITHDRAWN


@pytest.mark.parametrize("rule", [cancel, reverse])
def test_taking_back_an_advice_that_did_not_fit_but_settled_its_due_lowers_what_is_unfit(rule: Rule) -> None:
    original = PAID._replace(exception_code="61", receipt=None)
    seen = book(original=original, figures={DATE: BankDay(Totals(1, 120_000), 120_000, 150_000)})
    asked = cancelling() if rule is cancel else reversing()
    assert rule(asked, seen).figures == BankDay(Totals(1, 120_000, 1, 120_000), used=0, unfit=30_000)


def test_an_entry_of_a_due_that_is_not_in_the_book_is_a_broken_invariant() -> None:
    with pytest.raises(InvariantBroken, match="due of entry 1/1 is not in the book"):
        reverse(reversing(), view(due(premium("D2")), entries=[PAID]))


REVERSALS_REFUSED = {
    "another bank's": (
        reversing(original="00001030000/T0000001/20261124101112/000001"),
        book(),
        "57",
        "DE 90: OTHER BANK",
    ),
    "of what was reversed before it came": (
        reversing(),
        view(entries=[tombstone()]),
        "21",
        "NO SUCH ORIGINAL",
    ),
    "of a reversal": (
        reversing(),
        book(original=reversal_of(key=PAID.key)),
        "12",
        "ORIGINAL IS A REVERSAL",
    ),
    "of a reversal that had no effect": (
        reversing(),
        book(original=reversal_of(key=PAID.key, sequence=None, sequence_before=None, subject=None)),
        "12",
        "ORIGINAL IS A REVERSAL",
    ),
    "of a refusal": (
        reversing(),
        book(original=refusal_of(response=Response.AMOUNT_DIFFERS)),
        "21",
        "ORIGINAL REFUSED 13",
    ),
    "of another processing code": (reversing(code="501000"), book(), "12", "ORIGINAL: OTHER DE 3"),
    "of another code and another amount": (
        reversing(code="501000", amount=1),
        book(),
        "13",
        "AMOUNT DIFFERS",
    ),
}


@pytest.mark.parametrize("case", REVERSALS_REFUSED)
@pytest.mark.parametrize("is_advice", [False, True])
def test_what_cannot_be_reversed_is_refused_by_request_or_advice(case: str, is_advice: bool) -> None:
    asked, seen, response, reason = REVERSALS_REFUSED[case]
    decision = reverse(asked._replace(advice=is_advice), seen)
    assert outcome(decision) == (response, reason, "")
    assert (len(decision.entries), decision.due, decision.figures) == (1, None, None)


@pytest.mark.parametrize("rule", [cancel, reverse])
def test_what_comes_before_its_original_is_remembered_under_its_key(rule: Rule) -> None:
    asked = cancelling() if rule is cancel else reversing()
    [own, grave] = rule(asked, view()).entries
    assert (own.response, own.reason, own.key) == ("21", "NO SUCH ORIGINAL", asked.key)
    assert (grave.kind, grave.key, grave.response) == (Kind.TOMBSTONE, PAID.key, "21")


def assert_approved_without_effect(decision: Decision) -> None:
    [own] = decision.entries
    assert outcome(decision) == ("00", "", "")
    assert (decision.due, decision.figures, own.subject, own.sequence) == (None, None, None, None)


def test_what_is_reversed_a_second_time_is_approved_and_has_no_effect_again() -> None:
    decision = reverse(reversing(), book(reversal_of(), due=due(sequence=2)))
    assert_approved_without_effect(decision)
    assert decision.entries[0].due == "D1"


def test_the_reversal_of_what_was_cancelled_has_no_effect_again() -> None:
    assert_approved_without_effect(reverse(reversing(), book(cancel_of(), due=due(sequence=2))))


def test_the_reversal_of_what_was_cancelled_leaves_what_has_been_paid_since() -> None:
    since = settled(by=entry(9), sequence=3)
    assert_approved_without_effect(reverse(reversing(), book(cancel_of(), due=since)))


def test_the_reversal_of_a_cancel_that_had_no_effect_has_none() -> None:
    idle = cancel_of(key=PAID.key, sequence=None, sequence_before=None, subject=None, exception_code="12")
    assert_approved_without_effect(reverse(reversing(code="020000"), book(original=idle)))


def test_an_old_reversal_that_would_have_no_effect_is_approved() -> None:
    old = PAID._replace(business_date="20260102")
    assert_approved_without_effect(reverse(reversing(), book(original=old, due=due(sequence=2))))


# How many business days back a bank's reversals reach, the original's date, and whether it is reached.
AGES = [
    (0, DATE, True),
    (0, "20261123", False),
    (1, "20261123", True),
    (1, "20261120", False),
    (2, "20261120", True),
    (2, "20261119", False),
    (3, "20261119", True),
    (30, "20261119", True),
    (30, "20261001", False),
]
LATE = ("12", "REVERSAL TOO LATE", "")


@pytest.mark.parametrize(("days", "date", "is_reached"), AGES)
def test_a_reversal_reaches_as_many_business_days_back_as_its_bank_may(
    days: int, date: str, is_reached: bool
) -> None:
    decision = reverse(reversing(reversal_days=days), book(original=PAID._replace(business_date=date)))
    assert outcome(decision) == (("00", "", "") if is_reached else LATE)
    assert (decision.due is not None) is is_reached


@pytest.mark.parametrize(("days", "date", "is_reached"), AGES)
def test_the_same_holds_for_an_advice_that_fitted_no_due(days: int, date: str, is_reached: bool) -> None:
    original = UNFIT._replace(business_date=date)
    decision = reverse(reversing(reversal_days=days), book(original=original))
    assert outcome(decision) == (("00", "", "") if is_reached else LATE)


@pytest.mark.parametrize(("days", "date", "is_reached"), AGES)
def test_the_same_holds_for_the_reversal_of_a_cancel(days: int, date: str, is_reached: bool) -> None:
    undone = cancel_of(business_date=date)
    asked = reversing(original=undone.key, code="020000", reversal_days=days)
    decision = reverse(asked, book(undone, due=due(sequence=2)))
    assert outcome(decision) == (("00", "", "") if is_reached else LATE)


def test_what_is_taken_back_of_an_earlier_day_counts_today_and_gives_no_room_for_today() -> None:
    old = PAID._replace(business_date="20261123", exception_code="61")
    today = BankDay(Totals(2, 50), used=50, unfit=9)
    decision = reverse(reversing(), book(original=old, figures={DATE: today, "20261123": USED}))
    assert decision.figures == BankDay(Totals(2, 50, 1, 120_000), used=50, unfit=9)


def test_an_advice_that_fits_no_due_is_taken_out_of_effect_by_sequence_two_of_its_own() -> None:
    figures = {DATE: BankDay(Totals(1, 120_000), 120_000, 120_000)}
    decision = reverse(reversing(), book(original=UNFIT, due=due(), figures=figures))
    [own] = decision.entries
    assert outcome(decision) == ("00", "", "")
    assert (own.subject, own.sequence, own.sequence_before, own.side) == (UNFIT.key, 2, 1, "premium")
    assert (decision.due, own.due) == (None, "")
    assert decision.figures == BankDay(Totals(1, 120_000, 1, 120_000), used=0, unfit=0)


def test_an_advice_that_fits_no_due_is_taken_back_once() -> None:
    undone = reversal_of(UNFIT, subject=UNFIT.key)
    assert_approved_without_effect(reverse(reversing(), book(undone, original=UNFIT)))


def test_an_old_advice_that_was_taken_back_already_is_approved_without_effect() -> None:
    old = UNFIT._replace(business_date="20260102")
    undone = reversal_of(old, subject=old.key)
    assert_approved_without_effect(reverse(reversing(), book(undone, original=old)))


CANCELLED = cancel_of()


def of_cancel(**given: object) -> Request:
    return reversing(**{"original": CANCELLED.key, "code": "020000", **given})


def test_a_cancel_that_is_reversed_never_was() -> None:
    figures = {DATE: BankDay(Totals(1, 120_000, 1, 120_000), used=0)}
    decision = reverse(of_cancel(), book(CANCELLED, due=due(sequence=2), figures=figures))
    [own] = decision.entries
    assert outcome(decision) == ("00", "", "")
    assert decision.due == due(state=DueState.SETTLED, settled_by=PAID.key, sequence=3)
    assert (own.subject, own.sequence, own.sequence_before, own.side) == ("D1", 3, 2, "premium")
    assert (own.policy, own.due, own.due_date) == ("P1", "D1", "20261201")
    assert decision.figures == USED


def test_an_earlier_days_cancel_that_is_reversed_counts_as_a_settlement_and_not_for_todays_limit() -> None:
    old = cancel_of(business_date="20261123")
    today = BankDay(Totals(2, 50, 1, 20), used=30, unfit=3)
    decision = reverse(of_cancel(), book(old, due=due(sequence=2), figures={DATE: today}))
    assert decision.figures == BankDay(Totals(3, 120_050, 1, 20), used=30, unfit=3)
    assert decision.due is not None
    assert decision.due.settled_by == PAID.key


@pytest.mark.parametrize(("exception_code", "unfit"), [("61", 150_000), ("", 30_000)])
def test_a_cancel_that_is_reversed_brings_back_what_was_unfit_of_the_transaction(
    exception_code: str, unfit: int
) -> None:
    figures = {DATE: BankDay(Totals(1, 120_000, 1, 120_000), used=0, unfit=30_000)}
    seen = book(
        CANCELLED, original=PAID._replace(exception_code=exception_code), due=due(sequence=2), figures=figures
    )
    assert reverse(of_cancel(), seen).figures == USED._replace(unfit=unfit)


def test_what_was_unfit_of_an_earlier_day_is_not_of_today_when_its_cancel_is_reversed() -> None:
    old, paid = (
        cancel_of(business_date="20261123"),
        PAID._replace(business_date="20261123", exception_code="61"),
    )
    today = {DATE: BankDay(Totals(2, 50), used=50, unfit=3)}
    decision = reverse(of_cancel(), book(old, original=paid, due=due(sequence=2), figures=today))
    assert decision.figures == BankDay(Totals(3, 120_050), used=50, unfit=3)


def test_a_cancel_is_reversed_once() -> None:
    undone = entry(3, kind=Kind.REVERSAL, original=CANCELLED.key, receipt=None, sequence=3, sequence_before=2)
    seen = book(CANCELLED, undone, due=settled(sequence=3))
    decision = reverse(of_cancel(), seen)
    assert_approved_without_effect(decision)
    assert decision.entries[0].due == "D1"


def test_a_cancel_of_what_was_reversed_too_is_reversed_without_effect() -> None:
    idle = entry(3, kind=Kind.REVERSAL, original=PAID.key, receipt=None, subject=None, sequence=None)
    seen = book(CANCELLED, idle, due=due(sequence=2))
    decision = reverse(of_cancel(), seen)
    assert_approved_without_effect(decision)
    assert decision.entries[0].due == "D1"


def test_a_cancel_whose_due_was_settled_since_cannot_be_reversed() -> None:
    decision = reverse(of_cancel(), book(CANCELLED, due=settled(by=entry(9), sequence=3)))
    assert outcome(decision) == ("12", "DUE SETTLED SINCE", "")
    assert decision.due is None


def test_a_cancel_whose_due_was_settled_and_freed_since_cannot_be_reversed() -> None:
    decision = reverse(of_cancel(), book(CANCELLED, due=due(sequence=4)))
    assert outcome(decision) == ("12", "DUE SETTLED SINCE", "")
