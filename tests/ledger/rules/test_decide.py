"""The order of the rules as a table: what goes before every rule, and how a batch sees what it did."""

from __future__ import annotations

import pytest

from ledger.rules.day import DayState
from ledger.rules.decide import DECIDERS, OVERRIDABLE_BY_ADVICE, decide, fold
from ledger.rules.decision import Decision, answer_of
from ledger.rules.entry import Kind
from ledger.rules.request import FINANCIAL, INQUIRIES, Act, Answer, BankDay, Request, Totals
from ledger.rules.view import Day, DueState, Guesses
from protocol.responses import FINAL, Response
from tests.support.builders import BENEFICIARY, DATE, PAYEE, benefit, due, entry, request, view

KEYED = (*sorted(FINANCIAL), Act.REVERSE)
READING = (*sorted(INQUIRIES), Act.TOTALS)
PAID = entry(1)
SETTLED = due(state=DueState.SETTLED, settled_by=PAID.key, sequence=1)


def asking(act: Act, **given: object) -> Request:
    """A request that fits the book of `view()` for every act."""
    values: dict[str, object] = {"original": PAID.key}
    if act is Act.PAY:
        values = {"code": "260000", "policy": "P2", "amount": 500_000, "identity": BENEFICIARY}
    elif act is Act.COLLECT:
        values = {}
    return request(act, **{**values, **given})


def test_every_act_has_a_decider() -> None:
    assert set(DECIDERS) == set(Act)


@pytest.mark.parametrize("act", KEYED)
def test_the_first_answer_is_given_again_and_nothing_is_written(act: Act) -> None:
    known = PAID._replace(kind=Kind.COLLECTION, content="same")
    decision = decide(asking(act, key=PAID.key, content="same"), view(SETTLED, entries=[known]))
    assert decision.answer == answer_of(known, replayed=True)
    assert decision[1:] == ((), None, None, None)


@pytest.mark.parametrize("act", KEYED)
def test_a_refusal_stays_one_and_no_permission_or_cut_over_changes_the_first_answer(act: Act) -> None:
    known = PAID._replace(response=Response.OVER_LIMIT, reason="OVER LIMIT", receipt=None, sequence=None)
    closed = view(entries=[known], day=Day(DATE, DayState.CLOSED))
    asked = asking(act, key=PAID.key, content=PAID.content, verdict=Response.TERMINAL_NOT_ALLOWED)
    assert decide(asked, closed).answer == answer_of(known, replayed=True)


@pytest.mark.parametrize("act", KEYED)
def test_the_same_key_with_other_content_is_refused_and_nothing_is_written(act: Act) -> None:
    decision = decide(asking(act, key=PAID.key, content="other"), view(entries=[PAID]))
    answer = decision.answer
    assert (answer.response, answer.reason) == (Response.KEY_REUSED, "KEY USED, OTHER CONTENT")
    assert (answer.business_date, decision.entries) == (DATE, ())
    assert (answer.replayed, answer.receipted, answer.holder) == (False, False, "")


@pytest.mark.parametrize("act", KEYED)
def test_a_tombstone_refuses_its_original_whatever_its_content(act: Act) -> None:
    grave = PAID._replace(
        kind=Kind.TOMBSTONE,
        content="",
        response=Response.NO_ORIGINAL,
        reason="R",
        receipt=None,
        sequence=None,
    )
    decision = decide(asking(act, key=PAID.key, content="its own"), view(entries=[grave]))
    assert (decision.answer, decision.entries) == (answer_of(grave, replayed=True), ())


@pytest.mark.parametrize(
    ("kind", "given", "taken_back"),
    [
        (Kind.COLLECTION, {}, True),
        (Kind.PAYOUT, {}, True),
        (Kind.COLLECTION, {"receipt": None}, False),
        (Kind.CANCEL, {"sequence": None}, False),
    ],
)
def test_nobody_prints_a_receipt_of_what_was_taken_back_since(
    kind: Kind, given: dict[str, object], taken_back: bool
) -> None:
    known = PAID._replace(kind=kind, **given)
    again = decide(asking(Act.COLLECT, key=PAID.key, content=PAID.content), view(due(), entries=[known]))
    first = answer_of(known, replayed=True)
    gone = first._replace(receipted=False, holder="", reason="REVERSED")
    assert again.answer == (gone if taken_back else first)


