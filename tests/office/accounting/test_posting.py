"""The day's posting: it always balances, clearing equals the bank's file, suspense equals the open breaks."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Text, insert, select

from ledger.book.store import Store
from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from ledger.rules.dues import KINDS
from office.accounting.books import (
    Leg,
    Posting,
    account_balance,
    check_balanced,
    find_postings,
    trial_balance,
)
from office.accounting.breaks import close_matched, open_breaks, to_suspense
from office.accounting.chart import shipped
from office.accounting.finding import Finding
from office.accounting.posting import day_posting, post_day, suspense_of_day, withheld_of_day
from office.database.schema import breaks, postings
from office.errors import PostingDiffers

CHART = shipped()
BANK, OTHER = "01020000", "01030000"
D0, D1, D2 = "20261123", "20261124", "20261125"
CLEARING, LONG, SHORT = CHART.clearing, CHART.long, CHART.short

AMOUNTS = st.integers(-(10**12), 10**12)
PRODUCTS = st.dictionaries(st.sampled_from(list(KINDS)), AMOUNTS)
DIFFERENCES = st.lists(AMOUNTS, max_size=8)


def finding(ours: int, theirs: int, line: int = 0, key: str = "K1", cls: str = "ours_only") -> Finding:
    return Finding(BreakClass(cls), key, line, "C", "500000", "P1", "D1", ours, theirs)


def moved(posting: Posting | None) -> dict[tuple[str, str], int]:
    return {(leg.account, leg.bank): leg.amount for leg in posting.legs} if posting else {}


def test_collections_and_payouts_are_posted_to_the_accounts_of_their_codes() -> None:
    product = {"500000": 300, "501000": 50, "502000": 7, "260000": -100, "262000": -20, "263000": -4}
    assert day_posting(CHART, BANK, D1, product, sum(product.values())) == Posting(
        f"{D1}/{BANK}/day",
        D1,
        BANK,
        "日终入账 day posting",
        (
            Leg(CLEARING, BANK, "156", 233),
            Leg("1122", "", "156", -300),
            Leg("2203", "", "156", -50),
            Leg("1303", "", "156", -7),
            Leg("220202", "", "156", 100),
            Leg("220201", "", "156", 20),
            Leg("220204", "", "156", 4),
        ),
    )


def test_overage_is_credited_and_shortage_debited_each_in_one_leg() -> None:
    posting = day_posting(CHART, BANK, D1, {"500000": 100}, 95, [10, 5, -20])
    assert moved(posting) == {(CLEARING, BANK): 95, ("1122", ""): -100, (LONG, BANK): -15, (SHORT, BANK): 20}


def test_late_match_goes_back_off_the_account_where_the_break_lay() -> None:
    """Ours of 100 on the first day, the bank's line on the second: nothing but clearing remains of it."""
    first = day_posting(CHART, BANK, D1, {"500000": 100}, 0, [-100])
    second = day_posting(CHART, BANK, D2, {}, 100, [], [-100])
    assert moved(first) == {("1122", ""): -100, (SHORT, BANK): 100}
    assert moved(second) == {(CLEARING, BANK): 100, (SHORT, BANK): -100}


def test_overage_matched_late_is_never_a_shortage() -> None:
    assert moved(day_posting(CHART, BANK, D2, {"500000": 100}, 0, [], [100])) == {
        ("1122", ""): -100,
        (LONG, BANK): 100,
    }


@pytest.mark.parametrize("product", [{}, {"500000": 0}], ids=["nothing", "nought"])
def test_day_on_which_nothing_moves_has_no_posting(product: dict[str, int]) -> None:
    assert day_posting(CHART, BANK, D1, product, 0, [0]) is None


def test_product_account_that_is_kept_by_bank_names_the_bank() -> None:
    account = CHART.accounts["1122"]._replace(by_bank=True)
    chart = CHART._replace(accounts={**CHART.accounts, "1122": account})
    assert moved(day_posting(chart, BANK, D1, {"500000": 3}, 3)) == {(CLEARING, BANK): 3, ("1122", BANK): -3}


def test_two_codes_of_one_account_are_one_leg() -> None:
    chart = CHART._replace(products={"500000": "1122", "501000": "1122"})
    assert moved(day_posting(chart, BANK, D1, {"500000": 3, "501000": 4}, 7)) == {
        (CLEARING, BANK): 7,
        ("1122", ""): -7,
    }


