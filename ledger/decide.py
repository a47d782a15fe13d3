"""The rules of money: one request and what the book holds, in; one decision, out.

Pure. Nothing here reads a clock, awaits, logs or touches a database, and no decision is made anywhere
else. Every rule sees the decisions made before it in the same batch, because `fold` applies each to the
view before the next. Rules and outcomes: PROTOCOL sections 3, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ledger.bookfile import KINDS
from ledger.conceal import concealed
from ledger.day import DayState
from ledger.entry import GENESIS, Entry, Kind
from ledger.errors import InvariantBroken
from ledger.inquire import inquire_dues, inquire_outcome, inquire_receipt, inquire_status, reconcile_totals
from ledger.numbering import authorization_code, receipt_number
from ledger.request import FINANCIAL, Act, Answer, Request, Totals
from ledger.view import Day, Due, DueState, View
from protocol.responses import Response


class Decision(NamedTuple):
    """What is answered and what is to be written with it: entries, at most one due, at most one bank's
    totals.
    """

    answer: Answer
    entries: tuple[Entry, ...] = ()
    due: Due | None = None
    totals: Totals | None = None


class Refusal(NamedTuple):
    """A rule's no: the response code, and at most 25 ASCII characters of reason for DE 44."""

    response: Response
    reason: str


class Effect(NamedTuple):
    """What an approved entry does: its subject and turn, the due after it, the totals after it, and whose
    side it is.
    """

    subject: str
    turn: int
    side: str
    due: Due | None
    totals: Totals


OVERRIDABLE_BY_ADVICE = frozenset(
    {Response.BANK_NOT_ALLOWED, Response.TERMINAL_NOT_ALLOWED, Response.OVER_LIMIT}
)
"""Verdicts that cannot stop an advice: the bank has already moved the money, so it is recorded and becomes
a break."""

_KIND_OF_ACT: Mapping[Act, Kind] = MappingProxyType(
    {
        Act.COLLECT: Kind.COLLECTION,
        Act.PAY: Kind.PAYOUT,
        Act.CANCEL: Kind.CANCEL,
        Act.REVERSE: Kind.REVERSAL,
    }
)
_LAPSED_POLICY = frozenset({"lapsed", "terminated"})


def fold(requests: Iterable[Request], view: View) -> list[Answer]:
    """Decide the requests in order, each seeing what those before it did. Leaves in `view` what is to be
    written.
    """
    return [_apply(decide(request, view), request, view) for request in requests]


def decide(request: Request, view: View) -> Decision:
    """One decision. Reads the view and changes nothing in it."""
    return DECIDERS[request.act](request, view)


def answer_of(entry: Entry, *, replayed: bool = False) -> Answer:
    """The answer that an entry stands for: told once when it is written, and again, the same, to every
    repeat.
    """
    return Answer(
        response=entry.response,
        reason=entry.reason,
        business_date=entry.business_date,
        authorization=entry.authorization,
        receipt=entry.receipt or "",
        code=entry.code,
        policy=entry.policy,
        holder=entry.holder,
        due=entry.due,
        due_date=entry.due_date,
        amount=entry.amount,
        receipted=entry.receipt is not None,
        local_at=entry.local_at,
        branch=entry.branch,
        terminal=entry.terminal,
        replayed=replayed,
    )


def _apply(decision: Decision, request: Request, view: View) -> Answer:
    for entry in decision.entries:
        view.write(entry)
    if decision.due is not None:
        view.change_due(decision.due)
    if decision.totals is not None:
        view.change_totals(request.bank, _open_day(view).date, decision.totals)
    return decision.answer


def _open_day(view: View) -> Day:
    if view.day is None:
        raise InvariantBroken("a transaction was decided while no business day exists")
    return view.day


def _keyed(rule: Callable[[Request, View], Decision]) -> Callable[[Request, View], Decision]:
    """Put before a rule what holds for every keyed act: the first answer again, 94, 90, and the gate's
    verdict.
    """

    def decider(request: Request, view: View) -> Decision:
        known = view.entries.get(request.key)
        if known is not None:
            return Decision(_again(request, known))
        if view.day is None or view.day.state is not DayState.OPEN:
            date = view.day.date if view.day else ""
            return Decision(Answer(Response.CUTOVER, "CUTOVER, ASK AGAIN", date))
        verdict = request.verdict
        if verdict is not Response.APPROVED and not _is_overridden(request):
            return _refused(request, view, Refusal(verdict, request.reason))
        return rule(request, view)

    return decider