def test_a_payouts_receipt_names_the_payee_as_often_as_it_is_asked_for() -> None:
    known = entry(kind=Kind.PAYOUT, code="260000", policy="P2", due="B1", subject="B1", amount=500_000)
    book = view(due(benefit()).settled(known.key), entries=[known])
    repeat = decide(asking(Act.PAY, key=known.key, content=known.content), book).answer
    again = decide(request(Act.RECEIPT, key="", receipt=known.receipt), book).answer
    assert (repeat.payee, again.payee) == (PAYEE, PAYEE)
    reversed_since = view(due(benefit()), entries=[known])
    asked = asking(Act.PAY, key=known.key, content=known.content)
    assert decide(asked, reversed_since).answer.payee == ""


def test_a_cancel_that_was_reversed_has_no_receipt_either() -> None:
    known = PAID._replace(kind=Kind.CANCEL, original="o")
    book = view(SETTLED, entries=[known])
    asked = asking(Act.CANCEL, key=PAID.key, content=PAID.content)
    assert decide(asked, book).answer.receipted is True
    book.undone.add(known.key)
    assert decide(asked, book).answer.receipted is False


@pytest.mark.parametrize("act", KEYED)
@pytest.mark.parametrize(("day", "date"), [(None, ""), (Day(DATE, DayState.CLOSED), DATE)])
def test_nothing_is_decided_while_no_day_is_open(act: Act, day: Day | None, date: str) -> None:
    for is_advice in (False, True):
        decision = decide(asking(act, advice=is_advice, verdict=Response.FORMAT), view(day=day))
        answer = decision.answer
        assert (answer.response, answer.reason) == (Response.CUTOVER, "CUTOVER, ASK AGAIN")
        assert (answer.business_date, decision.entries) == (date, ())


@pytest.mark.parametrize("act", KEYED)
def test_a_bank_that_must_wait_has_nothing_done_and_is_told_what_was(act: Act) -> None:
    waiting = asking(act, key=PAID.key, content=PAID.content, must_wait=True, verdict=Response.FORMAT)
    answer = Answer(Response.UNAVAILABLE, "TOO MANY 25 AND 76, WAIT", DATE)
    assert decide(waiting, view(due())) == Decision(answer)
    assert decide(waiting, view(SETTLED, entries=[PAID])).answer == answer_of(PAID, replayed=True)


@pytest.mark.parametrize("act", KEYED)
@pytest.mark.parametrize("verdict", sorted(FINAL))
def test_the_gates_verdict_is_recorded_for_a_request(act: Act, verdict: Response) -> None:
    decision = decide(asking(act, verdict=verdict, reason="WHY"), view(SETTLED, entries=[PAID]))
    [own] = decision.entries
    assert (own.response, own.reason, own.sequence, decision.due) == (verdict, "WHY", None, None)
    assert decision.answer == answer_of(own)


@pytest.mark.parametrize("act", KEYED)
@pytest.mark.parametrize("verdict", sorted(FINAL))
def test_of_an_advice_only_money_that_has_moved_speaks_against_the_gates_verdict(
    act: Act, verdict: Response
) -> None:
    book = view(SETTLED, entries=[PAID]) if act in (Act.CANCEL, Act.REVERSE) else view()
    [own] = decide(asking(act, advice=True, verdict=verdict, reason="WHY"), book).entries
    if act in FINANCIAL and verdict in ("57", "58", "61"):
        assert (own.response, own.reason, own.exception_code) == ("00", "", verdict)
    else:
        assert (own.response, own.reason, own.exception_code) == (verdict, "WHY", "")


def test_a_pin_or_a_format_is_never_overridden() -> None:
    assert {"57", "58", "61"} == OVERRIDABLE_BY_ADVICE


@pytest.mark.parametrize("act", READING)
def test_an_inquiry_gets_the_gates_verdict_and_nothing_is_written(act: Act) -> None:
    asked = asking(act, verdict=Response.TERMINAL_NOT_ALLOWED, reason="TERMINAL NOT ALLOWED")
    for day, date in ((None, ""), (Day(DATE, DayState.OPEN), DATE), (Day(DATE, DayState.CLOSED), DATE)):
        decision = decide(asked, view(entries=[PAID], day=day))
        answer = decision.answer
        assert (answer.response, answer.reason) == ("58", "TERMINAL NOT ALLOWED")
        assert (answer.business_date, decision[1:]) == (date, ((), None, None, None))


