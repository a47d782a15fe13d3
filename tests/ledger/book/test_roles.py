"""Least privilege on PostgreSQL: under its role each program does all of its work and is refused the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from os import urandom
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from fep.operator.audit_trail import begin, write
from ledger.book.book_copy import copy_book
from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.retire import retire
from ledger.book.store import Store
from ledger.errors import LedgerError, Unavailable
from ledger.files.archived import ArchivedDay
from ledger.rules.calendar import Calendar
from ledger.rules.request import Act, Totals
from ledger.rules.seal import Sealer
from office.accounting import breaks
from office.audit.run import audit
from office.close import Close, prepare
from office.errors import ChartRefused
from office.intake.pull import pull
from simulators.cluster.postgresql import binaries
from tests.support import closing_days
from tests.support.audit_books import COUNTS, STATED
from tests.support.builders import DATE, benefit, book, policy, premium, request
from tests.support.interleaving import new_postgresql
from tests.support.machine import SEAL_KEY
from tests.support.next_day_file import next_book
from tests.support.seal_reader import faults

ROOT = Path(__file__).resolve().parents[3]
GROUPS = ("front", "loader", "reader", "auditor", "office")
INSUFFICIENT_PRIVILEGE = "42501"


class Databases:
    """Both databases under their roles, and a login for each group; `stranger` belongs to none."""

    def __init__(self, uri: str) -> None:
        self.owner = {name: new_postgresql(uri, f"roles_{name}") for name in ("front", "office")}
        store = Store(self.owner["front"])
        FrontBook(store, "check", urandom).create()
        store.close()
        store = Store(self.owner["office"], by_index=False)
        prepare(store, closing_days.CHART, 1, "owner")
        store.close()
        self._uri = uri
        for _ in ("once", "again"):
            self.run_script("front", "ledger/book/roles.sql")
            self.run_script("office", "office/database/roles.sql")
        self._suffix = str(make_url(self.owner["front"]).database).rsplit("_", 2)
        self.logins = {name: f"login_{name}_{'_'.join(self._suffix[1:])}" for name in (*GROUPS, "stranger")}
        with psycopg.connect(uri, autocommit=True) as connection:
            for name, login in self.logins.items():
                member = "" if name == "stranger" else f" IN ROLE qianzhi_{name}"
                connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'x'{member}")

    def close(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            for login in self.logins.values():
                connection.execute(f"DROP ROLE {login}")

    def run_script(self, database: str, path: str) -> None:
        """As psql does: the whole file, statement by statement."""
        with psycopg.connect(_libpq(self.owner[database]), autocommit=True) as connection:
            connection.execute((ROOT / path).read_bytes())

    def url(self, group: str, database: str = "front") -> str:
        """The database's URL with the login of a group."""
        url = make_url(self.owner[database]).set(username=self.logins[group], password="x")
        return url.render_as_string(hide_password=False)

    def store(self, group: str, database: str = "front") -> Store:
        return Store(self.url(group, database), by_index=database == "front")


def _libpq(url: str) -> str:
    return url.replace("+psycopg", "", 1)


@pytest.fixture(scope="module")
def databases(postgresql: str) -> Iterator[Databases]:
    databases = Databases(postgresql)
    yield databases
    databases.close()


def test_every_program_does_all_of_its_work_under_its_role(databases: Databases) -> None:
    """Days of trade, cut-overs, loads, closes with decisions, and an audit that finds nothing."""
    here = closing_days.World(databases.url("front"), databases.url("office", "office"), seed=7, policies=120)
    reader, auditors = (
        databases.store("reader"),
        (databases.store("auditor", "office"), databases.store("auditor")),
    )
    for _ in range(3):
        here.days.trade(12)
        here.leave_files(here.days.cut_over().date, COUNTS)
        ticks = iter(range(1, 10**6))
        results = list(
            Close(
                here.office, reader, here.settings, closing_days.CHART, partial(next, ticks), here.open_file
            ).run()
        )
        assert [result for result in results if result.waiting] == []
        with here.office.transaction() as connection:
            first = breaks.listing(connection, states=("suspense",))[0]
            resolution = closing_days.CHART.fitting(first.cls, first.difference)[0]
            breaks.propose(connection, first.name, resolution.name, "li", 1, "", closing_days.CHART)
            breaks.approve(connection, first.name, "wang", 2)
        here.days.next_book()
    audited = audit(*auditors, STATED)
    assert list(audited.failings) == []
    for store in (reader, *auditors):
        store.close()
    here.close_world()


