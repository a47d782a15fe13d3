"""Double entry: a posting balances, is made once and stays, and the books add up. The database agrees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text, update

from ledger.errors import InvariantBroken, LedgerError
from ledger.store import Store
from office.books import (
    BalanceRow,
    Leg,
    Posting,
    TrialBalance,
    account_balance,
    check_balanced,
    find_postings,
    install_chart,
    post,
    trial_balance,
)
from office.chart import shipped
from office.errors import ChartRefused, PostingDiffers, Unbalanced, UnknownAccount
from office.schema import OFFICE, accounts

CHART = shipped()
BANK, OTHER = "01020000", "01030000"
CLEARING, PREMIUMS, ADVANCE = CHART.clearing, "1122", "2203"


def posting(
    amount: int = 120_000, bank: str = BANK, date: str = "20261124", name: str = "", account: str = PREMIUMS
) -> Posting:
    """The bank collected premiums."""
    legs = (Leg(CLEARING, bank, "156", amount), Leg(account, "", "156", -amount))
    return Posting(name or f"{date}/{bank}/day", date, bank, "day", legs)


def made(store: Store, *wanted: Posting) -> int:
    with store.transaction() as connection:
        return post(connection, wanted, 1)


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_posting_is_read_back_as_it_was_made(store: Store) -> None:
    assert made(store, posting()) == 1
    with store.reading() as connection:
        assert find_postings(connection, [posting().posting, "none"]) == (posting(),)
    assert rows(store, "SELECT legs, posted_at FROM postings") == [(2, 1)]


def test_posting_made_again_changes_nothing_in_whatever_order_its_legs_come(store: Store) -> None:
    made(store, posting())
    before = rows(store, "SELECT * FROM legs ORDER BY number")
    again = posting()._replace(legs=posting().legs[::-1], description="in other words")
    assert made(store, posting(), again) == 0
    assert rows(store, "SELECT * FROM legs ORDER BY number") == before
    assert rows(store, "SELECT description, posted_at FROM postings") == [("day", 1)]


def test_posting_given_twice_at_once_is_made_once(store: Store) -> None:
    assert made(store, posting(), posting()) == 1
    assert rows(store, "SELECT count(*) FROM legs") == [(2,)]


@pytest.mark.parametrize(
    "other",
    [
        posting(120_001),
        posting(account=ADVANCE),
        posting()._replace(legs=(*posting().legs, *posting(5).legs)),
        posting(date="20261125", name=posting().posting),
        posting()._replace(bank=OTHER),
    ],
    ids=["amount", "account", "more legs", "date", "bank"],
)
def test_posting_of_the_same_name_with_other_legs_is_refused(store: Store, other: Posting) -> None:
    made(store, posting())
    with pytest.raises(PostingDiffers, match="20261124/01020000/day was made already"):
        made(store, posting(name="another"), other)
    assert rows(store, "SELECT posting FROM postings") == [(posting().posting,)]


def test_two_of_one_name_at_once_that_differ_are_refused(store: Store) -> None:
    with pytest.raises(PostingDiffers):
        made(store, posting(), posting(1))
    assert rows(store, "SELECT count(*) FROM legs") == [(0,)]


@pytest.mark.parametrize(
    ("legs", "said"),
    [
        ((), "has no legs"),
        ((Leg(CLEARING, BANK, "156", 1),), "out by 1 fen in currency 156"),
        ((Leg(CLEARING, BANK, "156", 3), Leg(PREMIUMS, "", "156", -2)), "out by 1 fen"),
        ((Leg(CLEARING, BANK, "156", 1), Leg(PREMIUMS, "", "840", -1)), "out by 1 fen in currency 156"),
        (
            (Leg(CLEARING, BANK, "156", 1), Leg(PREMIUMS, "", "156", -1), Leg(ADVANCE, "", "156", 0)),
            "leg of 0 on 2203",
        ),
    ],
    ids=["none", "one", "out", "two currencies", "empty leg"],
)
def test_unbalanced_posting_is_refused_before_the_database_sees_it(
    store: Store, legs: tuple[Leg, ...], said: str
) -> None:
    with pytest.raises(Unbalanced, match=said):
        made(store, posting(name="good"), posting()._replace(legs=legs))
    assert rows(store, "SELECT count(*) FROM legs") == [(0,)]


@given(st.lists(st.tuples(st.sampled_from(["156", "840"]), st.integers(-(10**12), 10**12)), max_size=6))
def test_posting_balances_only_if_each_currency_does(amounts: list[tuple[str, int]]) -> None:
    legs = tuple(Leg(PREMIUMS, "", currency, amount) for currency, amount in amounts)
    sums = [sum(amount for one, amount in amounts if one == currency) for currency in ("156", "840")]
    balanced = sums == [0, 0] and legs != () and all(leg.amount for leg in legs)
    try:
        check_balanced(posting()._replace(legs=legs))
    except Unbalanced:
        assert not balanced
    else:
        assert balanced


def test_account_that_the_books_do_not_have_is_named(store: Store) -> None:
    with pytest.raises(UnknownAccount, match="no account 9999: install the chart first"):
        made(store, posting(account="9999"))


def test_many_postings_are_made_and_passed_over_at_once(store: Store) -> None:
    many = [posting(number, name=f"{number}") for number in range(1, 1202)]
    assert made(store, *many) == 1201
    assert made(store, *many, posting()) == 1


# What the database itself refuses, whoever asks.


def run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.execute(text(statement))


LEG = "INSERT INTO legs VALUES ('P', {}, '{}', '', '156', {})"
DAY = "INSERT INTO postings VALUES ('P', '20261124', '', '', {}, 1)"
BALANCED = (LEG.format(1, CLEARING, 5), LEG.format(2, PREMIUMS, -5), DAY.format(2))
RAW: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("unbalanced", (*BALANCED[:1], LEG.format(2, PREMIUMS, -4), DAY.format(2)), "does not balance"),
    (
        "unbalanced in a currency",
        (BALANCED[0], LEG.format(2, PREMIUMS, -5).replace("156", "840"), DAY.format(2)),
        "does not balance",
    ),
    ("a leg missing", (*BALANCED[:2], DAY.format(3)), "does not balance"),
    ("a leg too many", (*BALANCED[:2], LEG.format(3, ADVANCE, 1), DAY.format(2)), "does not balance"),
    ("legs after the posting", (DAY.format(2), *BALANCED[:2]), "does not balance"),
    ("no legs", (DAY.format(0),), "posting_moves_something"),
    ("legs of no posting", BALANCED[:2], "(?i)foreign key"),
    ("leg added later", (*BALANCED, LEG.format(3, ADVANCE, 1)), "gets no more legs"),
    ("empty leg", (LEG.format(1, CLEARING, 0),), "leg_moves_something"),
    ("unknown account", (LEG.format(1, "9999", 1),), "(?i)foreign key"),
    ("posting twice", (*BALANCED, DAY.format(2)), "(?i)unique|duplicate"),
    ("leg changed", (*BALANCED, "UPDATE legs SET amount = amount * 2"), "legs is append-only"),
    ("leg removed", (*BALANCED, "DELETE FROM legs"), "legs is append-only"),
    ("posting changed", (*BALANCED, "UPDATE postings SET date = '20261125'"), "postings is append-only"),
    ("posting removed", (*BALANCED, "DELETE FROM postings"), "postings is append-only"),
    ("kind unknown", ("INSERT INTO accounts VALUES ('1', '', 'cost', 'debit')",), "account_kind"),
)


def test_database_refuses(store: Store, subtests: pytest.Subtests) -> None:
    for name, statements, said in RAW:
        with subtests.test(name):
            with pytest.raises(LedgerError, match=said), store.transaction() as connection:
                run(connection, statements)
            assert rows(store, "SELECT count(*) FROM legs") == [(0,)]


def test_database_takes_what_balances(store: Store) -> None:
    with store.transaction() as connection:
        run(connection, BALANCED)
    assert rows(store, "SELECT count(*) FROM legs") == [(2,)]


def test_database_refuses_a_leg_added_while_its_posting_is_being_committed(
    store: Store, database: str
) -> None:
    """The second writer cannot see the posting when it adds the leg, and can when it commits."""
    if store.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    engine = create_engine(database)

    def cross() -> None:
        with store.transaction() as second, engine.begin() as first:
            run(first, BALANCED)
            run(second, [LEG.format(3, ADVANCE, 7)])

    with pytest.raises(LedgerError, match="gets no more legs"):
        cross()
    engine.dispose()
    assert rows(store, "SELECT sum(amount), count(*) FROM legs") == [(0, 2)]


# The chart in the books.


def test_chart_is_installed_once(store: Store) -> None:
    with store.transaction() as connection:
        assert not install_chart(connection, CHART, 2, "li")
    with store.reading() as connection:
        found = {row.account: tuple(row)[1:] for row in connection.execute(accounts.select())}
    assert found == {
        code: (f"{one.zh} {one.en}", one.kind, one.normal) for code, one in CHART.accounts.items()
    }


def changed(**given: object) -> Any:  # noqa: ANN401 - a chart with one account changed
    account = CHART.accounts[PREMIUMS]._replace(**given)  # type: ignore[arg-type]
    return CHART._replace(accounts={**CHART.accounts, PREMIUMS: account})


@pytest.mark.parametrize("given", [{"kind": "income"}, {"normal": "credit"}])
def test_account_that_was_posted_to_keeps_its_kind_and_side(store: Store, given: dict[str, str]) -> None:
    made(store, posting())
    refused = pytest.raises(ChartRefused, match="account 1122 has been posted to as asset, debit")
    with refused, store.transaction() as connection:
        install_chart(connection, changed(**given), 2, "li")
    assert rows(store, "SELECT kind, normal FROM accounts WHERE account = '1122'") == [("asset", "debit")]


def test_account_may_be_renamed_always_and_change_its_kind_before_its_first_leg(store: Store) -> None:
    with store.transaction() as connection:
        assert install_chart(connection, changed(kind="income", normal="credit"), 2, "li")
        assert install_chart(connection, CHART, 3, "li")
        post(connection, [posting()], 1)
        assert install_chart(connection, changed(zh="应收账款"), 4, "li")
    assert rows(store, "SELECT name, kind FROM accounts WHERE account = '1122'") == [
        ("应收账款 Premiums receivable", "asset")
    ]


# What the books add up to.


def test_trial_balance_shows_both_sides_of_every_account(store: Store) -> None:
    back = posting(-20_000, OTHER, "20261125", account=ADVANCE)
    made(store, posting(), back)
    name = {code: f"{one.zh} {one.en}" for code, one in CHART.accounts.items()}
    first = BalanceRow(PREMIUMS, name[PREMIUMS], "asset", "156", 0, 120_000, -120_000)
    with store.reading() as connection:
        assert trial_balance(connection) == TrialBalance(
            (
                first,
                BalanceRow(CLEARING, name[CLEARING], "asset", "156", 120_000, 20_000, 100_000),
                BalanceRow(ADVANCE, name[ADVANCE], "liability", "156", 20_000, 0, 20_000),
            ),
            (("156", 140_000),),
        )
        assert trial_balance(connection, "20261124") == TrialBalance(
            (first, BalanceRow(CLEARING, name[CLEARING], "asset", "156", 120_000, 0, 120_000)),
            (("156", 120_000),),
        )
        assert trial_balance(connection, "20261123") == TrialBalance((), ())
        assert account_balance(connection, CLEARING) == 100_000
        assert account_balance(connection, CLEARING, BANK) == 120_000
        assert account_balance(connection, CLEARING, OTHER) == -20_000
        assert account_balance(connection, CLEARING, up_to_date="20261124") == 120_000
        assert account_balance(connection, CLEARING, BANK, "840") == 0
        assert account_balance(connection, ADVANCE, "") == 20_000
        assert account_balance(connection, "6301") == 0


def test_trial_balance_is_kept_by_currency(store: Store) -> None:
    legs = (Leg(PREMIUMS, "", "156", 3), Leg(ADVANCE, "", "156", -3))
    dollars = (Leg(PREMIUMS, "", "840", 7), Leg(ADVANCE, "", "840", -7))
    made(store, posting()._replace(legs=legs + dollars))
    with store.reading() as connection:
        found = trial_balance(connection)
        assert account_balance(connection, PREMIUMS) == 3
    assert [(row.account, row.currency, row.balance) for row in found.rows] == [
        (PREMIUMS, "156", 3),
        (PREMIUMS, "840", 7),
        (ADVANCE, "156", -3),
        (ADVANCE, "840", -7),
    ]
    assert found.turnover == (("156", 3), ("840", 7))


def tampered(connection: Connection) -> None:
    """Change a leg as only somebody who may alter the tables can."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER legs_never_update"))
    else:
        connection.execute(text("ALTER TABLE legs DISABLE TRIGGER USER"))
    connection.execute(update(OFFICE.tables["legs"]).values(amount=-4).where(text("number = 2")))


def test_books_that_somebody_changed_behind_our_back_are_not_shown(store: Store) -> None:
    made(store, posting(5))
    with store.transaction() as connection:
        tampered(connection)
        with pytest.raises(InvariantBroken, match="out of balance in currency 156: debit 5, credit 4"):
            trial_balance(connection)
        with pytest.raises(Unbalanced):
            find_postings(connection, [posting().posting])


@given(amount=st.integers(1, 10**15))
def test_description_and_order_are_not_what_a_posting_is(amount: int) -> None:
    check_balanced(posting(amount)._replace(legs=posting(amount).legs[::-1]))
