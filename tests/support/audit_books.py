"""A front book and an office that have seen some days, and ways to change them behind the books' back.

For the tests of the audit. Whatever is changed is undone at the end, so one pair serves many tests.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from os import urandom
from typing import Any, NamedTuple
from unittest import mock

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from fep.keys.keys import FrontKey
from ledger.book.audit_log import record
from ledger.book.front import FrontBook
from ledger.book.retire import retire
from ledger.book.schema import audit_log as front_audit_log
from ledger.rules.request import Act, Request, key_of
from office.accounting import breaks, date_decisions
from office.accounting.bank_dates import date_name
from office.accounting.chart import lines_of
from office.audit.dues import DuesFile
from office.audit.evidence import Evidence, Stated
from office.audit.run import AUDITS, Audit, Check, examine
from office.exports.answer import take_answer
from office.exports.make import make_export, waiting_dates
from office.intake.archived import archived_days
from office.statements.load import take_statement
from office.statements.settle import settle_arrival
from simulators.days import business_days
from simulators.days.discrepancies import Counts
from tests.support import closing_days
from tests.support.batches import hold_some
from tests.support.check_outcomes import METADATA, Outcome, change_of, outcome_of
from tests.support.closing_days import BANKS, CHART, SEALER, World
from tests.support.core_system import answer_to, nowhere
from tests.support.statements import statements_of

STATED = Stated(SEALER.public, lines_of(CHART), frozenset({"li", "wang"}))
COUNTS = Counts(
    bank_only=1,
    ours_only=1,
    amount_differs=1,
    state_differs=1,
    details_differ=1,
    duplicate=1,
    renumbered=1,
)
_TABLE = re.compile(r"(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)")


class Urls(NamedTuple):
    """Where the two databases are."""

    front: str
    office: str


class _Days(business_days.Days):
    """Days whose book keeps keyed digests of identity numbers, as a front-end machine's does."""

    def __init__(self, store: Any, front: Any, sealer: Any, _digest: Any, *rest: Any) -> None:  # noqa: ANN401
        super().__init__(store, front, sealer, KEYED_DIGEST, *rest)


_FILES: dict[Urls, tuple[bytes, ...]] = {}
KEYED_DIGEST = FrontKey(bytes(32)).identity


def files_of(urls: Urls) -> tuple[DuesFile, ...]:
    """The files of dues that were loaded into a front book that `build` made."""
    return tuple(DuesFile(f"dues{place}", io.BytesIO(data)) for place, data in enumerate(_FILES[urls]))


def build(urls: Urls, *, retired: bool = False) -> None:
    """Three business days of three banks and two nodes, and a fourth that is open: two are in the books, and
    the third waits for a bank's file; on the open one batches hold dues. The first was closed without a
    bank's file, which came with the second, on which another bank's file was held and let through. Of the
    breaks some are closed, some approved, some proposed. With `retired` the front has forgotten the first
    day.
    """
    with mock.patch.object(closing_days, "Days", _Days):
        here = World(*urls, seed=20_260_926, policies=200)
    node = FrontBook(here.front_store, "check", urandom)
    node.claim("fep2")
    try:
        for number in range(3):
            here.days.trade(13)
            _second_node(here, node, number)
            date = here.days.cut_over().date
            here.leave_files(date, COUNTS)
            if number == 2:
                del here.files[BANKS[0], date]
            if number == 0:
                late = (BANKS[2], date), here.files.pop((BANKS[2], date))
            elif number == 1:
                here.files[late[0]] = late[1]
                _close_strictly(here)
                decide_date(here, BANKS[1], date, "let_through")
            list(here.at_close().run())
            if number == 0:
                decide_date(here, BANKS[2], date, "without_file")
                list(here.at_close().run())
            _decide(here, date)
            if number == 1:
                _statements(here)
                _export(here)
                here.at_close().post_decisions()
            here.days.next_book()
        here.days.trade(3)
        list(here.at_close().run())
        hold_some(here.front_store)
        with here.front_store.transaction() as connection:  # what came last, no other row tells again
            record(connection, front_audit_log, 1, "li", "reload", "", "")
        _FILES[urls] = tuple(here.days.loaded)
        if retired:
            _retire(here)
    finally:
        here.close_world()


def _statements(here: World) -> None:
    """Two banks say what arrived: of one all, and a fee; of the other what names no date, which becomes
    a break.
    """
    with here.office.transaction() as connection:
        for given in statements_of(connection):
            take_statement(connection, CHART, given, here.tick(), "li")
        settle_arrival(connection, CHART, BANKS[1], "", "li", here.tick(), "li")


def _export(here: World) -> None:
    """Hand the posted dates to the core system, which refuses a line of the first, and takes it later."""
    with here.office.transaction() as connection:
        for place, date in enumerate(waiting_dates(connection)):
            made = make_export(connection, date, here.tick(), "li", nowhere)
            if not place:
                for refused in ({"vouchers.csv": {1: "the period is closed"}}, {}):
                    answer = answer_to(connection, made, refused)
                    take_answer(connection, answer, here.tick(), "li")


def _close_strictly(here: World) -> None:
    """Close while the second bank may have hardly a break."""
    given = here.settings
    banks = tuple(
        bank.model_copy(update={"breaks_max": 2}) if bank.code == BANKS[1] else bank for bank in given.bank
    )
    here.settings = given.model_copy(update={"bank": banks})
    list(here.at_close().run())
    here.settings = given


def decide_date(here: World, bank: str, date: str, resolution: str) -> None:
    """Have two people decide about a bank's date, after one proposal was rejected and one withdrawn."""
    name = date_name(bank, date)
    with here.office.transaction() as connection:
        for at, (by, step) in enumerate((("wang", "reject"), ("li", "withdraw"), ("wang", "approve")), 1):
            date_decisions.propose_date(connection, name, resolution, "li", at, "they said so by telephone")
            date_decisions.decide_date(connection, name, by, at, "seen", step=step)


