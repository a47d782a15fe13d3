"""The rules of taking a transaction back: same-day cancels, reversals, and reversals of cancels.

Pure. Both must agree with their original in everything that they say of it. A reversal holds before its
original, after it and twice, with the same final state, as long as the original is not too old.
"""

from __future__ import annotations

from ledger.errors import InvariantBroken
from ledger.rules.decision import Decision, Effect, Refusal, approved, figures_of, open_day, refused
from ledger.rules.entry import Entry, Kind
from ledger.rules.masking import concealed
from ledger.rules.request import BankDay, Request
from ledger.rules.settlement import OUTSIDE_WINDOW
from ledger.rules.view import Due, DueState, View
from protocol.responses import Response

TOO_LATE = Refusal(Response.NOT_POSSIBLE, "REVERSAL TOO LATE")


def _is_of_another_bank(request: Request) -> bool:
    """Whether the original that a request names is another bank's: its key begins with that bank's code."""
    return request.original.partition("/")[0] != request.key.partition("/")[0]


def cancel(request: Request, view: View) -> Decision:
    """Same-day cancel. As an advice it cannot be refused: what cannot be cancelled is recorded and becomes
    a break.
    """
    refusal = _why_not_cancel(request, view)
    remember = request.original not in view.entries and not _is_of_another_bank(request)
    if refusal is not None:
        if request.advice:
            return approved(request, view, None, None, refusal.response, remember=remember)
        return refused(request, view, refusal, remember=remember)
    target = view.entries[request.original]
    due = view.dues[target.due]
    exception_code = "" if request.verdict is Response.APPROVED else request.verdict
    return approved(request, view, _release(request, view, target, due), due, exception_code)


def _why_not_cancel(request: Request, view: View) -> Refusal | None:
    if request.outside_window:
        return OUTSIDE_WINDOW
    if _is_of_another_bank(request):
        return Refusal(Response.BANK_NOT_ALLOWED, "DE 90: OTHER BANK")
    target = view.entries.get(request.original)
    if target is None or target.kind is Kind.TOMBSTONE:
        return Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL")
    if target.kind not in (Kind.COLLECTION, Kind.PAYOUT):
        return Refusal(Response.NOT_POSSIBLE, f"ORIGINAL IS A {target.kind.upper()}")
    if target.response is not Response.APPROVED:
        return Refusal(Response.NO_ORIGINAL, f"ORIGINAL REFUSED {target.response}")
    if target.subject == target.key:
        return Refusal(Response.NOT_POSSIBLE, "ORIGINAL IS A BREAK")
    if _due_of(target, view).settled_by != target.key:
        return Refusal(Response.NOT_POSSIBLE, "ALREADY CANCELLED")
    if target.business_date != open_day(view).date:
        return Refusal(Response.NOT_POSSIBLE, "CANCEL AFTER CUTOVER")
    return _disagreement(request, target)


