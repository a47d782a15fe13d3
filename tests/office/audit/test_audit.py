"""The audit: silent on sound books, and for everything that it says it proves, heard when that is broken.

Each tampering is done with every constraint and trigger of its table taken off, as by somebody who owns the
database; what the audit must then report stands beside it.
"""

from __future__ import annotations

import ast
from itertools import count
from os import urandom
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Connection, Integer, Table, select, text, update

from ledger.book import schema as front_schema
from ledger.book.store import Store
from ledger.rules.entry import GENESIS, SALT_BYTES, Entry, chain_entries
from office import audit as package
from office.accounting import breaks
from office.audit.chains import copies, links, recorded_ends, seals
from office.audit.evidence import Failing
from office.audit.run import AUDITS, INVARIANTS, LISTED_MAX, Audit, audit, examine
from office.close import prepare
from office.database import schema as office_schema
from tests.support import tampering
from tests.support.audit_books import COUNTS, STATED, Urls, audited, evidence, loosen, tamper
from tests.support.check_outcomes import change_of
from tests.support.closing_days import CHART, World
from tests.support.tampering import CARD, HARMLESS, IDENTITY, POLICY_KNOWN, UNKNOWN_POLICY, Broken
from tests.support.tampering_receipts import RECEIPTS

BROKEN = (*tampering.BROKEN, *RECEIPTS)


def invariants(result: Audit) -> set[int]:
    """The invariants that fail, without exports: these repeat the books, and differ whenever they do."""
    findings = (one for one in result.failings if not one.subject.startswith("export of "))
    return {failing.invariant for failing in findings}


# Sound books.


def test_sound_books_have_nothing_that_fails_and_every_invariant_is_proved_from_rows(urls: Urls) -> None:
    office, front = Store(urls.office, lock=False, by_index=False), Store(urls.front, lock=False)
    works: list[str] = []
    try:
        result = audit(office, front, STATED, lambda work, _rows: works.append(work))
    finally:
        office.close()
        front.close()
    assert result.failings == ()
    unseen = {
        "acts of the front",
        "reversals refused as too late, on reconciled dates",
        "retired days of the front, held against the office's",
    }
    assert {checked.what for checked in result.checked if checked.count == 0} <= unseen
    assert [verdict.invariant for verdict in result.verdicts if verdict.rows == 0] == [1]
    assert works


def test_every_check_says_what_it_has_looked_at(urls: Urls) -> None:
    with evidence(urls) as given:
        silent = [check.__name__ for check in AUDITS if not list(check(given))]
    assert silent == []


def test_an_office_without_its_front_book_is_audited_by_itself(urls: Urls) -> None:
    with evidence(urls, with_front=False) as given:
        result = examine(given)
    assert result.failings == ()
    assert {checked.invariant for checked in result.checked} == set(INVARIANTS) - {1, 11}


def test_an_office_with_nothing_in_it_is_sound_and_proves_nothing(office_url: str) -> None:
    office = Store(office_url, by_index=False)
    try:
        prepare(office, CHART, 1, "li")
        result = audit(office, None, STATED)
    finally:
        office.close()
    assert result.failings == ()
    assert {checked.what for checked in result.checked if checked.count} == {
        "rows of the office's tables, every text of them",
        "acts of the office",
        "lines of the charts of accounts",
        "accounts, held against the charts",
    }


def test_a_clock_that_goes_back_leaves_the_audit_silent(database: str, office_url: str) -> None:
    """The rows that an act wrote are known by its moment, so two acts never have the same moment."""
    here = World(database, office_url, seed=7, policies=120)
    here._ticks = count(10**6, -1)
    for number in range(2):
        here.days.trade(8)
        here.leave_files(here.days.cut_over().date, COUNTS)
        list(here.at_close().run())
        for _ in range(2):
            with here.office.transaction() as connection:
                row = breaks.listing(connection, states=("suspense",))[0]
                resolution = CHART.fitting(row.cls, row.difference)[0].name
                breaks.propose(connection, row.name, resolution, "li", number, "", CHART)
                breaks.approve(connection, row.name, "wang", number)
            here.at_close().post_decisions()
        here.days.next_book()
    result = audit(here.office, here.front_store, STATED)
    here.close_world()
    assert said(result) == ""


