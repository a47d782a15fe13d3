"""The rules that only read, as tables: what a book holds, and what an inquiry says of it."""

from __future__ import annotations

import pytest

from ledger.rules.day import DayState
from ledger.rules.entry import Entry, Kind
from ledger.rules.inquire import (
    DUES_PER_PAGE,
    GRACES_PER_PAGE,
    inquire_dues,
    inquire_outcome,
    inquire_receipt,
    inquire_status,
    outcome_of,
    reconcile_totals,
)
from ledger.rules.request import NO_TOTALS, Act, Answer, BankDay, DueListed, Request, Totals
from ledger.rules.view import Day, Due, DueState, View
from protocol.responses import Response
from tests.support.builders import BANK, DATE, benefit, due, entry, policy, premium, request, view

PAID = entry(1)
SETTLED = due(state=DueState.SETTLED, settled_by=PAID.key, sequence=1)


def ask(act: Act = Act.DUES, **given: object) -> Request:
    return request(act, **{"mti": "0100", "key": "", **given})


def listed(one: Due) -> DueListed:
    return DueListed(one.due, one.code, one.kind, one.due_date, one.amount, "open")


def named(answer: Answer) -> list[str]:
    return [due.due for due in answer.dues]


@pytest.mark.parametrize("rule", [inquire_dues, inquire_status])
def test_a_policy_that_is_not_in_the_book_is_not_found(rule: object) -> None:
    assert rule(ask(policy="P9"), view()) == Answer(  # type: ignore[operator]
        Response.NOT_FOUND, "NO SUCH POLICY", DATE
    )


@pytest.mark.parametrize("state", ["pending", "active", "lapsed", "terminated"])
def test_a_policys_status_and_its_dues_are_told_with_the_holder_masked(state: str) -> None:
    book = view(policies=[policy(state=state)])
    status = inquire_status(ask(Act.STATUS), book)
    assert status == Answer(Response.APPROVED, business_date=DATE, policy="P1", holder="张*", status=state)
    assert inquire_dues(ask(), book) == status._replace(dues=(listed(due()),))


@pytest.mark.parametrize("rule", [inquire_dues, inquire_status])
@pytest.mark.parametrize(("identity", "shown"), [("", "张*"), ("any number's digest", "张三")])
def test_the_holder_is_told_in_full_to_whoever_shows_a_number(
    rule: object, identity: str, shown: str
) -> None:
    assert rule(ask(identity=identity), view()).holder == shown  # type: ignore[operator]


@pytest.mark.parametrize("state", DueState)
def test_only_open_dues_are_listed(state: DueState) -> None:
    answer = inquire_dues(ask(), view(due(state=state)))
    assert answer.dues == ((listed(due()),) if state is DueState.OPEN else ())


def test_a_due_that_a_batch_holds_is_listed_as_held() -> None:
    held = due(held_by="B0000123/17")
    assert inquire_dues(ask(), view(held)).dues == (listed(due())._replace(state="held"),)


def test_only_the_policys_own_dues_of_both_kinds_are_listed_oldest_first_then_by_name() -> None:
    dues = [
        due(premium("D2")),
        due(premium("D1")),
        due(benefit("B1", "P1")),
        due(premium("D3", "P3")),
        due(premium("D0"), due_date="20261202"),
    ]
    answer = inquire_dues(ask(), view(*dues))
    assert answer.dues == tuple(listed(dues[place]) for place in (2, 1, 0, 4))


@pytest.mark.parametrize(
    ("may_settle", "names"),
    [
        ({"500000", "260000"}, ["B1", "D1"]),
        ({"500000"}, ["D1"]),
        ({"260000", "501000"}, ["B1"]),
        (set(), []),
    ],
)
def test_only_dues_of_transactions_that_the_bank_may_do_are_listed(
    may_settle: set[str], names: list[str]
) -> None:
    book = view(due(), due(benefit("B1", "P1")))
    assert named(inquire_dues(ask(may_settle=frozenset(may_settle)), book)) == names


@pytest.mark.parametrize(
    ("count", "page", "names", "more"),
    [
        (0, 1, (0, 0), False),
        (7, 1, (0, 7), False),
        (8, 1, (0, 8), False),
        (9, 1, (0, 8), True),
        (9, 2, (8, 9), False),
        (16, 2, (8, 16), False),
        (17, 2, (8, 16), True),
        (17, 3, (16, 17), False),
        (8, 2, (0, 0), False),
        (8, 999, (0, 0), False),
    ],
)
def test_dues_come_eight_a_page_and_the_last_page_says_so(
    count: int, page: int, names: tuple[int, int], more: bool
) -> None:
    dues = [due(premium(f"D{number:02d}")) for number in range(count)]
    answer = inquire_dues(ask(page=page), view(*dues, due(benefit()), policies=[policy()]))
    first, end = names
    assert named(answer) == [f"D{number:02d}" for number in range(first, end)]
    assert (answer.more, answer.response) == (more, "00")
    assert DUES_PER_PAGE == 8