def reverse(request: Request, view: View) -> Decision:
    """Take an original out of effect: before it, after it, twice or late, the final state is the same."""
    if _is_of_another_bank(request):
        return refused(request, view, Refusal(Response.BANK_NOT_ALLOWED, "DE 90: OTHER BANK"))
    target = view.entries.get(request.original)
    if target is None:
        return refused(request, view, Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"), remember=True)
    if target.kind is Kind.TOMBSTONE:
        return refused(request, view, Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"))
    if target.kind is Kind.REVERSAL:
        return refused(request, view, Refusal(Response.NOT_POSSIBLE, "ORIGINAL IS A REVERSAL"))
    if target.response is not Response.APPROVED:
        return refused(request, view, Refusal(Response.NO_ORIGINAL, f"ORIGINAL REFUSED {target.response}"))
    other = _disagreement(request, target)
    if other is None and request.code != target.code:
        other = Refusal(Response.NOT_POSSIBLE, "ORIGINAL: OTHER DE 3")
    if other is not None:
        return refused(request, view, other)
    if target.sequence is None:
        return approved(request, view, None, None)
    if target.kind is Kind.CANCEL:
        return _reverse_cancel(request, view, target)
    if target.subject == target.key:
        return _reverse_exception(request, view, target)
    due = _due_of(target, view)
    if due.settled_by != target.key:
        return approved(request, view, None, due)
    if _is_too_old(request, view, target):
        return refused(request, view, TOO_LATE)
    return approved(request, view, _release(request, view, target, due), due)


def _disagreement(request: Request, target: Entry) -> Refusal | None:
    """What a cancel or reversal says of its original that is not so; None where it agrees with it.

    Compared is what it says: DE 48 and DE 2 may be left out, and of a card number both sides have only the
    first six and last four digits.
    """
    if request.policy and target.policy not in (request.policy, concealed(request.policy)):
        return Refusal(Response.NOT_FOUND, "ORIGINAL: OTHER POLICY")
    if request.due and target.due not in (request.due, concealed(request.due)):
        return Refusal(Response.NOT_FOUND, "ORIGINAL: OTHER DUE")
    if request.branch.rstrip() != target.branch.rstrip():
        return Refusal(Response.NOT_POSSIBLE, "ORIGINAL: OTHER DE 42")
    if request.card and request.card != target.card:
        return Refusal(Response.NOT_POSSIBLE, "ORIGINAL: OTHER DE 2")
    if request.amount != target.amount:
        return Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS")
    return None


def _is_too_old(request: Request, view: View, target: Entry) -> bool:
    """Whether more business days than the bank may go back lie between an original and today."""
    reachable = (open_day(view).date, *view.earlier_dates[: request.reversal_days])
    return target.business_date not in reachable


def _reverse_exception(request: Request, view: View, target: Entry) -> Decision:
    if target.key in view.undone:
        return approved(request, view, None, None)
    if _is_too_old(request, view, target):
        return refused(request, view, TOO_LATE)
    figures = _taken_back(request, view, target)
    return approved(request, view, Effect(target.key, 2, target.side, None, figures), None)


def _reverse_cancel(request: Request, view: View, target: Entry) -> Decision:
    """A cancel that its bank reverses never was: the transaction it cancelled stands again, if its due is
    still free.
    """
    due = _due_of(target, view)
    if target.key in view.undone:
        return approved(request, view, None, due)
    if target.original in view.reversed:
        return approved(request, view, None, due)  # its bank has reversed that too: it must have no effect
    if due.sequence != target.sequence:
        return refused(request, view, Refusal(Response.NOT_POSSIBLE, "DUE SETTLED SINCE"))
    if _is_too_old(request, view, target):
        return refused(request, view, TOO_LATE)
    restored = due._replace(state=DueState.SETTLED, settled_by=target.original, sequence=due.sequence + 1)
    figures = figures_of(request, view)
    if target.business_date == open_day(view).date:
        figures = figures.taken_back(target.side, target.amount, -1)
        if view.entries[target.original].exception_code:
            figures = figures.with_unfit(target.amount)
    else:
        figures = figures.settled(target.side, target.amount, is_todays=False)
    return approved(request, view, Effect(due.due, restored.sequence, target.side, restored, figures), due)


def _release(request: Request, view: View, target: Entry, due: Due) -> Effect:
    state = DueState.WITHDRAWN if due.withdrawn else DueState.OPEN
    released = due._replace(state=state, settled_by="", sequence=due.sequence + 1)
    return Effect(due.due, released.sequence, target.side, released, _taken_back(request, view, target))


def _taken_back(request: Request, view: View, target: Entry) -> BankDay:
    """The bank's figures with a transaction less. Limit and unfit advices are those of today alone."""
    is_todays = target.business_date == open_day(view).date
    figures = figures_of(request, view).taken_back(target.side, target.amount, is_todays=is_todays)
    return figures.with_unfit(-target.amount) if target.exception_code and is_todays else figures


def _due_of(target: Entry, view: View) -> Due:
    due = view.dues.get(target.due)
    if due is None:
        raise InvariantBroken(f"the due of entry {target.chain}/{target.position} is not in the book")
    return due
