"""The breaks as a person sees them in a terminal of 80 columns, in both languages."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.console import Console

from console.language import speak
from console.recon import breaks_table
from office.accounting.break_states import Break
from office.reports.date_lines import DateLine
from tests.support.report_books import broken

DATE = "20261124"
REASON = "the bank names another policy and another processing code"


def shown(*rows: Break, dates: tuple[DateLine, ...] = ()) -> list[str]:
    """The lines of the table, in a terminal of 80 columns."""
    console = Console(width=80, markup=False, highlight=False)
    with console.capture() as taken:
        console.print(breaks_table(dates, rows, "20261125"))
    return [line.rstrip() for line in taken.get().splitlines()]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_long_break_is_whole_in_80_columns_and_amounts_end_in_one_column(language: str) -> None:
    speak(language)
    small = broken(1, DATE, "amount_differs", 500, 505, reason="amount_differs")
    large = broken(2, DATE, "bank_only", 0, -11_473_700, reason=REASON, bank_policy="P9", bank_code="502000")
    lines = shown(small, large)
    assert max(map(cell_len, lines)) <= 80
    first, second = (next(line for line in lines if line.startswith(row.name)) for row in (small, large))
    assert first.index("0.05") + len("0.05") == second.index("-114,737.00") + len("-114,737.00")
    assert "502000" in "".join(lines)


def test_a_banks_date_is_named_above_the_breaks() -> None:
    speak("en")
    held = DateLine("D20261124-01020000", "01020000", DATE, "held: " + "x" * 90)
    lines = shown(broken(1, DATE, "bank_only", 0, 500), dates=(held,))
    assert lines[1].startswith("D20261124-01020000 ")
    assert max(map(cell_len, lines)) <= 80
