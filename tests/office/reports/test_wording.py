"""Everything that a report can name has its words; amounts and dates are written as people read them."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.amount_in_words import FEN_MAX, in_figures
from ledger.rules.break_classes import BreakClass
from ledger.rules.day import DayState
from ledger.rules.dues import KINDS
from office.accounting.break_states import BreakState
from office.accounting.chart import AccountKind
from office.reports import wording


def test_everything_has_words_in_both_languages() -> None:
    assert tuple(wording.CLASSES) == tuple(BreakClass)
    assert set(wording.BREAK_STATES) == set(BreakState)
    assert set(wording.DAY_STATES) == set(DayState)
    assert set(wording.CODES) == set(KINDS)
    assert set(wording.ACCOUNT_KINDS) == set(get_args(AccountKind))
    names = [explained.name for explained in wording.CLASSES.values()] + [
        explained.meaning for explained in wording.CLASSES.values()
    ]
    for words in (*names, *wording.BREAK_STATES.values(), *wording.DAY_STATES.values()):
        assert re.search("[\u4e00-\u9fff]", words.zh)
        assert re.search("[A-Za-z]", words.en)


def test_what_has_no_words_is_called_by_its_own_name() -> None:
    assert wording.named(wording.CODES, "500000") == ("续期保费", "Renewal premium")
    assert wording.named(wording.CODES, "999999") == ("999999", "999999")


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-123_456, "-1,234.56"), (10**14 + 1, "1,000,000,000,000.01")],
)
def test_amount_is_written_in_yuan(fen: int, text: str) -> None:
    assert wording.yuan(fen) == text
    assert wording.plain_yuan(fen) == text.replace(",", "")


@given(st.integers(0, FEN_MAX))
def test_amount_is_written_as_on_a_receipt(fen: int) -> None:
    assert wording.yuan(fen) == in_figures(fen)


@given(st.integers(-(10**18), 10**18))
def test_no_fen_is_lost_in_writing(fen: int) -> None:
    assert int(wording.plain_yuan(fen).replace(".", "")) == fen
    assert wording.yuan(fen).replace(",", "") == wording.plain_yuan(fen)
