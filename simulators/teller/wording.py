"""What the teller's screen says, in Chinese and in English, as data.

Pure. No layout, no keys but those that a text names, and no word that the machine itself sent: a receipt and
a reason (DE 44) are shown as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from protocol.code_names import inside_a_sentence
from protocol.transactions import TRANSACTIONS


class Language(IntEnum):
    """The value is the place in each pair of `WORDS`."""

    CHINESE = 0
    ENGLISH = 1

    @property
    def other(self) -> Language:
        """The one that F2 switches to."""
        return Language(1 - self)


class Happening(NamedTuple):
    """Something to tell the teller: the key of a text in `WORDS`, and what its places hold."""

    key: str
    given: Mapping[str, str] = MappingProxyType({})


WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # The frame
        "title": ("前置柜面", "Qianzhi teller"),
        "on": ("● 已签到", "● signed on"),
        "off": ("● 未签到", "● signed off"),
        "working": ("… 处理中", "… working"),
        "date": ("业务日期 {date}", "business date {date}"),
        "no date": ("业务日期未知", "business date unknown"),
        "samples": ("试用保单：回车查询", "sample policies: Enter looks one up"),
        "policy": ("保单号，回车查询", "policy number, Enter looks it up"),
        "policy number": ("保单号", "policy"),
        "dues": ("应收应付", "dues"),
        "transactions": ("最近交易", "last transactions"),
        "log": ("经过", "what happened"),
        "keys": (
            "F2 English  F3 查询  F5 收费  F6 给付  F7 撤销  F8 丢下一应答  F9 签到/签退  F10 凭证  ^Q 退出",
            "F2 中文  F3 look up  F5 collect  F6 pay  F7 cancel  F8 lose next answer  F9 sign on/off"
            "  F10 receipt  ^Q quit",
        ),
        # Columns
        "due": ("应收付号", "due"),
        "kind": ("种类", "kind"),
        "due date": ("应收付日", "due date"),
        "amount": ("金额（元）", "amount, yuan"),
        "time": ("时间", "time"),
        "stan": ("流水号", "STAN"),
        "act": ("交易", "act"),
        "code": ("应答", "DE 39"),
        "state": ("状态", "state"),
        "receipt": ("收据号", "receipt"),
        # Kinds, policy states, and what the bank holds of a transaction
        "premium": ("应收", "to collect"),
        "benefit": ("应付", "to pay"),
        "none": ("无应收付", "no dues"),
        "active": ("有效", "active"),
        "lapsed": ("失效", "lapsed"),
        "pending": ("待生效", "pending"),
        "terminated": ("终止", "terminated"),
        "unknown": ("未知", "unknown"),
        "done": ("成功", "done"),
        "refused": ("拒绝", "refused"),
        "reversed": ("已冲正/撤销", "reversed"),
        "never was": ("未发生", "never was"),
        # Dialogs
        "collect": ("代收 {amount} 元，保单 {policy}", "Collect {amount} yuan of policy {policy}"),
        "pay": ("给付 {amount} 元，保单 {policy}", "Pay {amount} yuan of policy {policy}"),
        "as": ("交易种类", "as"),
        "identity": ("领取人证件号（不显示）", "the beneficiary's identity number (not shown)"),
        "confirm": ("确认（回车）", "Confirm (Enter)"),
        "leave": ("返回（Esc）", "Back (Esc)"),
        "save": ("保存 (s)", "Save (s)"),
        # What happened
        "signed on": ("已签到，会话密钥已装入", "signed on; the session key is in place"),
        "signed off": ("已签退", "signed off"),
        "found": ("保单 {policy}：{count} 笔应收付", "policy {policy}: {count} open dues"),
        "not found": ("保单 {policy}：应答 {code} {reason}", "policy {policy}: DE 39 {code} {reason}"),
        "approved": ("{stan} 成功，收据 {receipt}", "{stan} approved, receipt {receipt}"),
        "refusal": (
            "{stan} 被拒绝：应答 {code} {reason}；未动账",
            "{stan} refused: DE 39 {code} {reason}; no money moved",
        ),
        "no answer": (
            "{mti} 无应答，结果不明",
            "{mti}: no answer came, so its outcome is unknown",
        ),
        "reversing": (
            "{stan} 结果不明，本行自动冲正，直到得到答复；请勿交付客户",
            "{stan}: the bank reverses it by itself, until that is answered; give the customer nothing",
        ),
        "undone": (
            "{stan} 冲正完成（{state}）：这笔交易无效，可重新办理",
            "{stan}: reversal answered ({state}): it has no effect, and may be done anew",
        ),
        "cancel stands": (
            "撤销 {stan} 不能冲正：它有效",
            "cancel {stan} could not be reversed: it stands",
        ),
        "losing": (
            "下一笔金融交易的应答将被丢弃，以示本行如何处理",
            "the next transaction's answer will be thrown away, to show what the bank does",
        ),
        "not losing": ("应答不再丢弃", "answers are kept again"),
        "saved": ("凭证已存 {path}", "receipt saved as {path}"),
        "not saved": ("凭证未能保存：{reason}", "the receipt could not be saved: {reason}"),
        "no receipt": ("没有凭证：应答 {code} {reason}", "no receipt: DE 39 {code} {reason}"),
        "choose due": ("请先查询保单并选中一笔{kind}", "look up a policy and choose a due {kind} first"),
        "choose done": ("请在最近交易中选中一笔成功的交易", "choose a transaction that is done first"),
        "busy": ("上一笔尚未完结，请稍候", "the one before has not ended yet: wait"),
        "silent": ("未办成：规定时间内无应答", "not done: no answer in time"),
        "unreachable": (
            "未办成：连不上前置机（{reason}）；它在运行吗？",
            "not done: cannot connect ({reason}); is the machine serving?",
        ),
        "cut off": (
            "未办成：前置机断开了连接，原因见其日志",
            "not done: the machine closed the link; its log says why",
        ),
        "fault": ("未办成：{reason}", "not done: {reason}"),
        "cut-over": (
            "前置机通知日切，业务日期 {date}",
            "the machine told its cut-over: business date {date}",
        ),
        "undecided": (
            "有 {count} 笔结果不明，本行仍在冲正；再按一次 ^Q 才退出",
            "{count} with an unknown outcome, still being reversed; ^Q once more leaves all the same",
        ),
        "machine broke": ("前置机违反接口：{reason}", "the machine broke the interface: {reason}"),
        # Processing codes
        **{code: (row.chinese, inside_a_sentence(row.english)) for code, row in TRANSACTIONS.items()},
    }
)


def say(language: Language, key: str, **given: str) -> str:
    """A text of `WORDS` with its places filled. Raises KeyError for a key or place that is not there."""
    return WORDS[key][language].format(**given)


def word(language: Language, key: str) -> str:
    """A word of `WORDS`, or the machine's own where it is none of them."""
    return WORDS[key][language] if key in WORDS else key