def _is_overridden(request: Request) -> bool:
    """Whether money that has moved speaks against the gate's verdict: an advice of a collection, a payout or
    a cancel. By a reversal no money moves before we say so.
    """
    return request.advice and request.act in FINANCIAL and request.verdict in OVERRIDABLE_BY_ADVICE


def _is_of_another_bank(request: Request) -> bool:
    """Whether the original that a request names is another bank's: its key begins with that bank's code."""
    return request.original.partition("/")[0] != request.key.partition("/")[0]


def _again(request: Request, known: Entry) -> Answer:
    if known.kind is not Kind.TOMBSTONE and known.content != request.content:
        return Answer(Response.KEY_REUSED, "KEY USED, OTHER CONTENT", known.business_date)
    return answer_of(known, replayed=True)


def _entry(
    request: Request,
    view: View,
    refusal: Refusal | None,
    effect: Effect | None,
    due: Due | None,
    misfit: str = "",
) -> Entry:
    position = view.next_position
    date = _open_day(view).date
    policy = view.policies.get(due.policy if due else request.policy)
    receipted = refusal is None and request.act is not Act.REVERSE
    return Entry(
        chain=view.chain.chain,
        position=position,
        key=request.key,
        kind=_KIND_OF_ACT[request.act],
        mti=request.mti,
        code=request.code,
        bank=request.bank,
        terminal=request.terminal,
        branch=request.branch,
        stan=request.stan,
        sent_at=request.sent_at,
        local_at=request.local_at,
        rrn=request.rrn,
        card=request.card,
        amount=request.amount,
        currency=request.currency,
        policy=due.policy if due else request.policy if policy else concealed(request.policy),
        holder=policy.holder if policy else "",
        due=due.due if due else request.due if request.due in view.dues else concealed(request.due),
        due_date=due.due_date if due else "",
        original=request.original,
        content=request.content,
        business_date=date,
        recorded_at=view.recorded_at,
        response=refusal.response if refusal else Response.APPROVED,
        reason=refusal.reason if refusal else "",
        authorization="" if refusal else authorization_code(position),
        receipt=receipt_number(date, view.chain.chain, position) if receipted else None,
        misfit=misfit,
        side=effect.side if effect else "",
        subject=effect.subject if effect else None,
        turn=effect.turn if effect else None,
        turn_before=effect.turn - 1 if effect and effect.turn > 1 else None,
        previous=GENESIS,
        salt="",
    )


def _refused(request: Request, view: View, refusal: Refusal, *, remember: bool = False) -> Decision:
    """Record a refusal; with `remember`, also lay a tombstone under the original's key."""
    own = _entry(request, view, refusal, None, None)
    entries = (own, _tombstone(request, own)) if remember else (own,)
    return Decision(answer_of(own), entries)


def _approved(
    request: Request,
    view: View,
    effect: Effect | None,
    due: Due | None,
    misfit: str = "",
    *,
    remember: bool = False,
) -> Decision:
    own = _entry(request, view, None, effect, due, misfit)
    entries = (own, _tombstone(request, own)) if remember else (own,)
    if effect is None:
        return Decision(answer_of(own), entries)
    return Decision(answer_of(own), entries, effect.due, effect.totals)


def _tombstone(request: Request, own: Entry) -> Entry:
    """The refusal that waits for an original reversed before it came: it holds the original's key for
    ever.
    """
    _, terminal, sent_at, stan = _key_parts(request.original)
    return own._replace(
        position=own.position + 1,
        key=request.original,
        kind=Kind.TOMBSTONE,
        mti="",
        code="",
        terminal=terminal,
        sent_at=sent_at,
        stan=stan,
        original="",
        content="",
        response=Response.NO_ORIGINAL,
        reason="REVERSED BEFORE IT CAME",
        authorization="",
        receipt=None,
        misfit="",
    )