def test_what_no_data_can_show_is_said(urls: Urls) -> None:
    with evidence(urls) as given:
        first, *_ = examine(given).verdicts
    assert (first.invariant, first.rows) == (1, 0)
    assert "before its transaction was durable" in first.not_in_data


def said(result: Audit) -> str:
    return "\n".join(f"{failing.subject}: {failing.what}" for failing in result.failings)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.side}-{case.statement[:60]}")
def test_whatever_is_changed_behind_the_books_back_is_found_by_its_own_check(
    urls: Urls, case: Broken
) -> None:
    result = audited(urls, case.side, case.statement)
    assert invariants(result) == case.fails, said(result)
    assert [words for words in case.sentences if words not in said(result)] == []
    assert [number for number in (IDENTITY, IDENTITY.lower(), CARD) if number in said(result)] == []


@pytest.mark.parametrize("urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize("case", BROKEN[::25], ids=lambda case: f"{case.side}-{case.statement[:60]}")
def test_a_check_that_is_not_run_again_would_find_the_same(urls: Urls, case: Broken) -> None:
    result = audited(urls, case.side, case.statement)
    with evidence(urls) as given:
        connection = given.office if case.side == "office" else given.front
        assert connection is not None
        tamper(connection, *case.statement.split(";"))
        assert result == examine(given)


def test_a_change_is_of_the_columns_that_are_set_or_of_the_rows() -> None:
    tables = office_schema.OFFICE
    nested = "UPDATE days SET root = (SELECT x FROM y WHERE z = (1)), entries = f(count) WHERE chains = '[]'"
    assert change_of(nested, tables) == ("days", {"root", "entries"})
    assert change_of("DELETE FROM days WHERE root = ''", tables) == ("days", None)
    assert change_of("INSERT INTO days (root) VALUES ('')", tables) == ("days", None)


def test_every_invariant_that_data_can_show_is_seen_to_fail() -> None:
    assert set().union(*(case.fails for case in BROKEN)) == set(INVARIANTS) - {1}


def test_what_only_looks_like_a_number_is_let_pass(urls: Urls) -> None:
    assert 12 not in invariants(audited(urls, "office", *HARMLESS))


def test_a_policy_that_the_book_knows_may_be_any_digits(urls: Urls) -> None:
    assert invariants(audited(urls, "front", UNKNOWN_POLICY)) == {5, 12}
    assert invariants(audited(urls, "front", UNKNOWN_POLICY, POLICY_KNOWN)) == {5}


def test_books_that_are_wrong_throughout_are_not_listed_throughout(urls: Urls) -> None:
    result = audited(urls, "front", "UPDATE journal SET previous = 'x'")
    assert [failing.invariant for failing in result.failings].count(5) > LISTED_MAX
    listed = [failing for failing in result.failings if "does not carry" in failing.what]
    assert len(listed) == LISTED_MAX
    assert Failing(5, "", "and more of the same check, not listed") in result.failings


@pytest.mark.parametrize(
    ("where", "statement"),
    [
        ("front", "UPDATE journal SET recorded_at = 9000000000000000 WHERE position = 1"),
        ("office", "UPDATE entries SET recorded_at = 9000000000000000 WHERE position = 1"),
    ],
)
def test_an_entry_that_is_stamped_before_the_one_before_it_is_named(
    urls: Urls, where: str, statement: str
) -> None:
    result = audited(urls, where, statement)
    said = {
        failing.subject
        for failing in result.failings
        if failing.what == "is stamped before the entry before it"
    }
    assert f"{where}, entry 1/2" in said


@pytest.mark.parametrize("where", ["front", "office"])
def test_an_act_that_is_stamped_before_the_one_before_it_is_named(urls: Urls, where: str) -> None:
    result = audited(urls, where, "UPDATE audit_log SET at = 9000000000000000 WHERE number = 1")
    said = {
        failing.subject
        for failing in result.failings
        if failing.what == "is stamped before the act before it"
    }
    assert said == {f"{where}, act 2"}


# One flipped byte.


class Flip(NamedTuple):
    """Which copy of the journal, which of its entries, which column, and which character of a text."""

    table: Table
    entry: int
    column: int
    at: int


FLIPS = st.builds(
    Flip,
    st.sampled_from([front_schema.journal, office_schema.entries]),
    st.integers(0, 10_000),
    st.integers(0, len(front_schema.journal.c) - 1),
    st.integers(0, 100),
)


def flipped(value: object, kind: object, at: int) -> object:
    if isinstance(kind, Integer | BigInteger):
        return 1_000_000 if value is None else int(str(value)) + 1_000_000
    if not value:
        return "x"
    text = str(value)
    place = at % len(text)
    return text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]


