"""Takes what has not arrived, or arrived in excess, into a break: a person's word that no more is awaited.

A bank's money for a business date may come in parts and late, so no rule ends the waiting; a person does. The
difference goes from clearing into suspense, as a break of class `arrival_differs`, and two people decide how
it ends, as with every other break. The amount is computed here and by the database, never given.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from ledger.rules.break_classes import BreakClass
from office.accounting.books import Leg, Posting, post
from office.accounting.break_reasons import ARRIVAL
from office.accounting.break_states import Break
from office.accounting.breaks import find, open_arrival_break
from office.accounting.chart import Chart
from office.accounting.finding import Finding
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.proofs import arrival_note, posted_note
from office.database.schema import posted_dates
from office.errors import StatementRefused
from office.statements.load import POST, Arrival, arrivals
from qianzhi_errors.sentence import Sentence

SETTLE: Final = "settle"
"""The act in the audit log."""
PURPOSE: Final = "arrival-"
"""The purpose in the name of the posting that takes a break in, before the break's name."""


def settle_arrival(
    connection: Connection, chart: Chart, bank: str, date: str, owner: str, at: int, by: str
) -> Break:
    """Open the break of what was expected and what came for a bank's business date (empty: of the lines that
    name none), post it into suspense on the last date that the bank was posted in time, and return it.

    `at` is microseconds since 1970-01-01 UTC, `by` the person. Raises StatementRefused if nothing differs.
    """
    arrival = next((row for row in arrivals(connection, bank) if row.date == date), None)
    posted = posted_dates.c
    in_time = posted.date == posted.posted_on
    on = connection.scalar(select(func.max(posted.date)).where(posted.bank == bank, in_time))
    if arrival is None or on is None:
        raise StatementRefused(
            Sentence("nothing differs for {bank} on {date}", bank=bank, date=date or Sentence("no date"))
        )
    at = moment_of(connection, at)
    name = open_arrival_break(connection, bank, on, _finding(arrival, owner), at)
    post(connection, [arrival_posting(chart, find(connection, name), on)], at)
    write_record(connection, at, by, SETTLE, name, arrival_note(connection, name))
    note = posted_note(connection, bank, on, at, f"{name} into suspense")
    write_record(connection, at, MACHINE, POST, f"{bank} {on}", note)
    return find(connection, name)


def arrival_posting(chart: Chart, row: Break, date: str) -> Posting:
    """The posting `<date>/<bank>/arrival-<break>`: the difference from clearing into suspense."""
    legs = (
        Leg(chart.clearing, row.bank, chart.currency, row.difference),
        Leg(chart.suspense(row.difference), row.bank, chart.currency, -row.difference),
    )
    words = "到账差额挂账 arrival difference into suspense"
    return Posting(f"{date}/{row.bank}/{PURPOSE}{row.name}", date, row.bank, words, legs)


def _finding(arrival: Arrival, owner: str) -> Finding:
    """The difference as a finding. Its whole is withheld: neither side of a reconciliation has it."""
    reason = ARRIVAL.format(
        arrived=arrival.arrived,
        date=arrival.date or "no date",
        expected=arrival.expected,
        in_breaks=arrival.in_breaks,
    )
    return Finding(
        cls=BreakClass.ARRIVAL_DIFFERS,
        key=arrival.date,
        line=0,
        direction="C" if arrival.difference > 0 else "P",
        code="",
        policy="",
        due="",
        ours_effect=0,
        theirs_effect=0,
        reason=reason,
        withheld=arrival.difference,
        owner=owner,
    )
