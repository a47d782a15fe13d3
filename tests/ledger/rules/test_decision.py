"""What a decision records and answers: every field of the entry, of its tombstone and of the answer."""

from __future__ import annotations

import pytest

from ledger.errors import InvariantBroken
from ledger.rules.day import DayState
from ledger.rules.decision import (
    Decision,
    Effect,
    Refusal,
    answer_of,
    approved,
    figures_of,
    open_day,
    payee_of,
    refused,
)
from ledger.rules.entry import GENESIS, Entry, Kind
from ledger.rules.numbering import authorization_code, receipt_number
from ledger.rules.request import NO_FIGURES, Act, Answer, BankDay, Request, Totals
from ledger.rules.view import Day, Due, DueState, Guesses
from protocol.responses import Response
from tests.support.builders import BANK, DATE, PAYEE, benefit, due, entry, premium, request, view

NO = Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS")
ASKED = request(
    Act.COLLECT,
    stan="000042",
    card="622848******0018",
    local_at="20261124101113",
    original="00001020000/T0000009/20261124090000/000007",
    due="D1",
)
FIGURES = BankDay(Totals(1, 120_000), used=120_000)
SETTLED = due(state=DueState.SETTLED, settled_by=ASKED.key, sequence=1)
EFFECT = Effect("D1", 1, "premium", SETTLED, FIGURES)
NUMBER = "11010519491231002X"
SHOWN = "002X".rjust(18, "*")


def expected(**given: object) -> Entry:
    """The entry of ASKED, approved and without effect, at the first position."""
    return Entry(
        **{
            "chain": 1,
            "position": 1,
            "key": ASKED.key,
            "kind": Kind.COLLECTION,
            "mti": "0200",
            "code": "500000",
            "bank": BANK,
            "terminal": "T0000001",
            "branch": "B00000000000001",
            "stan": "000042",
            "sent_at": "20261124101112",
            "local_at": "20261124101113",
            "rrn": "RRN000000042",
            "card": "622848******0018",
            "amount": 120_000,
            "currency": "156",
            "policy": "P1",
            "holder": "张三",
            "due": "D1",
            "due_date": "20261201",
            "original": ASKED.original,
            "content": "content 000042",
            "business_date": DATE,
            "recorded_at": 1,
            "response": Response.APPROVED,
            "reason": "",
            "authorization": "000001",
            "receipt": receipt_number(DATE, 1, 1),
            "exception_code": "",
            "side": "",
            "subject": None,
            "sequence": None,
            "sequence_before": None,
            "previous": GENESIS,
            "salt": "",
            **given,
        }  # type: ignore[arg-type]
    )


NOT_COPIED = {
    "policy": "decided, or masked where the book does not know it",
    "due": "decided, or masked where the book does not know it",
    "receipt": "of the request the number that is asked for, of the entry its own",
    "reason": "of the request the parser's, of the entry the decision's",
}
"""What a request and its entry both have under one name, and not with one value."""


def test_whatever_a_request_and_its_entry_have_under_one_name_is_the_same_in_both() -> None:
    shared = set(Request._fields) & set(Entry._fields)
    assert shared > NOT_COPIED.keys()
    empty = {name for name in shared - NOT_COPIED.keys() if not getattr(ASKED, name)}
    assert not empty, "a field that is empty in both would prove nothing"
    [own] = approved(ASKED, view(), EFFECT, SETTLED).entries
    for name in shared - NOT_COPIED.keys():
        assert getattr(own, name) == getattr(ASKED, name), name


def test_whatever_an_entry_and_its_answer_have_under_one_name_is_the_same_in_both() -> None:
    own = expected(reason="R")
    answer = answer_of(own)
    for name in set(Entry._fields) & set(Answer._fields):
        assert getattr(answer, name) == getattr(own, name) != "", name


def test_an_approval_with_its_effect_is_recorded_whole() -> None:
    decision = approved(ASKED, view(), EFFECT, SETTLED)
    assert decision.entries == (expected(side="premium", subject="D1", sequence=1),)
    assert (decision.due, decision.figures, decision.guesses) == (SETTLED, FIGURES, None)
    assert decision.answer == answer_of(decision.entries[0])


