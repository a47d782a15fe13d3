"""Taking back while a batch holds the due: a cancel that was reversed would charge a second time."""

from __future__ import annotations

from ledger.rules.entry import Kind
from ledger.rules.request import Act
from ledger.rules.reversal import reverse
from ledger.rules.view import Due, View
from tests.support.builders import due, entry, request, view

PAID = entry(1)
CANCELLED = entry(
    2, kind=Kind.CANCEL, code="020000", original=PAID.key, receipt=None, sequence=2, sequence_before=1
)
HELD = "B0000123/17"


def book(left: Due, *others: object) -> View:
    return view(left, entries=[PAID, CANCELLED, *others])  # type: ignore[list-item]


REVERSING = request(
    Act.REVERSE, mti="0400", code="020000", original=CANCELLED.key, policy="", branch=CANCELLED.branch
)


def test_a_cancel_whose_due_is_held_cannot_be_reversed_and_stands() -> None:
    decision = reverse(REVERSING, book(due(sequence=2, held_by=HELD)))
    assert (decision.answer.response, decision.answer.reason) == ("12", "IN BATCH COLLECTION")
    assert decision.due is None


def test_a_cancel_whose_due_is_let_go_can_be_reversed() -> None:
    assert reverse(REVERSING, book(due(sequence=2))).answer.response == "00"


def test_a_cancel_that_is_reversed_already_stays_so_while_the_due_is_held() -> None:
    undone = entry(3, kind=Kind.REVERSAL, original=CANCELLED.key, receipt=None, sequence=3, sequence_before=2)
    decision = reverse(REVERSING, book(due(sequence=4, held_by=HELD), undone))
    assert (decision.answer.response, decision.due) == ("00", None)
