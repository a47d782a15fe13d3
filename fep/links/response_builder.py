"""The ledger's answer as a message: which DE says what, and the receipt's lines.

Pure. The same answer always gives the same bytes before the MAC: a repeat is answered from the journal
through here. PROTOCOL sections 3, 4 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ledger.rules.amount_in_words import in_figures, in_words
from ledger.rules.names import shortened
from ledger.rules.request import Answer, Totals
from protocol.dialect import Dialect
from protocol.message import ECHOED, Message, answer_mti
from protocol.responses import Response
from protocol.tlv import build
from protocol.transactions import TRANSACTIONS

_ECHOED = frozenset(ECHOED)
NAME_BYTES_MAX = 120
"""Of a holder's name in DE 48 and DE 62: beside all else that an answer may say, it stays below 999 bytes."""

TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {code: row.voucher for code, row in TRANSACTIONS.items() if any(row.voucher)}
)
"""A receipt's title by processing code, in Chinese and for dialects that cannot carry it."""


def render(request: Message, answer: Answer, dialect: Dialect) -> Message:
    """The answer to `request`, without its MAC."""
    fields = {number: text for number, text in request.fields.items() if number in _ECHOED}
    fields[39] = answer.response.value
    if answer.business_date:
        fields[15] = answer.business_date[4:]
    if answer.reason or answer.response is not Response.APPROVED:
        fields[44] = answer.reason
    if answer.authorization:
        fields[38] = answer.authorization
    groups = _groups(answer, dialect)
    if groups:
        fields[48] = build(groups, dialect.de48_encoding)
    if answer.receipted:
        fields[62] = "\n".join(receipt_lines(answer, dialect))
    if answer.totals is not None:
        fields.update(_totals_fields(answer.totals))
        fields[66] = "1" if answer.response is Response.APPROVED else "2"
    return Message(answer_mti(request.mti), fields)


def _groups(answer: Answer, dialect: Dialect) -> list[tuple[str, str]]:
    if answer.response is not Response.APPROVED:
        return []
    groups = [
        ("PN", answer.policy),
        ("NM", "" if answer.receipted else _name(answer.holder, dialect)),
        ("DU", answer.due),
        ("AM", str(answer.amount) if answer.status and answer.amount else ""),
        ("ST", answer.status),
        ("RN", answer.receipt),
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
        )
        present.append(("DL", build(nested, encoding)))
    if answer.more:
        present.append(("PG", "more"))
    return present


def _name(holder: str, dialect: Dialect) -> str:
    """The holder's name as far as there is room; none where the dialect cannot carry it."""
    if not dialect.carries(holder):
        return ""
    return shortened(holder, NAME_BYTES_MAX, lambda text: len(text.encode(dialect.text_encoding)))


def receipt_lines(answer: Answer, dialect: Dialect) -> list[str]:
    """The receipt, ready to print: Chinese where the dialect can carry it, else English (DE 62)."""
    chinese = dialect.carries("收")
    at = answer.local_at
    rows = (
        ("收据号", "RECEIPT", answer.receipt),
        ("业务日期", "BUSINESS DATE", answer.business_date),
        ("交易时间", "TIME", f"{at[:4]}-{at[4:6]}-{at[6:8]} {at[8:10]}:{at[10:12]}:{at[12:]}"),
        ("网点终端", "BRANCH/TERMINAL", f"{answer.branch.strip()} {answer.terminal.strip()}"),
        ("保单号", "POLICY", answer.policy),
        ("投保人", "HOLDER", _name(answer.holder, dialect)),
        ("应收付号", "DUE", answer.due),
        ("应收付日", "DUE DATE", answer.due_date),
        ("金额", "AMOUNT CNY", in_figures(answer.amount)),
        ("大写", "", in_words(answer.amount) if chinese else ""),
        ("授权码", "AUTHORIZATION", answer.authorization),
    )
    language, separator = (0, "：") if chinese else (1, ": ")
    lines = [f"{row[language]}{separator}{row[2]}" for row in rows if row[2]]
    return [TITLES[answer.code][language], *lines]


def _totals_fields(totals: Totals) -> dict[int, str]:
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