def _retire(here: World) -> None:
    """The front forgets its first day, long after it."""
    with here.office.reading() as connection:
        first, *_ = archived_days(connection)
    done = retire(here.front_store, {first.date: first}, "20991231", lambda: 5, by="li")
    assert done.dates == (first.date,)


def _second_node(here: World, node: FrontBook, number: int) -> None:
    """What the days do not do by themselves: cancels that are reversed, advices that fit nothing and are
    taken back, an advice of a cancel that cannot be.
    """
    names = sorted(name for name, due in here.days.unpaid.items() if due.kind == "premium")[:2]
    paid, again = (here.days.unpaid.pop(name) for name in names)
    asked: list[Request] = []

    def ask(act: Act, code: str, amount: int, **given: object) -> Request:
        stan = f"{900_000 + 100 * number + len(asked):06d}"
        values = {
            "mti": "0200",
            "code": code,
            "terminal": "T0000009",
            "sent_at": "20260923080000",
            "stan": stan,
        }
        values |= {"rrn": f"R{stan}", "currency": "156", "content": stan, "local_at": "20260923080000"}
        key = key_of(BANKS[0], "T0000009", "20260923080000", stan)
        request = Request(key=key, act=act, bank=BANKS[0], amount=amount, **(values | given))  # type: ignore[arg-type]
        asked.append(request)
        node.commit([request], 1_000 * number + len(asked))
        return request

    for due in (paid, again):
        first = ask(Act.COLLECT, due.code, due.amount, policy=due.policy, due=due.due)
        cancel = ask(Act.CANCEL, "020000", due.amount, original=first.key)
        ask(Act.REVERSE, "020000", due.amount, mti="0400", original=cancel.key)
    stray = ask(Act.COLLECT, "500000", 777, mti="0220", advice=True, policy="NONE")
    ask(Act.REVERSE, "500000", 777, mti="0420", original=stray.key)
    ask(Act.COLLECT, "500000", 778, mti="0220", advice=True, policy="NONE")
    ask(Act.CANCEL, "020000", 5, mti="0220", advice=True, original=stray.key)


def _decide(here: World, date: str) -> None:
    """Have two people decide on the first two old breaks of each bank, and one propose for the third."""
    with here.office.transaction() as connection:
        for bank in BANKS:
            listed = breaks.listing(connection, bank, states=("suspense",))
            for place, entry in enumerate([entry for entry in listed if entry.date < date][:3]):
                resolution = CHART.fitting(entry.cls, entry.difference)[0]
                breaks.propose(connection, entry.name, resolution.name, "li", 1, "", CHART)
                if place < 2:
                    breaks.approve(connection, entry.name, "wang", 2)


@contextmanager
def evidence(urls: Urls, *, with_front: bool = True) -> Iterator[Evidence]:
    """Connections to both databases that may change anything; whatever they changed is undone at the end."""
    with ExitStack() as stack:
        office = stack.enter_context(_undone(urls.office))
        front = stack.enter_context(_undone(urls.front)) if with_front else None
        yield Evidence(office, front, STATED, lambda _what, _rows: None)


@contextmanager
def _undone(url: str) -> Iterator[Connection]:
    """A transaction that is never committed."""
    with _engine(url).connect() as connection:
        if url.startswith("sqlite"):
            connection.exec_driver_sql("BEGIN")
        yield connection
        connection.rollback()


@cache
def _engine(url: str) -> Engine:
    """One for all tests of a database, since it keeps what it has made of statements. SQLite's driver would
    commit before it changes a table, so it is not let do anything of its own.
    """
    sqlite = url.startswith("sqlite")
    return create_engine(url, poolclass=NullPool, connect_args={"isolation_level": None} if sqlite else {})


def loosen(connection: Connection, table: str) -> None:
    """Take every constraint and trigger off a table, and everything that refers to it."""
    cascade = " CASCADE"
    if connection.dialect.name == "sqlite":
        cascade = ""
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        for name in triggers.scalars().all():  # one that names a table keeps it from being renamed
            connection.execute(text(f"DROP TRIGGER {name}"))
    for statement in (
        f"CREATE TABLE loose AS SELECT * FROM {table}",  # noqa: S608 - a name from a test
        f"DROP TABLE {table}{cascade}",
        f"ALTER TABLE loose RENAME TO {table}",
    ):
        connection.execute(text(statement))


def tamper(connection: Connection, *statements: str) -> None:
    """Change a database as nobody may; each statement must change something."""
    for table in dict.fromkeys(table for statement in statements for table in _TABLE.findall(statement)[:1]):
        loosen(connection, table)
    for statement in statements:
        assert connection.execute(text(statement)).rowcount > 0, statement


def audited(urls: Urls, side: str, *statements: str) -> Audit:
    """Return the audit of the books after one side's database was changed. A check that reads nothing of what
    was changed is not run again: it would find what it found in the sound books.
    """
    parts = [part for statement in statements for part in statement.split(";")]
    changes = [change_of(part, METADATA[side]) for part in parts]
    sound = _sound(urls)
    with evidence(urls) as given:
        connection = given.office if side == "office" else given.front
        assert connection is not None
        tamper(connection, *parts)
        return examine(given, [sound[check].unless_it_reads(side, changes) for check in AUDITS])


@cache
def _sound(urls: Urls) -> Mapping[Check, Outcome]:
    """What each check finds in the books as they are, and what it reads of them."""
    with evidence(urls) as given:
        return {check: outcome_of(check, given) for check in AUDITS}
