"""Every column of every table, altered row by row: the audit notices, or it is said here that it cannot, and
why. Done with every constraint and trigger off, as by somebody who owns the database, on days with breaks
that two people have decided on. Which columns are looked at is the same on either kind of database; that each
check finds on PostgreSQL what it finds on SQLite, test_audit shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest
from sqlalchemy import BigInteger, Column, Integer, Table, and_, insert, select, text, update

from ledger.book.schema import FRONT
from office.audit.dues import against_files
from office.audit.evidence import Evidence, Failing, Results
from office.audit.kept import keep
from office.audit.run import AUDITS
from office.database.schema import OFFICE
from qianzhi_errors.sentence import Sentence
from tests.support.audit_books import KEYED_DIGEST, Urls, build, evidence, files_of, loosen
from tests.support.check_outcomes import Change, Outcome, outcome_of

SIDES: Final = MappingProxyType({"office": OFFICE, "front": FRONT})
ROWS_ALL: Final = 12
"""A table of no more rows is altered in each; a longer one in its first, its middle and its last."""
LAST = "of the last act only: the next act carries the hash over it, and nothing else does"
EPOCH = "which process writes a chain is settled anew whenever one starts"
STARTS = "the machine compares it when it starts, and refuses to serve on another"
INCOMING = "the load that is under way; nothing serves by it, and the next load writes it anew"
GUESSED = "wrong numbers of one day, which no entry repeats; no money follows from them"
CAME = "with which load a row came tells only whether it is seen; a number that hides it is noticed"
TO_COME = "of a change by a load to come: nothing follows before it is taken, and then it is noticed"
PASSING: Final = MappingProxyType({"loading": INCOMING, "identity_guesses": GUESSED})
"""Tables of the front that hold nothing for long, and nothing on the days of this test: each gets a row."""
CANNOT: Final = MappingProxyType(
    {
        ("office", "audit_log", "by"): LAST,
        ("front", "audit_log", "act"): LAST,
        ("front", "audit_log", "at"): LAST,
        ("front", "audit_log", "by"): LAST,
        ("front", "audit_log", "subject"): LAST,
        ("front", "audit_log", "note"): LAST,
        ("front", "chains", "node"): EPOCH,
        ("front", "chains", "epoch"): EPOCH,
        ("front", "facts", "name"): STARTS,
        ("front", "facts", "value"): STARTS,
        ("front", "dues", "load"): CAME,
        ("front", "policies", "load"): CAME,
        ("front", "dues", "leaves"): TO_COME,
        ("front", "dues", "leaves_as"): TO_COME,
        ("front", "policies", "changes"): TO_COME,
        ("front", "policies", "next_state"): TO_COME,
        ("front", "policies", "next_holder"): TO_COME,
        ("front", "policies", "next_serving"): TO_COME,
        ("front", "policies", "next_serving_phone"): TO_COME,
        **{
            ("front", name, column.name): reason
            for name, reason in PASSING.items()
            for column in FRONT.tables[name].c
        },
    }
)
"""What the audit cannot notice by the rows alone, and why; who kept the digest of everything can."""


class Alteration(NamedTuple):
    """One value changed: which column, in which row, to what."""

    side: str
    table: Table
    column: Column[Any]
    row: int
    rows: int
    value: object

    @property
    def change(self) -> Change:
        """What a check has to read to notice it: in a table that got a row for this test, anything."""
        return Change(self.table.name, None if self.table.name in PASSING else frozenset({self.column.name}))

    def __str__(self) -> str:
        return f"{self.side}, {self.table.name}.{self.column.name}, row {self.row} of {self.rows}"


def tables() -> Iterator[tuple[str, Table]]:
    for side, metadata in SIDES.items():
        yield from ((side, table) for table in metadata.sorted_tables)


def altered(given: Evidence, side: str, table: Table) -> Iterator[Alteration]:
    """Make each alteration of a table in sequence; every one is undone before the next."""
    connection = given.office if side == "office" else given.front
    assert connection is not None
    loosen(connection, table.name)
    if table.name in PASSING:
        row = {column.name: 1 if _is_number(column) else "x" for column in table.c}
        connection.execute(insert(table).values(row))
    keys = list(table.primary_key.columns)
    rows = connection.execute(select(table).order_by(*keys)).all()
    for place in sorted(_places(len(rows))):
        here = and_(*(key == rows[place]._mapping[key] for key in keys))
        for column in table.c:
            for value in _values(column, [row._mapping[column] for row in rows], place):
                connection.execute(text("SAVEPOINT unaltered"))
                connection.execute(update(table).where(here).values({column: value}))
                yield Alteration(side, table, column, place + 1, len(rows), value)
                connection.execute(text("ROLLBACK TO SAVEPOINT unaltered"))


def _places(rows: int) -> set[int]:
    return set(range(rows)) if rows <= ROWS_ALL else {0, rows // 2, rows - 1}


def _values(column: Column[Any], listed: Sequence[Any], place: int) -> Iterator[object]:
    """Something new, and what another row has there."""
    value = listed[place]
    if _is_number(column):
        yield (value or 0) + 1_000_003
    else:
        yield f"{value or ''}x"
    yield from [other for other in listed if other not in (value, None)][:1]


def _is_number(column: Column[Any]) -> bool:
    return isinstance(column.type, Integer | BigInteger)


@cache
def sound(urls: Urls) -> tuple[Outcome, ...]:
    """All that an audit looks at, its checks and the dues held against their files, on sound books."""
    with evidence(urls) as given:
        return tuple(outcome_of(check, given) for check in (*AUDITS, partial(dues_outcome, urls)))


def is_noticed(given: Evidence, outcomes: list[Outcome], one: Alteration) -> bool:
    """Whether any check that reads what was altered finds anything, and says it in sentences. The one that
    does goes to the front of `outcomes`: it is likely to notice the next alteration too.
    """
    for outcome in outcomes:
        if not outcome.reads(one.side, [one.change]):
            continue
        finding = next((result for result in outcome.check(given) if isinstance(result, Failing)), None)
        if finding is not None:
            assert (type(finding.subject), type(finding.what)) == (Sentence, Sentence), finding
            outcomes.remove(outcome)
            outcomes.insert(0, outcome)
            return True
    return False


def dues_outcome(urls: Urls, given: Evidence) -> Results:
    assert given.front is not None
    return against_files(given.front, files_of(urls), KEYED_DIGEST, lambda _what, _rows: None)


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Urls:
    """The same days, of which the front has forgotten the first."""
    folder = tmp_path_factory.mktemp("forgetful")
    made = Urls(*(f"sqlite:///{folder / name}.db" for name in Urls._fields))
    build(made, retired=True)
    return made


on_sqlite = pytest.mark.parametrize("urls", ["sqlite"], indirect=True)


@on_sqlite
def test_nothing_is_found_before_anything_is_altered(urls: Urls) -> None:
    assert [
        result for outcome in sound(urls) for result in outcome.results if isinstance(result, Failing)
    ] == []


@on_sqlite
@pytest.mark.parametrize(
    ("side", "table"), list(tables()), ids=lambda one: one if isinstance(one, str) else one.name
)
def test_every_alteration_of_every_column_is_noticed_or_said_not_to_be(
    urls: Urls, side: str, table: Table, request: pytest.FixtureRequest
) -> None:
    if table.name == "retired":
        urls = request.getfixturevalue("forgetful")
    unnoticed: dict[tuple[str, str, str], list[Alteration]] = {}
    count, outcomes = 0, list(sound(urls))
    with evidence(urls) as given:
        digests = {keep(given).digest}
        for one in altered(given, side, table):
            count += 1
            if not is_noticed(given, outcomes, one):
                unnoticed.setdefault((side, table.name, one.column.name), []).append(one)
                digest = keep(given).digest
                assert digest not in digests, one
                digests.add(digest)
    listed = {entry for entry in CANNOT if entry[:2] == (side, table.name)}
    assert {
        entry: list(map(str, alterations)) for entry, alterations in unnoticed.items() if entry not in listed
    } == {}
    assert listed == set(unnoticed), "what is noticed after all does not belong in the list"
    for entry, alterations in unnoticed.items():
        if CANNOT[entry] == LAST:
            assert {alteration.row for alteration in alterations} == {alterations[0].rows}
    assert count >= len(table.c)
