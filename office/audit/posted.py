"""Invariants 6 and 7: what is posted is what the journal, the banks' files and the breaks come to, and every
posting balances.

Each leg that a day must have is worked out here from those rows; nothing of what built the postings is used.
Legs are fen, debit positive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, not_, or_, select

from office.audit.audit_records import office_records
from office.audit.chart import Chart, Charts, charts_of
from office.audit.evidence import POSTED, Checked, Evidence, Failing, Outcome, count_of, stream
from office.audit.totals import NO_LINES, BankDay, Sum, our_sums, their_sums
from office.database.schema import accounts, breaks, days, legs, postings, products, reconciliations

_LAST_RECORD: Final = 2**63
"""A number that no act reaches: the chart in force at it is the last one."""
_WAITING: Final = ("suspense", "proposed", "approved")
"""The states of a break that is posted to suspense and not settled."""

Place = tuple[str, str]
"""An account, and the bank that a leg on it names."""
Legs = Mapping[Place, int]
"""What a posting moves by account and bank, in fen."""


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
    between = breaks.c.theirs_effect - breaks.c.ours_effect
    opened = _by_day(connection, breaks.c.date, between, breaks.c["break"] != "")
    closed = _by_day(connection, breaks.c.settled_on, between, _was_matched())
    names = ("bank", "date", "ours", "ours_effect", "theirs", "theirs_effect")
    rows = connection.execute(select(*(reconciliations.c[name] for name in names))).all()
    for bank, date, *stated in rows:
        subject = f"reconciliation of {bank} on {date}"
        found = [*by_day[bank, date], *theirs[bank, date]]
        if stated != found:
            yield Failing(6, subject, f"lines and effects are stated as {stated}, and come to {found}")
        explained = opened.get((bank, date), 0) - closed.get((bank, date), 0)
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
    wanted = _wanted(evidence)
    made = _posted(evidence.office)
    for bank, date in sorted(wanted.keys() | made.keys()):
        expected: Legs = wanted.get((bank, date), {})
        found: Legs = made.get((bank, date), {})
        for place in sorted(expected.keys() | found.keys()):
            there, due = found.get(place, 0), expected.get(place, 0)
            if there != due:
                what = f"account {' of '.join(filter(None, place))} has {there} fen, the rows come to {due}"
                yield Failing(6, f"posting {date}/{bank}/day", what)
    yield Checked(6, "postings of a bank's day", len(made))


def _wanted(evidence: Evidence) -> dict[BankDay, Legs]:
    """What each reconciled bank's posted date must have put on each account, by the chart that held then."""
    connection, charts = evidence.office, _ChartsByDate(evidence)
    query = select(reconciliations.c.bank, reconciliations.c.date).join(
        days, days.c.date == reconciliations.c.date
    )
    wanted: dict[BankDay, Counter[Place]] = {
        (bank, date): Counter() for bank, date in connection.execute(query.where(days.c.state.in_(POSTED)))
    }
    theirs, opened, closed = their_sums(connection), _opened(connection), _closed(connection)
    for (bank, date, code), one in our_sums(connection).items():
        if (bank, date) in wanted:
            chart = charts.of_day(date)
            account = chart.at(f"product {code}")
            wanted[bank, date][account, chart.bank_of(account, bank)] -= one.effect
    for (bank, date, code), amount in _withheld(connection).items():
        if (bank, date) in wanted:
            chart = charts.of_day(date)
            account = chart.at(f"product {code}")
            wanted[bank, date][account, chart.bank_of(account, bank)] += amount
    for (bank, date), made in wanted.items():
        chart = charts.of_day(date)
        made[chart.at("clearing"), bank] += theirs[bank, date].effect
        new, old = opened.get((bank, date), _NOTHING), closed.get((bank, date), _NOTHING)
        made[chart.at("long"), bank] += old.long - new.long
        made[chart.at("short"), bank] += old.short - new.short
    return dict(wanted)


