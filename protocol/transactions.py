"""The processing codes (DE 3): one row for each transaction of the interface. There is no other table of
them.

Data only. The rules of what a transaction does to a due are in `ledger.rules`; which account it moves is in
the office's chart of accounts. Names are those of docs/protocol.md section 3, and of JR/T 0031 where it has
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Transaction(NamedTuple):
    """One processing code.

    `act` names what the ledger does (ledger.rules.request.Act). `kind` is the kind of dues that the
    transaction settles, `premium` or `benefit`; empty if it settles none. `chinese` and `english` are its
    names. `voucher` is the title of its receipt in both languages, empty if it has no receipt. `standard` is
    its name in JR/T 0031.
    """

    code: str
    act: str
    kind: str
    chinese: str
    english: str
    voucher: tuple[str, str]
    standard: str


_NO_VOUCHER: Final = ("", "")
_MONEY: Final = "财务活动"
_MONEY_ASKED: Final = "财务活动查询"

_ROWS: Final = (
    Transaction(
        "310000", "dues", "", "应收应付查询", "What is due and payable on a policy", _NO_VOUCHER, _MONEY_ASKED
    ),
    Transaction("311000", "status", "", "保单状态查询", "Policy status", _NO_VOUCHER, "保单基本信息查询"),
    Transaction(
        "312000",
        "outcome",
        "",
        "交易结果查询",
        "Outcome of an earlier transaction",
        _NO_VOUCHER,
        _MONEY_ASKED,
    ),
    Transaction("313000", "receipt", "", "补打收据", "Receipt again", _NO_VOUCHER, "单证打印"),
    Transaction(
        "500000",
        "collect",
        "premium",
        "续期保费",
        "Renewal premium",
        ("续期保费收据", "RENEWAL PREMIUM"),
        _MONEY,
    ),
    Transaction(
        "501000", "collect", "premium", "首期保费", "First premium", ("首期保费收据", "FIRST PREMIUM"), _MONEY
    ),
    Transaction(
        "502000",
        "collect",
        "premium",
        "保单贷款还款",
        "Policy-loan repayment",
        ("保单贷款还款收据", "POLICY LOAN REPAYMENT"),
        _MONEY,
    ),
    Transaction(
        "260000",
        "pay",
        "benefit",
        "满期给付",
        "Maturity benefit",
        ("满期保险金给付凭证", "MATURITY BENEFIT"),
        _MONEY,
    ),
    Transaction(
        "261000",
        "pay",
        "benefit",
        "生存金或年金",
        "Survival benefit or annuity",
        ("生存金给付凭证", "SURVIVAL BENEFIT"),
        _MONEY,
    ),
    Transaction("262000", "pay", "benefit", "理赔给付", "Claim", ("理赔金给付凭证", "CLAIM"), _MONEY),
    Transaction("263000", "pay", "benefit", "退保给付", "Surrender", ("退保金给付凭证", "SURRENDER"), _MONEY),
    Transaction("020000", "cancel", "", "当日撤销", "Same-day cancel", ("当日撤销凭证", "CANCEL"), "冲正"),
)

TRANSACTIONS: Final[Mapping[str, Transaction]] = MappingProxyType({row.code: row for row in _ROWS})
"""Every processing code, in the interface's order."""

SETTLEMENTS: Final[Mapping[str, Transaction]] = MappingProxyType(
    {code: row for code, row in TRANSACTIONS.items() if row.kind}
)
"""The processing codes that settle a due."""