@pytest.fixture
def served(postgresql: str, databases: Databases) -> Iterator[Mapping[str, Store]]:
    """A front book of its own with the default dues, and a store for each group."""
    owner = new_postgresql(postgresql, "roles_served")
    store = Store(owner)
    FrontBook(store, "check", urandom).create()
    store.close()
    databases.owner["served"] = owner
    databases.run_script("served", "ledger/book/roles.sql")
    stores = {name: databases.store(name, "served") for name in ("front", "loader", "reader")}
    yield MappingProxyType(stores)
    for opened in stores.values():
        opened.close()


def test_a_machine_starts_collects_pays_reverses_cuts_over_and_loads(served: Mapping[str, Store]) -> None:
    front = FrontBook(served["front"], "check", urandom)
    front.create()
    assert (front.claim("fep1"), front.claim("fep1")) == (1, 2)
    load_book(served["front"], book(dues=[premium(), premium("D3", "P3"), benefit()]), str, 1)
    first = request()
    paid = request(Act.PAY, code="260000", policy="P2", amount=500_000, identity=benefit().beneficiary)
    sent = [first, paid, request(Act.REVERSE, original=first.key), request(policy="P9")]
    assert [answer.response.value for answer in front.commit(sent, 1)] == ["00", "00", "00", "25"]
    totals = front.commit([request(Act.TOTALS, key="", date=DATE, totals=Totals())], 1)[0]
    assert totals.totals == Totals(1, 120_000, 1, 120_000, 1, 500_000)
    cut_over(served["front"], DATE, Calendar().next_business_date, Sealer(SEAL_KEY), 2)
    later = next_book([premium("N1", "P1")], [premium("D1", "P1")], [policy("P3", "lapsed")])
    done = load_book(served["front"], later, str, 3)
    assert (done.withdrawn, done.lapsed) == (1, 1)
    assert front.commit([request(due="N1")], 4)[0].business_date == "20261125"
    assert front.day() is not None
    assert faults(served["front"]) == []


def test_a_book_that_nobody_serves_is_loaded_under_the_loaders_role(served: Mapping[str, Store]) -> None:
    FrontBook(served["loader"], "check", urandom).create()
    assert load_book(served["loader"], book(), str, 1).dues == 2
    cut_over(served["front"], DATE, Calendar().next_business_date, Sealer(SEAL_KEY), 2)
    later = next_book([premium("N1", "P1")], [premium("D1", "P1")], [policy("P2", "terminated")])
    assert load_book(served["loader"], later, str, 1).withdrawn == 1
    cut_over(served["front"], "20261125", Calendar().next_business_date, Sealer(SEAL_KEY), 2)
    assert load_book(served["loader"], next_book([premium("N2", "P1")], date="20261126"), str, 1).dues == 1


def test_a_machine_retires_a_day_and_can_delete_nothing_itself(served: Mapping[str, Store]) -> None:
    front = FrontBook(served["front"], "check", urandom)
    load_book(served["front"], book(), str, 1)
    front.claim("fep1")
    front.commit([request(), request(policy="P9")], 1)
    done = cut_over(served["front"], DATE, Calendar().next_business_date, Sealer(SEAL_KEY), 2)
    archived_days = {DATE: ArchivedDay(DATE, done.root, 2)}
    assert retire(served["front"], archived_days, "20991231", lambda: 3).entries == 2
    forget = "SELECT forget_entries(1, 1, 9)"
    for name, says in (("front", ""), ("loader", "permission denied"), ("reader", "permission denied")):
        refused = pytest.raises(LedgerError, match=says) if says else nullcontext()
        with refused, served[name].transaction() as connection:
            assert connection.execute(text(forget)).scalar() == 0


def test_a_machine_is_backed_up_under_its_role(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(binaries()), os.environ["PATH"])))
    copy_book(databases.url("front"), tmp_path)
    assert [path.stat().st_size > 0 for path in tmp_path.iterdir()] == [True]