def test_leg_of_nought_is_left_out() -> None:
    """Two products that settle one account, or an overage that goes as another comes, may cancel out."""
    posting = day_posting(CHART, BANK, D1, {"500000": 5}, 5, [7], [7])
    assert moved(posting) == {(CLEARING, BANK): 5, ("1122", ""): -5}


def test_code_that_moves_no_money_is_not_posted() -> None:
    message = "^20261124/01020000: 5 fen of processing code 310000, which moves no money$"
    with pytest.raises(InvariantBroken, match=message):
        day_posting(CHART, BANK, D1, {"310000": 5}, 5)


@pytest.mark.parametrize("off", [1, -1])
def test_day_that_is_out_by_a_fen_is_not_posted(off: int) -> None:
    text = f"20261124/01020000: the bank's effects differ from ours and the breaks' by {off} fen: not posted"
    with pytest.raises(InvariantBroken, match=f"^{text}$"):
        day_posting(CHART, BANK, D1, {"500000": 7}, 10 + off, [5], [2])


MATCHED = {"state": "closed", "settled_on": D2}
DECIDED = {"state": "closed", "settled_on": D2, "resolution": "no_money", "approved_by": "li"}
# The date of a break, its bank, code, effects and what is withheld; and how it has ended, if it has.
BREAKS: tuple[tuple[str, str, str, int, int, int, dict[str, str]], ...] = (
    (D1, BANK, "500000", 100, 0, 0, {}),
    (D1, BANK, "500000", 0, 30, 0, {}),
    (D1, BANK, "500000", 20, 25, 0, DECIDED),
    (D1, BANK, "500000", 9, 9, 9, {}),
    (D1, BANK, "501000", 1, 1, 1, {"state": "suspense"}),
    (D1, BANK, "501000", 8, 8, 0, {}),
    (D1, BANK, "260000", -4, -4, -4, MATCHED),
    (D1, BANK, "500000", 2, 2, 2, MATCHED),
    (D1, OTHER, "500000", 1000, 0, 0, {}),
    (D1, OTHER, "500000", 5, 5, 5, MATCHED),
    (D2, BANK, "502000", 0, 70, 0, {}),
    (D2, BANK, "500000", 3, 3, 3, {}),
    (D0, BANK, "500000", 0, 200, 0, MATCHED),
    (D0, BANK, "500000", 50, 0, 0, MATCHED | {"settled_on": D1}),
    (D0, BANK, "500000", 6, 6, 6, DECIDED),
    (D0, BANK, "500000", 0, 11, 0, DECIDED),
    (D0, BANK, "500000", 0, 13, 0, {"settled_on": D2}),
)


def with_breaks(connection: Connection) -> None:
    """Put BREAKS into the table as they are, whatever came between."""
    blank = dict.fromkeys((column.name for column in breaks.c if isinstance(column.type, Text)), "")
    for line, (date, bank, code, ours, theirs, withheld, end) in enumerate(BREAKS, 1):
        effects = {"ours_effect": ours, "theirs_effect": theirs, "withheld": withheld}
        about = {"break": f"B{line}", "date": date, "bank": bank, "line": line, "code": code}
        row = {
            **blank,
            **about,
            **effects,
            "difference": theirs - ours + withheld,
            "class": "exception_advice",
        }
        connection.execute(insert(breaks), [{**row, "direction": "C", "state": "open", **end}])


@pytest.mark.parametrize(
    ("bank", "date", "suspense", "withheld"),
    [
        (BANK, D1, ((30 + 5 + 9 + 1 + 2, -100 - 4), (-50,)), {"500000": 9 + 2, "501000": 1, "260000": -4}),
        (BANK, D2, ((70 + 3,), (2 + 200, -4)), {"500000": 3 - 2, "260000": 4}),
        (OTHER, D1, ((5, -1000), ()), {"500000": 5}),
        (OTHER, D2, ((), (5,)), {"500000": -5}),
        (OTHER, D0, ((), ()), {}),
    ],
)
def test_suspense_and_what_is_withheld_are_those_of_the_breaks_that_the_day_opens_and_its_lines_close(
    store: Store, bank: str, date: str, suspense: tuple[tuple[int, ...], ...], withheld: dict[str, int]
) -> None:
    with store.transaction() as connection:
        with_breaks(connection)
        assert suspense_of_day(connection, bank, date) == suspense
        assert withheld_of_day(connection, bank, date) == withheld