def taken_back(kind: Kind, **given: object) -> View:
    """A book in which an entry of this kind was taken out of effect."""
    book = view(due(), entries=[PAID._replace(kind=kind, **given)])
    book.undone.add(PAID.key)
    return book


UNFIT = {"subject": PAID.key, "due": "D9"}
OUTCOMES: dict[str, tuple[View, str]] = {
    "a collection in effect": (view(SETTLED, entries=[PAID]), "done"),
    "a payout in effect": (view(SETTLED, entries=[PAID._replace(kind=Kind.PAYOUT)]), "done"),
    "a collection whose due is free again": (view(due(), entries=[PAID]), "reversed"),
    "a collection whose due another has paid": (
        view(due(state=DueState.SETTLED, settled_by="other", sequence=3), entries=[PAID]),
        "reversed",
    ),
    "a payout whose due is free again": (
        view(due(), entries=[PAID._replace(kind=Kind.PAYOUT)]),
        "reversed",
    ),
    "an advice that fits no due": (view(entries=[PAID._replace(**UNFIT)]), "done"),
    "an advice that fits no due, taken back": (taken_back(Kind.COLLECTION, **UNFIT), "reversed"),
    "an advice of a payout that fits no due, taken back": (
        taken_back(Kind.PAYOUT, **UNFIT),
        "reversed",
    ),
    "a cancel": (view(due(), entries=[PAID._replace(kind=Kind.CANCEL)]), "done"),
    "a cancel that was reversed": (taken_back(Kind.CANCEL), "reversed"),
    "a reversal": (view(due(), entries=[PAID._replace(kind=Kind.REVERSAL)]), "done"),
    "a refusal": (view(entries=[PAID._replace(response=Response.IDENTITY_DIFFERS)]), "refused 76"),
    "a tombstone": (
        view(entries=[PAID._replace(kind=Kind.TOMBSTONE, response=Response.NO_ORIGINAL)]),
        "refused 21",
    ),
    "a collection that was cancelled, and the cancel reversed": (
        taken_back(Kind.COLLECTION, due="D1"),
        "reversed",
    ),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_the_final_state_of_a_transaction_is_one_word(case: str) -> None:
    book, status = OUTCOMES[case]
    assert outcome_of(book.entries[PAID.key], book) == status


def test_a_collection_stands_again_whose_cancel_was_reversed() -> None:
    book = view(SETTLED, entries=[PAID])
    book.undone.add(PAID.key)
    assert outcome_of(PAID, book) == "done"


@pytest.mark.parametrize("receipt", [None, "202611240100000000017"])
def test_an_outcome_says_which_due_amount_and_receipt_it_was(receipt: str | None) -> None:
    book = view(SETTLED, entries=[PAID._replace(receipt=receipt)])
    assert inquire_outcome(ask(Act.OUTCOME, original=PAID.key, policy=""), book) == Answer(
        Response.APPROVED,
        business_date=DATE,
        policy="P1",
        due="D1",
        amount=120_000,
        receipt=receipt or "",
        status="done",
    )


def test_an_outcome_of_what_never_came_is_not_found() -> None:
    asked = ask(Act.OUTCOME, original="00001020000/T0000001/20261124101112/999999")
    assert inquire_outcome(asked, view(entries=[PAID])) == Answer(
        Response.NOT_FOUND, "NO SUCH TRANSACTION", DATE
    )


OTHERS = PAID._replace(bank="01030000")
NO_RECEIPT = Answer(Response.NOT_FOUND, "NO SUCH RECEIPT", DATE)
RECEIPTS: dict[str, tuple[dict[str, object], Entry, Due, Entry | Answer]] = {
    "by its number": ({"receipt": PAID.receipt}, PAID, SETTLED, PAID),
    "by its transaction": ({"original": PAID.key}, PAID, SETTLED, PAID),
    "the number goes before the transaction": (
        {"receipt": "000000000000000000000", "original": PAID.key},
        PAID,
        SETTLED,
        NO_RECEIPT,
    ),
    "another number": ({"receipt": "000000000000000000000"}, PAID, SETTLED, NO_RECEIPT),
    "another transaction": ({"original": "x"}, PAID, SETTLED, NO_RECEIPT),
    "another bank's number": ({"receipt": PAID.receipt}, OTHERS, SETTLED, NO_RECEIPT),
    "another bank's transaction": ({"original": PAID.key}, OTHERS, SETTLED, NO_RECEIPT),
    "a transaction without a receipt": (
        {"original": PAID.key},
        PAID._replace(receipt=None),
        SETTLED,
        NO_RECEIPT,
    ),
    "a transaction that was reversed": (
        {"original": PAID.key},
        PAID,
        due(sequence=2),
        Answer(Response.NOT_POSSIBLE, "REVERSED: NO RECEIPT", DATE),
    ),
}


@pytest.mark.parametrize("case", RECEIPTS)
def test_a_receipt_is_printed_again_while_its_transaction_stands(case: str) -> None:
    given, recorded, standing, result = RECEIPTS[case]
    asked = ask(Act.RECEIPT, **{"receipt": "", "original": "", **given})
    assert inquire_receipt(asked, view(standing, entries=[recorded])) == result


OURS = Totals(3, 300, 1, 100, 2, 150, 1, 50)


def totals(ours: Totals = OURS, **given: object) -> Request:
    return request(Act.TOTALS, **{"key": "", "date": DATE, "totals": ours, "net": ours.net, **given})


def book_of(*kept: str, **given: object) -> View:
    return view(figures={DATE: BankDay(OURS), "20261123": BankDay(NO_TOTALS)}, kept=kept, **given)  # type: ignore[arg-type]


def test_totals_that_agree_are_in_balance() -> None:
    answer = reconcile_totals(totals(), book_of(DATE))
    assert answer == Answer(Response.APPROVED, "", DATE, totals=OURS)


@pytest.mark.parametrize("figure", Totals._fields)
@pytest.mark.parametrize("more", [1, -1])
def test_each_figure_must_agree(figure: str, more: int) -> None:
    stated = OURS._replace(**{figure: getattr(OURS, figure) + more})
    answer = reconcile_totals(totals(stated, net=OURS.net), book_of(DATE))
    assert answer == Answer(Response.TOTALS_DIFFER, "TOTALS DIFFER", DATE, totals=OURS)


@pytest.mark.parametrize("net", [OURS.net + 1, OURS.net - 1, -OURS.net, 0])
def test_the_net_must_agree_though_every_figure_does(net: int) -> None:
    answer = reconcile_totals(totals(net=net), book_of(DATE))
    assert (answer.response, answer.reason, answer.totals) == ("95", "TOTALS DIFFER", OURS)


@pytest.mark.parametrize("day", [None, Day(DATE, DayState.CLOSED), Day("20261125", DayState.OPEN)])
def test_a_kept_date_is_reconciled_whatever_day_is_open(day: Day | None) -> None:
    answer = reconcile_totals(totals(), book_of(DATE, day=day))
    assert (answer.response, answer.business_date) == ("00", day.date if day else "")


def test_a_date_that_was_not_kept_is_never_in_balance() -> None:
    answer = reconcile_totals(totals(NO_TOTALS, date="20261123"), book_of(DATE))
    assert answer == Answer(Response.NOT_FOUND, "NO BUSINESS DATE 20261123", DATE)


def test_the_figures_are_the_banks_own_and_of_the_date_it_names() -> None:
    assert reconcile_totals(totals(bank="01030000"), book_of(DATE)).totals == NO_TOTALS
    assert reconcile_totals(totals(date="20261123"), book_of(DATE, "20261123")).totals == NO_TOTALS
    assert book_of().figures_of(BANK, DATE).totals == OURS


def test_a_policys_status_says_who_serves_it_and_until_when_its_open_dues_can_be_paid() -> None:
    dues = [due(premium(f"D{number}"), grace_until="20270130") for number in range(GRACES_PER_PAGE + 1)]
    silent, settled = due(premium("D8")), due(premium("D9"), grace_until="20270130", state=DueState.SETTLED)
    served = policy()._replace(serving="ORPHAN", serving_phone="95500")
    book = view(*dues, silent, settled, policies=[served])
    answer = inquire_status(ask(Act.STATUS), book)
    assert (answer.serving, answer.serving_phone, answer.more) == ("ORPHAN", "95500", True)
    assert answer.dues == tuple(listed(each)._replace(grace_until="20270130") for each in dues[:-1])
    rest = inquire_status(ask(Act.STATUS, page=2), book)
    assert (named(rest), rest.more) == ([dues[-1].due], False)
    assert inquire_status(ask(Act.STATUS, may_settle=frozenset({"501000"})), book).dues == ()
    assert {due.grace_until for due in inquire_dues(ask(), book).dues} == {""}
