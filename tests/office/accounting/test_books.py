"""Double entry: a posting balances, is made once and stays, and the books add up. The database agrees."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text, update

from ledger.book.store import Store
from ledger.errors import InvariantBroken
from office.accounting.books import (
    BalanceRow,
    BalanceScope,
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
from office.accounting.chart import lines_of, shipped
from office.database.proofs import chart_note
from office.database.schema import OFFICE, accounts
from office.errors import ChartRefused, PostingDiffers, Unbalanced, UnknownAccount

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


# What the books add up to.


def test_trial_balance_shows_both_sides_of_every_account(store: Store) -> None:
    back = posting(-20_000, OTHER, "20261125", account=ADVANCE)
    made(store, posting(), back)
    name = {code: f"{account.zh} {account.en}" for code, account in CHART.accounts.items()}
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
        assert trial_balance(connection, BalanceScope(to_date="20261124")) == TrialBalance(
            (first, BalanceRow(CLEARING, name[CLEARING], "asset", "156", 120_000, 0, 120_000)),
            (("156", 120_000),),
        )
        assert trial_balance(connection, BalanceScope(to_date="20261123")) == TrialBalance((), ())
        assert account_balance(connection, CLEARING) == 100_000
        assert account_balance(connection, CLEARING, BANK) == 120_000
        assert account_balance(connection, CLEARING, OTHER) == -20_000
        assert account_balance(connection, CLEARING, up_to_date="20261124") == 120_000
        assert account_balance(connection, CLEARING, BANK, "840") == 0
        assert account_balance(connection, ADVANCE, "") == 20_000
        assert account_balance(connection, "6301") == 0


def test_trial_balance_is_kept_by_currency(store: Store) -> None:
    legs = (Leg(PREMIUMS, "", "156", 1), Leg(ADVANCE, "", "156", -1))
    dollars = (Leg(PREMIUMS, "", "840", 7), Leg(ADVANCE, "", "840", -7))
    made(store, posting()._replace(legs=legs + dollars))
    with store.reading() as connection:
        shown = trial_balance(connection)
        assert account_balance(connection, PREMIUMS) == 1
        assert account_balance(connection, PREMIUMS, currency="840") == 7
    assert [(row.account, row.currency, row.debit, row.credit, row.balance) for row in shown.rows] == [
        (PREMIUMS, "156", 1, 0, 1),
        (PREMIUMS, "840", 7, 0, 7),
        (ADVANCE, "156", 0, 1, -1),
        (ADVANCE, "840", 0, 7, -7),
    ]
    assert shown.turnover == (("156", 1), ("840", 7))


def test_trial_balance_has_opening_movement_and_closing_of_its_dates(store: Store) -> None:
    made(store, posting(), posting(-20_000, OTHER, "20261125", account=ADVANCE))
    with store.reading() as connection:
        later = trial_balance(connection, BalanceScope(from_date="20261125"))
        first = trial_balance(connection, BalanceScope(from_date="20261124", to_date="20261124"))
        none = trial_balance(connection, BalanceScope(from_date="20261201"))
    figures = [(row.account, row.opening, row.debit, row.credit, row.balance) for row in later.rows]
    assert figures == [
        (PREMIUMS, -120_000, 0, 0, -120_000),
        (CLEARING, 120_000, 0, 20_000, 100_000),
        (ADVANCE, 0, 20_000, 0, 20_000),
    ]
    assert later.turnover == (("156", 20_000),)
    assert [(row.opening, row.balance) for row in first.rows] == [(0, -120_000), (0, 120_000)]
    assert [(row.opening, row.debit, row.credit) for row in none.rows][:2] == [
        (-120_000, 0, 0),
        (100_000, 0, 0),
    ]


def test_trial_balance_of_each_bank_balances_by_itself(store: Store) -> None:
    made(store, posting(), posting(-20_000, OTHER, "20261125", account=ADVANCE))
    with store.reading() as connection:
        whole = trial_balance(connection, BalanceScope(by_bank=True))
        alone = {bank: trial_balance(connection, BalanceScope(bank=bank)) for bank in (BANK, OTHER)}
    for bank in (BANK, OTHER):
        rows = [row for row in whole.rows if row.bank == bank]
        assert sum(row.balance for row in rows) == 0
        assert tuple(row._replace(bank="") for row in rows) == alone[bank].rows
    assert whole.turnover == (("156", 140_000),)


# What a posting is.


def test_posting_is_read_back_as_it_was_made(store: Store) -> None:
    assert made(store, posting()) == 1
    with store.reading() as connection:
        assert find_postings(connection, [posting().posting, "none"]) == (posting(),)
    assert rows(store, "SELECT legs, posted_at FROM postings") == [(2, 1)]
    assert rows(store, "SELECT number, account FROM legs ORDER BY number") == [(1, CLEARING), (2, PREMIUMS)]


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
    message = "^posting 20261124/01020000/day was made already, with other legs$"
    with pytest.raises(PostingDiffers, match=message):
        made(store, posting(name="another"), other)
    assert rows(store, "SELECT posting FROM postings") == [(posting().posting,)]


def test_two_of_one_name_at_once_that_differ_are_refused(store: Store) -> None:
    with pytest.raises(PostingDiffers):
        made(store, posting(), posting(1))
    assert rows(store, "SELECT count(*) FROM legs") == [(0,)]


@pytest.mark.parametrize(
    ("legs", "wording"),
    [
        ((), "has no legs"),
        ((Leg(CLEARING, BANK, "156", 1),), "is out by 1 fen in currency 156"),
        ((Leg(CLEARING, BANK, "156", 3), Leg(PREMIUMS, "", "156", -5)), "is out by -2 fen in currency 156"),
        ((Leg(CLEARING, BANK, "156", 1), Leg(PREMIUMS, "", "840", -1)), "is out by 1 fen in currency 156"),
        (
            (*posting(7).legs, Leg(PREMIUMS, "", "840", -1)),
            "is out by -1 fen in currency 840",
        ),
        (
            (Leg(CLEARING, BANK, "156", 1), Leg(PREMIUMS, "", "156", -1), Leg(ADVANCE, "", "156", 0)),
            "has a leg of 0 on 2203",
        ),
    ],
    ids=["none", "one", "out", "two currencies", "the second currency", "empty leg"],
)
def test_unbalanced_posting_is_refused_before_the_database_sees_it(
    store: Store, legs: tuple[Leg, ...], wording: str
) -> None:
    with pytest.raises(Unbalanced, match=f"^posting 20261124/01020000/day {wording}$"):
        made(store, posting(name="good"), posting()._replace(legs=legs))
    assert rows(store, "SELECT count(*) FROM legs") == [(0,)]


def test_account_that_the_books_do_not_have_is_named(store: Store) -> None:
    with pytest.raises(UnknownAccount, match=r"^no account 8888, 9999: install the chart first$"):
        made(store, posting(account="9999"), posting(account="8888", name="other"))


def test_postings_are_found_by_name_with_their_legs_in_order(store: Store) -> None:
    legs = tuple(
        Leg(account, "", "156", amount) for account, amount in ((ADVANCE, 1), (PREMIUMS, 2), ("6301", -3))
    )
    many = [posting(5, name="b"), posting(name="c"), posting(name="a")._replace(legs=legs)]
    assert made(store, *many) == 3
    with store.reading() as connection:
        assert find_postings(connection, ["b", "none", "a"]) == (many[2], many[0])
        assert find_postings(connection, []) == ()


def test_what_is_read_is_asked_for_in_order(on_sqlite: Connection) -> None:
    overheard = Overheard(on_sqlite)
    find_postings(overheard, ["b", "a"])  # type: ignore[arg-type]
    trial_balance(overheard)  # type: ignore[arg-type]
    account_balance(overheard, CLEARING)  # type: ignore[arg-type]
    head, legs, balance, of_account = (statement for statement, _ in overheard.said)
    assert head.rpartition("ORDER BY ")[2] == "postings.posting"
    assert legs.rpartition("ORDER BY ")[2] == "legs.posting, legs.number"
    assert balance.partition("GROUP BY ")[2] == (
        "accounts.account, accounts.name, accounts.kind, legs.currency"
        " ORDER BY accounts.account, legs.currency"
    )
    assert "WHERE true GROUP BY" in balance  # every date, where none is given
    assert "date" not in of_account


def test_what_is_there_is_passed_over_among_what_is_new(store: Store) -> None:
    made(store, posting(name="b"))
    assert made(store, posting(name="a"), posting(name="b"), posting(name="c")) == 2
    assert rows(store, "SELECT posting FROM postings ORDER BY posting") == [("a",), ("b",), ("c",)]


class Overheard:
    """A connection whose statements are remembered, and that may say that it is one to PostgreSQL."""

    def __init__(self, connection: Connection, dialect: str = "", may_install: bool = True) -> None:
        self._connection, self._may_install = connection, may_install
        self.dialect = SimpleNamespace(name=dialect) if dialect else connection.dialect
        self.said: list[tuple[str, object]] = []

    def execute(self, statement: Any, parameters: Any = None) -> Any:  # noqa: ANN401 - as the connection's
        self.said.append((str(statement), parameters))
        if "make_posting" in str(statement):
            return None
        return self._connection.execute(statement, parameters)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the connection's
        return getattr(self._connection, name)

    def scalar(self, statement: Any) -> Any:  # noqa: ANN401 - as the connection's
        if "has_table_privilege" not in str(statement):
            self.said.append((str(statement), None))
            return self._connection.scalar(statement)
        self.said.append((str(statement.compile(compile_kwargs={"literal_binds": True})), None))
        self.dialect = self._connection.dialect  # what comes after it is written here
        return self._may_install

    def of(self, what: str) -> list[tuple[str, object]]:
        """The statements that have a text in them."""
        return [statement for statement in self.said if what in statement[0]]


@pytest.fixture
def on_sqlite(connection: Connection) -> Connection:
    """A transaction on SQLite alone: what PostgreSQL does itself, the other tests see."""
    if connection.dialect.name != "sqlite":
        pytest.skip("what is asked of the database is the same on both")
    return connection


def test_many_postings_are_made_five_hundred_at_once(on_sqlite: Connection) -> None:
    many = [posting(number, name=f"{number}") for number in range(1, 1002)]
    overheard = Overheard(on_sqlite)
    assert post(overheard, many, 1) == 1001  # type: ignore[arg-type]
    assert [len(rows) for _, rows in overheard.of("INSERT INTO postings")] == [500, 500, 1]  # type: ignore[arg-type]
    assert post(on_sqlite, [*many, posting()], 1) == 1


def test_postgresql_makes_a_posting_by_its_own_function(on_sqlite: Connection) -> None:
    overheard = Overheard(on_sqlite, "postgresql")
    assert post(overheard, [posting(7)], 9) == 1  # type: ignore[arg-type]
    statement = (
        "SELECT make_posting(:posting, :date, :bank, :description, CAST(:posted_at AS bigint),"
        " CAST(:accounts AS text[]), CAST(:banks AS text[]), CAST(:currencies AS text[]),"
        " CAST(:amounts AS bigint[]))"
    )
    assert overheard.of("make_posting") == [
        (
            statement,
            [
                {
                    **posting(7)._asdict(),
                    "posted_at": 9,
                    "accounts": [CLEARING, PREMIUMS],
                    "banks": [BANK, ""],
                    "currencies": ["156", "156"],
                    "amounts": [7, -7],
                }
            ],
        )
    ]
    assert overheard.of("INSERT") == []


# The chart in the books.


def test_chart_is_installed_once(store: Store) -> None:
    with store.transaction() as connection:
        assert not install_chart(connection, CHART, 2, "li")
    with store.reading() as connection:
        shown = {row.account: tuple(row)[1:] for row in connection.execute(accounts.select())}
    assert shown == {
        code: (f"{account.zh} {account.en}", account.kind, account.normal)
        for code, account in CHART.accounts.items()
    }


def test_a_chart_is_put_in_force_under_the_next_number_and_recorded(store: Store) -> None:
    other = CHART._replace(long="224102")
    with store.transaction() as connection:
        assert install_chart(connection, other, 2, "wang") is True
        lines = connection.execute(text("SELECT name, value FROM chart_lines WHERE chart = 2")).all()
    assert dict(map(tuple, lines)) == lines_of(other)
    assert rows(store, "SELECT max(chart) FROM chart_lines") == [(2,)]
    assert rows(store, 'SELECT at, "by", act, subject, note FROM audit_log ORDER BY number') == [
        (1, "li", "chart", "1", chart_note(lines_of(CHART))),
        (2, "wang", "chart", "2", chart_note(lines_of(other))),
    ]


STAYS = {
    "currency": {"currency": "840"},
    "clearing": {"clearing": "122102"},
    "long": {"long": "224102"},
    "short": {"short": "122103"},
    "currency, long": {"currency": "840", "long": "224102"},
}


@pytest.mark.parametrize(("names", "given"), STAYS.items(), ids=STAYS)
def test_what_balances_depend_on_stays_once_there_are_postings(
    store: Store, names: str, given: dict[str, str]
) -> None:
    made(store, posting(), posting(name="second"))
    message = f"^there are postings already: {names} cannot change any more$"
    with pytest.raises(ChartRefused, match=message), store.transaction() as connection:
        install_chart(connection, CHART._replace(**given), 2, "li")  # type: ignore[arg-type]
    assert rows(store, "SELECT max(chart) FROM chart_lines") == [(1,)]


PRIVILEGE = "SELECT has_table_privilege('chart_lines', 'INSERT') AS has_table_privilege_1"


@pytest.mark.parametrize("may_install", [True, False])
def test_on_postgresql_only_who_may_write_the_chart_puts_one_in_force(
    on_sqlite: Connection, may_install: bool
) -> None:
    message = (
        "the chart of the settings is not the one in force, and this login may not change where money goes:"
        " run `qianzhi office close` once as the database's owner"
    )
    overheard = Overheard(on_sqlite, "postgresql", may_install)
    refused = nullcontext() if may_install else pytest.raises(ChartRefused, match=f"^{message}$")
    with refused:
        install_chart(overheard, changed(zh="应收账款"), 2, "li")  # type: ignore[arg-type]
    assert overheard.of("privilege") == [(PRIVILEGE, None)]
    assert (overheard.of("UPDATE accounts") != []) == may_install


def changed(**given: object) -> Any:  # noqa: ANN401 - a chart with one account changed
    account = CHART.accounts[PREMIUMS]._replace(**given)  # type: ignore[arg-type]
    return CHART._replace(accounts={**CHART.accounts, PREMIUMS: account})


@pytest.mark.parametrize("given", [{"kind": "income"}, {"normal": "credit"}])
def test_account_that_was_posted_to_keeps_its_kind_and_side(store: Store, given: dict[str, str]) -> None:
    made(store, posting())
    kept = CHART.accounts[PREMIUMS]._replace(**given)  # type: ignore[arg-type]
    message = (
        "account 1122 has been posted to as asset, debit:"
        f" it cannot become {kept.kind}, {kept.normal}; give the new account another code"
    )
    with pytest.raises(ChartRefused, match=f"^{message}$"), store.transaction() as connection:
        install_chart(connection, changed(**given), 2, "li")
    assert rows(store, "SELECT kind, normal FROM accounts WHERE account = '1122'") == [("asset", "debit")]


def test_only_what_is_new_or_changed_is_written(on_sqlite: Connection) -> None:
    added = {"1001": CHART.accounts[PREMIUMS]._replace(code="1001", zh="现金")}
    account = CHART.accounts[PREMIUMS]._replace(zh="应收账款")
    chart = CHART._replace(accounts={**CHART.accounts, PREMIUMS: account, **added})
    overheard = Overheard(on_sqlite)
    assert install_chart(overheard, chart, 2, "li") is True  # type: ignore[arg-type]
    assert len(overheard.of("INSERT INTO accounts")) == len(overheard.of("UPDATE accounts")) == 1
    shown = {row.account: tuple(row)[1:] for row in on_sqlite.execute(accounts.select())}
    assert shown == {
        code: (f"{account.zh} {account.en}", account.kind, account.normal)
        for code, account in chart.accounts.items()
    }


def test_account_may_be_renamed_always_and_change_its_kind_before_its_first_leg(store: Store) -> None:
    with store.transaction() as connection:
        assert install_chart(connection, changed(kind="income", normal="credit"), 2, "li")
        assert install_chart(connection, CHART, 3, "li")
        post(connection, [posting()], 1)
        assert install_chart(connection, changed(zh="应收账款"), 4, "li")
    assert rows(store, "SELECT name, kind FROM accounts WHERE account = '1122'") == [
        ("应收账款 Premiums receivable", "asset")
    ]


# What was tampered with, and any posting.


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
        message = "^the books are out of balance in currency 156: debit 5, credit 4$"
        with pytest.raises(InvariantBroken, match=message):
            trial_balance(connection)
        with pytest.raises(Unbalanced):
            find_postings(connection, [posting().posting])


@given(amount=st.integers(1, 10**15))
def test_description_and_order_are_not_what_a_posting_is(amount: int) -> None:
    check_balanced(posting(amount)._replace(legs=posting(amount).legs[::-1]))


@given(st.lists(st.tuples(st.sampled_from(["156", "840"]), st.integers(-(10**12), 10**12)), max_size=6))
def test_posting_balances_only_if_each_currency_does(amounts: list[tuple[str, int]]) -> None:
    legs = tuple(Leg(PREMIUMS, "", currency, amount) for currency, amount in amounts)
    sums = [sum(amount for code, amount in amounts if code == currency) for currency in ("156", "840")]
    balanced = sums == [0, 0] and legs != () and all(leg.amount for leg in legs)
    try:
        check_balanced(posting()._replace(legs=legs))
    except Unbalanced:
        assert not balanced
    else:
        assert balanced