def test_an_act_is_written_down_under_either_role_that_acts(served: Mapping[str, Store]) -> None:
    for number, name in enumerate(("front", "loader"), 1):
        begin(served[name])
        assert write(served[name], 7, "li", "keys remove", "front", "asked") == number


FRONT = (
    "UPDATE journal SET amount = 1",
    "DELETE FROM journal",
    "TRUNCATE journal",
    "DROP TRIGGER journal_is_never_changed ON journal",
    "ALTER TABLE journal DISABLE TRIGGER ALL",
    "ALTER TABLE journal DROP CONSTRAINT one_key_once",
    "DROP TABLE journal",
    "DROP FUNCTION journal_is_append_only CASCADE",
    "CREATE RULE none AS ON INSERT TO journal DO INSTEAD NOTHING",
    "LOCK TABLE journal IN EXCLUSIVE MODE",
    "SET session_replication_role = replica",
    "UPDATE dues SET amount = 1",
    "UPDATE dues SET beneficiary = ''",
    "UPDATE dues SET payee = 'x'",
    "UPDATE dues SET policy = 'P1'",
    "TRUNCATE dues CASCADE",
    "UPDATE audit_log SET note = ''",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "DROP TRIGGER audit_log_is_never_changed ON audit_log",
    "UPDATE policies SET policy = 'P9'",
    "UPDATE facts SET value = ''",
    "INSERT INTO facts VALUES ('a', 'b')",
    "DELETE FROM facts",
    "DELETE FROM days",
    "TRUNCATE days",
    "DELETE FROM loads",
    "UPDATE loads SET dues = 0",
    "UPDATE dues SET load = 0",
    "UPDATE policies SET load = 0",
    "DELETE FROM chains",
    "UPDATE chains SET node = 'x'",
    "DELETE FROM bank_days",
    "UPDATE bank_days SET bank = 'x'",
    "CREATE TABLE mine (a integer)",
    "CREATE TEMPORARY TABLE mine (a integer)",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "SET ROLE qianzhi_auditor",
)
LOADER = (
    *FRONT,
    "SELECT * FROM journal",
    "SELECT * FROM chains",
    "SELECT * FROM bank_days",
    "INSERT INTO journal (chain) VALUES (1)",
    "INSERT INTO bank_days (bank) VALUES ('1')",
    "UPDATE days SET state = 'closed'",
    "UPDATE days SET date = '20261125'",
    "LOCK TABLE days IN EXCLUSIVE MODE",
    "UPDATE dues SET settled_by = 'x'",
    "UPDATE dues SET sequence = 0",
    "SET ROLE qianzhi_front",
)
WRITES = (
    "INSERT INTO journal (chain) VALUES (1)",
    "UPDATE days SET chains = ''",
    "SELECT * FROM days FOR SHARE",
    "LOCK TABLE chains IN ROW EXCLUSIVE MODE",
    "DELETE FROM loading",
    "INSERT INTO loads (digest) VALUES ('x')",
)
READER = (
    *FRONT,
    *WRITES,
    "SELECT * FROM dues",
    "SELECT * FROM policies",
    "SELECT * FROM loading",
    "SELECT * FROM bank_days",
    "SELECT * FROM facts",
    "SELECT * FROM audit_log",
)
OFFICE = (
    *(
        f"{what} {table}{rest}"
        for table in (
            "entries",
            "bank_files",
            "bank_lines",
            "reconciliations",
            "products",
            "break_events",
            "postings",
            "legs",
            "audit_log",
        )
        for what, rest in (
            ("UPDATE", f" SET {'at = 1' if table in ('audit_log', 'break_events') else 'bank = 1'}"),
            ("DELETE FROM", ""),
            ("TRUNCATE", " CASCADE"),
            ("DROP TABLE", " CASCADE"),
        )
    ),
    "INSERT INTO postings VALUES ('P', '20261124', '', '', 2, 1)",
    "INSERT INTO legs VALUES ('P', 1, '6711', '', '156', 1000000)",
    "INSERT INTO accounts VALUES ('9999', 'new', 'asset', 'debit')",
    "UPDATE accounts SET name = 'renamed'",
    "INSERT INTO chart_lines VALUES (2, 'product 500000', '6711')",
    "UPDATE chart_lines SET value = '6711'",
    "DROP FUNCTION make_posting",
    "DROP TRIGGER posting_is_explained ON postings",
    "DROP TRIGGER legs_never_changed ON legs",
    "DROP TRIGGER posting_balances ON postings",
    "ALTER TABLE postings DISABLE TRIGGER ALL",
    "UPDATE breaks SET difference = 0",
    "UPDATE breaks SET owner = 'x'",
    "DELETE FROM breaks",
    "DELETE FROM days",
    "UPDATE days SET root = ''",
    "DELETE FROM chains",
    "DELETE FROM accounts",
    "UPDATE accounts SET account = 'x'",
    "UPDATE accounts SET kind = 'asset'",
    "UPDATE accounts SET normal = 'debit'",
    "UPDATE facts SET value = ''",
    "INSERT INTO facts VALUES ('a', 'b')",
    "CREATE TABLE mine (a integer)",
    "CREATE TEMPORARY TABLE mine (a integer)",
    "SELECT setval('audit_log_number_seq', 1)",
    "SELECT nextval('audit_log_number_seq')",
    "SET ROLE qianzhi_auditor",
)


