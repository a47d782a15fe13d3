"""The reports of a reconciliation as HTML and CSV: a page and a table of breaks for each bank and date, the
overview of a date, and the trial balance.

Pure: the same value of `office.reports.report_values` or `office.accounting.books` gives the same bytes.
Every function checks its value first, so no page shows a sum that its rows do not make. Every text is masked,
so no page shows an identity or card number that a bank's file has in the place of a policy or a terminal.
This module reads nothing (`office.reports.extract` does); the layout of the pages is in the templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from ledger.errors import InvariantBroken
from ledger.rules.day import hyphenated
from ledger.rules.escaping import escaped
from ledger.rules.masking import masked_numbers
from office.accounting.books import TrialBalance
from office.accounting.break_reasons import reason_of
from office.reports import wording
from office.reports.cells import csv_table, masked_cell
from office.reports.report_values import ListedBreak, Overview, Report, check, check_overview
from office.reports.wording import ENGLISH, Reader, Words, plain_yuan
from qianzhi_errors.sentence import Sentence, translated

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


class CurrencyTotal(NamedTuple):
    """The totals of a trial balance in one currency, in fen, none of them negative."""

    currency: str
    debit: int
    credit: int
    debit_balance: int
    credit_balance: int


def as_html(report: Report, look_up: Callable[[str], str] = str) -> str:
    """A bank's date as one self-contained page, in both languages. `look_up` gives a break's reason in
    Chinese. Raises InvariantBroken if a sum is wrong.
    """
    check(report)
    return _page("report.html", report=report, in_both=partial(_in_both, look_up))


def _in_both(look_up: Callable[[str], str], text: str) -> Words:
    """A break's reason or hint in both languages; `zh` is empty if there is no Chinese."""
    chinese = str(translated(reason_of(text), look_up))
    return Words(chinese if chinese != text else "", text)


def as_csv(report: Report, reader: Reader = ENGLISH) -> bytes:
    """The breaks that the page lists, one row for each under BREAK_COLUMNS; amounts in yuan.

    The columns' names, classes, states and reasons are in the reader's language.

    Encoded in UTF-8 with a byte order mark, so that a spreadsheet shows Chinese. An apostrophe stands before
    a text that a spreadsheet would take for a formula, or for a number that it would shorten. Raises
    InvariantBroken if a sum is wrong.
    """
    check(report)
    return csv_table(
        reader.heads(BREAK_COLUMNS),
        (_break_row(report, listed, reader) for listed in report.breaks),
    )


def overview_as_html(overview: Overview, pages: Mapping[str, str] = MappingProxyType({})) -> str:
    """A date of all banks as one self-contained page. `pages` gives, by the bank's code, the name of the file
    beside this page that shows the bank's own page; the bank's name links to it. Raises InvariantBroken if a
    sum is wrong.
    """
    check_overview(overview)
    return _page("overview.html", overview=overview, pages=pages)


def overview_as_csv(overview: Overview, reader: Reader = ENGLISH) -> bytes:
    """A date of all banks, one row for each under OVERVIEW_COLUMNS; encoded as by `as_csv`. The figures of a
    bank that is not reconciled are empty. Raises InvariantBroken if a sum is wrong.
    """
    check_overview(overview)
    date = overview.day.date
    rows = [_overview_row(report, reader) for report in overview.reports]
    blank = ("",) * (len(OVERVIEW_COLUMNS) - 4)
    waits = reader.term(wording.WAITING_STATE, wording.WAITING)
    rows += [(date, masked_cell(bank), masked_cell(name), waits, *blank) for bank, name in overview.waiting]
    return csv_table(reader.heads(OVERVIEW_COLUMNS), sorted(rows, key=lambda row: str(row[1])))


def balance_as_html(balance: TrialBalance, up_to_date: str, today: str) -> str:
    """A trial balance up to and including a date (YYYYMMDD) as one self-contained page. Raises
    InvariantBroken if a sum is wrong.
    """
    _check_balance(balance)
    totals = tuple(_currency_totals(balance))
    return _page("balance.html", balance=balance, totals=totals, up_to_date=up_to_date, today=today)