def test_an_approval_without_effect_changes_no_due_and_no_figures() -> None:
    decision = approved(ASKED, view(), None, SETTLED)
    assert decision.entries == (expected(),)
    assert (decision.due, decision.figures) == (None, None)


def test_a_refusal_is_recorded_without_authorization_receipt_or_due_date() -> None:
    decision = refused(ASKED, view(), NO)
    refusal = expected(
        response=Response.AMOUNT_DIFFERS,
        reason="AMOUNT DIFFERS",
        authorization="",
        receipt=None,
        due_date="",
    )
    assert decision.entries == (refusal,)
    assert decision.answer == answer_of(refusal)
    assert (decision.due, decision.figures, decision.guesses) == (None, None, None)


@pytest.mark.parametrize("sequence", [1, 2, 3, 8])
def test_an_effect_refers_to_the_sequence_before_it_but_for_the_first(sequence: int) -> None:
    [own] = approved(ASKED, view(), EFFECT._replace(sequence=sequence), SETTLED).entries
    assert (own.sequence, own.sequence_before) == (sequence, sequence - 1 if sequence > 1 else None)


def test_an_entry_stands_behind_those_of_the_journal_and_of_the_batch() -> None:
    book = view(entries=[entry(1), entry(2)])
    book.write(entry(3))
    [own] = approved(ASKED, book, None, None).entries
    assert own.position == 4
    assert own.authorization == authorization_code(4)
    assert own.receipt == receipt_number(DATE, 1, 4)


@pytest.mark.parametrize(
    ("act", "kind", "has_receipt"),
    [
        (Act.COLLECT, Kind.COLLECTION, True),
        (Act.PAY, Kind.PAYOUT, True),
        (Act.CANCEL, Kind.CANCEL, True),
        (Act.REVERSE, Kind.REVERSAL, False),
    ],
)
def test_each_act_of_money_has_its_kind_of_entry_and_a_receipt_but_for_the_reversal(
    act: Act, kind: Kind, has_receipt: bool
) -> None:
    [own] = approved(ASKED._replace(act=act), view(), None, None).entries
    assert (own.kind, own.receipt is not None) == (kind, has_receipt)


def test_what_does_not_fit_is_approved_with_the_code_of_what_is_wrong_and_without_a_receipt() -> None:
    [own] = approved(ASKED, view(), EFFECT, None, Response.OVER_LIMIT).entries
    assert (own.response, own.exception_code, own.receipt) == ("00", "61", None)
    assert own.authorization == "000001"


def test_what_a_due_says_goes_before_what_the_request_says() -> None:
    other = due(premium("D7", "P7"))
    [own] = approved(ASKED, view(other), None, other).entries
    assert (own.policy, own.due, own.due_date, own.holder) == ("P7", "D7", "20261201", "张三")


@pytest.mark.parametrize("name", ["policy", "due"])
def test_a_name_that_the_book_does_not_know_is_recorded_with_numbers_of_people_concealed(name: str) -> None:
    [own] = refused(ASKED._replace(**{name: NUMBER}), view(), NO).entries
    assert getattr(own, name) == SHOWN
    [own] = refused(ASKED._replace(**{name: "Q9"}), view(), NO).entries
    assert getattr(own, name) == "Q9"


def test_a_policy_or_due_that_looks_like_such_a_number_and_is_in_the_book_is_recorded_as_it_is() -> None:
    number = "4111111111111111"
    [own] = refused(ASKED._replace(policy=number, due=number), view(due(premium(number, number))), NO).entries
    assert (own.policy, own.due, own.holder) == (number, number, "张三")


def test_a_policy_that_is_not_in_the_book_has_no_holder() -> None:
    [own] = refused(ASKED._replace(policy="Q9"), view(), NO).entries
    assert (own.policy, own.holder) == ("Q9", "")


