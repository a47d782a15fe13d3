"""Invariants 6 and 7: what is posted is what the journal, the banks' files and the breaks come to, and every
posting balances.

Each leg that a day must have is worked out here from those rows; nothing of what built the postings is used.
Legs are fen, debit positive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, not_, or_, select

from office.audit.evidence import POSTED, Accounts, Checked, Evidence, Failing, Outcome, count_of
from office.audit.totals import NO_LINES, BankDay, Sum, our_sums, their_sums
from office.schema import accounts, breaks, days, legs, postings, products, reconciliations

_WAITING: Final = ("suspense", "proposed", "approved")
"""The states of a break that is posted to suspense and not settled."""

Legs = Mapping[str, int]
"""By account, in fen."""


class _Sums(NamedTuple):
    """Sums of breaks' differences, in fen: those above 0 and those below."""

    long: int
    short: int


_NOTHING: Final = _Sums(0, 0)


def reconciled_sums(evidence: Evidence) -> Outcome:
    """Invariant 6: what reconciliation wrote down of either side is what that side's own rows come to, and
    the breaks explain the difference.
    """
    connection = evidence.office
    ours, theirs = our_sums(connection), their_sums(connection)
    by_day: dict[BankDay, Sum] = defaultdict(lambda: NO_LINES)
    for (bank, date, _), one in ours.items():
        so_far = by_day[bank, date]
        by_day[bank, date] = Sum(so_far.lines + one.lines, so_far.effect + one.effect)
    opened, closed = _opened(connection), _closed(connection)
    names = ("bank", "date", "ours", "ours_effect", "theirs", "theirs_effect")
    rows = connection.execute(select(*(reconciliations.c[name] for name in names))).all()
    for bank, date, *stated in rows:
        subject = f"reconciliation of {bank} on {date}"
        found = [*by_day[bank, date], *theirs[bank, date]]
        if stated != found:
            yield Failing(6, subject, f"lines and effects are stated as {stated}, and come to {found}")
        explained = sum(opened.get((bank, date), _NOTHING)) - sum(closed.get((bank, date), _NOTHING))
        if found[3] - found[1] != explained:
            what = f"the sides differ by {found[3] - found[1]} fen, the breaks explain {explained}"
            yield Failing(6, subject, what)
    yield Checked(6, "reconciliations, both sides added up", len(rows))
    yield from _product_sums(connection, ours, {(row[0], row[1]) for row in rows})


def _product_sums(
    connection: Connection, ours: Mapping[tuple[str, str, str], Sum], reconciled: set[BankDay]
) -> Outcome:
    rows = connection.execute(select(products)).all()
    stated = {(row.bank, row.date, row.code): Sum(row.lines, row.effect) for row in rows}
    made = {place: one for place, one in ours.items() if (place[0], place[1]) in reconciled}
    for place in sorted(stated.keys() | made.keys()):
        found, kept = made.get(place, NO_LINES), stated.get(place, NO_LINES)
        if found != kept:
            subject = "products of {} on {}, code {}".format(*place)
            yield Failing(6, subject, f"stated as {[*kept]}, the journal comes to {[*found]}")
    yield Checked(6, "sums of our side by processing code", len(rows))


def day_postings(evidence: Evidence) -> Outcome:
    """Invariant 6: a posted day is in the books as the journal, the bank's file and its breaks have it, and
    a day that is not posted is not there.
    """
    connection = evidence.office
    wanted = _wanted(evidence)
    made = _posted(connection)
    for bank, date in sorted(wanted.keys() | made.keys()):
        expected: Legs = wanted.get((bank, date), {})
        found: Legs = made.get((bank, date), {})
        for account in sorted(expected.keys() | found.keys()):
            there, due = found.get(account, 0), expected.get(account, 0)
            if there != due:
                what = f"account {account} has {there} fen, the rows come to {due}"
                yield Failing(6, f"posting {date}/{bank}/day", what)
    yield Checked(6, "postings of a bank's day", len(made))


