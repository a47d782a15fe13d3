"""The rules of a collection and a payout: which due is meant, and whether this bank may settle it now.

Pure. Taking a transaction back is in `ledger.rules.reversal`, keys and repeats are in `ledger.rules.decide`.
The identity number is judged last, when everything else fits. Otherwise the response codes would tell a right
number from a wrong one to a bank that has no money at stake.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.rules.decision import Decision, Effect, Refusal, approved, figures_of, open_day, refused
from ledger.rules.dues import ENDED, KINDS
from ledger.rules.request import Request
from ledger.rules.view import Due, DueState, Guesses, View
from protocol.responses import Response

WRONG_NUMBERS_A_DAY = 5
"""After this many wrong identity numbers on one business date a due is locked until a person unlocks it."""

OUTSIDE_WINDOW = Refusal(Response.FORMAT, "DE 7 OUTSIDE THE WINDOW")
IN_BATCH = Refusal(Response.NOT_POSSIBLE, "IN BATCH COLLECTION")
"""A line of a batch holds the due, and its bank may take the money away from the counter at any moment."""
_DIFFERS = Refusal(Response.IDENTITY_DIFFERS, "IDENTITY DIFFERS")


class _Judged(NamedTuple):
    """The judgement on an identity number: the refusal, None if the number is right or none is needed, and
    the due's count of wrong numbers after it, None if unchanged.
    """

    refusal: Refusal | None
    guesses: Guesses | None = None


_NOTHING_AGAINST = _Judged(None)


def settle(request: Request, view: View) -> Decision:
    """Decide a collection or a payout. An advice is always approved: where a rule is against it, it is
    recorded as an exception advice.
    """
    matched = OUTSIDE_WINDOW if request.outside_window else match_due(request, view)
    if isinstance(matched, Refusal):
        return _unfit(request, view, matched) if request.advice else refused(request, view, matched)
    over_limit = _over_day_limit(request, view)
    if over_limit and not request.advice:
        return refused(request, view, Refusal(Response.OVER_LIMIT, "OVER LIMIT OF THE DAY"))
    judged = _judge_identity(request, view, matched)
    if judged.refusal is not None:
        decision_against = _unfit if request.advice else refused
        return decision_against(request, view, judged.refusal, guesses=judged.guesses)
    exception_code = "" if request.verdict is Response.APPROVED else request.verdict
    if over_limit and not exception_code:
        exception_code = Response.OVER_LIMIT
    return approved(
        request, view, _settlement(request, view, matched, exception_code), matched, exception_code
    )


def _unfit(request: Request, view: View, refusal: Refusal, *, guesses: Guesses | None = None) -> Decision:
    """Approve an advice that fits no due. Its money has moved, so it has an effect: on its own key as the
    subject, since there is no due.
    """
    side = KINDS[request.code]
    figures = figures_of(request, view).settled(side, request.amount).with_unfit(request.amount)
    effect = Effect(request.key, 1, side, None, figures)
    return approved(request, view, effect, None, refusal.response, guesses=guesses)


def match_due(request: Request, view: View) -> Due | Refusal:
    """The one due that a collection or payout is for, or why it is refused; a due's state is judged before
    its amount. The beneficiary is not looked at.

    A due that is held has one owner. To the line that holds it neither a withdrawal nor the end of the policy
    matters: both came while the bank had the request.
    """
    policy = view.policies.get(request.policy)
    if policy is None:
        return Refusal(Response.NOT_FOUND, "NO SUCH POLICY")
    due = _named_due(request, view) if request.due else _only_due(request, view)
    if isinstance(due, Refusal):
        return due
    if due.code != request.code:
        return Refusal(Response.NOT_FOUND, f"THE DUE IS OF DE 3 {due.code}")
    if due.state is not DueState.OPEN:
        return _not_open(due.state)
    if due.held_by and due.held_by != request.hold:
        return IN_BATCH
    if due.kind == "premium" and policy.state in ENDED and not due.held_by:
        return Refusal(Response.NOT_POSSIBLE, f"POLICY {policy.state.upper()}")
    if due.amount != request.amount:
        return Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS")
    return due


def _judge_identity(request: Request, view: View, due: Due) -> _Judged:
    """Judge whether the identity number is the beneficiary's. A wrong one is counted; for a locked due every
    number is refused without being compared.
    """
    if due.kind != "benefit":
        return _NOTHING_AGAINST
    today = open_day(view).date
    guess = view.guesses.get(due.due)
    if guess is not None and guess.locked:
        return _Judged(_DIFFERS, guess)
    if due.beneficiary == request.identity:
        return _NOTHING_AGAINST
    wrong = 1 + (guess.wrong if guess is not None and guess.date == today else 0)
    return _Judged(_DIFFERS, Guesses(due.due, today, wrong, wrong >= WRONG_NUMBERS_A_DAY))


def _named_due(request: Request, view: View) -> Due | Refusal:
    due = view.dues.get(request.due)
    if due is None or due.policy != request.policy or due.kind != KINDS[request.code]:
        return Refusal(Response.NOT_FOUND, "NO SUCH DUE")
    return due


def _only_due(request: Request, view: View) -> Due | Refusal:
    kind = KINDS[request.code]
    dues = [
        view.dues[due] for due in view.dues_by_policy.get(request.policy, ()) if view.dues[due].kind == kind
    ]
    still_open = [due for due in dues if due.state is DueState.OPEN]
    if len(still_open) > 1:
        return Refusal(Response.FORMAT, "DE 48.DU missing")
    if still_open:
        return still_open[0]
    if not dues:
        return Refusal(Response.NOT_FOUND, "NO SUCH DUE")
    settled = any(due.state is DueState.SETTLED for due in dues)
    return _not_open(DueState.SETTLED if settled else dues[0].state)


def _not_open(state: DueState) -> Refusal:
    return Refusal(
        Response.NOT_POSSIBLE, "ALREADY PAID" if state is DueState.SETTLED else f"DUE {state.upper()}"
    )


def _over_day_limit(request: Request, view: View) -> bool:
    return 0 < request.limit_day < figures_of(request, view).used + request.amount


def _settlement(request: Request, view: View, due: Due, exception_code: str) -> Effect:
    settled = due.settled(request.key)
    figures = figures_of(request, view).settled(due.kind, due.amount)
    if exception_code:
        figures = figures.with_unfit(due.amount)
    return Effect(due.due, settled.sequence, due.kind, settled, figures)