def _key_parts(key: str) -> tuple[str, str, str, str]:
    bank, rest = key.split("/", 1)
    terminal, sent_at, stan = rest.rsplit("/", 2)
    return bank, terminal, sent_at, stan


def _settle(request: Request, view: View) -> Decision:
    """Collect a premium or pay a benefit; an advice is recorded whatever the book says (PROTOCOL section
    3).
    """
    if request.outside_window:
        return _advised(request, view, Refusal(Response.FORMAT, "DE 7 OUTSIDE THE WINDOW"))
    matched = match_due(request, view)
    if request.advice:
        return _advised(request, view, matched)
    if isinstance(matched, Refusal):
        return _refused(request, view, matched)
    if _over_day_limit(request, view):
        return _refused(request, view, Refusal(Response.OVER_LIMIT, "OVER LIMIT OF THE DAY"))
    return _approved(request, view, _settlement(request, view, matched), matched)


def _advised(request: Request, view: View, matched: Due | Refusal) -> Decision:
    if isinstance(matched, Refusal):
        totals = _totals(request, view).settled(KINDS[request.code], request.amount)
        effect = Effect(request.key, 1, KINDS[request.code], None, totals)
        return _approved(request, view, effect, None, matched.response)
    misfit = "" if request.verdict is Response.APPROVED else request.verdict
    if not misfit and _over_day_limit(request, view):
        misfit = Response.OVER_LIMIT
    return _approved(request, view, _settlement(request, view, matched), matched, misfit)


