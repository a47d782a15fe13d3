"""The receipt of an answer, DE 62: the lines that a counter prints and a customer keeps.

Pure. In Chinese where the bank's dialect can carry it, else in English. Whose name stands at the head, the
hotline and the words for the seal are settings ([receipt] and the bank's name); what was paid is the ledger's
answer. A benefit's receipt has the payee's name, where the file of dues has it, and a line for the payee's
own signature. Which answers have a receipt is not decided here. docs/protocol.md section 3, DE 62.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fep.settings.config import Bank, ReceiptWords
from ledger.rules.amount_in_words import in_figures, in_words
from ledger.rules.day import hyphenated
from ledger.rules.names import shortened
from ledger.rules.request import Answer
from protocol.dialect import Dialect
from protocol.transactions import TRANSACTIONS

NAME_BYTES_MAX = 120
"""The longest name in DE 48 and DE 62, in bytes: with everything else that an answer can carry, each
of the two stays below its 999 bytes."""
EACH_OF_TWO_BYTES_MAX = 88
"""The longest of two names in one DE 62, in bytes, for the same reason."""

TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {code: row.voucher for code, row in TRANSACTIONS.items() if any(row.voucher)}
)
"""A receipt's title by processing code: in Chinese, and in English for dialects that cannot carry Chinese."""
_SIGN_HERE = "____________________"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every receipt of one bank has besides the payment: the names of the insurer and the bank, a
    hotline, the words beside the seal; each in Chinese and in English. Empty: its line is left out.
    """

    insurer: tuple[str, str] = ("", "")
    bank: tuple[str, str] = ("", "")
    hotline: str = ""
    seal: tuple[str, str] = ("", "")


def letterhead_of(words: ReceiptWords, bank: Bank) -> Letterhead:
    """Return the letterhead of one bank's receipts. A bank's name of ASCII alone serves in English too."""
    bank_en = bank.name_en or (bank.name if bank.name.isascii() else "")
    return Letterhead(
        (words.insurer, words.insurer_en), (bank.name, bank_en), words.hotline, (words.seal, words.seal_en)
    )


def receipt_lines(answer: Answer, dialect: Dialect, letterhead: Letterhead) -> list[str]:
    """Return the lines of the receipt, ready to print."""
    language = 0 if dialect.carries("收") else 1
    separator = ("：", ": ")[language]
    room = EACH_OF_TWO_BYTES_MAX if answer.holder and answer.payee else NAME_BYTES_MAX
    is_benefit = TRANSACTIONS[answer.code].kind == "benefit"
    rows = (
        ("收据号", "RECEIPT", answer.receipt),
        ("业务日期", "BUSINESS DATE", hyphenated(answer.business_date)),
        ("交易时间", "TIME", _local_time(answer.local_at)),
        ("经办银行", "BANK", letterhead.bank[language]),
        ("网点终端", "BRANCH/TERMINAL", f"{answer.branch.strip()} {answer.terminal.strip()}"),
        ("保单号", "POLICY", answer.policy),
        ("投保人", "HOLDER", name_in(answer.holder, dialect, room)),
        ("应收付号", "DUE", answer.due),
        ("应收付日", "DUE DATE", hyphenated(answer.due_date)),
        ("金额", "AMOUNT CNY", in_figures(answer.amount)),
        ("大写", "", in_words(answer.amount) if language == 0 else ""),
        ("授权码", "AUTHORIZATION", answer.authorization),
        ("领款人", "PAYEE", name_in(answer.payee, dialect, room)),
        ("领款人签名", "PAYEE'S SIGNATURE", _SIGN_HERE if is_benefit else ""),
        ("客服热线", "HOTLINE", letterhead.hotline),
        ("盖章", "SEAL", letterhead.seal[language]),
    )
    head = [letterhead.insurer[language]] if letterhead.insurer[language] else []
    return [
        *head,
        TITLES[answer.code][language],
        *(f"{row[language]}{separator}{row[2]}" for row in rows if row[2]),
    ]


def name_in(name: str, dialect: Dialect, room: int = NAME_BYTES_MAX) -> str:
    """A person's name, shortened to `room` bytes; empty where the dialect cannot carry its characters."""
    if not dialect.carries(name):
        return ""
    return shortened(name, room, lambda text: len(text.encode(dialect.text_encoding)))


def _local_time(moment: str) -> str:
    """YYYYMMDDhhmmss as YYYY-MM-DD hh:mm:ss."""
    time = moment[8:]
    return f"{hyphenated(moment[:8])} {time[:2]}:{time[2:4]}:{time[4:]}"
