"""The rules of taking a transaction back: same-day cancels, reversals, and reversals of cancels.

Pure. A cancel or reversal must agree with its original in everything that it says of it. A reversal leads to
the same final state whether it comes before its original, after it, or twice, as long as the original is not
too old. A reversal that comes first leaves a tombstone under its original's key; what the original that finds
it is answered, `ledger.rules.decide` says.
"""

from __future__ import annotations

from ledger.errors import InvariantBroken
from ledger.rules.decision import Decision, Effect, Refusal, approved, figures_of, open_day, refused
from ledger.rules.entry import Entry, Kind
from ledger.rules.masking import masked_numbers
from ledger.rules.request import BankDay, Request
from ledger.rules.settlement import IN_BATCH, OUTSIDE_WINDOW
from ledger.rules.view import Due, DueState, View
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

TOO_LATE = Refusal(Response.NOT_POSSIBLE, "REVERSAL TOO LATE")


def _is_of_another_bank(request: Request) -> bool:
    """Whether the original belongs to another bank than the request: a key begins with its bank's code."""
    return request.original.partition("/")[0] != request.key.partition("/")[0]


def cancel(request: Request, view: View) -> Decision:
    """Decide a same-day cancel. An advice is always approved: where a rule is against it, it is recorded
    without effect, as an exception advice, and becomes a break.
    """
    refusal = _why_not_cancel(request, view)
    lay_tombstone = request.original not in view.entries and not _is_of_another_bank(request)
    if refusal is not None:
        if request.advice:
            return approved(request, view, None, None, refusal.response, lay_tombstone=lay_tombstone)
        return refused(request, view, refusal, lay_tombstone=lay_tombstone)
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
    """Decide a reversal. Before its original it is refused with 21 and lays a tombstone; after it, it ends
    the effect; again, or where nothing is in effect, it is approved and changes nothing.
    """
    if _is_of_another_bank(request):
        return refused(request, view, Refusal(Response.BANK_NOT_ALLOWED, "DE 90: OTHER BANK"))
    target = view.entries.get(request.original)
    if target is None:
        return refused(request, view, Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"), lay_tombstone=True)
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
    """Why a cancel or reversal does not agree with its original; None where it does.

    Only what it says is compared: DE 48 and DE 2 may be left out. Of a card number both sides hold the first
    six and last four digits only.
    """
    if request.policy and target.policy not in (request.policy, masked_numbers(request.policy)):
        return Refusal(Response.NOT_FOUND, "ORIGINAL: OTHER POLICY")
    if request.due and target.due not in (request.due, masked_numbers(request.due)):
        return Refusal(Response.NOT_FOUND, "ORIGINAL: OTHER DUE")
    if request.branch.rstrip() != target.branch.rstrip():
        return Refusal(Response.NOT_POSSIBLE, "ORIGINAL: OTHER DE 42")
    if request.card and request.card != target.card:
        return Refusal(Response.NOT_POSSIBLE, "ORIGINAL: OTHER DE 2")
    if request.amount != target.amount:
        return Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS")
    return None


def _is_too_old(request: Request, view: View, target: Entry) -> bool:
    """Whether the original's business date is further back than the bank's reversals may reach."""
    reachable = (open_day(view).date, *view.earlier_dates[: request.reversal_days])
    return target.business_date not in reachable


def _reverse_exception(request: Request, view: View, target: Entry) -> Decision:
    """Decide the reversal of an exception advice, which is its own subject: sequence 2 ends its effect."""
    if target.key in view.undone:
        return approved(request, view, None, None)
    if _is_too_old(request, view, target):
        return refused(request, view, TOO_LATE)
    figures = _taken_back(request, view, target)
    return approved(request, view, Effect(target.key, 2, target.side, None, figures), None)


def _reverse_cancel(request: Request, view: View, target: Entry) -> Decision:
    """Decide the reversal of a cancel: the cancelled transaction is in effect again, if its due was not
    settled by another since, and no batch holds it. A hold has no sequence, so it is looked at by itself.
    """
    due = _due_of(target, view)
    if target.key in view.undone:
        return approved(request, view, None, due)
    if target.original in view.reversed:
        return approved(request, view, None, due)  # the bank reversed the transaction too: it stays undone
    if due.sequence != target.sequence:
        return refused(request, view, Refusal(Response.NOT_POSSIBLE, "DUE SETTLED SINCE"))
    if due.held_by:
        return refused(request, view, IN_BATCH)
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
    """The effect of taking `target` back: its due is open again, or withdrawn if it was to leave."""
    state = DueState.WITHDRAWN if due.withdrawn else DueState.OPEN
    released = due._replace(state=state, settled_by="", sequence=due.sequence + 1)
    return Effect(due.due, released.sequence, target.side, released, _taken_back(request, view, target))


def _taken_back(request: Request, view: View, target: Entry) -> BankDay:
    """The bank's figures after `target` is taken back. The day's limit and the sum of exception advices count
    transactions of the open day only.
    """
    is_todays = target.business_date == open_day(view).date
    figures = figures_of(request, view).taken_back(target.side, target.amount, is_todays=is_todays)
    return figures.with_unfit(-target.amount) if target.exception_code and is_todays else figures


def _due_of(target: Entry, view: View) -> Due:
    due = view.dues.get(target.due)
    if due is None:
        raise InvariantBroken(
            Sentence(
                "the due of entry {chain}/{position} is not in the book",
                chain=target.chain,
                position=target.position,
            )
        )
    return due
