"""Invariants 6 and 7: the postings are the sums of the journal, the banks' files and the breaks, and every
posting balances.

Each leg that a day must have is computed here from those rows; no code that built the postings is used. Legs
are fen, debit positive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, exists, func, not_, or_, select

from office.audit.audit_records import office_records
from office.audit.bank_dates import POST_OF_DAY
from office.audit.chart import ChartHistory, ChartLines, charts_of
from office.audit.evidence import Checked, Evidence, Failing, Results, count_of, stream
from office.audit.subjects import posting_named
from office.audit.totals import NO_LINES, BankDay, Sum, our_sums, their_sums
from office.database.schema import (
    accounts,
    breaks,
    legs,
    posted_dates,
    postings,
    products,
    reconciliations,
    statements,
)
from qianzhi_errors.sentence import Sentence, listed

_LAST_RECORD: Final = 2**63
"""A number that no audit record reaches: the chart in force at it is the last one."""
_WAITING: Final = ("suspense", "proposed", "approved")
"""The states of a break whose difference lies in suspense."""

Place = tuple[str, str]
"""An account, and the bank that a leg on it names."""
Legs = Mapping[Place, int]
"""What a posting moves by account and bank, in fen."""


class _SuspenseSums(NamedTuple):
    """Sums of breaks' differences in fen: of those above 0, and of those below."""

    long: int
    short: int


_NO_SUSPENSE: Final = _SuspenseSums(0, 0)


def reconciled_sums(evidence: Evidence) -> Results:
    """Invariant 6: the stored result of a reconciliation is the sum of each side's own rows, and the breaks
    explain the difference of the two sides.
    """
    connection = evidence.office
    ours, theirs = our_sums(connection), their_sums(connection)
    by_day: dict[BankDay, Sum] = defaultdict(lambda: NO_LINES)
    for (bank, date, _), product in ours.items():
        so_far = by_day[bank, date]
        by_day[bank, date] = Sum(so_far.lines + product.lines, so_far.effect + product.effect)
    between = breaks.c.theirs_effect - breaks.c.ours_effect
    opened = _by_day(connection, breaks.c.date, between, breaks.c["break"] != "")
    closed = _by_day(connection, breaks.c.settled_on, between, _was_matched())
    names = ("bank", "date", "ours", "ours_effect", "theirs", "theirs_effect")
    rows = connection.execute(select(*(reconciliations.c[name] for name in names))).all()
    for bank, date, *stated in rows:
        subject = Sentence("reconciliation of {bank} on {date}", bank=bank, date=date)
        added = [*by_day[bank, date], *theirs[bank, date]]
        if stated != added:
            yield Failing(
                6,
                subject,
                Sentence(
                    "lines and effects are stated as {stated}, and come to {added}",
                    stated=stated,
                    added=added,
                ),
            )
        explained = opened.get((bank, date), 0) - closed.get((bank, date), 0)
        if added[3] - added[1] != explained:
            what = Sentence(
                "the sides differ by {difference} fen, the breaks explain {explained}",
                difference=added[3] - added[1],
                explained=explained,
            )
            yield Failing(6, subject, what)
    yield Checked(6, "reconciliations, both sides added up", len(rows))
    yield from _product_sums(connection, ours, {(row[0], row[1]) for row in rows})


def _product_sums(
    connection: Connection, ours: Mapping[tuple[str, str, str], Sum], reconciled: set[BankDay]
) -> Results:
    """Invariant 6: the stored sums by processing code are those of the journal."""
    rows = connection.execute(select(products)).all()
    stated = {(row.bank, row.date, row.code): Sum(row.lines, row.effect) for row in rows}
    computed = {place: product for place, product in ours.items() if (place[0], place[1]) in reconciled}
    for place in sorted(stated.keys() | computed.keys()):
        added, stored = computed.get(place, NO_LINES), stated.get(place, NO_LINES)
        if added != stored:
            bank, date, code = place
            subject = Sentence("products of {bank} on {date}, code {code}", bank=bank, date=date, code=code)
            yield Failing(
                6,
                subject,
                Sentence(
                    "stated as {stated}, the journal comes to {added}", stated=[*stored], added=[*added]
                ),
            )
    yield Checked(6, "sums of our side by processing code", len(rows))


