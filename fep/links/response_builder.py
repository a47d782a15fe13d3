"""Renders the ledger's answer as a message: which data element carries what, and the receipt's lines.

Pure. The same answer always gives the same bytes up to the MAC: that is how a repeat, which the journal
answers, gets the first answer again. docs/protocol.md sections 3, 4 and 7.
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
"""The longest holder's name in DE 48 and DE 62, in bytes: with everything else that an answer can carry, each
of the two stays below its 999 bytes."""

TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {code: row.voucher for code, row in TRANSACTIONS.items() if any(row.voucher)}
)
"""A receipt's title by processing code: in Chinese, and in English for dialects that cannot carry Chinese."""


def render(request: Message, answer: Answer, dialect: Dialect) -> Message:
    """The answer to `request` as a message, without its MAC."""
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
    """The tags and values of DE 48, in order; none for a refusal."""
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
    """The holder's name, shortened to NAME_BYTES_MAX; empty where the dialect cannot carry its characters."""
    if not dialect.carries(holder):
        return ""
    return shortened(holder, NAME_BYTES_MAX, lambda text: len(text.encode(dialect.text_encoding)))


def receipt_lines(answer: Answer, dialect: Dialect) -> list[str]:
    """The lines of the receipt in DE 62, ready to print: in Chinese where the dialect can carry it, else in
    English.
    """
    chinese = dialect.carries("收")
    rows = (
        ("收据号", "RECEIPT", answer.receipt),
        ("业务日期", "BUSINESS DATE", answer.business_date),
        ("交易时间", "TIME", _local_time(answer.local_at)),
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


def _local_time(moment: str) -> str:
    """YYYYMMDDhhmmss as YYYY-MM-DD hh:mm:ss."""
    date, time = moment[:8], moment[8:]
    return f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"


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
