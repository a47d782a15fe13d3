"""The trial balance on a terminal of 80 columns: whole, with separators, each bank under its name."""

from __future__ import annotations

import io

from rich.console import Console

from console.office import balance_tables
from office.accounting.books import BalanceRow, TrialBalance

LARGE = 9_876_543_210_123
CLEARING, ANNUITIES = "122101", "220203"
ROWS = (
    BalanceRow(CLEARING, "其他应收款—银行清算 Clearing with banks", "asset", "156", LARGE, 5, LARGE, 5),
    BalanceRow(ANNUITIES, "应付赔付款—应付年金及生存金 Annuities payable", "liability", "156", 5, LARGE, 0),
)


def shown(*rows: BalanceRow) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=80, markup=False)
    for table in balance_tables(TrialBalance(rows, ()), {"01020000": "工商银行"}):
        console.print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_nothing_is_cut_off_at_80_columns() -> None:
    lines = shown(*ROWS)
    text = "".join(lines)
    assert "…" not in text
    for amount in ("98,765,432,101.23", "0.05", "0.00"):
        assert amount in text
    assert lines[0] == "试算平衡表 trial balance"
    assert lines[1].split() == ["account", "opening", "debit", "credit", "closing"]


def test_the_last_row_has_the_sums() -> None:
    rows = [row._replace(debit=100, credit=100, opening=0, balance=0) for row in ROWS]
    assert shown(*rows)[-1].split() == ["合计", "total", "0.00", "2.00", "2.00", "0.00"]


def test_each_bank_has_a_table_of_its_own_with_its_name() -> None:
    lines = shown(ROWS[0]._replace(bank="01020000"), ROWS[1]._replace(bank="03010000"))
    titles = [line for line in lines if "试算平衡表" in line]
    assert titles == ["试算平衡表 trial balance 01020000 工商银行", "试算平衡表 trial balance 03010000"]


def test_without_a_posting_there_is_a_table_without_rows() -> None:
    assert shown() == ["试算平衡表 trial balance", "account opening debit credit closing"]