def day_postings(evidence: Evidence) -> Results:
    """Invariant 6: the posting of a bank's posted date has the amounts of the journal, the bank's file and
    the breaks; a date that is not posted has no posting.
    """
    wanted = _wanted(evidence)
    made = _posted(evidence.office)
    for bank, date in sorted(wanted.keys() | made.keys()):
        expected: Legs = wanted.get((bank, date), {})
        posted: Legs = made.get((bank, date), {})
        for place in sorted(expected.keys() | posted.keys()):
            has, wants = posted.get(place, 0), expected.get(place, 0)
            if has != wants:
                what = Sentence(
                    "account {account} has {has} fen, the rows come to {wants}",
                    account=listed(list(filter(None, place)), "{first} of {rest}"),
                    has=has,
                    wants=wants,
                )
                yield Failing(6, Sentence("posting {date}/{bank}/day", date=date, bank=bank), what)
    yield Checked(6, "postings of a bank's day", len(made))


def _wanted(evidence: Evidence) -> dict[BankDay, Legs]:
    """For each reconciled bank's posted date, the amounts in fen that its posting must have by account and
    bank, by the chart that was in force then.
    """
    connection, charts = evidence.office, _ChartsByDate(evidence)
    query = select(posted_dates.c.bank, posted_dates.c.date)
    wanted: dict[BankDay, Counter[Place]] = {
        (bank, date): Counter() for bank, date in connection.execute(query)
    }
    theirs, opened, closed = their_sums(connection), _opened(connection), _closed(connection)
    for (bank, date, code), product in our_sums(connection).items():
        if (bank, date) in wanted:
            chart = charts.of_day(bank, date)
            account = chart.at(f"product {code}")
            wanted[bank, date][account, chart.bank_of(account, bank)] -= product.effect
    for (bank, date, code), amount in _withheld(connection).items():
        if (bank, date) in wanted:
            chart = charts.of_day(bank, date)
            account = chart.at(f"product {code}")
            wanted[bank, date][account, chart.bank_of(account, bank)] += amount
    for (bank, date), amounts in wanted.items():
        chart = charts.of_day(bank, date)
        amounts[chart.at("clearing"), bank] += theirs[bank, date].effect
        new, old = opened.get((bank, date), _NO_SUSPENSE), closed.get((bank, date), _NO_SUSPENSE)
        amounts[chart.at("long"), bank] += old.long - new.long
        amounts[chart.at("short"), bank] += old.short - new.short
    return dict(wanted)


class _ChartsByDate:
    """The chart that was in force when a day was posted, or when decisions were posted on a date."""

    def __init__(self, evidence: Evidence) -> None:
        self._charts: ChartHistory = charts_of(evidence)
        self._days: dict[BankDay, int] = {}
        self._moments: dict[tuple[str, int], int] = {}
        for record in office_records(evidence):
            if record.act == "post" and record.subject:
                self._moments[record.subject, record.at] = record.number
                if record.note.startswith(POST_OF_DAY):
                    date = record.note.removeprefix(POST_OF_DAY).partition(",")[0]
                    self._days.setdefault((record.subject.partition(" ")[0], date), record.number)

    def of_day(self, bank: str, date: str) -> ChartLines:
        """The chart of the posting of a bank's date."""
        return self._charts.in_force(self._days.get((bank, date), _LAST_RECORD))

    def of_moment(self, bank: str, date: str, at: int) -> ChartLines:
        """The chart of a bank's posting that was made on a date at a moment (microseconds since 1970-01-01
        UTC).
        """
        return self._charts.in_force(self._moments.get((f"{bank} {date}", at), _LAST_RECORD))


