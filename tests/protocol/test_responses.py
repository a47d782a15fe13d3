"""The response codes are the interface's, and those of them that a repeat gets for ever."""

from __future__ import annotations

from protocol.responses import FINAL, RESPONSES, Response

NAMES = """
00 成功，已落盘 | Approved: done, and on disk
12 当前状态下不可办理 | Not possible in this state
13 金额不符 | The amount is not the due's
21 无原交易 | No such original to reverse or cancel
25 无此保单或应收付 | No such policy or due
30 报文格式错误 | A mandatory field is missing or malformed
40 不支持 | Not supported
57 该银行不允许此交易 | Not allowed to this bank
58 该终端不允许此交易 | Not allowed to this terminal
61 超限额 | Over the bank's limit
63 MAC、密钥或签到 | MAC, key or sign-on
76 证件号不符 | The identity number is not the due's
90 日切中 | Cut-over under way: ask again
91 暂不可用，什么也没做 | Not available now: nothing was done
94 同键不同内容 | The key of an earlier transaction, other content
95 总账不符 | Totals differ
96 前置故障，什么也没做 | A fault of the front-end machine: nothing was done
"""
MEANINGS = """
00 Done, and on disk.
12 Not possible in this state: paid, cancelled, lapsed; a cancel after cutover, a late reversal.
13 The amount is not the due's.
21 A reversal or cancel without its original, or the original after its reversal.
25 No such policy or due.
30 A mandatory field is missing or malformed; DE 44 names it.
40 A message or transaction that this interface does not have, or one that carries a PIN.
57 This bank may not do this transaction.
58 This terminal may not do this transaction.
61 Over the bank's limit for one transaction or for the day.
63 MAC bad or missing, key unknown, or not signed on.
76 The identity number is not the one on the due.
90 Cutover is under way: ask again.
91 Not available now; only where it is certain that nothing was done.
94 The key of an earlier transaction with other content.
95 The totals of a reconciliation (0510) differ.
96 A fault of ours; only where it is certain that nothing was done.
"""


def test_response_codes_are_those_of_the_interface() -> None:
    assert {response.name: response.value for response in Response} == {
        "APPROVED": "00",
        "NOT_POSSIBLE": "12",
        "AMOUNT_DIFFERS": "13",
        "NO_ORIGINAL": "21",
        "NOT_FOUND": "25",
        "FORMAT": "30",
        "NOT_SUPPORTED": "40",
        "BANK_NOT_ALLOWED": "57",
        "TERMINAL_NOT_ALLOWED": "58",
        "OVER_LIMIT": "61",
        "SECURITY": "63",
        "IDENTITY_DIFFERS": "76",
        "CUTOVER": "90",
        "UNAVAILABLE": "91",
        "KEY_REUSED": "94",
        "TOTALS_DIFFER": "95",
        "FAULT": "96",
    }


def test_a_repeat_gets_the_same_refusal_where_it_is_of_the_transaction_itself() -> None:
    assert " ".join(sorted(FINAL)) == "12 13 21 25 30 40 57 58 61 76"
    kept = {"00", *FINAL}
    assert {code: row.is_kept for code, row in RESPONSES.items()} == {code: code in kept for code in Response}


def test_each_code_has_its_names_and_its_meaning() -> None:
    rows = RESPONSES.values()
    assert [f"{row.code} {row.chinese} | {row.english}" for row in rows] == NAMES.strip().splitlines()
    assert [f"{row.code} {row.meaning}" for row in rows] == MEANINGS.strip().splitlines()
    assert [*RESPONSES] == [*Response]