# What each inquiry says of the book of `view` with PAID in it, by one field of the answer that no other has.
READ = [
    (Act.DUES, {"policy": "P1"}, "holder", "张*"),
    (Act.STATUS, {"policy": "P1"}, "status", "active"),
    (Act.OUTCOME, {}, "status", "done"),
    (Act.RECEIPT, {}, "receipted", True),
    (Act.TOTALS, {"date": DATE}, "totals", Totals()),
]


@pytest.mark.parametrize(("act", "given", "field", "value"), READ)
@pytest.mark.parametrize("state", [DayState.OPEN, DayState.CLOSED])
def test_each_inquiry_reads_and_writes_nothing_day_or_night(
    act: Act, given: dict[str, object], field: str, value: object, state: DayState
) -> None:
    book = view(SETTLED, entries=[PAID], day=Day(DATE, state), kept=[DATE])
    decision = decide(asking(act, **given), book)
    assert (decision.answer.response, getattr(decision.answer, field)) == ("00", value)
    assert decision[1:] == ((), None, None, None)


def test_a_receipt_that_does_not_exist_is_not_found() -> None:
    decision = decide(asking(Act.RECEIPT), view())
    assert decision.answer == Answer(Response.NOT_FOUND, "NO SUCH RECEIPT", DATE)


DONE = [
    (Act.COLLECT, view(), Kind.COLLECTION, DueState.SETTLED),
    (Act.PAY, view(), Kind.PAYOUT, DueState.SETTLED),
    (Act.CANCEL, view(SETTLED, entries=[PAID]), Kind.CANCEL, DueState.OPEN),
    (Act.REVERSE, view(SETTLED, entries=[PAID]), Kind.REVERSAL, DueState.OPEN),
]


@pytest.mark.parametrize(("act", "book", "kind", "state"), DONE)
def test_each_act_of_money_has_its_rule(act: Act, book: object, kind: Kind, state: DueState) -> None:
    decision = decide(asking(act), book)  # type: ignore[arg-type]
    assert (decision.answer.response, decision.entries[0].kind) == ("00", kind)
    assert decision.due is not None
    assert decision.due.state is state


def test_a_decision_changes_nothing_in_the_view() -> None:
    book = view()
    decide(asking(Act.COLLECT), book)
    assert book == view()


def test_each_request_of_a_batch_sees_what_those_before_it_did() -> None:
    book = view()
    first, second = asking(Act.COLLECT), asking(Act.COLLECT)
    undo = asking(Act.REVERSE, original=first.key)
    answers = fold([first, second, first, undo, first, second], book)
    assert [(answer.response, answer.reason) for answer in answers] == [
        ("00", ""),
        ("12", "ALREADY PAID"),
        ("00", ""),
        ("00", ""),
        ("00", "REVERSED"),
        ("12", "ALREADY PAID"),
    ]
    assert [answer.replayed for answer in answers] == [False, False, True, False, True, True]
    assert [(entry.key, entry.position) for entry in book.written] == [
        (first.key, 1),
        (second.key, 2),
        (undo.key, 3),
    ]
    assert (book.dues["D1"].state, book.dues["D1"].sequence) == (DueState.OPEN, 2)
    assert book.figures[first.bank, DATE] == BankDay(Totals(1, 120_000, 1, 120_000), used=0)
    assert book.figures_changed == {(first.bank, DATE)}


def test_a_batch_leaves_tombstones_and_guesses_to_be_written_too() -> None:
    book = view(due(benefit()))
    undo = asking(Act.REVERSE)
    wrong = asking(Act.PAY, identity="x")
    fold([undo, wrong, wrong._replace(key=f"{wrong.key}9")], book)
    assert [entry.key for entry in book.written] == [undo.key, PAID.key, wrong.key, f"{wrong.key}9"]
    assert book.guesses == {"B1": Guesses("B1", DATE, 2, locked=False)}
    assert (book.guesses_changed, book.figures_changed, book.dues_read) == ({"B1"}, set(), {})


def test_an_empty_batch_answers_nothing() -> None:
    book = view()
    assert (fold([], book), book) == ([], view())
