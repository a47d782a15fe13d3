"""The classes of breaks: one row for each way in which our journal and a bank's file can differ. There is no
other table of them.

Data only. Which class a pair of lines gets, `office.matching.lines.pair_differs` decides; which one a line
that is left over gets, `office.matching.match`; a repeated line is found in `office.matching.pairing`. The
chart of accounts (office/accounting/chart.toml) says how a break of a class may end, and the front-end
machine's status page shows the names. No rule and no account belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class BreakClass(StrEnum):
    """What is wrong with a line or a pair of lines; the values of the column breaks.class."""

    BANK_ONLY = "bank_only"
    OURS_ONLY = "ours_only"
    AMOUNT_DIFFERS = "amount_differs"
    STATE_DIFFERS = "state_differs"
    DETAILS_DIFFER = "details_differ"
    DUPLICATE = "duplicate"
    TIMING = "timing"
    LATE_REVERSAL = "late_reversal"
    EXCEPTION_ADVICE = "exception_advice"
    ARRIVAL_DIFFERS = "arrival_differs"


class ClassRow(NamedTuple):
    """One class: its name and its meaning in one line, both in Chinese and English.

    `has_ours`: a line of our side of the date can be in it. `needs_line`: there is always a line of one side
    in it. `withholds`: its amount is the whole transaction as the journal has it, kept off the products'
    accounts until two people have decided; if not, its amount is the difference between the two sides.
    """

    cls: BreakClass
    chinese: str
    english: str
    meaning_chinese: str
    meaning: str
    has_ours: bool
    needs_line: bool
    withholds: bool


_ROWS: Final = (
    ClassRow(
        BreakClass.BANK_ONLY,
        "银行有、我方无",
        "Bank only",
        "银行文件有，我方流水无：代收为长款，代付为短款。",
        "In the bank's file, not in our journal: an overage (长款) if collected, a shortage if paid.",
        has_ours=False,
        needs_line=True,
        withholds=False,
    ),
    ClassRow(
        BreakClass.OURS_ONLY,
        "我方有、银行无",
        "Ours only",
        "我方流水有，银行文件无：代收为短款，代付为长款。",
        "In our journal, not in the bank's file: a shortage (短款) if collected, an overage if paid.",
        has_ours=True,
        needs_line=True,
        withholds=False,
    ),
    ClassRow(
        BreakClass.AMOUNT_DIFFERS,
        "金额不符",
        "Amount differs",
        "同一笔交易，双方金额不同。",
        "One transaction, for different amounts.",
        has_ours=True,
        needs_line=True,
        withholds=False,
    ),
    ClassRow(
        BreakClass.STATE_DIFFERS,
        "状态不符",
        "State differs",
        "同一笔交易，一方有效，另一方已撤销或冲正。",
        "One transaction, in effect on one side and undone on the other.",
        has_ours=True,
        needs_line=True,
        withholds=False,
    ),
    ClassRow(
        BreakClass.DETAILS_DIFFER,
        "要素不符",
        "Details differ",
        "同一笔交易，金额与状态一致，保单、交易码或应收付不同：全额挂账，查明前不入产品科目。",
        "One transaction, the same amount and state; policy, due or DE 3 differ: whole in suspense.",
        has_ours=True,
        needs_line=False,
        withholds=True,
    ),
    ClassRow(
        BreakClass.DUPLICATE,
        "重复",
        "Duplicate",
        "银行把同一笔交易列了不止一次。",
        "The bank lists one transaction more than once.",
        has_ours=False,
        needs_line=True,
        withholds=False,
    ),
    ClassRow(
        BreakClass.TIMING,
        "时间性差异",
        "Timing",
        "日切前后，双方把同一笔交易记在不同业务日；后一日已找到另一半。",
        "Dated differently around a cut-over; its other half was found on the later date.",
        has_ours=True,
        needs_line=True,
        withholds=False,
    ),
    ClassRow(
        BreakClass.LATE_REVERSAL,
        "逾期冲正",
        "Late reversal",
        "银行要求冲正的交易已过期限，我方拒绝：原交易金额挂账，由两人定夺。",
        "A reversal that came too late and was refused: what it was to undo is in suspense.",
        has_ours=False,
        needs_line=False,
        withholds=True,
    ),
    ClassRow(
        BreakClass.EXCEPTION_ADVICE,
        "不符通知",
        "Exception advice",
        "银行已办妥、我方只能照记的通知，与应收应付不符：全额挂账，查明前不入产品科目。",
        "An advice of what the bank had done that did not fit the book: whole in suspense.",
        has_ours=True,
        needs_line=True,
        withholds=True,
    ),
    ClassRow(
        BreakClass.ARRIVAL_DIFFERS,
        "到账不符",
        "Arrival differs",
        "银行对账单的到账金额与银行当日文件不同，且不再等待：差额挂账，由两人定夺。",
        "What a bank's statements say came is not what its file says, and no more is awaited.",
        has_ours=False,
        needs_line=False,
        withholds=False,
    ),
)

CLASSES: Final[Mapping[BreakClass, ClassRow]] = MappingProxyType({row.cls: row for row in _ROWS})
"""Every class, in the order of lists and reports."""
