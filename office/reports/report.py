"""The reports of a reconciliation: one page and one table of breaks a bank and date, the overview of a date,
and the trial balance.

Turns the values of `office.reports.report_values` and `office.accounting.books` into HTML and CSV, purely:
the same value gives the same bytes. Each checks its value first, so no page shows a sum that its rows do not
make; and none shows an identity or card number that a bank's file has where a policy or a terminal should
stand. Nothing is read here (`office.reports.extract` does that), and the looks are the templates'.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from ledger.errors import InvariantBroken
from ledger.rules.masking import concealed
from office.accounting.books import TrialBalance
from office.reports import wording
from office.reports.extract import overview, report
from office.reports.report_values import Listed, Overview, Report, check, check_overview
from office.reports.wording import plain_yuan

__all__ = [
    "BALANCE_COLUMNS",
    "BREAK_COLUMNS",
    "OVERVIEW_COLUMNS",
    "as_csv",
    "as_html",
    "balance_as_csv",
    "balance_as_html",
    "overview",
    "overview_as_csv",
    "overview_as_html",
    "report",
]

BREAK_COLUMNS: Final = (
    "report_date",
    "bank",
    "bank_name",
    "break",
    "date",
    "class",
    "direction",
    "code",
    "policy",
    "due",
    "key",
    "line",
    "ours_yuan",
    "theirs_yuan",
    "withheld_yuan",
    "difference_yuan",
    "bank_code",
    "bank_policy",
    "bank_due",
    "reason",
    "hint",
    "owner",
    "age_days",
    "state",
    "resolution",
    "proposed_by",
    "approved_by",
    "settled_on",
)
OVERVIEW_COLUMNS: Final = (
    "date",
    "bank",
    "bank_name",
    "state",
    "ours_lines",
    "theirs_lines",
    "matched",
    "ours_yuan",
    "theirs_yuan",
    "difference_yuan",
    "breaks",
    "outstanding",
    "overages_yuan",
    "shortages_yuan",
)
BALANCE_COLUMNS: Final = (
    "up_to_date",
    "account",
    "name",
    "kind",
    "currency",
    "debit_yuan",
    "credit_yuan",
    "balance_yuan",
)

WAITING: Final = "waiting"
"""In the overview: the state of a bank that is not reconciled."""


class CurrencyTotal(NamedTuple):
    """A trial balance's totals in one currency, in fen, none negative."""

    currency: str
    debit: int
    credit: int
    debit_balance: int
    credit_balance: int


def as_html(found: Report) -> str:
    """A bank's date as one self-contained page. Raises InvariantBroken rather than show a wrong sum."""
    check(found)
    return _page("report.html", report=found)


def as_csv(found: Report) -> bytes:
    """The breaks that the page lists, a row each under BREAK_COLUMNS; amounts in yuan.

    UTF-8 with a byte order mark, so that a spreadsheet shows Chinese. A text that a spreadsheet would take
    for a formula, or for a number that it would shorten, has an apostrophe before it. Raises InvariantBroken.
    """
    check(found)
    return _csv(BREAK_COLUMNS, (_break_row(found, one) for one in found.breaks))


def overview_as_html(found: Overview, pages: Mapping[str, str] = MappingProxyType({})) -> str:
    """A date of all banks as one self-contained page. `pages` says where a bank's own page is, by the bank's
    code: a file's name beside this one, to which the bank's name then links. Raises InvariantBroken.
    """
    check_overview(found)
    return _page("overview.html", overview=found, pages=pages)


def overview_as_csv(found: Overview) -> bytes:
    """A date of all banks, a row each under OVERVIEW_COLUMNS; encoded as by `as_csv`. A bank that is not
    reconciled has no figures. Raises InvariantBroken.
    """
    check_overview(found)
    date = found.day.date
    rows = [_overview_row(one) for one in found.reports]
    blank = ("",) * (len(OVERVIEW_COLUMNS) - 4)
    rows += [(date, _text(bank), _text(name), WAITING, *blank) for bank, name in found.waiting]
    return _csv(OVERVIEW_COLUMNS, sorted(rows, key=lambda row: str(row[1])))


def balance_as_html(balance: TrialBalance, up_to_date: str, today: str) -> str:
    """A trial balance up to and with a date (YYYYMMDD) as one self-contained page. Raises InvariantBroken."""
    _check_balance(balance)
    totals = tuple(_currency_totals(balance))
    return _page("balance.html", balance=balance, totals=totals, up_to_date=up_to_date, today=today)


