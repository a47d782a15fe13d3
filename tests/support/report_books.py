"""A bank's date as the office's tables hold it, and the report that it makes: for the tests of reports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, insert

from ledger.book.schema import make_missing
from ledger.rules.day import DayState
from office.accounting.books import Leg, Posting, install_chart, post
from office.accounting.break_states import Break, BreakState
from office.accounting.chart import shipped
from office.accounting.posting import post_day
from office.database.schema import (
    OFFICE,
    bank_files,
    bank_lines,
    breaks,
    days,
    posted_dates,
    products,
    reconciliations,
)
from office.reports.report_values import (
    BankFile,
    ClosedDay,
    DayAccounts,
    FileSum,
    ListedBreak,
    Product,
    Reconciliation,
    Report,
    ShownLeg,
    ShownPosting,
)
from tests.support.unexplained_posting import let_in

CHART = shipped()
BANK, OTHER, LATE = "01020000", "01030000", "01040000"
NAMES = {BANK: "工商银行", OTHER: "农业银行", LATE: "中国银行"}
D1, D2, TODAY = "20261124", "20261125", "20261128"
ROOT = "ab" * 32
NAME = {code: f"{account.zh} {account.en}" for code, account in CHART.accounts.items()}


def broken(
    number: int,
    date: str,
    cls: str,
    ours: int,
    theirs: int,
    state: str = "suspense",
    withheld: int = 0,
    **given: str,
) -> Break:
    """A break of BANK, as the table would have it."""
    values: dict[str, Any] = {
        "name": f"B{date}-{BANK}-{number:04d}",
        "bank": BANK,
        "date": date,
        "cls": cls,
        "key": f"{BANK}/T0000001/{date[4:]}101112/00000{number}",
        "line": 0 if cls in ("ours_only", "exception_advice") else number,
        "direction": "C",
        "code": "500000",
        "policy": f"P{number}",
        "due": f"D{number}",
        "ours_effect": ours,
        "theirs_effect": theirs,
        "withheld": withheld,
        "difference": theirs - ours + withheld,
        "bank_code": "",
        "bank_policy": "",
        "bank_due": "",
        "reason": "the bank's file has it, we do not",
        "hint": "",
        "owner": "李娜",
        "state": BreakState(state),
        "resolution": "",
        "proposed_by": "",
        "approved_by": "",
        "suspense_on": "" if state == "open" else date,
        "settled_on": "",
    }
    return Break(**{**values, **given})


REFUNDED = broken(
    1,
    D1,
    "bank_only",
    0,
    50_000,
    "closed",
    resolution="refund",
    proposed_by="李娜",
    approved_by="王强",
    settled_on=D2,
)
MATCHED = broken(2, D1, "timing", 30_000, 0, "closed", reason="we dated it 20261124", settled_on=D2)
WAITING = broken(3, D1, "ours_only", 12_000, 0, reason="we have it, the bank's file does not")
AMOUNT = broken(
    1, D2, "amount_differs", 120_000, 110_000, reason="our amount is 1,200.00, the bank's 1,100.00"
)
TWICE = broken(
    2, D2, "duplicate", 0, 80_000, hint="2 lines of policy P2 (bank_only) add up to this one", owner=""
)
EXCEPTION_ADVICE = broken(
    3, D2, "exception_advice", 0, 0, reason="an advice (collection) that did not fit the book", due=""
)
STATE = broken(
    4,
    D2,
    "state_differs",
    -500_000,
    0,
    "proposed",
    direction="P",
    code="260000",
    reason="we have it done, the bank has it reversed",
    resolution="accept",
    proposed_by="李娜",
)
ALL_BREAKS = (REFUNDED, MATCHED, WAITING, AMOUNT, TWICE, EXCEPTION_ADVICE, STATE)
_NOBODY = {"resolution": "", "proposed_by": "", "approved_by": "", "settled_on": ""}
UNDECIDED = (
    REFUNDED._replace(state=BreakState.SUSPENSE, **_NOBODY),
    MATCHED,
    WAITING,
    *(
        entry._replace(state=BreakState.OPEN, suspense_on="", **_NOBODY)
        for entry in (AMOUNT, TWICE, EXCEPTION_ADVICE, STATE)
    ),
)

PRODUCTS = {
    D1: (Product("500000", 3, 300_000),),
    D2: (Product("500000", 5, 700_000), Product("501000", 1, 200_000), Product("260000", 2, -800_000)),
}
LINES = {
    D1: (("C", "S", 258_000), ("C", "S", 50_000)),
    D2: (
        ("C", "S", 110_000),
        ("C", "S", 80_000),
        ("C", "S", 80_000),
        ("C", "S", 30_000),
        ("C", "S", 700_000),
        ("P", "S", 300_000),
        ("P", "R", 500_000),
    ),
}
RESULTS = {
    D1: Reconciliation(3, 2, 1, 300_000, 308_000),
    D2: Reconciliation(8, 7, 4, 100_000, 700_000),
}


def put(connection: Connection, table: Table, **row: object) -> None:
    connection.execute(insert(table).values(row))


def fill(connection: Connection, last_state: str = "posted") -> None:
    """Two dates of BANK, the first one posted; and on the second one of OTHER, on which nothing moved.

    Where the second date is only reconciled, nothing of it is posted, its breaks are open, and nobody has
    decided on anything.
    """
    make_missing(connection, OFFICE)
    install_chart(connection, CHART, 1, "li")
    let_in(connection)
    for date, state in ((D1, "posted"), (D2, last_state)):
        row = {"date": date, "state": state, "next_date": "", "closed_at": 1, "root": ROOT, "signature": ""}
        put(connection, days, **row, entries=1234)
        fill_side(connection, BANK, date, RESULTS[date], LINES[date], PRODUCTS[date])
    fill_side(connection, OTHER, D2, Reconciliation(0, 0, 0, 0, 0), (), ())
    posted = last_state == "posted"
    for row in ALL_BREAKS if posted else UNDECIDED:
        connection.execute(insert(breaks).values(row))
    for date in (D1, D2) if posted else (D1,):
        product = {product.code: product.effect for product in PRODUCTS[date]}
        put(connection, posted_dates, bank=BANK, date=date, posted_on=date, posted_at=1)
        post_day(connection, CHART, BANK, date, product, RESULTS[date].theirs_effect, 1)
    if posted:
        refund = Leg(CHART.long, BANK, "156", 50_000), Leg("224102", "", "156", -50_000)
        post(connection, [Posting(f"{D2}/{BANK}/{REFUNDED.name}", D2, BANK, "退还客户", refund)], 1)


def fill_side(
    connection: Connection,
    bank: str,
    date: str,
    reconciliation: Reconciliation,
    lines: tuple[tuple[str, str, int], ...],
    product: tuple[Product, ...],
) -> None:
    collected, paid = (
        sum(amount for to, state, amount in lines if (to, state) == (direction, "S")) for direction in "CP"
    )
    file = BankFile(f"digest of {bank} {date}", "standard", len(lines), collected, paid)
    put(connection, bank_files, bank=bank, date=date, taken_at=1, **file._asdict())
    for number, (direction, state, amount) in enumerate(lines, 1):
        texts = dict.fromkeys(
            ("terminal", "branch", "sent_at", "stan", "rrn", "policy", "due", "receipt"), "x"
        )
        row = {"direction": direction, "state": state, "amount": amount, "code": "500000", **texts}
        put(connection, bank_lines, bank=bank, date=date, line=number, key=f"K{number}", **row)
    figures = reconciliation._asdict() | {"breaks_allowed": 100, "made_at": 1}
    put(connection, reconciliations, bank=bank, date=date, **figures)
    for row in product:
        put(connection, products, bank=bank, date=date, **row._asdict())


EXPECTED = Report(
    BANK,
    "工商银行",
    TODAY,
    ClosedDay(D2, DayState.POSTED, 1234, ROOT),
    RESULTS[D2],
    PRODUCTS[D2],
    BankFile(f"digest of {BANK} {D2}", "standard", 7, 1_000_000, 300_000),
    (FileSum("C", "S", 5, 1_000_000), FileSum("P", "S", 1, 300_000), FileSum("P", "R", 1, 500_000)),
    (
        ListedBreak(REFUNDED, 1, "退还客户 To be refunded to the customer"),
        ListedBreak(MATCHED, 1, ""),
        ListedBreak(WAITING, 4, ""),
        ListedBreak(AMOUNT, 3, ""),
        ListedBreak(TWICE, 3, ""),
        ListedBreak(EXCEPTION_ADVICE, 3, ""),
        ListedBreak(
            STATE, 3, "以银行为准：调整对应科目 The bank is right: the due's own account is adjusted"
        ),
    ),
    (
        ShownPosting(
            f"{D2}/{BANK}/day",
            "日终入账 day posting",
            6,
            (
                ShownLeg("122101", NAME["122101"], BANK, "156", 700_000),
                ShownLeg("1122", NAME["1122"], "", "156", -700_000),
                ShownLeg("2203", NAME["2203"], "", "156", -200_000),
                ShownLeg("220202", NAME["220202"], "", "156", 800_000),
                ShownLeg("224101", NAME["224101"], BANK, "156", -580_000),
                ShownLeg("122102", NAME["122102"], BANK, "156", -20_000),
            ),
        ),
        ShownPosting(
            f"{D2}/{BANK}/{REFUNDED.name}",
            "退还客户",
            2,
            (
                ShownLeg("224101", NAME["224101"], BANK, "156", 50_000),
                ShownLeg("224102", NAME["224102"], "", "156", -50_000),
            ),
        ),
    ),
    DayAccounts("122101", "224101", "122102", -580_000, 22_000),
    D2,
)