def _posted(connection: Connection) -> dict[BankDay, Counter[Place]]:
    """For each bank's date, the amounts in fen of its day's posting by account and bank."""
    place = postings.c.posting, postings.c.bank, postings.c.date, legs.c.account, legs.c.bank
    query = (
        select(*place, func.sum(legs.c.amount))
        .join(legs, legs.c.posting == postings.c.posting)
        .where(_is_day())
        .group_by(*place)
    )
    made: dict[BankDay, Counter[Place]] = defaultdict(Counter)
    for posting, bank, date, account, of_bank, amount in connection.execute(query):
        purpose = posting.rpartition("/")[2]
        made[bank, date if purpose == "day" else purpose][account, of_bank] += int(amount)
    return made


def _is_day() -> ColumnElement[bool]:
    """Whether a posting is that of a bank's whole date, on the date itself or on a later one."""
    return or_(postings.c.posting.endswith("/day"), _is_late())


def _is_late() -> ColumnElement[bool]:
    """Whether a posting is that of a date which was closed without the bank's file, on a later date."""
    row = posted_dates.c
    name = row.posted_on + "/" + row.bank + "/" + row.date
    return exists().where(row.posted_on != row.date, postings.c.posting == name)


def _opened(connection: Connection) -> dict[BankDay, _SuspenseSums]:
    """For each bank's date, the sums of the differences of its breaks."""
    return _sums_of(connection, breaks.c.date, breaks.c["class"] != "arrival_differs")


def _closed(connection: Connection) -> dict[BankDay, _SuspenseSums]:
    """For each bank's date, the sums of the earlier breaks that a line of it closed without a decision."""
    return _sums_of(connection, breaks.c.settled_on, _was_matched())


def _withheld(connection: Connection) -> Counter[tuple[str, str, str]]:
    """For each bank, date and processing code, what the breaks of the date withhold in fen, less what earlier
    breaks withheld that a line of the date closed: no account ever took that.
    """
    sums: Counter[tuple[str, str, str]] = Counter()
    opened = breaks.c.date, breaks.c["class"] != "arrival_differs", 1
    for date, condition, sign in (opened, (breaks.c.settled_on, _was_matched(), -1)):
        query = select(breaks.c.bank, date, breaks.c.code, func.sum(breaks.c.withheld))
        query = query.where(condition, breaks.c.withheld != 0)
        for bank, day, code, amount in connection.execute(query.group_by(breaks.c.bank, date, breaks.c.code)):
            sums[bank, day, code] += sign * int(amount)
    return sums


def _was_matched() -> ColumnElement[bool]:
    """Whether a line of a later date closed a break, without a decision."""
    return and_(breaks.c.state == "closed", breaks.c.resolution == "")


def _by_day(
    connection: Connection,
    date: ColumnElement[str],
    amount: ColumnElement[int],
    condition: ColumnElement[bool],
) -> dict[BankDay, int]:
    """The sums of an amount over the breaks that meet the condition, by bank and `date`."""
    query = select(breaks.c.bank, date, func.sum(amount)).where(condition).group_by(breaks.c.bank, date)
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}


def _sums_of(
    connection: Connection, date: ColumnElement[str], condition: ColumnElement[bool]
) -> dict[BankDay, _SuspenseSums]:
    """The sums of the differences of the breaks that meet the condition, by bank and `date`."""
    difference = breaks.c.difference
    long = func.sum(case((difference > 0, difference), else_=0))
    short = func.sum(case((difference < 0, difference), else_=0))
    query = select(breaks.c.bank, date, long, short).where(condition).group_by(breaks.c.bank, date)
    return {(row[0], row[1]): _SuspenseSums(int(row[2]), int(row[3])) for row in connection.execute(query)}


def suspense(evidence: Evidence) -> Results:
    """Invariant 6: for each bank and sign, the balance of the suspense account is the sum of the breaks that
    are not settled.
    """
    connection, chart = evidence.office, ChartLines(evidence.stated.chart)
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
        sums = waiting.get(bank, _NO_SUSPENSE)
        for account, difference in ((chart.at("long"), sums.long), (chart.at("short"), sums.short)):
            if balance[bank, account] != difference:
                what = Sentence(
                    "account {account} holds {balance} fen, the breaks {difference}",
                    account=account,
                    balance=balance[bank, account],
                    difference=difference,
                )
                yield Failing(6, Sentence("suspense of {bank}", bank=bank), what)
    total = count_of(connection, select(func.count()).select_from(breaks).where(unsettled))
    yield Checked(6, "breaks that lie in suspense", total)


