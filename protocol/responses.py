"""The response codes (DE 39): one row for each outcome of this interface. There is no other table of them.

Data only. The rules that choose a code do not belong here, nor does the reason of one answer (DE 44).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class Response(StrEnum):
    """A response code (DE 39, `an 2`). The value is what is sent."""

    APPROVED = "00"
    NOT_POSSIBLE = "12"
    AMOUNT_DIFFERS = "13"
    NO_ORIGINAL = "21"
    NOT_FOUND = "25"
    FORMAT = "30"
    NOT_SUPPORTED = "40"
    BANK_NOT_ALLOWED = "57"
    TERMINAL_NOT_ALLOWED = "58"
    OVER_LIMIT = "61"
    SECURITY = "63"
    IDENTITY_DIFFERS = "76"
    CUTOVER = "90"
    UNAVAILABLE = "91"
    KEY_REUSED = "94"
    TOTALS_DIFFER = "95"
    FAULT = "96"


class ResponseRow(NamedTuple):
    """One response code: its short names in Chinese and English, and in full what it means to a bank.

    `is_kept`: the code is recorded under the transaction's key, so that every repeat is answered with the
    same code. The other codes do not decide the transaction: it may still be done.
    """

    code: Response
    chinese: str
    english: str
    meaning: str
    is_kept: bool


_ROWS: Final = (
    ResponseRow(
        Response.APPROVED,
        "成功，已落盘",
        "Approved: done, and on disk",
        "Done, and on disk.",
        is_kept=True,
    ),
    ResponseRow(
        Response.NOT_POSSIBLE,
        "当前状态下不可办理",
        "Not possible in this state",
        "Not possible in this state: paid, cancelled, lapsed; a cancel after cutover, a late reversal.",
        is_kept=True,
    ),
    ResponseRow(
        Response.AMOUNT_DIFFERS,
        "金额不符",
        "The amount is not the due's",
        "The amount is not the due's.",
        is_kept=True,
    ),
    ResponseRow(
        Response.NO_ORIGINAL,
        "无原交易",
        "No such original to reverse or cancel",
        "A reversal or cancel without its original, or the original after its reversal.",
        is_kept=True,
    ),
    ResponseRow(
        Response.NOT_FOUND,
        "无此保单或应收付",
        "No such policy or due",
        "No such policy or due.",
        is_kept=True,
    ),
    ResponseRow(
        Response.FORMAT,
        "报文格式错误",
        "A mandatory field is missing or malformed",
        "A mandatory field is missing or malformed; DE 44 names it.",
        is_kept=True,
    ),
    ResponseRow(
        Response.NOT_SUPPORTED,
        "不支持",
        "Not supported",
        "A message or transaction that this interface does not have, or one that carries a PIN.",
        is_kept=True,
    ),
    ResponseRow(
        Response.BANK_NOT_ALLOWED,
        "该银行不允许此交易",
        "Not allowed to this bank",
        "This bank may not do this transaction.",
        is_kept=True,
    ),
    ResponseRow(
        Response.TERMINAL_NOT_ALLOWED,
        "该终端不允许此交易",
        "Not allowed to this terminal",
        "This terminal may not do this transaction.",
        is_kept=True,
    ),
    ResponseRow(
        Response.OVER_LIMIT,
        "超限额",
        "Over the bank's limit",
        "Over the bank's limit for one transaction or for the day.",
        is_kept=True,
    ),
    ResponseRow(
        Response.SECURITY,
        "MAC、密钥或签到",
        "MAC, key or sign-on",
        "MAC bad or missing, key unknown, or not signed on.",
        is_kept=False,
    ),
    ResponseRow(
        Response.IDENTITY_DIFFERS,
        "证件号不符",
        "The identity number is not the due's",
        "The identity number is not the one on the due.",
        is_kept=True,
    ),
    ResponseRow(
        Response.CUTOVER,
        "日切中",
        "Cut-over under way: ask again",
        "Cutover is under way: ask again.",
        is_kept=False,
    ),
    ResponseRow(
        Response.UNAVAILABLE,
        "暂不可用，什么也没做",
        "Not available now: nothing was done",
        "Not available now; only where it is certain that nothing was done.",
        is_kept=False,
    ),
    ResponseRow(
        Response.KEY_REUSED,
        "同键不同内容",
        "The key of an earlier transaction, other content",
        "The key of an earlier transaction with other content.",
        is_kept=False,
    ),
    ResponseRow(
        Response.TOTALS_DIFFER,
        "总账不符",
        "Totals differ",
        "The totals of a reconciliation (0510) differ.",
        is_kept=False,
    ),
    ResponseRow(
        Response.FAULT,
        "前置故障，什么也没做",
        "A fault of the front-end machine: nothing was done",
        "A fault of ours; only where it is certain that nothing was done.",
        is_kept=False,
    ),
)

RESPONSES: Final[Mapping[Response, ResponseRow]] = MappingProxyType({row.code: row for row in _ROWS})
"""Every response code, in ascending order."""

FINAL: Final[frozenset[Response]] = frozenset(
    code for code, row in RESPONSES.items() if row.is_kept and code is not Response.APPROVED
)
"""The refusals that are recorded under the transaction's key."""
