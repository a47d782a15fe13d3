"""The words of a report, in Chinese and English, and how it writes amounts and dates.

Pure data and two formats. The layout of a page does not belong here, nor the name of an account or a
resolution: those stand in the chart (`office.accounting.chart`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.rules.break_classes import CLASSES as CLASS_ROWS
from ledger.rules.day import DayState
from office.accounting.break_states import BreakState
from office.bank_close import CloseStep
from protocol.transactions import SETTLEMENTS


class Words(NamedTuple):
    """A name in both languages."""

    zh: str
    en: str


class Explained(NamedTuple):
    """A class of lines: its name, and its meaning in one line."""

    name: Words
    meaning: Words


MATCHED: Final = Explained(
    Words("相符", "Matched"),
    Words("双方都有，金额与状态一致。", "On both sides, with the same amount and state."),
)
CLASSES: Final[Mapping[str, Explained]] = MappingProxyType(
    {
        cls.value: Explained(Words(row.chinese, row.english), Words(row.meaning_chinese, row.meaning))
        for cls, row in CLASS_ROWS.items()
    }
)
"""Every class of breaks."""

CODES: Final[Mapping[str, Words]] = MappingProxyType(
    {code: Words(row.chinese, row.english) for code, row in SETTLEMENTS.items()}
)
"""The processing codes that move money (docs/protocol.md section 3)."""

DIRECTIONS: Final[Mapping[str, Words]] = MappingProxyType(
    {"C": Words("代收", "Collection"), "P": Words("代付", "Payout")}
)
BREAK_STATES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        BreakState.OPEN: Words("新发现", "Open"),
        BreakState.SUSPENSE: Words("挂账", "In suspense"),
        BreakState.PROPOSED: Words("已提出处理，待复核", "Proposed"),
        BreakState.APPROVED: Words("已复核，待入账", "Approved"),
        BreakState.POSTED: Words("已入账", "Posted"),
        BreakState.CLOSED: Words("已结清", "Closed"),
    }
)
DAY_STATES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        DayState.OPEN: Words("营业中", "Open"),
        DayState.CLOSED: Words("已日切", "Closed"),
        DayState.RECONCILED: Words("已对账", "Reconciled"),
        DayState.POSTED: Words("已入账", "Posted"),
        DayState.ARCHIVED: Words("已归档", "Archived"),
    }
)
CLOSE_STEPS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        CloseStep.PULL: Words("取流水", "Pull"),
        CloseStep.FILE: Words("收文件", "File"),
        CloseStep.RECONCILE: Words("对账", "Reconcile"),
        CloseStep.POST: Words("入账", "Post"),
        CloseStep.DAY: Words("日结", "Day"),
        CloseStep.ARCHIVE: Words("归档", "Archive"),
    }
)
ACCOUNT_KINDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "asset": Words("资产", "Asset"),
        "liability": Words("负债", "Liability"),
        "equity": Words("权益", "Equity"),
        "income": Words("收入", "Income"),
        "expense": Words("支出", "Expense"),
    }
)


def named(words: Mapping[str, Words], name: str) -> Words:
    """The words for `name`; `name` itself in both languages if there are none."""
    return words.get(name) or Words(name, name)


def yuan(fen: int) -> str:
    """Write an amount in yuan, of any size and sign: -123456 is -1,234.56."""
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{cents:02d}"


def plain_yuan(fen: int) -> str:
    """Write an amount in yuan as a spreadsheet reads it: -123456 is -1234.56."""
    return yuan(fen).replace(",", "")
