"""The words of a report, in Chinese and English, and how it writes amounts and dates.

Pure data and two formats. The layout of a page does not belong here, nor the name of an account or a
resolution: those stand in the chart (`office.accounting.chart`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.rules.break_classes import CLASSES as CLASS_ROWS
from ledger.rules.day import DayState
from office.accounting.break_states import BreakState
from protocol.transactions import SETTLEMENTS
from qianzhi_errors.sentence import translated


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
WAITING: Final = "waiting"
"""The state that the overview gives a bank that is not reconciled."""
WAITING_STATE: Final[Mapping[str, Words]] = MappingProxyType({WAITING: Words("等待对账", "Waiting")})
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
        "pull": Words("取流水", "Pull"),
        "sign": Words("签署凭证", "Sign receipts"),
        "file": Words("收文件", "File"),
        "reconcile": Words("对账", "Reconcile"),
        "post": Words("入账", "Post"),
        "day": Words("日结", "Day"),
        "archive": Words("归档", "Archive"),
    }
)
"""The steps of a close."""
ACCOUNT_KINDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "asset": Words("资产", "Asset"),
        "liability": Words("负债", "Liability"),
        "equity": Words("权益", "Equity"),
        "income": Words("收入", "Income"),
        "expense": Words("支出", "Expense"),
    }
)


COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "report_date": "报告日期",
        "bank": "银行",
        "bank_name": "银行名称",
        "break": "差错",
        "date": "日期",
        "class": "类别",
        "direction": "方向",
        "code": "交易处理码",
        "policy": "保单",
        "due": "应收应付",
        "key": "交易唯一键",
        "line": "银行文件行号",
        "ours_yuan": "我方清算影响（元）",
        "theirs_yuan": "银行方清算影响（元）",
        "withheld_yuan": "暂不入账（元）",
        "difference_yuan": "差额（元）",
        "bank_code": "银行所列交易处理码",
        "bank_policy": "银行所列保单",
        "bank_due": "银行所列应收应付",
        "reason": "原因",
        "hint": "提示",
        "owner": "责任人",
        "age_days": "天数",
        "state": "状态",
        "resolution": "处理方式",
        "proposed_by": "经办",
        "approved_by": "复核",
        "settled_on": "结清日期",
        "ours_lines": "我方笔数",
        "theirs_lines": "银行方笔数",
        "matched": "相符笔数",
        "breaks": "当日差错",
        "outstanding": "未结差错",
        "overages_yuan": "长款（元）",
        "shortages_yuan": "短款（元）",
        "up_to_date": "截至日期",
        "account": "科目",
        "name": "名称",
        "kind": "类别",
        "currency": "币种",
        "debit_yuan": "借方（元）",
        "credit_yuan": "贷方（元）",
        "balance_yuan": "余额（元）",
    }
)
"""The columns of the tables (CSV), in Chinese."""


class Reader(NamedTuple):
    """Who reads a table: `look_up` gives an English text in the reader's language."""

    look_up: Callable[[str], str]
    is_chinese: bool

    def term(self, words: Mapping[str, Words], code: str) -> str:
        """The Chinese name of a code for who reads Chinese, and the code for anyone else."""
        return named(words, code).zh if self.is_chinese else code

    def heads(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The names of columns, as `COLUMNS` has them for who reads Chinese."""
        return tuple(COLUMNS[name] for name in columns) if self.is_chinese else tuple(columns)

    def spoken(self, text: str) -> str:
        """The text in the reader's language, if it is a Sentence."""
        return str(translated(text, self.look_up))


ENGLISH: Final = Reader(str, is_chinese=False)


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
