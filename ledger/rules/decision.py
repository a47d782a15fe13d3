"""Builds a decision: the answer, the entries to write, and the due and the bank's figures after them.

Pure. The rules that choose between refusal and approval are in `ledger.rules.settlement` and
`ledger.rules.reversal`, their order in `ledger.rules.decide`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ledger.errors import InvariantBroken
from ledger.rules.entry import GENESIS, Entry, Kind
from ledger.rules.masking import masked_numbers
from ledger.rules.numbering import authorization_code, receipt_number
from ledger.rules.request import Act, Answer, BankDay, Request
from ledger.rules.view import Day, Due, Guesses, View
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence


class Decision(NamedTuple):
    """The answer to one request, and what must be durable before the bank gets it: entries, and the new state
    of at most one due, one bank's figures and one due's guesses.
    """

    answer: Answer
    entries: tuple[Entry, ...] = ()
    due: Due | None = None
    figures: BankDay | None = None
    guesses: Guesses | None = None


class Refusal(NamedTuple):
    """Why a rule refuses: the response code, and the reason for DE 44, at most 25 ASCII characters."""

    response: Response
    reason: str


class Effect(NamedTuple):
    """The effect of an approved entry.

    `subject`: the due's number, or the entry's own key for an advice that fits no due. `sequence`: which
    effect on that subject it is, counted from 1. `side`: `premium` or `benefit`. `due` (None where none fits)
    and `figures`: their state after it.
    """

    subject: str
    sequence: int
    side: str
    due: Due | None
    figures: BankDay


_KIND_OF_ACT: Mapping[Act, Kind] = MappingProxyType(
    {
        Act.COLLECT: Kind.COLLECTION,
        Act.PAY: Kind.PAYOUT,
        Act.CANCEL: Kind.CANCEL,
        Act.REVERSE: Kind.REVERSAL,
    }
)


def answer_of(entry: Entry, *, payee: str = "", replayed: bool = False) -> Answer:
    """The answer that an entry stands for; the same when the entry is written and for every repeat. `payee`
    is what `payee_of` says.
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
        payee=payee,
    )


def payee_of(entry: Entry, view: View) -> str:
    """The name for the receipt of a payout, from its due; empty where there is none, or no receipt."""
    due = view.dues.get(entry.due) if entry.kind is Kind.PAYOUT and entry.receipt is not None else None
    return due.payee if due else ""


def open_day(view: View) -> Day:
    """The open business day. Raises InvariantBroken if there is none, since nothing may be decided then."""
    if view.day is None:
        raise InvariantBroken(Sentence("a transaction was decided while no business day exists"))
    return view.day


def figures_of(request: Request, view: View) -> BankDay:
    """The figures of the request's bank on the open day, with this batch's earlier decisions."""
    return view.figures_of(request.bank, open_day(view).date)


def refused(
    request: Request,
    view: View,
    refusal: Refusal,
    *,
    lay_tombstone: bool = False,
    guesses: Guesses | None = None,
) -> Decision:
    """Decide for a refusal and record it; with `lay_tombstone`, also a tombstone under the original's key."""
    own = _entry(request, view, refusal, None, None)
    entries = (own, _tombstone(request, own)) if lay_tombstone else (own,)
    return Decision(answer_of(own), entries, guesses=guesses)


def approved(
    request: Request,
    view: View,
    effect: Effect | None,
    due: Due | None,
    exception_code: str = "",
    *,
    lay_tombstone: bool = False,
    guesses: Guesses | None = None,
) -> Decision:
    """Decide for an approval and record it with its effect, if it has one; with `lay_tombstone`, also lay a
    tombstone under the original's key.

    `exception_code` marks an exception advice: the response code that would have refused it as a request.
    Such an entry has no receipt number, so that nobody holds a voucher for it.
    """
    own = _entry(request, view, None, effect, due, exception_code)
    entries = (own, _tombstone(request, own)) if lay_tombstone else (own,)
    if effect is None:
        return Decision(answer_of(own), entries, guesses=guesses)
    answer = answer_of(own, payee=payee_of(own, view))
    return Decision(answer, entries, effect.due, effect.figures, guesses)


def _entry(
    request: Request,
    view: View,
    refusal: Refusal | None,
    effect: Effect | None,
    due: Due | None,
    exception_code: str = "",
) -> Entry:
    position = view.next_position
    date = open_day(view).date
    policy = view.policies.get(due.policy if due else request.policy)
    receipted = refusal is None and request.act is not Act.REVERSE and not exception_code
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
        policy=due.policy if due else request.policy if policy else masked_numbers(request.policy),
        holder=policy.holder if policy else "",
        due=due.due if due else request.due if request.due in view.dues else masked_numbers(request.due),
        due_date=due.due_date if due else "",
        original=request.original,
        content=request.content,
        business_date=date,
        recorded_at=view.recorded_at,
        response=refusal.response if refusal else Response.APPROVED,
        reason=refusal.reason if refusal else "",
        authorization="" if refusal else authorization_code(position),
        receipt=receipt_number(date, view.chain.chain, position) if receipted else None,
        exception_code=exception_code,
        side=effect.side if effect else "",
        subject=effect.subject if effect else None,
        sequence=effect.sequence if effect else None,
        sequence_before=effect.sequence - 1 if effect and effect.sequence > 1 else None,
        previous=GENESIS,
        salt="",
    )


def _tombstone(request: Request, own: Entry) -> Entry:
    """The tombstone behind `own`: it holds the original's key for ever, so that an original which comes
    after its reversal is refused with 21.
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
        exception_code="",
    )


def _key_parts(key: str) -> tuple[str, str, str, str]:
    bank, rest = key.split("/", 1)
    terminal, sent_at, stan = rest.rsplit("/", 2)
    return bank, terminal, sent_at, stan