@pytest.mark.parametrize("remembers", [False, True])
def test_a_tombstone_stands_under_the_originals_key_at_the_next_position(remembers: bool) -> None:
    for decision in (
        refused(ASKED, view(), NO, lay_tombstone=remembers),
        approved(ASKED, view(), None, None, "21", lay_tombstone=remembers),
        approved(ASKED, view(), None, None, lay_tombstone=remembers),
    ):
        own, *graves = decision.entries
        assert decision.answer == answer_of(own)
        assert graves == (
            [
                own._replace(
                    position=2,
                    key="00001020000/T0000009/20261124090000/000007",
                    kind=Kind.TOMBSTONE,
                    mti="",
                    code="",
                    terminal="T0000009",
                    sent_at="20261124090000",
                    stan="000007",
                    original="",
                    content="",
                    response=Response.NO_ORIGINAL,
                    reason="REVERSED BEFORE IT CAME",
                    authorization="",
                    receipt=None,
                    exception_code="",
                )
            ]
            if remembers
            else []
        )


def test_a_terminal_with_a_stroke_in_its_name_keeps_it() -> None:
    asked = ASKED._replace(original="00001020000/T/0/0009/20261124090000/000007")
    grave = refused(asked, view(), NO, lay_tombstone=True).entries[1]
    assert (grave.terminal, grave.sent_at, grave.stan) == ("T/0/0009", "20261124090000", "000007")


def test_guesses_go_with_every_kind_of_decision() -> None:
    guesses = Guesses("D1", DATE, 1, locked=False)
    assert refused(ASKED, view(), NO, guesses=guesses).guesses == guesses
    assert approved(ASKED, view(), None, None, guesses=guesses).guesses == guesses
    assert approved(ASKED, view(), EFFECT, SETTLED, guesses=guesses).guesses == guesses


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("receipt", [None, "202611240100000000017"])
def test_the_answer_says_what_the_entry_says(replayed: bool, receipt: str | None) -> None:
    answer = expected(reason="R", receipt=receipt)
    assert answer_of(answer, replayed=replayed) == Answer(
        response=Response.APPROVED,
        reason="R",
        business_date=DATE,
        authorization="000001",
        receipt=receipt or "",
        code="500000",
        policy="P1",
        holder="张三",
        due="D1",
        due_date="20261201",
        amount=120_000,
        receipted=receipt is not None,
        local_at="20261124101113",
        branch="B00000000000001",
        terminal="T0000001",
        replayed=replayed,
    )


PAID = expected(kind=Kind.PAYOUT, code="260000", policy="P2", due="B1")


@pytest.mark.parametrize(
    ("entry", "payee"),
    [
        (PAID, PAYEE),
        (PAID._replace(receipt=None), ""),
        (PAID._replace(kind=Kind.CANCEL), ""),
        (PAID._replace(due="B9"), ""),
        (expected(), ""),
    ],
)
def test_the_payee_is_named_by_the_due_of_a_payout_with_a_receipt_alone(entry: Entry, payee: str) -> None:
    assert payee_of(entry, view()) == payee
    assert answer_of(entry, payee=payee).payee == payee


def test_the_answer_to_a_payout_names_the_payee_of_its_due() -> None:
    asked = ASKED._replace(act=Act.PAY, code="260000", policy="P2")
    effect = EFFECT._replace(side="benefit", subject="B1", due=due(benefit()))
    assert approved(asked, view(), effect, due(benefit())).answer.payee == PAYEE
    nobody = due(benefit())._replace(payee="")
    assert approved(asked, view(nobody), effect._replace(due=nobody), nobody).answer.payee == ""


def test_an_answer_is_no_repeat_unless_that_is_said() -> None:
    assert answer_of(expected()).replayed is False


def test_a_decision_is_an_answer_and_nothing_else_unless_that_is_said() -> None:
    assert Decision(answer_of(expected()))[1:] == ((), None, None, None)


def test_nothing_is_decided_while_no_business_day_exists() -> None:
    assert open_day(view()) == Day(DATE, DayState.OPEN)
    with pytest.raises(InvariantBroken, match=r"^a transaction was decided while no business day exists$"):
        open_day(view(day=None))


def test_the_figures_are_the_banks_own_of_the_open_day() -> None:
    other: Request = ASKED._replace(bank="01030000")
    book = view(figures={DATE: FIGURES, "20261123": BankDay(used=5)})
    assert figures_of(ASKED, book) == FIGURES
    assert figures_of(other, book) == NO_FIGURES


def test_the_due_after_a_decision_is_its_effects_and_not_the_one_before() -> None:
    before: Due = due()
    assert approved(ASKED, view(), EFFECT, before).due == SETTLED
