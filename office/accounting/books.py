"""Double entry: postings that balance, are made once and never changed; and the balances of the accounts.

The statements on accounts, postings and legs. The database refuses a posting that does not balance; this
module refuses it first, with a message. What is posted, `office.accounting.posting` decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    insert,
    select,
    text,
    true,
    update,
)

from ledger.errors import InvariantBroken
from office.accounting.chart import Chart, lines_of
from office.database.audit_log import write_record
from office.database.bulk import insert_rows
from office.database.proofs import chart_note
from office.database.schema import accounts, chart_lines, legs, postings
from office.errors import ChartRefused, PostingDiffers, Unbalanced, UnknownAccount
from qianzhi_errors.sentence import Sentence, listed

_AT_ONCE = 500
"""The number of postings in one statement: far below the number of parameters that a database takes."""


class Leg(NamedTuple):
    """One side of a posting. `amount` is in fen, debit positive, credit negative; `bank` is empty if the
    account keeps no balance by bank; `currency` is ISO 4217 numeric.
    """

    account: str
    bank: str
    currency: str
    amount: int


class Posting(NamedTuple):
    """One balanced posting. Its name, `posting`, is made of its date, bank and purpose, so it can be made
    only once. `bank` is the bank that it concerns; `date` is the business date, YYYYMMDD.
    """

    posting: str
    date: str
    bank: str
    description: str
    legs: tuple[Leg, ...]


class BalanceRow(NamedTuple):
    """One account in one currency, in fen: its balance before the first date, what was debited and credited
    since (not negative), and its `balance` at the end, opening + debit - credit. Balances are debit positive.
    `bank` is empty in a trial balance of all banks together.
    """

    account: str
    name: str
    kind: str
    currency: str
    debit: int
    credit: int
    balance: int
    opening: int = 0
    bank: str = ""


class TrialBalance(NamedTuple):
    """The accounts that have been posted to, by code. `turnover` is, by currency, the sum of all debits
    in fen, which equals the sum of all credits.
    """

    rows: tuple[BalanceRow, ...]
    turnover: tuple[tuple[str, int], ...]


def check_balanced(posting: Posting) -> None:
    """Raise Unbalanced unless the posting has legs, none of them is 0, and they add up to zero by
    currency.
    """
    if not posting.legs:
        raise Unbalanced(Sentence("posting {posting} has no legs", posting=posting.posting))
    sums: Counter[str] = Counter()
    for leg in posting.legs:
        if leg.amount == 0:
            raise Unbalanced(
                Sentence(
                    "posting {posting} has a leg of 0 on {account}",
                    posting=posting.posting,
                    account=leg.account,
                )
            )
        sums[leg.currency] += leg.amount
    for currency, total in sums.items():
        if total:
            raise Unbalanced(
                Sentence(
                    "posting {posting} is out by {total} fen in currency {currency}",
                    posting=posting.posting,
                    total=total,
                    currency=currency,
                )
            )


def post(connection: Connection, wanted: Iterable[Posting], posted_at: int) -> int:
    """Make the postings that do not exist yet, and return their number.

    A posting that exists with the same date, bank and legs, in any order, is skipped. `posted_at` is
    microseconds since 1970-01-01 UTC. Raises Unbalanced, PostingDiffers or UnknownAccount; then the caller
    must roll its transaction back.
    """
    made = 0
    remaining = iter(wanted)
    while chunk := list(islice(remaining, _AT_ONCE)):
        made += _post_chunk(connection, chunk, posted_at)
    return made


def find_postings(connection: Connection, names: Sequence[str]) -> tuple[Posting, ...]:
    """Return the existing postings of these names, ordered by name, each with its legs in their order. Raises
    Unbalanced if a stored posting does not add up: then somebody has changed the database.
    """
    heads = connection.execute(
        select(postings).where(postings.c.posting.in_(names)).order_by("posting")
    ).all()
    of_posting: dict[str, list[Leg]] = {head.posting: [] for head in heads}
    rows = connection.execute(
        select(legs).where(legs.c.posting.in_(names)).order_by(legs.c.posting, legs.c.number)
    )
    for row in rows:
        of_posting[row.posting].append(Leg(row.account, row.bank, row.currency, row.amount))
    existing = tuple(
        Posting(head.posting, head.date, head.bank, head.description, tuple(of_posting[head.posting]))
        for head in heads
    )
    for posting in existing:
        check_balanced(posting)
    return existing


def install_chart(connection: Connection, chart: Chart, at: int, by: str) -> bool:
    """Put a chart in force unless it is in force already; return whether it was put in force. No account is
    ever removed.

    The audit log gets `by`, the person or MACHINE, and `at`, microseconds since 1970-01-01 UTC. Raises
    ChartRefused if an account with legs would change its kind or its normal side; if there are postings and
    the currency or the account of clearing or suspense would change; and on PostgreSQL if the login is not
    the database's owner.
    """
    number, current = _chart_in_force(connection)
    wanted = lines_of(chart)
    if wanted == current:
        return False
    _check_may_install(connection, wanted, current)
    _bring_accounts(connection, chart)
    rows = ({"chart": number + 1, "name": name, "value": value} for name, value in wanted.items())
    insert_rows(connection, chart_lines, rows)
    write_record(connection, at, by, "chart", str(number + 1), chart_note(wanted))
    return True


_FIXED = ("currency", "clearing", "long", "short")
"""The lines of a chart that cannot change once there are postings: the balances depend on them."""


def _chart_in_force(connection: Connection) -> tuple[int, dict[str, str]]:
    """The number and the lines of the last chart; 0 and no lines if there is none."""
    number: int = connection.scalar(select(func.max(chart_lines.c.chart))) or 0
    query = select(chart_lines.c.name, chart_lines.c.value).where(chart_lines.c.chart == number)
    return number, {row.name: row.value for row in connection.execute(query)}


def _check_may_install(connection: Connection, wanted: Mapping[str, str], current: Mapping[str, str]) -> None:
    """Raise ChartRefused if this login may not install a chart, or if a fixed line would change."""
    if connection.dialect.name == "postgresql":
        may = select(func.has_table_privilege("chart_lines", "INSERT"))
        if not connection.scalar(may):
            raise ChartRefused(
                Sentence(
                    "the chart of the settings is not the one in force, and this login may not change"
                    " where money goes: run `qianzhi office close` once as the database's owner"
                )
            )
    changed = [name for name in _FIXED if current and wanted[name] != current[name]]
    if changed and connection.scalar(select(select(postings.c.posting).exists())):
        raise ChartRefused(
            Sentence("there are postings already: {columns} cannot change any more", columns=listed(changed))
        )


def _bring_accounts(connection: Connection, chart: Chart) -> None:
    """Add the chart's accounts to the table, or change their rows. Raises ChartRefused if an account that has
    been posted to would change its kind or normal side.
    """
    existing = {row.account: row for row in connection.execute(select(accounts))}
    used = set(connection.scalars(select(legs.c.account).distinct()))
    for code, account in chart.accounts.items():
        row = {"name": f"{account.zh} {account.en}", "kind": account.kind, "normal": account.normal}
        old = existing.get(code)
        if old is None:
            connection.execute(insert(accounts).values(account=code, **row))
        elif (old.name, old.kind, old.normal) == tuple(row.values()):
            continue
        elif code in used and (old.kind, old.normal) != (account.kind, account.normal):
            raise ChartRefused(
                Sentence(
                    "account {code} has been posted to as {kind}, {normal}: it cannot become"
                    " {account_kind}, {account_normal}; give the new account another code",
                    code=code,
                    kind=old.kind,
                    normal=old.normal,
                    account_kind=account.kind,
                    account_normal=account.normal,
                )
            )
        else:
            connection.execute(update(accounts).where(accounts.c.account == code).values(**row))


class BalanceScope(NamedTuple):
    """What a trial balance is of: the postings of the dates from `from_date` up to and including `to_date`
    (YYYYMMDD; empty: from the first, up to the last), of one bank or of all (empty); with `by_bank` each
    account has a row for each bank. A posting is of one bank and balances, so each bank's rows do too.
    """

    from_date: str = ""
    to_date: str = ""
    bank: str = ""
    by_bank: bool = False


WHOLE: Final = BalanceScope()
"""All that was ever posted."""


def trial_balance(connection: Connection, scope: BalanceScope = WHOLE) -> TrialBalance:
    """Return the opening balance, debits, credits and closing balance in fen of every account that was posted
    to by the end of the scope. Raises InvariantBroken if the opening balances, or the debits and credits, of
    a currency (of each bank, by bank) do not agree.
    """
    moved = postings.c.date >= scope.from_date
    debit = func.sum(case((and_(moved, legs.c.amount > 0), legs.c.amount), else_=0))
    credit = func.sum(case((and_(moved, legs.c.amount < 0), -legs.c.amount), else_=0))
    opening = func.sum(case((moved, 0), else_=legs.c.amount))
    of_bank = [postings.c.bank] if scope.by_bank else []
    group = [accounts.c.account, accounts.c.name, accounts.c.kind, legs.c.currency, *of_bank]
    query = (
        select(*group[:4], debit, credit, opening, *of_bank)
        .select_from(legs.join(postings).join(accounts))
        .where(_up_to(scope.to_date), postings.c.bank == scope.bank if scope.bank else true())
        .group_by(*group)
        .order_by(*of_bank, accounts.c.account, legs.c.currency)
    )
    rows = tuple(_balance_row(*tuple(row)) for row in connection.execute(query))
    return TrialBalance(rows, tuple(_turnover(rows)))


def account_balance(
    connection: Connection, account: str, bank: str | None = None, currency: str = "156", up_to_date: str = ""
) -> int:
    """Return the balance of an account in fen, debit positive: of one bank, or over all banks if `bank`
    is None; up to and including a date (YYYYMMDD), or over all dates if it is empty.
    """
    conditions = [legs.c.account == account, legs.c.currency == currency, _up_to(up_to_date)]
    if bank is not None:
        conditions.append(legs.c.bank == bank)
    query = select(func.sum(legs.c.amount)).select_from(legs.join(postings)).where(and_(*conditions))
    return int(connection.scalar(query) or 0)


def _post_chunk(connection: Connection, chunk: Sequence[Posting], posted_at: int) -> int:
    """Make the new postings of a few, and return their number."""
    existing = {old.posting: old for old in find_postings(connection, [posting.posting for posting in chunk])}
    new: dict[str, Posting] = {}
    for posting in chunk:
        check_balanced(posting)
        old = existing.get(posting.posting) or new.get(posting.posting)
        if old is None:
            new[posting.posting] = posting
        elif _substance(old) != _substance(posting):
            raise PostingDiffers(
                Sentence("posting {posting} was made already, with other legs", posting=posting.posting)
            )
    if new:
        _insert(connection, tuple(new.values()), posted_at)
    return len(new)


def _substance(posting: Posting) -> tuple[str, str, list[Leg]]:
    """The values in which two postings of one name must agree: not the description, nor the order of the
    legs.
    """
    return posting.date, posting.bank, sorted(posting.legs)


def _insert(connection: Connection, new: Sequence[Posting], posted_at: int) -> None:
    """Write the legs first and the row of each posting after them: when the row comes, the database
    checks the legs, and accepts no further leg. On PostgreSQL a function of the database writes both,
    since the office's role may insert neither. Raises UnknownAccount if a leg names an account that is
    not in the table.
    """
    named = {leg.account for posting in new for leg in posting.legs}
    installed = set(connection.scalars(select(accounts.c.account)))
    if missing := sorted(named - installed):
        raise UnknownAccount(
            Sentence("no account {accounts}: install the chart first", accounts=listed(missing))
        )
    if connection.dialect.name == "postgresql":
        connection.execute(_MAKE_POSTING, [_arguments(posting, posted_at) for posting in new])
        return
    connection.execute(insert(legs), list(_leg_rows(new)))
    connection.execute(
        insert(postings),
        [
            {
                "posting": posting.posting,
                "date": posting.date,
                "bank": posting.bank,
                "description": posting.description,
                "legs": len(posting.legs),
                "posted_at": posted_at,
            }
            for posting in new
        ],
    )


_MAKE_POSTING = text(
    "SELECT make_posting(:posting, :date, :bank, :description, CAST(:posted_at AS bigint),"
    " CAST(:accounts AS text[]), CAST(:banks AS text[]), CAST(:currencies AS text[]),"
    " CAST(:amounts AS bigint[]))"
)


def _arguments(posting: Posting, posted_at: int) -> dict[str, object]:
    """The arguments of the database's function `make_posting`."""
    legs_by_column = {
        "accounts": [leg.account for leg in posting.legs],
        "banks": [leg.bank for leg in posting.legs],
        "currencies": [leg.currency for leg in posting.legs],
        "amounts": [leg.amount for leg in posting.legs],
    }
    return {**posting._asdict(), "posted_at": posted_at, **legs_by_column}


