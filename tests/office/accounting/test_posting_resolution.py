"""The posting of a resolution: it takes the whole difference out of suspense, to the account of the chart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.break_classes import BreakClass
from office.accounting.books import Leg, Posting, check_balanced
from office.accounting.posting import resolution_posting
from office.errors import StepRefused
from tests.support.suspense_breaks import BANK, CHART, D2, NAME, row

# Resolution, class, code, difference; the debited and the credited account.
ENDS: tuple[tuple[str, str, str, int, str, str], ...] = (
    ("bank_corrects", "bank_only", "500000", 7, "224101", "122101"),
    ("bank_corrects", "ours_only", "500000", -7, "122101", "122102"),
    ("accept", "bank_only", "500000", 7, "224101", "1122"),
    ("accept", "ours_only", "501000", -7, "2203", "122102"),
    ("accept", "bank_only", "260000", -7, "220202", "122102"),
    ("accept", "ours_only", "263000", 7, "224101", "220204"),
    ("accept", "amount_differs", "502000", -7, "1303", "122102"),
    ("refund", "duplicate", "500000", 7, "224101", "224102"),
    ("recover", "duplicate", "261000", -7, "122103", "122102"),
    ("accept", "exception_advice", "501000", 7, "224101", "2203"),
    ("accept", "exception_advice", "262000", -7, "220201", "122102"),
    ("bank_corrects", "exception_advice", "262000", -7, "122101", "122102"),
    ("recover", "exception_advice", "262000", -7, "122103", "122102"),
    ("loss", "exception_advice", "262000", -7, "6711", "122102"),
    ("refund", "exception_advice", "500000", 7, "224101", "224102"),
    ("accept", "late_reversal", "500000", -7, "1122", "122102"),
    ("bank_corrects", "late_reversal", "500000", 7, "224101", "122101"),
    ("ours_stands", "details_differ", "502000", 7, "224101", "1303"),
    ("ours_stands", "details_differ", "263000", -7, "220204", "122102"),
    ("gain", "bank_only", "500000", 7, "224101", "6301"),
    ("loss", "bank_only", "262000", -7, "6711", "122102"),
)


@pytest.mark.parametrize(("resolution", "cls", "code", "difference", "debit", "credit"), ENDS)
def test_resolution_moves_the_whole_difference_out_of_suspense(
    resolution: str, cls: str, code: str, difference: int, debit: str, credit: str
) -> None:
    resolved = row(resolution=resolution, cls=cls, code=code, difference=difference)
    posting = resolution_posting(CHART, resolved, D2)
    words = f"{CHART.resolutions[resolution].zh} {CHART.resolutions[resolution].en}"
    legs = {
        Leg(debit, BANK if CHART.accounts[debit].by_bank else "", "156", 7),
        Leg(credit, BANK if CHART.accounts[credit].by_bank else "", "156", -7),
    }
    assert posting is not None
    assert posting._replace(legs=()) == Posting(f"{D2}/{BANK}/{NAME}", D2, BANK, words, ())
    assert (set(posting.legs), len(posting.legs)) == (legs, 2)


def test_every_resolution_of_money_is_among_the_ends() -> None:
    assert {end[0] for end in ENDS} | {"no_money"} == set(CHART.resolutions)


def test_where_the_codes_differ_the_bank_is_right_about_its_own_account_and_we_about_ours() -> None:
    resolved = row(cls="details_differ", code="500000", bank_code="502000", difference=7)
    for resolution, account in (("accept", "1303"), ("ours_stands", "1122")):
        posting = resolution_posting(CHART, resolved._replace(resolution=resolution), D2)
        assert posting is not None
        assert [leg.account for leg in posting.legs if leg.amount < 0] == [account]


@given(st.sampled_from(list(BreakClass)), st.integers(), st.sampled_from(list(CHART.products)), st.data())
def test_any_resolution_that_fits_balances_and_empties_suspense(
    cls: str, difference: int, code: str, data: st.DataObject
) -> None:
    fitting = CHART.fitting(cls, difference)
    resolution = data.draw(st.sampled_from(fitting)).name
    posting = resolution_posting(
        CHART, row(resolution=resolution, cls=cls, code=code, difference=difference), D2
    )
    if difference == 0:
        assert posting is None
        return
    assert posting is not None
    check_balanced(posting)
    assert [leg.amount for leg in posting.legs if leg.account == CHART.suspense(difference)] == [difference]


@pytest.mark.parametrize("resolution", ["", "unknown", "loss"])
def test_resolution_that_the_chart_no_longer_has_is_not_posted(resolution: str) -> None:
    with pytest.raises(StepRefused, match="the chart has no resolution"):
        resolution_posting(CHART, row(resolution=resolution, difference=7), D2)