def _in_suspense() -> ColumnElement[bool]:
    """Whether a break's difference lies in suspense. If a line of a later date closed the break, the
    difference lies there until that date is posted.
    """
    row = posted_dates.c
    is_posted = exists().where(row.bank == breaks.c.bank, row.date == breaks.c.settled_on)
    return or_(breaks.c.state.in_(_WAITING), and_(_was_matched(), not_(is_posted)))


def resolutions(evidence: Evidence) -> Results:
    """Invariant 6: each break that two people have settled has one posting of its whole difference on its
    date of settlement: one leg out of suspense, one leg to the account that the chart of that moment
    gives for its resolution and processing code. There is no other posting besides those of the days.
    """
    charts = _ChartsByDate(evidence)
    wanted = dict(_settled(evidence.office))
    made = _other_postings(evidence.office)
    for posting in sorted(wanted.keys() | made.keys()):
        row, (at, its_legs) = wanted.get(posting), made.get(posting, (0, ()))
        if row is None:
            yield Failing(
                6,
                posting_named(posting),
                Sentence("no break that two people have settled explains it"),
            )
        elif its_legs != _two_legs(row, charts.of_moment(row.bank, row.settled_on, at)):
            what = Sentence(
                "does not take {difference} fen from suspense to the account of {resolution}",
                difference=row.difference,
                resolution=row.resolution,
            )
            yield Failing(6, posting_named(posting), what)
    yield Checked(6, "breaks that two people have settled", len(wanted))
    yield Checked(6, "postings that are no day's", len(made))


class _SettledBreak(NamedTuple):
    """A break that two people have settled; `difference` in fen."""

    bank: str
    cls: str
    code: str
    bank_code: str
    resolution: str
    settled_on: str
    difference: int


_Leg = tuple[str, str, str, int]
"""Account, bank, currency, fen."""


def _settled(connection: Connection) -> Iterator[tuple[str, _SettledBreak]]:
    """The breaks with money that a decision settled, each with the name that its posting must have."""
    settled = and_(
        breaks.c.resolution != "", breaks.c.state.in_(("posted", "closed")), breaks.c.difference != 0
    )
    name = breaks.c.settled_on + "/" + breaks.c.bank + "/" + breaks.c["break"]
    names = ("bank", "class", "code", "bank_code", "resolution", "settled_on", "difference")
    query = select(name, *(breaks.c[column] for column in names)).where(settled)
    for posting, *row in stream(connection, query):
        yield posting, _SettledBreak._make(row)


def _two_legs(row: _SettledBreak, chart: ChartLines) -> tuple[_Leg, ...]:
    """The legs that the posting of a settled break must have, in their order."""
    counter = chart.counter(row.resolution, row.cls, (row.code, row.bank_code), row.difference)
    currency = chart.at("currency")
    return (
        (chart.suspense(row.difference), row.bank, currency, row.difference),
        (counter, chart.bank_of(counter, row.bank), currency, -row.difference),
    )


def _other_postings(connection: Connection) -> dict[str, tuple[int, tuple[_Leg, ...]]]:
    """The postings that are not of a day, by name: the moment each was made (microseconds since 1970-01-01
    UTC), and its legs in their order.
    """
    columns = [legs.c[name] for name in ("account", "bank", "currency", "amount")]
    query = (
        select(postings.c.posting, postings.c.posted_at, *columns)
        .outerjoin(legs, legs.c.posting == postings.c.posting)
        .where(not_(_is_day()), not_(is_of_statement()))
        .order_by(postings.c.posting, legs.c.number)
    )
    made: dict[str, tuple[int, tuple[_Leg, ...]]] = {}
    for posting, at, *leg in stream(connection, query):
        made[posting] = at, (*made.get(posting, (at, ()))[1], (leg[0], leg[1], leg[2], leg[3]))
    return made