class _ChartsByDate:
    """The chart that held when a day was posted, or a break at some moment on a date."""

    def __init__(self, evidence: Evidence) -> None:
        self._charts: Charts = charts_of(evidence)
        self._days: dict[str, int] = {}
        self._moments: dict[tuple[str, int], int] = {}
        for one in office_records(evidence):
            if one.act == "post" and one.subject:
                self._days.setdefault(one.subject, one.number)
                self._moments[one.subject, one.at] = one.number

    def of_day(self, date: str) -> Chart:
        return self._charts.in_force(self._days.get(date, _LAST_RECORD))

    def of_moment(self, date: str, at: int) -> Chart:
        return self._charts.in_force(self._moments.get((date, at), _LAST_RECORD))


def _posted(connection: Connection) -> dict[BankDay, Counter[Place]]:
    """What the day's postings put on each account."""
    place = postings.c.bank, postings.c.date, legs.c.account, legs.c.bank
    query = (
        select(*place, func.sum(legs.c.amount))
        .join(legs, legs.c.posting == postings.c.posting)
        .where(_is_day())
        .group_by(*place)
    )
    made: dict[BankDay, Counter[Place]] = defaultdict(Counter)
    for bank, date, account, of_bank, amount in connection.execute(query):
        made[bank, date][account, of_bank] += int(amount)
    return made


def _is_day() -> ColumnElement[bool]:
    return postings.c.posting.endswith("/day")


def _opened(connection: Connection) -> dict[BankDay, _Sums]:
    """What the breaks of each bank's date come to."""
    return _sums_of(connection, breaks.c.date, breaks.c["break"] != "")


def _closed(connection: Connection) -> dict[BankDay, _Sums]:
    """What the earlier breaks come to that a line of each bank's date closed without anybody deciding."""
    return _sums_of(connection, breaks.c.settled_on, _was_matched())


def _withheld(connection: Connection) -> Counter[tuple[str, str, str]]:
    """What the breaks of each bank's date keep from the account of each processing code, less what earlier
    ones had kept that a line of the date closed: no account ever took that.
    """
    sums: Counter[tuple[str, str, str]] = Counter()
    opened = breaks.c.date, breaks.c["break"] != "", 1
    for date, condition, sign in (opened, (breaks.c.settled_on, _was_matched(), -1)):
        query = select(breaks.c.bank, date, breaks.c.code, func.sum(breaks.c.withheld))
        query = query.where(condition, breaks.c.withheld != 0)
        for bank, day, code, amount in connection.execute(query.group_by(breaks.c.bank, date, breaks.c.code)):
            sums[bank, day, code] += sign * int(amount)
    return sums


def _was_matched() -> ColumnElement[bool]:
    """Whether a break was closed by a line of a later date, without anybody deciding."""
    return and_(breaks.c.state == "closed", breaks.c.resolution == "")


def _by_day(
    connection: Connection,
    date: ColumnElement[str],
    amount: ColumnElement[int],
    condition: ColumnElement[bool],
) -> dict[BankDay, int]:
    query = select(breaks.c.bank, date, func.sum(amount)).where(condition).group_by(breaks.c.bank, date)
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}


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
    connection, chart = evidence.office, Chart(evidence.stated.chart)
    unsettled = _in_suspense()
    held = _sums_of(connection, breaks.c.bank, unsettled)
    query = (
        select(legs.c.bank, legs.c.account, func.sum(legs.c.amount))
        .where(legs.c.account.in_((chart.at("long"), chart.at("short"))))
        .group_by(legs.c.bank, legs.c.account)
    )
    balance: Counter[tuple[str, str]] = Counter()
    for bank, account, amount in connection.execute(query):
        balance[bank, account] = -int(amount)
    waiting = {bank: sums for (bank, _), sums in held.items()}
    for bank in sorted(waiting.keys() | {bank for bank, _ in balance}):
        sums = waiting.get(bank, _NOTHING)
        for account, difference in ((chart.at("long"), sums.long), (chart.at("short"), sums.short)):
            if balance[bank, account] != difference:
                what = f"account {account} holds {balance[bank, account]} fen, the breaks {difference}"
                yield Failing(6, f"suspense of {bank}", what)
    total = count_of(connection, select(func.count()).select_from(breaks).where(unsettled))
    yield Checked(6, "breaks that lie in suspense", total)


