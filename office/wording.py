"""The words of a report, in Chinese and English, and how it writes amounts and dates.

Pure data and two formats. No page's layout belongs here, and no account's or resolution's name: those are
the chart's (`office.chart`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.day import DayState
from office.breaks import BreakState
from protocol.transactions import SETTLEMENTS


class Words(NamedTuple):
    """One thing's name in both languages."""

    zh: str
    en: str


class Class(NamedTuple):
    """A class of lines: its name, and in one line what it means."""

    name: Words
    meaning: Words


MATCHED: Final = Class(
    Words("相符", "Matched"),
    Words("双方都有，金额与状态一致。", "On both sides, with the same amount and state."),
)
CLASSES: Final[Mapping[str, Class]] = MappingProxyType(
    {
        "bank_only": Class(
            Words("银行有、我方无", "Bank only"),
            Words(
                "银行文件有，我方流水无：代收为长款，代付为短款。",
                "In the bank's file, not in our journal: an overage (长款) if collected, a shortage if paid.",
            ),
        ),
        "ours_only": Class(
            Words("我方有、银行无", "Ours only"),
            Words(
                "我方流水有，银行文件无：代收为短款，代付为长款。",
                "In our journal, not in the bank's file: a shortage (短款) if collected, an overage if paid.",
            ),
        ),
        "amount_differs": Class(
            Words("金额不符", "Amount differs"),
            Words("同一笔交易，双方金额不同。", "One transaction, for different amounts."),
        ),
        "state_differs": Class(
            Words("状态不符", "State differs"),
            Words(
                "同一笔交易，一方有效，另一方已撤销或冲正。",
                "One transaction, in effect on one side and undone on the other.",
            ),
        ),
        "details_differ": Class(
            Words("要素不符", "Details differ"),
            Words(
                "同一笔交易，金额与状态一致，保单、交易码或应收付不同：全额挂账，查明前不入产品科目。",
                "One transaction, the same amount and state; policy, due or DE 3 differ: whole in suspense.",
            ),
        ),
        "duplicate": Class(
            Words("重复", "Duplicate"),
            Words(
                "银行把同一笔交易列了不止一次。",
                "The bank lists one transaction more than once.",
            ),
        ),
        "timing": Class(
            Words("时间性差异", "Timing"),
            Words(
                "日切前后，双方把同一笔交易记在不同业务日；后一日已找到另一半。",
                "Dated differently around a cut-over; its other half was found on the later date.",
            ),
        ),
        "late_reversal": Class(
            Words("逾期冲正", "Late reversal"),
            Words(
                "银行要求冲正的交易已过期限，我方拒绝：原交易金额挂账，由两人定夺。",
                "A reversal that came too late and was refused: what it was to undo is in suspense.",
            ),
        ),
        "misfit": Class(
            Words("不符通知", "Misfit advice"),
            Words(
                "银行已办妥、我方只能照记的通知，与应收应付不符：全额挂账，查明前不入产品科目。",
                "An advice of what the bank had done that did not fit the book: whole in suspense.",
            ),
        ),
    }
)

CODES: Final[Mapping[str, Words]] = MappingProxyType(
    {code: Words(row.chinese, row.english) for code, row in SETTLEMENTS.items()}
)
"""The processing codes that move money (PROTOCOL.md section 3)."""

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
        DayState.CLOSED: Words("已日切", "Closed"),
        DayState.RECONCILED: Words("已对账", "Reconciled"),
        DayState.POSTED: Words("已入账", "Posted"),
        DayState.ARCHIVED: Words("已归档", "Archived"),
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
    """What `name` is called; under its own name in both languages where it has none here."""
    return words.get(name) or Words(name, name)


def yuan(fen: int) -> str:
    """Write an amount in yuan, of any size and sign: -123456 is -1,234.56."""
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{cents:02d}"


def plain_yuan(fen: int) -> str:
    """Write an amount in yuan as a spreadsheet reads it: -123456 is -1234.56."""
    return yuan(fen).replace(",", "")


def day(date: str) -> str:
    """Write a date for people: 20261124 is 2026-11-24."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date