def match_due(request: Request, view: View) -> Due | Refusal:
    """The one due that a collection or payout is for, or why there is none. State before identity before
    amount.
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
    if due.kind == "premium" and policy.state in _LAPSED_POLICY:
        return Refusal(Response.NOT_POSSIBLE, f"POLICY {policy.state.upper()}")
    if due.kind == "benefit" and due.beneficiary != request.identity:
        return Refusal(Response.IDENTITY_DIFFERS, "IDENTITY DIFFERS")
    if due.amount != request.amount:
        return Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS")
    return due


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
    return 0 < request.limit_day < _totals(request, view).volume + request.amount


def _totals(request: Request, view: View) -> Totals:
    return view.totals_of(request.bank, _open_day(view).date)


def _settlement(request: Request, view: View, due: Due) -> Effect:
    settled = due._replace(state=DueState.SETTLED, settled_by=request.key, turn=due.turn + 1)
    totals = _totals(request, view).settled(due.kind, due.amount)
    return Effect(due.due, settled.turn, due.kind, settled, totals)


def _cancel(request: Request, view: View) -> Decision:
    """Same-day cancel. As an advice it cannot be refused: what cannot be cancelled is recorded and becomes
    a break.
    """
    refusal = _why_not_cancel(request, view)
    remember = request.original not in view.entries and not _is_of_another_bank(request)
    if refusal is not None:
        if request.advice:
            return _approved(request, view, None, None, refusal.response, remember=remember)
        return _refused(request, view, refusal, remember=remember)
    target = view.entries[request.original]
    due = view.dues[target.due]
    misfit = "" if request.verdict is Response.APPROVED else request.verdict
    return _approved(request, view, _release(request, view, target, due), due, misfit)


def _why_not_cancel(request: Request, view: View) -> Refusal | None:
    if request.outside_window:
        return Refusal(Response.FORMAT, "DE 7 OUTSIDE THE WINDOW")
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
    if target.business_date != _open_day(view).date:
        return Refusal(Response.NOT_POSSIBLE, "CANCEL AFTER CUTOVER")
    if request.policy and request.policy != target.policy:
        return Refusal(Response.NOT_FOUND, "ORIGINAL: OTHER POLICY")
    if request.amount != target.amount:
        return Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS")
    return None


def _reverse(request: Request, view: View) -> Decision:
    """Take an original out of effect: before it, after it, twice or late, the final state is the same."""
    if _is_of_another_bank(request):
        return _refused(request, view, Refusal(Response.BANK_NOT_ALLOWED, "DE 90: OTHER BANK"))
    target = view.entries.get(request.original)
    if target is None:
        return _refused(request, view, Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"), remember=True)
    if target.kind is Kind.TOMBSTONE:
        return _refused(request, view, Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"))
    if target.kind is Kind.REVERSAL:
        return _refused(request, view, Refusal(Response.NOT_POSSIBLE, "ORIGINAL IS A REVERSAL"))
    if target.response is not Response.APPROVED:
        return _refused(request, view, Refusal(Response.NO_ORIGINAL, f"ORIGINAL REFUSED {target.response}"))
    if request.amount != target.amount:
        return _refused(request, view, Refusal(Response.AMOUNT_DIFFERS, "AMOUNT DIFFERS"))
    if target.turn is None:
        return _approved(request, view, None, None)
    if target.kind is Kind.CANCEL:
        return _reverse_cancel(request, view, target)
    if target.subject == target.key:
        return _reverse_misfit(request, view, target)
    due = _due_of(target, view)
    if due.settled_by != target.key:
        return _approved(request, view, None, due)
    return _approved(request, view, _release(request, view, target, due), due)


def _reverse_misfit(request: Request, view: View, target: Entry) -> Decision:
    if target.key in view.undone:
        return _approved(request, view, None, None)
    totals = _totals(request, view).taken_back(target.side, target.amount)
    return _approved(request, view, Effect(target.key, 2, target.side, None, totals), None)


def _reverse_cancel(request: Request, view: View, target: Entry) -> Decision:
    """A cancel that its bank reverses never was: the transaction it cancelled stands again, if its due is
    still free.
    """
    due = _due_of(target, view)
    if target.key in view.undone:
        return _approved(request, view, None, due)
    if target.original in view.reversed:
        return _approved(request, view, None, due)  # its bank has reversed that too: it must have no effect
    if due.turn != target.turn:
        return _refused(request, view, Refusal(Response.NOT_POSSIBLE, "DUE SETTLED SINCE"))
    restored = due._replace(state=DueState.SETTLED, settled_by=target.original, turn=due.turn + 1)
    totals = _totals(request, view)
    if target.business_date == _open_day(view).date:
        totals = totals.taken_back(target.side, target.amount, -1)
    else:
        totals = totals.settled(target.side, target.amount)
    return _approved(request, view, Effect(due.due, restored.turn, target.side, restored, totals), due)


def _release(request: Request, view: View, target: Entry, due: Due) -> Effect:
    state = DueState.WITHDRAWN if due.withdrawn else DueState.OPEN
    released = due._replace(state=state, settled_by="", turn=due.turn + 1)
    totals = _totals(request, view).taken_back(target.side, target.amount)
    return Effect(due.due, released.turn, target.side, released, totals)


def _due_of(target: Entry, view: View) -> Due:
    due = view.dues.get(target.due)
    if due is None:
        raise InvariantBroken(f"the due of entry {target.chain}/{target.position} is not in the book")
    return due


def _read_only(rule: Callable[[Request, View], Answer]) -> Callable[[Request, View], Decision]:
    """An inquiry's rule as a decider: it answers and writes nothing; the gate's verdict goes before it."""

    def decider(request: Request, view: View) -> Decision:
        if request.verdict is not Response.APPROVED:
            date = view.day.date if view.day else ""
            return Decision(Answer(request.verdict, request.reason, date))
        return Decision(rule(request, view))

    return decider


def _receipt_again(request: Request, view: View) -> Answer:
    found = inquire_receipt(request, view)
    return answer_of(found) if isinstance(found, Entry) else found


DECIDERS: Mapping[Act, Callable[[Request, View], Decision]] = MappingProxyType(
    {
        Act.DUES: _read_only(inquire_dues),
        Act.STATUS: _read_only(inquire_status),
        Act.OUTCOME: _read_only(inquire_outcome),
        Act.RECEIPT: _read_only(_receipt_again),
        Act.TOTALS: _read_only(reconcile_totals),
        Act.COLLECT: _keyed(_settle),
        Act.PAY: _keyed(_settle),
        Act.CANCEL: _keyed(_cancel),
        Act.REVERSE: _keyed(_reverse),
    }
)
"""Everything the front-end machine can do, in one table; a test proves it total over Act."""