INVENTED = (
    "SELECT make_posting('20260924/01020000/B20260923-01020000-9999', '20260924', '01020000', 'x', 1,"
    " ARRAY['6711', '122101'], ARRAY['', '01020000'], ARRAY['156', '156'],"
    " ARRAY[1000000, -1000000]::bigint[])"
)
"""A loss of ten thousand yuan that nobody decided on."""


@pytest.mark.parametrize(
    ("group", "database", "statements"),
    [
        ("front", "front", FRONT),
        ("loader", "front", LOADER),
        ("reader", "front", READER),
        ("auditor", "front", (*FRONT, *WRITES)[:-1]),
        ("office", "office", OFFICE),
        (
            "auditor",
            "office",
            (
                *OFFICE[:-1],
                "INSERT INTO audit_log (number) VALUES (1)",
                "SELECT * FROM days FOR SHARE",
                INVENTED,
            ),
        ),
    ],
)
def test_what_is_not_a_roles_work_is_refused(
    databases: Databases, group: str, database: str, statements: Sequence[str]
) -> None:
    refused = {}
    with psycopg.connect(_libpq(databases.url(group, database))) as connection:
        for statement in statements:
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                refused[statement] = error.sqlstate
            connection.rollback()
    own = f"SET ROLE qianzhi_{group}"
    assert refused == {statement: INSUFFICIENT_PRIVILEGE for statement in statements if statement != own}


def test_who_belongs_to_no_group_is_not_let_in(databases: Databases) -> None:
    """Nor is a group let into the database that is not its own."""
    for group, database in (
        ("stranger", "front"),
        ("stranger", "office"),
        ("office", "front"),
        ("front", "office"),
    ):
        store = databases.store(group, database)
        with pytest.raises(Unavailable, match="permission denied for database"), store.reading():
            pytest.fail("there is no way in")
        store.close()


def test_the_office_cannot_post_under_its_role_what_nothing_explains(databases: Databases) -> None:
    with psycopg.connect(_libpq(databases.url("office", "office"))) as connection:
        with pytest.raises(psycopg.errors.CheckViolation, match="no settled break, no statement and no rec"):
            connection.execute(INVENTED)
        connection.rollback()
        with pytest.raises(psycopg.errors.CheckViolation, match="no settled break, no statement and no rec"):
            connection.execute(
                INVENTED.replace("B20260923-01020000-9999", "day").replace("20260924", "20270104")
            )


def test_where_money_may_go_only_the_owner_changes(databases: Databases) -> None:
    account = closing_days.CHART.accounts["6711"]._replace(zh="x")
    changed = closing_days.CHART._replace(accounts={**closing_days.CHART.accounts, "6711": account})
    office = databases.store("office", "office")
    with pytest.raises(ChartRefused, match="this login may not change where money goes"):
        prepare(office, changed, 1, "li")
    prepare(office, closing_days.CHART, 1, "li")
    office.close()


def test_the_office_pulls_under_the_readers_role(databases: Databases, postgresql: str) -> None:
    office = Store(new_postgresql(postgresql, "roles_pull"), by_index=False)
    prepare(office, closing_days.CHART, 1, "owner")
    front = databases.store("reader")
    pulled = pull(front, office, lambda _day: "", 1, "li")
    assert pulled.entries >= 0
    front.close()
    office.close()