def is_of_statement() -> ColumnElement[bool]:
    """Whether a posting's name is that of a bank's statement on the posting's date, or of a break of what
    statements lack; `office.audit.arrived` looks at these.
    """
    statement = statements.c
    purpose = "/statement-" + cast(statement.number, Text)
    name = postings.c.date + "/" + postings.c.bank + purpose
    of_statement = exists().where(
        statement.bank == postings.c.bank, statement.date == postings.c.date, postings.c.posting == name
    )
    prefix = postings.c.date + "/" + postings.c.bank + "/arrival-"
    of_arrival = exists().where(
        breaks.c["class"] == "arrival_differs", postings.c.posting == prefix + breaks.c["break"]
    )
    return or_(of_statement, of_arrival)


def balance(evidence: Evidence) -> Results:
    """Invariant 7: the legs of every posting add up to zero by currency, their number is the one that the
    posting states, and all legs together add up to zero.
    """
    connection = evidence.office
    sums = select(legs.c.posting, legs.c.currency, func.sum(legs.c.amount)).group_by(
        legs.c.posting, legs.c.currency
    )
    for posting, currency, off in connection.execute(sums.having(func.sum(legs.c.amount) != 0)):
        yield Failing(
            7,
            posting_named(posting),
            Sentence("is out by {off} fen in currency {currency}", off=int(off), currency=currency),
        )
    counted = (
        select(postings.c.posting, postings.c.legs, func.count(legs.c.number), func.max(legs.c.number))
        .outerjoin(legs, legs.c.posting == postings.c.posting)
        .group_by(postings.c.posting, postings.c.legs)
    )
    total = 0
    for posting, stated, count, last in connection.execute(counted):
        total += 1
        if not stated == count == last:
            yield Failing(
                7,
                posting_named(posting),
                Sentence("has {count} legs, and says {stated}", count=count, stated=stated),
            )
    yield Checked(7, "postings", total)
    turnover = select(legs.c.currency, func.sum(legs.c.amount), func.count()).group_by(legs.c.currency)
    for currency, off, count in connection.execute(turnover):
        if off:
            yield Failing(
                7,
                Sentence("trial balance in {currency}", currency=currency),
                Sentence("is out by {off} fen", off=int(off)),
            )
        yield Checked(7, f"legs in currency {currency}, over all accounts", count)


def postings_named(evidence: Evidence) -> Results:
    """Invariant 7: the name of a posting is made of its date, bank and purpose, so it can exist only
    once; each posting is of a posted day; each leg has its posting and its account, and no leg is on
    another bank's balance.
    """
    connection = evidence.office
    prefix = postings.c.date + "/" + postings.c.bank + "/"
    of_break = exists().where(postings.c.posting == prefix + breaks.c["break"])
    misnamed = not_(or_(postings.c.posting == prefix + "day", of_break, _is_late(), is_of_statement()))
    for (posting,) in connection.execute(select(postings.c.posting).where(misnamed)):
        yield Failing(
            7,
            posting_named(posting),
            Sentence("its name is not that of its date, bank and purpose"),
        )
    row = posted_dates.c
    posted_day = exists().where(row.bank == postings.c.bank, row.posted_on == postings.c.date)
    for (posting,) in connection.execute(select(postings.c.posting).where(not_(posted_day))):
        yield Failing(
            7,
            posting_named(posting),
            Sentence("is of a date on which nothing of its bank was posted"),
        )
    chart = ChartLines(evidence.stated.chart)
    kept_by_bank = legs.c.account.in_([chart.at(name) for name in ("clearing", "long", "short", "deposit")])
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
        yield Failing(
            7,
            Sentence("leg {posting}, {number}", posting=posting, number=number),
            Sentence("belongs to no posting, no account or another bank"),
        )
    yield Checked(7, "legs", count_of(connection, select(func.count()).select_from(legs)))