def _leg_rows(new: Sequence[Posting]) -> Iterator[dict[str, object]]:
    for posting in new:
        for number, leg in enumerate(posting.legs, 1):
            yield {"posting": posting.posting, "number": number, **leg._asdict()}


def _up_to(date: str) -> ColumnElement[bool]:
    return postings.c.date <= date if date else true()


def _balance_row(
    account: str, name: str, kind: str, currency: str, debit: int, credit: int, opening: int, bank: str = ""
) -> BalanceRow:
    # PostgreSQL's sum of bigint is numeric: whole, but not an int.
    balance = int(opening) + int(debit) - int(credit)
    return BalanceRow(account, name, kind, currency, int(debit), int(credit), balance, int(opening), bank)


def _turnover(rows: Sequence[BalanceRow]) -> Iterator[tuple[str, int]]:
    """Each currency with the sum of its debits in fen. Raises InvariantBroken if the credits differ from it,
    or the opening balances do not add up to 0; by bank, where the rows are.
    """
    for bank, currency in sorted({(row.bank, row.currency) for row in rows}):
        of_bank = [row for row in rows if (row.bank, row.currency) == (bank, currency)]
        debit, credit = sum(row.debit for row in of_bank), sum(row.credit for row in of_bank)
        opening = sum(row.opening for row in of_bank)
        if debit != credit or opening:
            parts = [
                Sentence(
                    "the books are out of balance in currency {currency}: debit {debit}, credit {credit}",
                    currency=currency,
                    debit=debit,
                    credit=credit,
                )
            ]
            parts += [Sentence("opening {opening}", opening=opening)] if opening else []
            parts += [Sentence("bank {bank}", bank=bank)] if bank else []
            raise InvariantBroken(listed(parts))
    for currency in sorted({row.currency for row in rows}):
        yield currency, sum(row.debit for row in rows if row.currency == currency)