def balance_as_csv(balance: TrialBalance, up_to_date: str) -> bytes:
    """A trial balance, a row an account under BALANCE_COLUMNS; encoded as by `as_csv`; a balance is debit -
    credit. Raises InvariantBroken.
    """
    _check_balance(balance)
    rows = (
        (
            up_to_date,
            row.account,
            _text(row.name),
            row.kind,
            row.currency,
            *map(plain_yuan, (row.debit, row.credit, row.balance)),
        )
        for row in balance.rows
    )
    return _csv(BALANCE_COLUMNS, rows)


def _shown(value: object) -> object:
    """What a template may print of a value; markup was made of such values already."""
    return concealed(value) if type(value) is str else value


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("office.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(yuan=wording.yuan, day=wording.day, plain=_plain)
    made.globals.update(
        matched_class=wording.MATCHED,
        classes=wording.CLASSES,
        codes=wording.CODES,
        directions=wording.DIRECTIONS,
        break_states=wording.BREAK_STATES,
        day_states=wording.DAY_STATES,
        account_kinds=wording.ACCOUNT_KINDS,
        named=wording.named,
    )
    return made


def _plain(given: str) -> str:
    """What of a text may stand in a style sheet, where HTML's escapes mean nothing."""
    return re.sub(r"[^0-9A-Za-z -]", "", given)


_ENVIRONMENT: Final = _environment()


def _page(template: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(template).render(values)


def _break_row(found: Report, listed: Listed) -> tuple[str | int, ...]:
    one = listed.found
    texts = one.cls, one.direction, one.code, one.policy, one.due, one.key
    amounts = one.ours_effect, one.theirs_effect, one.withheld, one.difference
    people = one.resolution, one.proposed_by, one.approved_by
    return (
        found.date,
        *map(_text, (one.bank, found.bank_name, one.name)),
        one.date,
        *map(_text, texts),
        one.line,
        *map(plain_yuan, amounts),
        *map(_text, (one.bank_code, one.bank_policy, one.bank_due)),
        *map(_text, (one.reason, one.hint, one.owner)),
        listed.age,
        one.state.value,
        *map(_text, people),
        one.settled_on,
    )


def _overview_row(found: Report) -> tuple[str | int, ...]:
    outcome = found.outcome
    amounts = outcome.ours_effect, outcome.theirs_effect, found.difference
    return (
        found.date,
        _text(found.bank),
        _text(found.bank_name),
        found.day.state.value,
        outcome.ours,
        outcome.theirs,
        outcome.matched,
        *map(plain_yuan, amounts),
        len(found.opened),
        len(found.outstanding),
        plain_yuan(found.long.after),
        plain_yuan(found.short.after),
    )


def _currency_totals(balance: TrialBalance) -> Iterator[CurrencyTotal]:
    for currency in sorted({row.currency for row in balance.rows}):
        rows = [row for row in balance.rows if row.currency == currency]
        yield CurrencyTotal(
            currency,
            sum(row.debit for row in rows),
            sum(row.credit for row in rows),
            sum(row.balance for row in rows if row.balance > 0),
            -sum(row.balance for row in rows if row.balance < 0),
        )


def _check_balance(balance: TrialBalance) -> None:
    """Raise InvariantBroken unless every row and every total is the sum of what stands beside it."""
    for row in balance.rows:
        if row.balance != row.debit - row.credit:
            raise InvariantBroken(
                f"account {row.account}: balance {row.balance}, debit {row.debit}, credit {row.credit}"
            )
    made = tuple((one.currency, one.debit, one.credit) for one in _currency_totals(balance))
    said = tuple((currency, turnover, turnover) for currency, turnover in balance.turnover)
    if made != said:
        raise InvariantBroken(f"the trial balance says {said}, its rows make {made}")


_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
"""How a text begins that a spreadsheet takes for a formula, full-width signs too."""
_SHORTENED: Final = re.compile(r"0[0-9]+|[0-9]{16,}|[0-9]+[Ee][0-9]+|[0-9]{1,4}(?:-[0-9]{1,4}){1,2}")
"""A text that it takes for a number, and loses digits of, or for a date: a policy may be called so."""


def _text(given: str) -> str:
    """`given` as a cell that stays a text; what begins with an apostrophe gets one more, so that one is
    always to be taken off again.
    """
    given = concealed(given)
    guarded = _FORMULA.match(given) or _SHORTENED.fullmatch(given) or given.startswith("'")
    return f"'{given}" if guarded else given


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()