def _in_suspense() -> ColumnElement[bool]:
    """Whether a break's difference still lies in suspense. One that a line of a later date has closed does
    until that date is posted.
    """
    is_posted = exists().where(days.c.date == breaks.c.settled_on, days.c.state.in_(POSTED))
    return or_(breaks.c.state.in_(_WAITING), and_(_was_matched(), not_(is_posted)))


def resolutions(evidence: Evidence) -> Outcome:
    """Invariant 6: each break that two people have settled is posted once, whole, on the date that it says:
    two legs, out of suspense and to the account that the chart of then gives for its resolution and
    processing code. No other break is, and nothing else is posted.
    """
    charts = _ChartsByDate(evidence)
    wanted = dict(_settled(evidence.office))
    made = _other_postings(evidence.office)
    for posting in sorted(wanted.keys() | made.keys()):
        one, (at, found) = wanted.get(posting), made.get(posting, (0, ()))
        if one is None:
            yield Failing(6, f"posting {posting}", "no break that two people have settled explains it")
        elif found != _two_legs(one, charts.of_moment(one.settled_on, at)):
            what = f"does not take {one.difference} fen from suspense to the account of {one.resolution}"
            yield Failing(6, f"posting {posting}", what)
    yield Checked(6, "breaks that two people have settled", len(wanted))
    yield Checked(6, "postings that are no day's", len(made))


class _Settled(NamedTuple):
    """A break that two people have settled: `difference` in fen."""

    bank: str
    cls: str
    code: str
    bank_code: str
    resolution: str
    settled_on: str
    difference: int


_Leg = tuple[str, str, str, int]
"""Account, bank, currency, fen."""


def _settled(connection: Connection) -> Iterator[tuple[str, _Settled]]:
    """The breaks with money that are settled by a decision, each by the name of its posting."""
    settled = and_(
        breaks.c.resolution != "", breaks.c.state.in_(("posted", "closed")), breaks.c.difference != 0
    )
    name = breaks.c.settled_on + "/" + breaks.c.bank + "/" + breaks.c["break"]
    names = ("bank", "class", "code", "bank_code", "resolution", "settled_on", "difference")
    query = select(name, *(breaks.c[one] for one in names)).where(settled)
    for posting, *row in stream(connection, query):
        yield posting, _Settled._make(row)


def _two_legs(one: _Settled, chart: Chart) -> tuple[_Leg, ...]:
    codes = one.code, one.bank_code
    counter = chart.counter(one.resolution, one.cls, codes, one.difference)
    currency = chart.at("currency")
    return (
        (chart.suspense(one.difference), one.bank, currency, one.difference),
        (counter, chart.bank_of(counter, one.bank), currency, -one.difference),
    )


def _other_postings(connection: Connection) -> dict[str, tuple[int, tuple[_Leg, ...]]]:
    """Each posting that is no day's: when it was made, and its legs in their order."""
    columns = [legs.c[name] for name in ("account", "bank", "currency", "amount")]
    query = (
        select(postings.c.posting, postings.c.posted_at, *columns)
        .outerjoin(legs, legs.c.posting == postings.c.posting)
        .where(not_(_is_day()))
        .order_by(postings.c.posting, legs.c.number)
    )
    made: dict[str, tuple[int, tuple[_Leg, ...]]] = {}
    for posting, at, *leg in stream(connection, query):
        made[posting] = at, (*made.get(posting, (at, ()))[1], (leg[0], leg[1], leg[2], leg[3]))
    return made


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
    chart = Chart(evidence.stated.chart)
    kept_by_bank = legs.c.account.in_([chart.at(name) for name in ("clearing", "long", "short")])
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
