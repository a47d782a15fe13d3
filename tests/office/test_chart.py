"""The chart of accounts: what ships is in order, and a chart that is not is refused by key and reason."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.bookfile import KINDS
from ledger.break_classes import BreakClass
from office.chart import (
    NONE,
    OUR_PRODUCT,
    PRODUCT,
    AccountKind,
    Side,
    parse,
    shipped,
    sign_of,
)
from office.errors import ChartError
from office.schema import accounts, breaks

SOURCE = files("office").joinpath("chart.toml").read_text("utf-8")
CHART = shipped()


def allowed_by(table: object, constraint: str) -> set[str]:
    """The values that a CHECK of the schema lists."""
    found = next(one for one in table.constraints if one.name == constraint)  # type: ignore[attr-defined]
    return set(re.findall(r"'(\w+)'", str(found.sqltext)))


def test_page_of_accounts_names_what_the_chart_has_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text("utf-8")
    listed = re.findall(r"^\| (\d{4,6}) \| (\S+) \| [^|]+ \| (\w+) \| (yes)? ?\|$", page, re.MULTILINE)
    assert listed == [
        (code, one.zh, one.kind, "yes" if one.by_bank else "") for code, one in CHART.accounts.items()
    ]
    resolutions = page.partition("## Resolutions")[2]
    assert re.findall(r"^\| `(\w+)` \|", resolutions, re.MULTILINE) == list(CHART.resolutions)
    settled = re.findall(r"^\| (\d{6}) [^|]+\|[^|]+\| (\d+)[^|]+\| (\d+)", page, re.MULTILINE)
    assert {code: ({*sides} - {CHART.clearing}).pop() for code, *sides in settled} == dict(CHART.products)


def test_every_processing_code_that_moves_money_has_its_account() -> None:
    assert list(CHART.products) == list(KINDS)
    assert set(CHART.products.values()) <= set(CHART.accounts)


def test_premiums_settle_what_is_owed_to_us_and_benefits_what_we_owe() -> None:
    benefits = {
        CHART.accounts[CHART.products[code]].kind for code, kind in KINDS.items() if kind == "benefit"
    }
    assert benefits == {"liability"}
    settled = {code: CHART.accounts[CHART.products[code]].zh for code in ("500000", "501000", "502000")}
    assert settled == {"500000": "应收保费", "501000": "预收保费", "502000": "保户质押贷款"}


def test_balances_usually_stand_on_the_side_of_their_kind() -> None:
    debit = {code for code, one in CHART.accounts.items() if one.normal == "debit"}
    assert debit == {code for code, one in CHART.accounts.items() if one.kind in ("asset", "expense")}


def test_first_digit_of_a_code_is_its_class_in_the_standard() -> None:
    classes = {"asset": "1", "liability": "2", "income": "6", "expense": "6"}
    assert [code[0] for code in CHART.accounts] == [classes[one.kind] for one in CHART.accounts.values()]


def test_differences_lie_on_the_account_of_their_sign() -> None:
    assert CHART.accounts[CHART.suspense(1)].zh == "其他应付款—待处理长款"
    assert CHART.accounts[CHART.suspense(-1)].zh == "其他应收款—待处理短款"


def test_only_clearing_and_suspense_are_kept_by_bank() -> None:
    by_bank = {code for code, one in CHART.accounts.items() if one.by_bank}
    assert by_bank == {CHART.clearing, CHART.long, CHART.short}
    assert CHART.bank_of(CHART.clearing, "01020000") == "01020000"
    assert CHART.bank_of("6301", "01020000") == ""


def test_classes_and_kinds_are_those_that_the_database_takes() -> None:
    assert set(BreakClass) == allowed_by(breaks, "break_class")
    assert set(get_args(AccountKind)) == allowed_by(accounts, "account_kind")
    assert set(get_args(Side)) == allowed_by(accounts, "account_normal")


@given(st.sampled_from(BreakClass), st.integers())
def test_every_break_has_an_end(break_class: str, difference: int) -> None:
    fitting = CHART.fitting(break_class, difference)
    assert [one.counter == NONE for one in fitting] == [difference == 0] * len(fitting) != []


@pytest.mark.parametrize("cls", ["misfit", "late_reversal"])
def test_money_of_an_advice_or_a_late_reversal_is_decided_on_like_any_other(cls: str) -> None:
    payout = ["bank_corrects", "accept", "recover", "loss"]
    assert [one.name for one in CHART.fitting(cls, -1)] == payout
    assert [one.name for one in CHART.fitting(cls, 1)] == ["bank_corrects", "accept", "refund", "gain"]
    assert [one.name for one in CHART.fitting(cls, 0)] == ["no_money"]


def test_only_where_details_differ_can_our_journal_be_right_without_money() -> None:
    fitting = [cls for cls in BreakClass if "ours_stands" in [one.name for one in CHART.fitting(cls, 1)]]
    assert fitting == ["details_differ"]


def test_income_takes_only_overages_and_expense_only_shortages() -> None:
    ends = {one.name: one.signs for one in CHART.resolutions.values()}
    assert ends == {
        "bank_corrects": ("+", "-"),
        "accept": ("+", "-"),
        "ours_stands": ("+", "-"),
        "refund": ("+",),
        "recover": ("-",),
        "gain": ("+",),
        "loss": ("-",),
        "no_money": ("0",),
    }
    assert CHART.resolutions["accept"].counter == PRODUCT
    assert CHART.resolutions["ours_stands"].counter == OUR_PRODUCT


@pytest.mark.parametrize(("difference", "sign"), [(0, "0"), (1, "+"), (-1, "-")])
def test_sign_of_a_difference(difference: int, sign: str) -> None:
    assert sign_of(difference) == sign


# What is changed in the file, into what, and the faults that must be told.
BAD: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ('currency = "156"', 'currency = "CNY"', (("currency", "string should match pattern '^[0-9]{3}$'"),)),
    ('currency = "156"', "", (("currency", "field required"),)),
    (
        '502000 = "1303"',
        "",
        (("products.502000", "missing: money of this processing code would have no account"),),
    ),
    ('502000 = "1303"', '502000 = "1304"', (("products.502000", "no account 1304"),)),
    ('502000 = "1303"', "502000 = 1303", (("products.502000", "input should be a valid string"),)),
    (
        '502000 = "1303"',
        '502000 = "224101"',
        (("products.502000", "224101 is kept for the day's clearing and suspense"),),
    ),
    (
        '502000 = "1303"',
        '502000 = "1303"\n020000 = "1303"',
        (("products.020000", f"no processing code that moves money; there are {', '.join(KINDS)}"),),
    ),
    ('clearing = "122101"', 'clearing = "1002"', (("day.clearing", "no account 1002"),)),
    (
        'long = "224101"',
        'long = "6301"',
        (("day.long", "6301 must be of kind liability, by bank"), ("resolutions.gain.counter", "")),
    ),
    (
        'short = "122102"',
        'short = "122101"',
        (
            ("day", "clearing, long and short must be three accounts"),
            ("resolutions.bank_corrects.counter", ""),
        ),
    ),
    (
        "122103 = {",
        "12210 = {",
        (
            ("accounts.12210", "a code is 4, 6 or 8 digits"),
            ("resolutions.recover.counter", "no account 122103, nor product, our_product, none"),
        ),
    ),
    (
        'counter = "6711"',
        'counter = "122102"',
        (("resolutions.loss.counter", "122102 is where the break lies already"),),
    ),
    (
        'counter = "6711"',
        'counter = "none"',
        (("resolutions.loss.counter", 'none goes with signs = ["0"] and with no others'),),
    ),
    (
        'counter = "none"',
        'counter = "6711"',
        (("resolutions.no_money.counter", 'none goes with signs = ["0"] and with no others'),),
    ),
    (
        "[resolutions.gain]",
        "[resolutions.GAIN]",
        (("resolutions.GAIN", "a name is 1 to 32 of a-z and _, begins with a letter, and is not failed"),),
    ),
    (
        'signs = ["0"]\ncounter = "none"',
        'signs = ["+"]\ncounter = "6301"',
        tuple(("resolutions", f"none fits a break of class {cls} and sign 0") for cls in BreakClass),
    ),
    ('normal = "credit" }\n6711', 'normal = "credit", tax = 1 }\n6711', (("accounts.6301.tax", ""),)),
    ('kind = "expense"', 'kind = "cost"', (("accounts.6711.kind", ""),)),
)


@pytest.mark.parametrize(("old", "new", "faults"), BAD, ids=[new or f"no {old}" for old, new, _ in BAD])
def test_chart_that_is_not_in_order_is_refused_by_key_and_reason(
    old: str, new: str, faults: tuple[tuple[str, str], ...]
) -> None:
    assert SOURCE.count(old) == 1
    with pytest.raises(ChartError) as caught:
        parse(SOURCE.replace(old, new), "ours.toml")
    assert [key for key, _ in caught.value.faults] == [key for key, _ in faults]
    for (key, reason), (_, said) in zip(faults, caught.value.faults, strict=True):
        assert reason in ("", said)
        assert f"ours.toml, {key}: {said}" in str(caught.value)


def test_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(ChartError, match=r"^ours\.toml: not TOML: "):
        parse("[accounts", "ours.toml")


@given(st.text())
def test_any_text_is_a_chart_or_a_chart_error(text: str) -> None:
    with pytest.raises(ChartError):
        parse(text)


@given(st.data())
def test_any_line_lost_is_a_chart_or_a_chart_error(data: st.DataObject) -> None:
    lines = SOURCE.splitlines()
    lost = data.draw(st.integers(0, len(lines) - 1))
    try:
        chart = parse("\n".join(lines[:lost] + lines[lost + 1 :]))
    except ChartError as error:
        assert error.faults != ()
    else:
        assert set(chart.products) == set(KINDS)