def balance_as_csv(balance: TrialBalance, up_to_date: str, reader: Reader = ENGLISH) -> bytes:
    """A trial balance, one row for each account under BALANCE_COLUMNS; encoded as by `as_csv`. A balance is
    debit - credit, in yuan. Raises InvariantBroken if a sum is wrong.
    """
    _check_balance(balance)
    rows = (
        (
            up_to_date,
            row.account,
            masked_cell(row.name),
            reader.term(wording.ACCOUNT_KINDS, row.kind),
            row.currency,
            *map(plain_yuan, (row.debit, row.credit, row.balance)),
        )
        for row in balance.rows
    )
    return csv_table(reader.heads(BALANCE_COLUMNS), rows)


def _shown(value: object) -> object:
    """The value as a template may print it: a plain string masked, with escapes for what is not seen. Markup
    was made of such strings already.
    """
    return escaped(masked_numbers(value), lines=True) if type(value) is str else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("office.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(yuan=wording.yuan, day=hyphenated, plain=_plain)
    environment.globals.update(
        matched_class=wording.MATCHED,
        classes=wording.CLASSES,
        codes=wording.CODES,
        directions=wording.DIRECTIONS,
        break_states=wording.BREAK_STATES,
        day_states=wording.DAY_STATES,
        account_kinds=wording.ACCOUNT_KINDS,
        named=wording.named,
    )
    return environment


def _plain(text: str) -> str:
    """The text without the characters that may not stand in a style sheet, where HTML's escapes mean
    nothing.
    """
    return re.sub(r"[^0-9A-Za-z -]", "", text)


_ENVIRONMENT: Final = _environment()


def _page(template: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(template).render(values)


def _break_row(report: Report, listed: ListedBreak, reader: Reader) -> tuple[str | int, ...]:
    row = listed.row
    cls = reader.term({row.cls: wording.CLASSES[row.cls].name}, row.cls)
    texts = cls, reader.term(wording.DIRECTIONS, row.direction), row.code, row.policy, row.due, row.key
    amounts = row.ours_effect, row.theirs_effect, row.withheld, row.difference
    people = row.resolution, row.proposed_by, row.approved_by
    return (
        report.date,
        *map(masked_cell, (row.bank, report.bank_name, row.name)),
        row.date,
        *map(masked_cell, texts),
        row.line,
        *map(plain_yuan, amounts),
        *map(masked_cell, (row.bank_code, row.bank_policy, row.bank_due)),
        *map(
            masked_cell, (reader.spoken(reason_of(row.reason)), reader.spoken(reason_of(row.hint)), row.owner)
        ),
        listed.age,
        reader.term(wording.BREAK_STATES, row.state.value),
        *map(masked_cell, people),
        row.settled_on,
    )


def _overview_row(report: Report, reader: Reader) -> tuple[str | int, ...]:
    sums = report.reconciliation
    amounts = sums.ours_effect, sums.theirs_effect, report.difference
    return (
        report.date,
        masked_cell(report.bank),
        masked_cell(report.bank_name),
        reader.term(wording.DAY_STATES, report.day.state.value),
        sums.ours,
        sums.theirs,
        sums.matched,
        *map(plain_yuan, amounts),
        len(report.opened),
        len(report.outstanding),
        plain_yuan(report.long.after),
        plain_yuan(report.short.after),
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
    """Raise InvariantBroken unless a row makes its balance, and the rows make the totals."""
    for row in balance.rows:
        if row.balance != row.opening + row.debit - row.credit:
            raise InvariantBroken(
                Sentence(
                    "account {account}: balance {balance}, debit {debit}, credit {credit}",
                    account=row.account,
                    balance=row.balance,
                    debit=row.debit,
                    credit=row.credit,
                )
            )
    made = tuple((total.currency, total.debit, total.credit) for total in _currency_totals(balance))
    stated = tuple((currency, turnover, turnover) for currency, turnover in balance.turnover)
    if made != stated:
        raise InvariantBroken(
            Sentence("the trial balance says {stated}, its rows make {made}", stated=stated, made=made)
        )
