"""The rows of the table of processing codes, as receipts and reports have them.

That every other table has the same codes is tested in tests/test_transactions.py.
"""

from __future__ import annotations

from protocol.transactions import SETTLEMENTS, TRANSACTIONS

ROWS = """
310000 dues    -       应收应付查询   What is due and payable on a policy | 财务活动查询
311000 status  -       保单状态查询   Policy status | 保单基本信息查询
312000 outcome -       交易结果查询   Outcome of an earlier transaction | 财务活动查询
313000 receipt -       补打收据       Receipt again | 单证打印
500000 collect premium 续期保费       Renewal premium | 财务活动
501000 collect premium 首期保费       First premium | 财务活动
502000 collect premium 保单贷款还款   Policy-loan repayment | 财务活动
260000 pay     benefit 满期给付       Maturity benefit | 财务活动
261000 pay     benefit 生存金或年金   Survival benefit or annuity | 财务活动
262000 pay     benefit 理赔给付       Claim | 财务活动
263000 pay     benefit 退保给付       Surrender | 财务活动
020000 cancel  -       当日撤销       Same-day cancel | 冲正
"""
TITLES = """
500000 续期保费收据       RENEWAL PREMIUM
501000 首期保费收据       FIRST PREMIUM
502000 保单贷款还款收据   POLICY LOAN REPAYMENT
260000 满期保险金给付凭证 MATURITY BENEFIT
261000 生存金给付凭证     SURVIVAL BENEFIT
262000 理赔金给付凭证     CLAIM
263000 退保金给付凭证     SURRENDER
020000 当日撤销凭证       CANCEL
"""


def test_each_code_has_its_act_its_kind_its_names_and_the_standards_word_in_the_interfaces_order() -> None:
    cells = [line.split(maxsplit=4) for line in ROWS.strip().splitlines()]
    rows = [[code, act, kind.strip("-"), *names] for code, act, kind, *names in cells]
    assert [
        [row.code, row.act, row.kind, row.chinese, f"{row.english} | {row.standard}"]
        for row in TRANSACTIONS.values()
    ] == rows
    assert list(TRANSACTIONS) == [code for code, *_ in rows]


def test_each_receipt_has_its_title_in_both_languages() -> None:
    titles = {
        code: tuple(title) for code, *title in (line.split(maxsplit=2) for line in TITLES.split("\n") if line)
    }
    assert {code: row.voucher for code, row in TRANSACTIONS.items()} == {
        code: titles.get(code, ("", "")) for code in TRANSACTIONS
    }


def test_those_that_settle_a_due_are_those_with_a_kind() -> None:
    assert " ".join(SETTLEMENTS) == "500000 501000 502000 260000 261000 262000 263000"
    assert all(SETTLEMENTS[code] is TRANSACTIONS[code] for code in SETTLEMENTS)
