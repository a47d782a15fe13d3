"""Invariant 9, the entries: every advice is in the books or is a break, and no bank's date is left out.

Whether each line of a bank's file is accounted for, `office.audit.lines` checks.
"""

from __future__ import annotations

from sqlalchemy import and_, exists, func, not_, or_, select

from office.audit.bank_dates import closed_without_file
from office.audit.evidence import POSTED, Checked, Evidence, Failing, Results, count_of
from office.audit.subjects import OFFICE_SIDE, bank_on, break_named, entry_at
from office.database.schema import breaks, days, entries, reconciliations
from qianzhi_errors.sentence import Sentence


def exception_advices(evidence: Evidence) -> Results:
    """Invariant 9: an advice that did not fit the book has a break once its date is reconciled, and no other
    entry has a break of this class.
    """
    row, reconciled = breaks.c, reconciliations.c
    is_reconciled = exists().where(
        reconciled.bank == entries.c.bank, reconciled.date == entries.c.business_date
    )
    has_break = exists().where(
        row["class"] == "exception_advice",
        row.key == entries.c.key,
        row.bank == entries.c.bank,
        row.date == entries.c.business_date,
    )
    query = select(entries.c.chain, entries.c.position).where(entries.c.exception_code != "", is_reconciled)
    for chain, position in evidence.office.execute(query.where(not_(has_break))):
        yield Failing(
            9,
            entry_at(OFFICE_SIDE, chain, position),
            Sentence("did not fit the book, and is in no break"),
        )
    # A later date has such a break too, if it changed what two people had decided on.
    has_advice = exists().where(
        entries.c.key == row.key,
        entries.c.bank == row.bank,
        entries.c.business_date <= row.date,
        entries.c.exception_code != "",
    )
    for (name,) in evidence.office.execute(
        select(row["break"]).where(row["class"] == "exception_advice", not_(has_advice))
    ):
        yield Failing(
            9,
            break_named(name),
            Sentence("is of an entry that did fit the book, or is not there"),
        )
    count = count_of(evidence.office, query.with_only_columns(func.count()))
    yield Checked(9, "advices that did not fit the book, on reconciled dates", count)


def advices(evidence: Evidence) -> Results:
    """Invariant 9: every approved advice took effect or is marked as an exception advice. A reversal is
    excepted: it may have found nothing left to reverse.
    """
    is_advice = or_(entries.c.mti.like("022_"), entries.c.mti.like("042_"))
    approved = and_(is_advice, entries.c.response == "00")
    without_effect = and_(
        entries.c.sequence.is_(None), entries.c.exception_code == "", entries.c.kind != "reversal"
    )
    query = select(entries.c.chain, entries.c.position).where(approved)
    for chain, position in evidence.office.execute(query.where(without_effect)):
        yield Failing(
            9,
            entry_at(OFFICE_SIDE, chain, position),
            Sentence("is an advice that took no effect, and is not marked as one that did not fit the book"),
        )
    count = count_of(evidence.office, query.with_only_columns(func.count()))
    yield Checked(9, "advices accepted", count)


def all_banks(evidence: Evidence) -> Results:
    """Invariant 9: a posted day has a reconciliation of every bank that has entries in effect on it, or two
    people closed the date without that bank's file.
    """
    entry = entries.c
    query = (
        select(entry.bank, entry.business_date, func.count())
        .join(days, days.c.date == entry.business_date)
        .where(days.c.state.in_(POSTED), entry.sequence.is_not(None))
        .group_by(entry.bank, entry.business_date)
    )
    made = {
        (row[0], row[1])
        for row in evidence.office.execute(select(reconciliations.c.bank, reconciliations.c.date))
    } | closed_without_file(evidence.office)
    total = 0
    for bank, date, count in evidence.office.execute(query).all():
        total += 1
        if (bank, date) not in made:
            yield Failing(
                9,
                bank_on(bank, date),
                Sentence("has {count} effects, and the day is posted without them", count=count),
            )
    yield Checked(9, "banks' dates that are posted", total)