def _wanted(evidence: Evidence) -> dict[BankDay, Legs]:
    """What each reconciled bank's posted date must have put on each account."""
    connection, chart = evidence.office, evidence.accounts
    query = select(reconciliations.c.bank, reconciliations.c.date).join(
        days, days.c.date == reconciliations.c.date
    )
    wanted: dict[BankDay, Counter[str]] = {
        (bank, date): Counter() for bank, date in connection.execute(query.where(days.c.state.in_(POSTED)))
    }
    theirs, opened, closed = their_sums(connection), _opened(connection), _closed(connection)
    for (bank, date, code), one in our_sums(connection).items():
        if (bank, date) in wanted:
            wanted[bank, date][chart.products.get(code, f"of code {code}")] -= one.effect
    for day, made in wanted.items():
        made[chart.clearing] += theirs[day].effect
        new, old = opened.get(day, _NOTHING), closed.get(day, _NOTHING)
        made[chart.long] += old.long - new.long
        made[chart.short] += old.short - new.short
    return dict(wanted)


def _posted(connection: Connection) -> dict[BankDay, Counter[str]]:
    """What the day's postings put on each account."""
    query = (
        select(postings.c.bank, postings.c.date, legs.c.account, func.sum(legs.c.amount))
        .join(legs, legs.c.posting == postings.c.posting)
        .where(_is_day())
        .group_by(postings.c.bank, postings.c.date, legs.c.account)
    )
    made: dict[BankDay, Counter[str]] = defaultdict(Counter)
    for bank, date, account, amount in connection.execute(query):
        made[bank, date][account] += int(amount)
    return made


def _is_day() -> ColumnElement[bool]:
    return postings.c.posting.endswith("/day")


def _opened(connection: Connection) -> dict[BankDay, _Sums]:
    """What the breaks of each bank's date come to."""
    return _sums_of(connection, breaks.c.date, breaks.c["break"] != "")


def _closed(connection: Connection) -> dict[BankDay, _Sums]:
    """What the earlier breaks come to that a line of each bank's date closed without anybody deciding."""
    matched = and_(breaks.c.state == "closed", breaks.c.resolution == "")
    return _sums_of(connection, breaks.c.settled_on, matched)


def _sums_of(
    connection: Connection, date: ColumnElement[str], condition: ColumnElement[bool]
) -> dict[BankDay, _Sums]:
    difference = breaks.c.difference
    long = func.sum(case((difference > 0, difference), else_=0))
    short = func.sum(case((difference < 0, difference), else_=0))
    query = select(breaks.c.bank, date, long, short).where(condition).group_by(breaks.c.bank, date)
    return {(row[0], row[1]): _Sums(int(row[2]), int(row[3])) for row in connection.execute(query)}


def suspense(evidence: Evidence) -> Outcome:
    """Invariant 6: by bank and sign, the suspense accounts hold the breaks that are not settled, and nothing
    else.
    """
    connection, chart = evidence.office, evidence.accounts
    unsettled = _in_suspense()
    held = _sums_of(connection, breaks.c.bank, unsettled)
    query = (
        select(legs.c.bank, legs.c.account, func.sum(legs.c.amount))
        .where(legs.c.account.in_((chart.long, chart.short)))
        .group_by(legs.c.bank, legs.c.account)
    )
    balance: Counter[tuple[str, str]] = Counter()
    for bank, account, amount in connection.execute(query):
        balance[bank, account] = -int(amount)
    waiting = {bank: sums for (bank, _), sums in held.items()}
    for bank in sorted(waiting.keys() | {bank for bank, _ in balance}):
        sums = waiting.get(bank, _NOTHING)
        for account, difference in ((chart.long, sums.long), (chart.short, sums.short)):
            if balance[bank, account] != difference:
                what = f"account {account} holds {balance[bank, account]} fen, the breaks {difference}"
                yield Failing(6, f"suspense of {bank}", what)
    total = count_of(connection, select(func.count()).select_from(breaks).where(unsettled))
    yield Checked(6, "breaks that lie in suspense", total)


def _in_suspense() -> ColumnElement[bool]:
    """Whether a break's difference still lies in suspense. One that a line of a later date has closed does
    until that date is posted.
    """
    matched = and_(breaks.c.state == "closed", breaks.c.resolution == "")
    is_posted = exists().where(days.c.date == breaks.c.settled_on, days.c.state.in_(POSTED))
    return or_(breaks.c.state.in_(_WAITING), and_(matched, not_(is_posted)))


