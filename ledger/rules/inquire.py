"""The rules that only read: the dues of a policy, its status, an earlier outcome, a receipt again, a day's
totals.

Pure. Nothing here may write an entry or change a due.
"""

from __future__ import annotations

from ledger.rules.dues import Policy
from ledger.rules.entry import Entry, Kind
from ledger.rules.masking import masked_name
from ledger.rules.request import Answer, DueListed, Request
from ledger.rules.view import Due, DueState, View
from protocol.responses import Response

HELD = "held"
"""ST of an open due that a batch holds."""
DUES_PER_PAGE = 8
"""Eight dues of at most 97 bytes each, behind PN and NM, fit into the 999 bytes of DE 48."""
GRACES_PER_PAGE = 5
"""Five dues of at most 110 bytes each, behind PN, NM, ST, SN and SP, fit into the 999 bytes of DE 48."""


def inquire_dues(request: Request, view: View) -> Answer:
    """310000: one page of the policy's open dues that the bank may settle, the oldest first; one that a batch
    holds is listed as `held`.
    """
    policy = view.policies.get(request.policy)
    if policy is None:
        return _not_found(view, "NO SUCH POLICY")
    open_dues = _open_dues(request, view)
    start = (request.page - 1) * DUES_PER_PAGE
    return _status(request, view, policy)._replace(
        dues=tuple(map(_listed, open_dues[start : start + DUES_PER_PAGE])),
        more=start + DUES_PER_PAGE < len(open_dues),
    )


def inquire_status(request: Request, view: View) -> Answer:
    """311000: the policy's state, its holder's name, who serves it, and one page of those of its open dues of
    which the file of dues says until when they can be paid, the oldest first.
    """
    policy = view.policies.get(request.policy)
    if policy is None:
        return _not_found(view, "NO SUCH POLICY")
    graced = [due for due in _open_dues(request, view) if due.grace_until]
    start = (request.page - 1) * GRACES_PER_PAGE
    return _status(request, view, policy)._replace(
        dues=tuple(
            _listed(due)._replace(grace_until=due.grace_until)
            for due in graced[start : start + GRACES_PER_PAGE]
        ),
        more=start + GRACES_PER_PAGE < len(graced),
        serving=policy.serving,
        serving_phone=policy.serving_phone,
    )


def _status(request: Request, view: View, policy: Policy) -> Answer:
    return Answer(
        Response.APPROVED,
        business_date=_date(view),
        policy=policy.policy,
        holder=_holder(request, policy),
        status=policy.state,
    )


def _open_dues(request: Request, view: View) -> list[Due]:
    """The policy's open dues that the bank may settle, the oldest first."""
    dues = [view.dues[due] for due in view.dues_by_policy.get(request.policy, ())]
    return sorted(
        (due for due in dues if due.state is DueState.OPEN and due.code in request.may_settle),
        key=lambda due: (due.due_date, due.due),
    )


def _listed(due: Due) -> DueListed:
    state = HELD if due.held_by else due.state
    return DueListed(due.due, due.code, due.kind, due.due_date, due.amount, state)


def _holder(request: Request, policy: Policy) -> str:
    """The holder's name: in full for a request with an identity number, since the bank then has somebody's
    document before it; else its first character. The answer does not say whose number it is, since that
    would be a way to find a beneficiary's number.
    """
    return policy.holder if request.identity else masked_name(policy.holder)


def inquire_outcome(request: Request, view: View) -> Answer:
    """312000: the state of the transaction that DE 90 names: `done`, `reversed`, or `refused` and the
    response code.
    """
    entry = view.entries.get(request.original)
    if entry is None:
        return _not_found(view, "NO SUCH TRANSACTION")
    return Answer(
        Response.APPROVED,
        business_date=_date(view),
        policy=entry.policy,
        due=entry.due,
        amount=entry.amount,
        receipt=entry.receipt or "",
        status=outcome_of(entry, view),
    )


def outcome_of(entry: Entry, view: View) -> str:
    """The state of a recorded transaction: `done`, `reversed`, or `refused` and the response code."""
    if entry.response is not Response.APPROVED:
        return f"refused {entry.response}"
    if entry.kind in (Kind.COLLECTION, Kind.PAYOUT) and entry.subject != entry.key:
        return "done" if view.dues[entry.due].settled_by == entry.key else "reversed"
    return "reversed" if entry.key in view.undone else "done"


def inquire_receipt(request: Request, view: View) -> Entry | Answer:
    """313000: the entry whose receipt is to be printed again, or the answer that refuses. Another bank's
    receipt is answered as one that does not exist.
    """
    entry = view.receipts.get(request.receipt) if request.receipt else view.entries.get(request.original)
    if entry is None or entry.bank != request.bank or entry.receipt is None:
        return _not_found(view, "NO SUCH RECEIPT")
    if outcome_of(entry, view) == "reversed":
        return Answer(Response.NOT_POSSIBLE, "REVERSED: NO RECEIPT", _date(view))
    return entry


def reconcile_totals(request: Request, view: View) -> Answer:
    """0500: compare the bank's totals of a business date with ours, figure by figure and net; our totals go
    into the answer.

    A date that was no business day of this book is answered 25. Its figures would all be 0, and nobody may be
    told that a day which this book does not have is in balance.
    """
    today = _date(view)
    if request.date not in view.known_dates:
        return _not_found(view, f"NO BUSINESS DATE {request.date}")
    ours = view.figures_of(request.bank, request.date).totals
    agreed = ours == request.totals and ours.net == request.net
    return Answer(
        Response.APPROVED if agreed else Response.TOTALS_DIFFER,
        "" if agreed else "TOTALS DIFFER",
        business_date=today,
        totals=ours,
    )


def _not_found(view: View, reason: str) -> Answer:
    return Answer(Response.NOT_FOUND, reason, _date(view))


def _date(view: View) -> str:
    return view.day.date if view.day else ""