@pytest.mark.parametrize("urls", ["sqlite"], indirect=True)
@given(flip=FLIPS)
def test_one_flipped_byte_anywhere_in_the_journal_is_found(urls: Urls, flip: Flip) -> None:
    with evidence(urls) as given_:
        office_side = flip.table is office_schema.entries
        connection = given_.office if office_side else given_.front
        assert connection is not None
        loosen(connection, flip.table.name)
        places = connection.execute(select(flip.table.c.chain, flip.table.c.position)).all()
        chain, position = places[flip.entry % len(places)]
        here = (flip.table.c.chain == chain) & (flip.table.c.position == position)
        column = list(flip.table.c)[flip.column]
        value = connection.execute(select(column).where(here)).scalar()
        changed = update(flip.table).where(here).values({column: flipped(value, column.type, flip.at)})
        assert connection.execute(changed).rowcount == 1
        result = [failing for failing in links(given_) if isinstance(failing, Failing)]
    assert {failing.invariant for failing in result} == {5}
    assert result[0].subject.startswith("office" if office_side else "front")


def test_a_journal_that_is_chained_anew_no_longer_fits_its_seals(urls: Urls) -> None:
    """Who owns the front's database can make its chain anew, but not the seals, nor the office's copy."""
    with evidence(urls) as given_:
        assert given_.front is not None
        loosen(given_.front, "journal")
        given_.front.execute(text("UPDATE journal SET rrn = 'other' WHERE chain = 1 AND position = 2"))
        chain_anew(given_.front)
        assert [failing for failing in links(given_) if isinstance(failing, Failing)] == []
        for check in (copies, seals, recorded_ends):
            assert {failing.invariant for failing in check(given_) if isinstance(failing, Failing)} == {5}, (
                check
            )


def chain_anew(connection: Connection) -> None:
    """Make the hash chains of the front's journal over, from its entries as they are."""
    table = front_schema.journal
    rows = connection.execute(select(table).order_by(table.c.chain, table.c.position)).all()
    for chain in {row.chain for row in rows}:
        entries = [Entry._make(row) for row in rows if row.chain == chain]
        linked, tip = chain_entries(entries, GENESIS, urandom(SALT_BYTES * len(entries)))
        for entry in linked:
            here = (table.c.chain == chain) & (table.c.position == entry.position)
            connection.execute(update(table).where(here).values(previous=entry.previous, salt=entry.salt))
        ends = front_schema.chains
        connection.execute(update(ends).where(ends.c.chain == chain).values(tip=tip))


# Independence.

ALLOWED = (
    "ledger.book.schema",
    "ledger.rules.break_classes",  # words and what they mean, as the schema is: no code that did the work
    "ledger.book.store",
    "ledger.rules.seal.is_signed",
    "office.database.schema",
    "office.audit",
)


def test_the_audit_uses_nothing_of_what_did_the_work() -> None:
    result = []
    for path in Path(str(package.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            result += [
                f"{path.name}: {name}"
                for name in names
                if name.partition(".")[0] in ("ledger", "office", "protocol", "fep")
                and not any(f"{name}.".startswith(f"{allowed}.") for allowed in ALLOWED)
                and name not in ("ledger.book.schema", "office.database.schema")
            ]
    assert result == []