def resolutions(evidence: Evidence) -> Outcome:
    """Invariant 6: each break that two people have settled is taken out of suspense once, whole, on the date
    that it says; and no other is.
    """
    connection, chart = evidence.office, evidence.accounts
    settled = and_(
        breaks.c.resolution != "", breaks.c.state.in_(("posted", "closed")), breaks.c.difference != 0
    )
    name = breaks.c.settled_on + "/" + breaks.c.bank + "/" + breaks.c["break"]
    query = select(name, breaks.c.difference).where(settled)
    wanted = {posting: int(difference) for posting, difference in connection.execute(query)}
    made = _taken_out(connection, chart)
    for posting in sorted(wanted.keys() | made.keys()):
        difference = wanted.get(posting, 0)
        account = chart.long if difference > 0 else chart.short
        if made.get(posting, {}) != ({account: difference} if difference else {}):
            what = f"does not take {difference} fen, and nothing else, out of suspense"
            yield Failing(6, f"posting {posting}", what)
    yield Checked(6, "breaks that two people have settled", len(wanted))


def _taken_out(connection: Connection, chart: Accounts) -> dict[str, Legs]:
    """What postings other than the days' move on the suspense accounts."""
    query = (
        select(postings.c.posting, legs.c.account, func.sum(legs.c.amount))
        .join(legs, legs.c.posting == postings.c.posting)
        .where(not_(_is_day()), legs.c.account.in_((chart.long, chart.short)))
        .group_by(postings.c.posting, legs.c.account)
    )
    made: dict[str, Counter[str]] = defaultdict(Counter)
    for posting, account, amount in connection.execute(query):
        made[posting][account] = int(amount)
    return dict(made)


def balance(evidence: Evidence) -> Outcome:
    """Invariant 7: every posting adds up to zero by currency and has the legs that it says, and so do all
    together.
    """
    connection = evidence.office
    sums = select(legs.c.posting, legs.c.currency, func.sum(legs.c.amount)).group_by(
        legs.c.posting, legs.c.currency
    )
    for posting, currency, off in connection.execute(sums.having(func.sum(legs.c.amount) != 0)):
        yield Failing(7, f"posting {posting}", f"is out by {int(off)} fen in currency {currency}")
    counted = (
        select(postings.c.posting, postings.c.legs, func.count(legs.c.number), func.max(legs.c.number))
        .outerjoin(legs, legs.c.posting == postings.c.posting)
        .group_by(postings.c.posting, postings.c.legs)
    )
    total = 0
    for posting, stated, count, last in connection.execute(counted):
        total += 1
        if not stated == count == last:
            yield Failing(7, f"posting {posting}", f"has {count} legs, and says {stated}")
    yield Checked(7, "postings", total)
    turnover = select(legs.c.currency, func.sum(legs.c.amount), func.count()).group_by(legs.c.currency)
    for currency, off, count in connection.execute(turnover):
        if off:
            yield Failing(7, f"trial balance in {currency}", f"is out by {int(off)} fen")
        yield Checked(7, f"legs in currency {currency}, over all accounts", count)


def postings_named(evidence: Evidence) -> Outcome:
    """Invariant 7: a posting's name says its date and bank, so that it can be there only once; each is of a
    posted day; no leg is without its posting or its account, nor on another bank's balance.
    """
    connection = evidence.office
    prefix = postings.c.date + "/" + postings.c.bank + "/"
    of_break = exists().where(postings.c.posting == prefix + breaks.c["break"])
    misnamed = not_(or_(postings.c.posting == prefix + "day", of_break))
    for (posting,) in connection.execute(select(postings.c.posting).where(misnamed)):
        yield Failing(7, f"posting {posting}", "its name is not that of its date, bank and purpose")
    posted_day = exists().where(days.c.date == postings.c.date, days.c.state.in_(POSTED))
    for (posting,) in connection.execute(select(postings.c.posting).where(not_(posted_day))):
        yield Failing(7, f"posting {posting}", "is of a day that is not posted")
    chart = evidence.accounts
    kept_by_bank = legs.c.account.in_((chart.clearing, chart.long, chart.short))
    stray = or_(
        postings.c.posting.is_(None),
        accounts.c.account.is_(None),
        and_(kept_by_bank, legs.c.bank != postings.c.bank),
    )
    source = legs.outerjoin(postings, postings.c.posting == legs.c.posting).outerjoin(
        accounts, accounts.c.account == legs.c.account
    )
    query = select(legs.c.posting, legs.c.number).select_from(source).where(stray)
    for posting, number in connection.execute(query):
        yield Failing(7, f"leg {posting}, {number}", "belongs to no posting, no account or another bank")
    yield Checked(7, "legs", count_of(connection, select(func.count()).select_from(legs)))
