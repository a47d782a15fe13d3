"""Renders the ledger's answer as a message: which data element carries what.

Pure. The same answer always gives the same bytes up to the MAC: that is how a repeat, which the journal
answers, gets the first answer again. The lines of the receipt are `fep.links.receipt`'s; what is left out of
an answer that does not fit is `fep.links.fitting`'s. docs/protocol.md sections 3, 4 and 7.
"""

from __future__ import annotations

from collections.abc import Collection

from fep.links.fitting import HOLDER, LETTERHEAD, PAYEE
from fep.links.receipt import Letterhead, name_in, receipt_lines
from ledger.rules.request import Answer, Totals
from protocol.dialect import Dialect
from protocol.message import ECHOED, Message, answer_mti
from protocol.responses import Response
from protocol.tlv import build

_ECHOED = frozenset(ECHOED)


def render(
    request: Message,
    answer: Answer,
    dialect: Dialect,
    letterhead: Letterhead,
    left_out: Collection[str] = (),
) -> Message:
    """The answer to `request` as a message, without its MAC; `letterhead` is that of the bank's receipts.
    `left_out` are names of fep.links.fitting.MAY_GO. Raises EncodeError for a group of DE 48 that the dialect
    cannot hold.
    """
    fields = {number: text for number, text in request.fields.items() if number in _ECHOED}
    fields[39] = answer.response.value
    if answer.business_date:
        fields[15] = answer.business_date[4:]
    if answer.reason or answer.response is not Response.APPROVED:
        fields[44] = answer.reason[: dialect.elements[44].length]
    if answer.authorization:
        fields[38] = answer.authorization
    groups = [group for group in _groups(answer, dialect) if f"48.{group[0]}" not in left_out]
    if groups:
        fields[48] = build(groups, dialect.de48_encoding)
    if answer.receipted and "62" not in left_out:
        head = Letterhead() if LETTERHEAD in left_out else letterhead
        paid = answer._replace(holder="") if HOLDER in left_out else answer
        paid = paid._replace(payee="") if PAYEE in left_out else paid
        fields[62] = "\n".join(receipt_lines(paid, dialect, head))
    if answer.totals is not None:
        fields.update(_totals_fields(answer.totals))
        fields[66] = "1" if answer.response is Response.APPROVED else "2"
    return Message(answer_mti(request.mti), fields)


def _groups(answer: Answer, dialect: Dialect) -> list[tuple[str, str]]:
    """The tags and values of DE 48, in order; none for a refusal."""
    if answer.response is not Response.APPROVED:
        return []
    groups = [
        ("PN", answer.policy),
        ("NM", "" if answer.receipted else name_in(answer.holder, dialect)),
        ("DU", answer.due),
        ("AM", str(answer.amount) if answer.status and answer.amount else ""),
        ("ST", answer.status),
        ("RN", answer.receipt),
        ("SN", name_in(answer.serving, dialect)),
        ("SP", answer.serving_phone),
    ]
    present = [(tag, value) for tag, value in groups if value]
    encoding = dialect.de48_encoding
    for due in answer.dues:
        nested = (
            ("DU", due.due),
            ("PC", due.code),
            ("DK", due.kind),
            ("DD", due.due_date),
            ("AM", str(due.amount)),
            ("ST", due.state),
            ("GU", due.grace_until),
        )
        present.append(("DL", build([part for part in nested if part[1]], encoding)))
    if answer.more:
        present.append(("PG", "more"))
    return present


def _totals_fields(totals: Totals) -> dict[int, str]:
    """DE 74 to 77, 86 to 89 and 97 of a 0510: counts, sums in fen, and the net amount with its sign."""
    net = totals.net
    return {
        74: f"{totals.payouts:010d}",
        75: f"{totals.payouts_reversed:010d}",
        76: f"{totals.collections:010d}",
        77: f"{totals.collections_reversed:010d}",
        86: f"{totals.paid:016d}",
        87: f"{totals.paid_reversed:016d}",
        88: f"{totals.collected:016d}",
        89: f"{totals.collected_reversed:016d}",
        97: f"{'D' if net >= 0 else 'C'}{abs(net):016d}",
    }
