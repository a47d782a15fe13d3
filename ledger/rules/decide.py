"""The order of the rules of money: one request and what the book holds, in; one decision, out.

Pure: no clock, no waiting, no log, no database. Every decision is made here and in the three modules that
this one calls, `ledger.rules.settlement`, `ledger.rules.reversal` and `ledger.rules.inquire`, and nowhere
else. Every rule sees the decisions made before it in the same batch, because `fold` applies each decision to
the view before the next one is made. Rules and outcomes: docs/protocol.md sections 3, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from ledger.rules.day import DayState
from ledger.rules.decision import Decision, Refusal, answer_of, open_day, payee_of, refused
from ledger.rules.entry import Entry, Kind
from ledger.rules.inquire import (
    inquire_dues,
    inquire_outcome,
    inquire_receipt,
    inquire_status,
    outcome_of,
    reconcile_totals,
)
from ledger.rules.request import FINANCIAL, TOO_MANY_MISSES, Act, Answer, Request
from ledger.rules.reversal import cancel, reverse
from ledger.rules.settlement import settle
from ledger.rules.view import View
from protocol.responses import Response

OVERRIDABLE_BY_ADVICE = frozenset(
    {Response.BANK_NOT_ALLOWED, Response.TERMINAL_NOT_ALLOWED, Response.OVER_LIMIT}
)
"""Verdicts of the request parser that cannot refuse an advice: the bank has already moved the money, so the
advice is approved, and the verdict becomes its exception code."""


def fold(requests: Iterable[Request], view: View) -> list[Answer]:
    """Decide a batch in order, each request seeing the decisions before it; the answers, in the same order.
    Leaves in `view` what must be written before any answer is sent.
    """
    return [_apply(decide(request, view), request, view) for request in requests]


def decide(request: Request, view: View) -> Decision:
    """The decision on one request. Reads the view and changes nothing in it."""
    return DECIDERS[request.act](request, view)


def _apply(decision: Decision, request: Request, view: View) -> Answer:
    for entry in decision.entries:
        view.write(entry)
    if decision.due is not None:
        view.change_due(decision.due)
    if decision.figures is not None:
        view.change_figures(request.bank, open_day(view).date, decision.figures)
    if decision.guesses is not None:
        view.change_guesses(decision.guesses)
    return decision.answer


def _keyed(rule: Callable[[Request, View], Decision]) -> Callable[[Request, View], Decision]:
    """A rule of money with what comes before it for every keyed act, in this order: a repeat gets the first
    answer again, or 94 if its content is another; 90 while no day is open; 91 for a bank that must wait; then
    the request parser's verdict.
    """

    def decider(request: Request, view: View) -> Decision:
        first = view.entries.get(request.key)
        if first is not None:
            return Decision(_answer_repeat(request, first, view))
        if view.day is None or view.day.state is not DayState.OPEN:
            date = view.day.date if view.day else ""
            return Decision(Answer(Response.CUTOVER, "CUTOVER, ASK AGAIN", date))
        if request.must_wait:
            return Decision(TOO_MANY_MISSES._replace(business_date=view.day.date))
        verdict = request.verdict
        if verdict is not Response.APPROVED and not _is_overridden(request):
            return refused(request, view, Refusal(verdict, request.reason))
        return rule(request, view)

    return decider


def _is_overridden(request: Request) -> bool:
    """Whether the request parser's verdict gives way, because the money has moved already: for an advice of a
    collection, a payout or a cancel. A reversal moves no money before we have answered it.
    """
    return request.advice and request.act in FINANCIAL and request.verdict in OVERRIDABLE_BY_ADVICE


def _answer_repeat(request: Request, first: Entry, view: View) -> Answer:
    """The first answer again, or 94 where the repeat has another content than the `first` entry.

    A tombstone answers 21 whatever the content: an original that comes after its reversal is refused here.
    Where the transaction was taken back since, no receipt may be printed for it: the response code stays, the
    receipt's lines (DE 62) are left out, and DE 44 says REVERSED.
    """
    if first.kind is not Kind.TOMBSTONE and first.content != request.content:
        return Answer(Response.KEY_REUSED, "KEY USED, OTHER CONTENT", first.business_date)
    if first.receipt is not None and outcome_of(first, view) == "reversed":
        answer = answer_of(first, replayed=True)
        return answer._replace(receipted=False, holder="", reason="REVERSED")
    return answer_of(first, payee=payee_of(first, view), replayed=True)


def _read_only(rule: Callable[[Request, View], Answer]) -> Callable[[Request, View], Decision]:
    """An inquiry's rule as a decider: it answers and writes nothing. The request parser's verdict comes
    first.
    """

    def decider(request: Request, view: View) -> Decision:
        if request.verdict is not Response.APPROVED:
            date = view.day.date if view.day else ""
            return Decision(Answer(request.verdict, request.reason, date))
        return Decision(rule(request, view))

    return decider


def _receipt_again(request: Request, view: View) -> Answer:
    receipted = inquire_receipt(request, view)
    if isinstance(receipted, Entry):
        return answer_of(receipted, payee=payee_of(receipted, view))
    return receipted


DECIDERS: Mapping[Act, Callable[[Request, View], Decision]] = MappingProxyType(
    {
        Act.DUES: _read_only(inquire_dues),
        Act.STATUS: _read_only(inquire_status),
        Act.OUTCOME: _read_only(inquire_outcome),
        Act.RECEIPT: _read_only(_receipt_again),
        Act.TOTALS: _read_only(reconcile_totals),
        Act.COLLECT: _keyed(settle),
        Act.PAY: _keyed(settle),
        Act.CANCEL: _keyed(cancel),
        Act.REVERSE: _keyed(reverse),
    }
)
"""Everything that the ledger can be asked, in one table; a test proves that every Act is in it."""
