"""What `qianzhi book load` says of a load."""

from __future__ import annotations

from console.book import loaded_lines
from ledger.book.load import Loaded
from ledger.rules.amount_in_words import FEN_MAX


def test_sums_that_are_larger_than_any_one_amount_are_written_in_yuan() -> None:
    lines = list(loaded_lines(Loaded("20261124", 20_000_000, 21_000_000, FEN_MAX + 1, 10**15 + 7)))
    assert lines == [
        "business day 20261124 has its dues: 20,000,000 policies, 21,000,000 dues,",
        "10,000,000,000.00 yuan to collect, 10,000,000,000,000.07 yuan to pay",
    ]
