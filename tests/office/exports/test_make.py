"""An export is made once, repeated to the same bytes, and has each row of the books that it must, once."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from sqlalchemy import Connection, and_, insert, select, text
from sqlalchemy.exc import DBAPIError

from office.audit.evidence import Checked, Evidence, Failing
from office.audit.exported import exported
from office.database.schema import break_events, entries, exports, legs, postings, reconciliations
from office.errors import ExportRefused
from office.exports.lines import BreakLine, DueLine, VoucherLine
from office.exports.make import make_export, repeat_export, waiting_dates
from office.exports.read import lines_of, read_exports
from office.exports.write import MANIFEST
from tests.support.audit_books import loosen
from tests.support.core_system import Folder, nowhere


def found(given: Evidence) -> list[str]:
    return [f"{one.subject} {one.what}" for one in exported(given) if isinstance(one, Failing)]


def test_an_export_is_repeated_to_the_same_bytes_also_when_the_books_have_gone_on(
    connection: Connection,
) -> None:
    for made in read_exports(connection):
        first, second = Folder(), Folder()
        assert repeat_export(connection, made.date, first.open) == made
        repeat_export(connection, made.date, second.open)
        assert first.files == second.files
        assert json.loads(first.files[MANIFEST])["date"] == made.date


def test_the_dues_are_the_effects_of_the_date_and_come_to_what_was_reconciled(connection: Connection) -> None:
    for made in read_exports(connection):
        lines = [line for line in lines_of(connection, made, "dues.csv") if isinstance(line, DueLine)]
        assert [line.line for line in lines] == list(range(1, len(lines) + 1))
        entry = entries.c
        query = select(entry.key).where(entry.business_date == made.date, entry.sequence.is_not(None))
        assert {line.key for line in lines} == set(connection.scalars(query))
        sums: Counter[str] = Counter()
        for line in lines:
            sums[line.bank] += line.effect_fen
        ours = select(reconciliations.c.bank, reconciliations.c.ours_effect).where(
            reconciliations.c.date == made.date
        )
        assert sums == Counter(dict(map(tuple, connection.execute(ours))))
        assert {line.outcome for line in lines} == {"settled", "reversed", "unfit"}


def test_what_takes_back_names_the_transaction_and_its_due(connection: Connection) -> None:
    for made in read_exports(connection):
        lines = [line for line in lines_of(connection, made, "dues.csv") if isinstance(line, DueLine)]
        of_key = {line.key: line for line in lines}
        taken_back = [line for line in lines if line.outcome == "reversed" and line.original in of_key]
        assert taken_back
        for line in taken_back:
            first = of_key[line.original]
            assert (line.policy, line.due, line.code) == (first.policy, first.due, first.code)
            assert line.effect_fen == -first.effect_fen


def test_each_posting_and_each_step_of_a_break_is_in_one_export_at_most(connection: Connection) -> None:
    made = read_exports(connection)
    last = made[-1].exported_at
    lines = [line for one in made for line in lines_of(connection, one, "vouchers.csv")]
    vouchers = [line for line in lines if isinstance(line, VoucherLine)]
    names = select(postings.c.posting, legs.c.number).join(legs, legs.c.posting == postings.c.posting)
    by_then = and_(postings.c.posted_at <= last, postings.c.date <= made[-1].date)
    wanted = connection.execute(names.where(by_then)).all()
    assert len(vouchers) == len(wanted)
    assert {line.posting for line in vouchers} == {row.posting for row in wanted}
    assert sum(line.debit_fen - line.credit_fen for line in vouchers) == 0
    assert connection.scalars(select(postings.c.posting).where(postings.c.posted_at > last)).all()
    numbers = list(dict.fromkeys(line.voucher for line in vouchers if line.voucher.startswith(made[0].date)))
    assert numbers == [f"{made[0].date}-{number:04d}" for number in range(1, len(numbers) + 1)]


def test_a_break_is_in_the_state_that_it_had_when_the_export_was_made(connection: Connection) -> None:
    for made in read_exports(connection):
        lines = [line for line in lines_of(connection, made, "breaks.csv") if isinstance(line, BreakLine)]
        assert lines
        event = break_events.c
        for line in lines:
            then = select(event.to_state).where(
                event["break"] == line.break_name, event.at <= made.exported_at
            )
            assert connection.scalars(then.order_by(event.number)).all()[-1] == line.state
            assert line.difference_fen == line.theirs_fen - line.ours_fen + line.withheld_fen
            assert bool(line.proposed_by) == (line.state == "proposed" or bool(line.approved_by))


def test_a_date_is_exported_once_and_none_before_it_is_posted(connection: Connection) -> None:
    *_, last = read_exports(connection)
    assert waiting_dates(connection) == ()
    with pytest.raises(ExportRefused, match=f"{last.date} was exported before"):
        make_export(connection, last.date, 10**15, "li", nowhere)
    third = connection.scalar(text("SELECT max(date) FROM days"))
    with pytest.raises(ExportRefused, match=f"{third} is closed: only what is posted is exported"):
        make_export(connection, third, 10**15, "li", nowhere)
    with pytest.raises(ExportRefused, match="is not closed, or was not pulled yet"):
        make_export(connection, "20991231", 10**15, "li", nowhere)
    with pytest.raises(ExportRefused, match="20991231 was not exported"):
        repeat_export(connection, "20991231", nowhere)


def test_dates_are_exported_in_their_order(connection: Connection) -> None:
    first, second = read_exports(connection)
    for table in ("export_refusals", "export_answers", "export_files", "exports"):
        loosen(connection, table)
        connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - a name of this test
    with pytest.raises(ExportRefused, match=f"{first.date} comes first"):
        make_export(connection, second.date, 10**15, "li", nowhere)


@pytest.mark.parametrize("date", ["the next", "the last"])
def test_the_database_refuses_an_export_that_is_not_the_next(connection: Connection, date: str) -> None:
    third = connection.scalar(text("SELECT max(date) FROM days"))
    row = {"date": third if date == "the next" else "20991231", "number": 3, "chart": 1, "manifest": "x"}
    with pytest.raises(DBAPIError, match="not the next posted date to be exported"):
        connection.execute(insert(exports).values(**row, exported_at=10**15))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("UPDATE postings SET description = 'x'", "vouchers.csv"),
        ("UPDATE entries SET policy = 'x' WHERE sequence = 1", "dues.csv"),
        ("UPDATE breaks SET policy = 'x'", "breaks.csv"),
    ],
)
def test_a_repeat_of_changed_books_is_refused_and_the_audit_finds_it(
    given: Evidence, statement: str, file: str
) -> None:
    assert found(given) == []
    loosen(given.office, statement.split()[1])
    given.office.execute(text(statement))
    date = read_exports(given.office)[0].date
    with pytest.raises(ExportRefused, match=f"{date} is not as it was exported: {file}"):
        repeat_export(given.office, date, nowhere)
    assert any(f"export of {date}, {file} the books come to other lines" in line for line in found(given))


def test_the_audit_counts_the_exports_and_answers_that_it_held_against_the_books(given: Evidence) -> None:
    counts = {one.what: one.count for one in exported(given) if isinstance(one, Checked)}
    assert counts == {
        "exports, made again line by line": 2,
        "answers to exports, held against the audit log": 2,
    }