def test_day_takes_from_the_products_what_is_not_withheld(store: Store) -> None:
    """A break's difference goes to suspense, and what it withholds comes from its code's account."""
    with store.transaction() as connection:
        with_breaks(connection)
        product = {"500000": 500, "501000": 10, "260000": -4}
        posting = post_day(connection, CHART, BANK, D1, product, 500 + 6 - 100 + 35 + 50, 5)
        assert moved(posting) == {
            (CLEARING, BANK): 491,
            ("1122", ""): -500 + 11,
            ("2203", ""): -10 + 1,
            (LONG, BANK): -47,
            (SHORT, BANK): 104 - 50,
        }
        assert posting is not None
        assert find_postings(connection, [f"{D1}/{BANK}/day"]) == (posting,)
        assert connection.scalar(select(postings.c.posted_at)) == 5


def test_day_is_posted_with_what_the_breaks_say(store: Store) -> None:
    with store.transaction() as connection:
        findings = [
            finding(100, 0),
            finding(0, 30, 7, "K2", "bank_only"),
            finding(9, 9, 8, "K3", "exception_advice"),
        ]
        name, *_ = open_breaks(connection, BANK, D1, findings, 1)
        open_breaks(connection, OTHER, D1, [finding(1000, 0)], 1)
        posting = post_day(connection, CHART, BANK, D1, {"500000": 200}, 130, 5)
        to_suspense(connection, BANK, D1, 5)
        assert moved(posting) == {
            (CLEARING, BANK): 130,
            ("1122", ""): -200,
            (SHORT, BANK): 100,
            (LONG, BANK): -30,
        }
        close_matched(connection, name, "timing", D2, 6, "in the file of the next day")
        assert suspense_of_day(connection, BANK, D2) == ((), (-100,))
        assert moved(post_day(connection, CHART, BANK, D2, {}, 100, 7)) == {
            (CLEARING, BANK): 100,
            (SHORT, BANK): -100,
        }
        balances = [account_balance(connection, account, BANK) for account in (CLEARING, LONG, SHORT)]
        assert balances == [230, -30, 0]
        assert trial_balance(connection).turnover == (("156", 330),)


def test_day_posted_again_is_the_same_whatever_happened_to_its_breaks_since(store: Store) -> None:
    with store.transaction() as connection:
        (name,) = open_breaks(connection, BANK, D1, [finding(100, 0)], 1)
        first = post_day(connection, CHART, BANK, D1, {"500000": 100}, 0, 5)
        to_suspense(connection, BANK, D1, 5)
        close_matched(connection, name, "timing", D2, 6, "late")
        assert post_day(connection, CHART, BANK, D1, {"500000": 100}, 0, 9) == first
        with pytest.raises(PostingDiffers):
            post_day(connection, CHART, BANK, D1, {"501000": 100}, 0, 9)


def test_day_without_movement_writes_nothing(store: Store) -> None:
    with store.transaction() as connection:
        assert post_day(connection, CHART, BANK, D1, {}, 0, 5) is None
        assert trial_balance(connection).rows == ()


@given(PRODUCTS, DIFFERENCES, DIFFERENCES)
def test_day_balances_and_suspense_equals_the_open_differences_by_sign(
    product: dict[str, int], opened: list[int], closed: list[int]
) -> None:
    clearing = sum(product.values()) + sum(opened) - sum(closed)
    posting = day_posting(CHART, BANK, D1, product, clearing, iter(opened), iter(closed))
    if posting is not None:
        check_balanced(posting)
    legs = moved(posting)
    assert legs.get((CLEARING, BANK), 0) == clearing
    assert -legs.get((LONG, BANK), 0) == sum(d for d in opened if d > 0) - sum(d for d in closed if d > 0)
    assert -legs.get((SHORT, BANK), 0) == sum(d for d in opened if d < 0) - sum(d for d in closed if d < 0)
    of_account: Counter[str] = Counter()
    for code, effect in product.items():
        of_account[CHART.products[code]] -= effect
    rest = {account: amount for (account, bank), amount in legs.items() if not bank}
    assert rest == {account: amount for account, amount in of_account.items() if amount}


@given(PRODUCTS, DIFFERENCES, AMOUNTS.filter(bool))
def test_day_that_does_not_add_up_is_not_posted(product: dict[str, int], opened: list[int], off: int) -> None:
    clearing = sum(product.values()) + sum(opened) + off
    with pytest.raises(InvariantBroken, match=f"by {off} fen: not posted"):
        day_posting(CHART, BANK, D1, product, clearing, opened)
