"""The chart of accounts: what ships is in order, and a chart that is not is refused by key and reason."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.break_classes import BreakClass
from ledger.rules.dues import KINDS
from office.accounting.chart import (
    NONE,
    OUR_PRODUCT,
    PRODUCT,
    Account,
    AccountKind,
    Chart,
    Resolution,
    Side,
    lines_of,
    parse,
    shipped,
    sign_of,
)
from office.database.schema import accounts, breaks
from office.errors import ChartError

SOURCE = files("office.accounting").joinpath("chart.toml").read_text("utf-8")
CHART = shipped()


def allowed_by(table: object, constraint: str) -> set[str]:
    """The values that a CHECK of the schema lists."""
    check = next(rule for rule in table.constraints if rule.name == constraint)  # type: ignore[attr-defined]
    return set(re.findall(r"'(\w+)'", str(check.sqltext)))


def test_page_of_accounts_names_what_the_chart_has_and_nothing_else() -> None:
    page = (Path(__file__).parents[3] / "docs" / "accounts.md").read_text("utf-8")
    listed = re.findall(r"^\| (\d{4,6}) \| (\S+) \| [^|]+ \| (\w+) \| (yes)? ?\|$", page, re.MULTILINE)
    assert listed == [
        (code, account.zh, account.kind, "yes" if account.by_bank else "")
        for code, account in CHART.accounts.items()
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
    debit = {code for code, account in CHART.accounts.items() if account.normal == "debit"}
    assert debit == {code for code, account in CHART.accounts.items() if account.kind in ("asset", "expense")}


def test_first_digit_of_a_code_is_its_class_in_the_standard() -> None:
    classes = {"asset": "1", "liability": "2", "income": "6", "expense": "6"}
    assert [code[0] for code in CHART.accounts] == [
        classes[account.kind] for account in CHART.accounts.values()
    ]


def test_differences_lie_on_the_account_of_their_sign() -> None:
    assert CHART.accounts[CHART.suspense(1)].zh == "其他应付款—待处理长款"
    assert CHART.accounts[CHART.suspense(-1)].zh == "其他应收款—待处理短款"


def test_only_clearing_and_suspense_are_kept_by_bank() -> None:
    by_bank = {code for code, account in CHART.accounts.items() if account.by_bank}
    assert by_bank == {CHART.clearing, CHART.long, CHART.short, CHART.deposit}
    assert CHART.bank_of(CHART.clearing, "01020000") == "01020000"
    assert CHART.bank_of("6301", "01020000") == ""


def test_classes_and_kinds_are_those_that_the_database_takes() -> None:
    assert set(BreakClass) == allowed_by(breaks, "break_class")
    assert set(get_args(AccountKind)) == allowed_by(accounts, "account_kind")
    assert set(get_args(Side)) == allowed_by(accounts, "account_normal")


@pytest.mark.parametrize("cls", ["exception_advice", "late_reversal"])
def test_money_of_an_advice_or_a_late_reversal_is_decided_on_like_any_other(cls: str) -> None:
    payout = ["bank_corrects", "accept", "recover", "loss"]
    assert [resolution.name for resolution in CHART.fitting(cls, -1)] == payout
    assert [resolution.name for resolution in CHART.fitting(cls, 1)] == [
        "bank_corrects",
        "accept",
        "refund",
        "gain",
    ]
    assert [resolution.name for resolution in CHART.fitting(cls, 0)] == ["no_money"]


def test_only_where_details_differ_can_our_journal_be_right_without_money() -> None:
    fitting = [
        cls
        for cls in BreakClass
        if "ours_stands" in [resolution.name for resolution in CHART.fitting(cls, 1)]
    ]
    assert fitting == ["details_differ"]


def test_income_takes_only_overages_and_expense_only_shortages() -> None:
    ends = {resolution.name: resolution.signs for resolution in CHART.resolutions.values()}
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
KEPT = "is kept for the day's clearing and suspense"
NO_CODE = "a code is 4, 6 or 8 digits"
NO_NAME = "a name is 1 to 32 of a-z and _, begins with a letter, and is not failed"
NONE_ALONE = 'none goes with signs = ["0"] and with no others'
NO_OTHER = "Extra inputs are not permitted"
LIES = "is where the break lies already"
BAD: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ('currency = "156"', 'currency = "CNY"', (("currency", "String should match pattern '^[0-9]{3}$'"),)),
    ('currency = "156"', "", (("currency", "Field required"),)),
    ('currency = "156"', 'currency = "156"\ntax = 1', (("tax", NO_OTHER),)),
    ('zh = "应收保费"', 'zh = ""', (("accounts.1122.zh", "String should have at least 1 character"),)),
    (
        'zh = "应收保费"',
        f'zh = "{"费" * 61}"',
        (("accounts.1122.zh", "String should have at most 60 characters"),),
    ),
    (
        '502000 = "1303"',
        "",
        (("products.502000", "missing: money of this processing code would have no account"),),
    ),
    ('502000 = "1303"', '502000 = "1304"', (("products.502000", "no account 1304"),)),
    ('502000 = "1303"', "502000 = 1303", (("products.502000", "Input should be a valid string"),)),
    ('502000 = "1303"', '502000 = "224101"', (("products.502000", f"224101 {KEPT}"),)),
    ('502000 = "1303"', '502000 = "122102"', (("products.502000", f"122102 {KEPT}"),)),
    ('502000 = "1303"', '502000 = "122101"', (("products.502000", f"122101 {KEPT}"),)),
    (
        '502000 = "1303"',
        '502000 = "1303"\n020000 = "1303"',
        (("products.020000", f"no processing code that moves money; there are {', '.join(KINDS)}"),),
    ),
    ('clearing = "122101"', 'clearing = "1009"', (("day.clearing", "no account 1009"),)),
    (
        'clearing = "122101"',
        'clearing = "224102"',
        (("day.clearing", "224102 must be of kind asset, by bank"),),
    ),
    (
        'clearing = "122101"',
        'clearing = "122103"',
        (("day.clearing", "122103 must be of kind asset, by bank"),),
    ),
    (
        'clearing = "122101"',
        'clearing = "224101"',
        (
            ("day.clearing", "224101 must be of kind asset, by bank"),
            ("day", "clearing, long and short must be three accounts"),
        ),
    ),
    (
        'long = "224101"',
        'long = "6301"',
        (
            ("day.long", "6301 must be of kind liability, by bank"),
            ("resolutions.gain.counter", f"6301 {LIES}"),
        ),
    ),
    (
        'short = "122102"',
        'short = "6711"',
        (("day.short", "6711 must be of kind asset, by bank"), ("resolutions.loss.counter", f"6711 {LIES}")),
    ),
    (
        'short = "122102"',
        'short = "122101"',
        (
            ("day", "clearing, long and short must be three accounts"),
            ("resolutions.bank_corrects.counter", f"122101 {LIES}"),
        ),
    ),
    (
        "122103 = {",
        "12210 = {",
        (
            ("accounts.12210", NO_CODE),
            ("resolutions.recover.counter", "no account 122103, nor product, our_product, none"),
        ),
    ),
    *(
        (
            "[accounts]",
            f'[accounts]\n{code} = {{ zh = "x", en = "x", kind = "asset", normal = "debit" }}',
            fault,
        )
        for code, fault in (
            ("112", (("accounts.112", NO_CODE),)),
            ("1122010", (("accounts.1122010", NO_CODE),)),
            ("1122010101", (("accounts.1122010101", NO_CODE),)),
            ("A122", (("accounts.A122", NO_CODE),)),
        )
    ),
    ('counter = "6711"', 'counter = "122102"', (("resolutions.loss.counter", f"122102 {LIES}"),)),
    ('counter = "6711"', 'counter = "224101"', (("resolutions.loss.counter", f"224101 {LIES}"),)),
    ('counter = "6711"', 'counter = "none"', (("resolutions.loss.counter", NONE_ALONE),)),
    ('counter = "none"', 'counter = "6711"', (("resolutions.no_money.counter", NONE_ALONE),)),
    (
        'signs = ["0"]\ncounter = "none"',
        'signs = ["0", "+"]\ncounter = "none"',
        (("resolutions.no_money.counter", NONE_ALONE),),
    ),
    (
        'signs = ["0"]\ncounter = "none"',
        'signs = ["0", "1"]\ncounter = "none"',
        (("resolutions.no_money.signs.1", "Input should be '+', '-' or '0'"),),
    ),
    (
        'signs = ["0"]\ncounter = "none"',
        'signs = []\ncounter = "none"',
        (
            (
                "resolutions.no_money.signs",
                "Tuple should have at least 1 item after validation, not 0",
            ),
        ),
    ),
    (
        'classes = ["details_differ"]',
        "classes = []",
        (
            (
                "resolutions.ours_stands.classes",
                "Tuple should have at least 1 item after validation, not 0",
            ),
        ),
    ),
    *(
        ("[resolutions.gain]", f"[resolutions.{name}]", ((f"resolutions.{name}", NO_NAME),))
        for name in ("GAIN", "failed", "_gain", "gain1", "a" * 33)
    ),
    (
        'signs = ["0"]\ncounter = "none"',
        'signs = ["+"]\ncounter = "6301"',
        tuple(("resolutions", f"none fits a break of class {cls} and sign 0") for cls in BreakClass),
    ),
    (
        'normal = "credit" }\n660301',
        'normal = "credit", tax = 1 }\n660301',
        (("accounts.6301.tax", NO_OTHER),),
    ),
    (
        'normal = "credit" }\n660301',
        'normal = "credit", by_bank = 1 }\n660301',
        (("accounts.6301.by_bank", "Input should be a valid boolean"),),
    ),
    (
        'operating expense", kind = "expense"',
        'operating expense", kind = "cost"',
        (("accounts.6711.kind", "Input should be 'asset', 'liability', 'equity', 'income' or 'expense'"),),
    ),
    (
        'operating expense", kind = "expense", normal = "debit"',
        'operating expense", kind = "expense", normal = "left"',
        (("accounts.6711.normal", "Input should be 'debit' or 'credit'"),),
    ),
    ('deposit = "1002"', 'deposit = "1009"', (("statement.deposit", "no account 1009"),)),
    ('deposit = "1002"', 'deposit = "1122"', (("statement.deposit", "1122 must be of kind asset, by bank"),)),
    (
        'deposit = "1002"',
        'deposit = "122101"',
        (("statement.deposit", "122101 is kept for the day's clearing and suspense"),),
    ),
    ('fee = "660301"', 'fee = "6301"', (("statement.fee", "6301 must be of kind expense, not by bank"),)),
)


@pytest.mark.parametrize(("old", "new", "faults"), BAD, ids=[new or f"no {old}" for old, new, _ in BAD])
def test_chart_that_is_not_in_order_is_refused_by_key_and_reason(
    old: str, new: str, faults: tuple[tuple[str, str], ...]
) -> None:
    assert SOURCE.count(old) == 1
    with pytest.raises(ChartError) as caught:
        parse(SOURCE.replace(old, new), "ours.toml")
    assert caught.value.faults == faults
    assert str(caught.value) == "; ".join(f"ours.toml, {key}: {why}" for key, why in faults)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('zh = "应收保费"', f'zh = "{"费" * 60}"'),
        ('zh = "应收保费"', 'zh = "费"'),
        ("[resolutions.gain]", f"[resolutions.{'a' * 31}_]"),
        ("[resolutions.gain]", "[resolutions.g]"),
        ("1122 = {", '11220101 = { zh = "x", en = "x", kind = "equity", normal = "credit" }\n1122 = {'),
    ],
)
def test_the_longest_and_the_shortest_words_names_and_codes_are_in_order(old: str, new: str) -> None:
    assert SOURCE.count(old) == 1
    assert isinstance(parse(SOURCE.replace(old, new)), Chart)


SMALL = f"""
currency = "156"
[accounts]
1122 = {{ zh = "保费", en = "Premiums", kind = "asset", normal = "debit" }}
1221 = {{ zh = "清算", en = "Clearing", kind = "asset", normal = "debit", by_bank = true }}
1002 = {{ zh = "存款", en = "Deposits", kind = "asset", normal = "debit", by_bank = true }}
6603 = {{ zh = "手续费", en = "Fees", kind = "expense", normal = "debit" }}
1222 = {{ zh = "短款", en = "Short", kind = "asset", normal = "debit", by_bank = true }}
2241 = {{ zh = "长款", en = "Long", kind = "liability", normal = "credit", by_bank = true }}
[day]
clearing = "1221"
long = "2241"
short = "1222"
[statement]
deposit = "1002"
fee = "6603"
[products]
{"".join(f'{code} = "1122"' + chr(10) for code in KINDS)}
[resolutions.accept]
zh = "以银行为准"
en = "The bank is right"
classes = {[str(cls) for cls in BreakClass]}
signs = ["+", "-"]
counter = "product"
[resolutions.nothing]
zh = "不动资金"
en = "No money"
classes = {[str(cls) for cls in BreakClass]}
signs = ["0"]
counter = "none"
"""
ALL = tuple(BreakClass)
SMALL_CHART = Chart(
    "156",
    {
        "1122": Account("1122", "保费", "Premiums", "asset", "debit", False),
        "1221": Account("1221", "清算", "Clearing", "asset", "debit", True),
        "1002": Account("1002", "存款", "Deposits", "asset", "debit", True),
        "6603": Account("6603", "手续费", "Fees", "expense", "debit", False),
        "1222": Account("1222", "短款", "Short", "asset", "debit", True),
        "2241": Account("2241", "长款", "Long", "liability", "credit", True),
    },
    "1221",
    "2241",
    "1222",
    "1002",
    "6603",
    dict.fromkeys(KINDS, "1122"),
    {
        "accept": Resolution("accept", "以银行为准", "The bank is right", ALL, ("+", "-"), "product"),
        "nothing": Resolution("nothing", "不动资金", "No money", ALL, ("0",), "none"),
    },
)


def test_a_file_is_read_as_it_stands() -> None:
    assert parse(SMALL) == SMALL_CHART
    assert shipped() == parse(SOURCE)


def test_a_class_that_no_resolution_fits_is_told() -> None:
    whole = str([str(cls) for cls in BreakClass])
    with_one_less = str([str(cls) for cls in BreakClass if cls is not BreakClass.TIMING])
    first, second, third = SMALL.split(whole)
    with pytest.raises(ChartError) as caught:
        parse(first + whole + second + with_one_less + third)
    assert caught.value.faults == (("resolutions", "none fits a break of class timing and sign 0"),)


def test_a_chart_is_names_and_values_for_the_database() -> None:
    of_accounts = {
        "name 1122": "保费 Premiums",
        "kind 1122": "asset",
        "normal 1122": "debit",
        "by_bank 1122": "0",
        "name 1002": "存款 Deposits",
        "kind 1002": "asset",
        "normal 1002": "debit",
        "by_bank 1002": "1",
        "name 6603": "手续费 Fees",
        "kind 6603": "expense",
        "normal 6603": "debit",
        "by_bank 6603": "0",
        "name 1221": "清算 Clearing",
        "kind 1221": "asset",
        "normal 1221": "debit",
        "by_bank 1221": "1",
        "name 1222": "短款 Short",
        "kind 1222": "asset",
        "normal 1222": "debit",
        "by_bank 1222": "1",
        "name 2241": "长款 Long",
        "kind 2241": "liability",
        "normal 2241": "credit",
        "by_bank 2241": "1",
    }
    assert lines_of(SMALL_CHART) == {
        **{
            "currency": "156",
            "clearing": "1221",
            "long": "2241",
            "short": "1222",
            "deposit": "1002",
            "fee": "6603",
        },
        **of_accounts,
        **{f"product {code}": "1122" for code in KINDS},
        "words accept": "以银行为准 The bank is right",
        "words nothing": "不动资金 No money",
        **{f"end accept {cls} {sign}": "product" for cls in BreakClass for sign in "+-"},
        **{f"end nothing {cls} 0": "none" for cls in BreakClass},
    }


def test_of_a_break_only_what_fits_its_class_and_its_sign_is_offered() -> None:
    resolution = Resolution("x", "", "", (BreakClass.TIMING,), ("+",), "none")
    assert resolution.fits("timing", 1)
    assert not resolution.fits("timing", -1)
    assert not resolution.fits("exception_advice", 1)
    chart = SMALL_CHART._replace(resolutions={"x": resolution, **SMALL_CHART.resolutions})
    assert [resolution.name for resolution in chart.fitting("timing", 5)] == ["x", "accept"]
    assert [resolution.name for resolution in chart.fitting("timing", 0)] == ["nothing"]


@pytest.mark.parametrize(("difference", "account"), [(1, "2241"), (0, "1222"), (-1, "1222")])
def test_a_difference_lies_on_the_account_of_its_sign(difference: int, account: str) -> None:
    assert SMALL_CHART.suspense(difference) == account


@pytest.mark.parametrize(("file", "named"), [(("ours.toml",), "ours.toml"), ((), "chart.toml")])
def test_text_that_is_no_toml_is_refused(file: tuple[str, ...], named: str) -> None:
    with pytest.raises(ChartError) as caught:
        parse("[accounts", *file)
    why = "not TOML: Expected ']' at the end of a table declaration (at end of document)"
    assert caught.value.faults == (("", why),)
    assert str(caught.value) == f"{named}: {why}"


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


@given(st.sampled_from(BreakClass), st.integers())
def test_every_break_has_an_end(break_class: str, difference: int) -> None:
    fitting = CHART.fitting(break_class, difference)
    assert [resolution.counter == NONE for resolution in fitting] == [difference == 0] * len(fitting) != []
