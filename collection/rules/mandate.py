"""What a mandate lets be collected, how often, and when it ends by itself.

Pure; dates are YYYYMMDD. Whether a mandate is in force now is its state (`collection.rules.states`).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

LOAN_CODE: Final = "502000"
"""The processing code of a policy loan's repayment; every other premium is collected as one."""
UNUSED_MONTHS: Final = 36
"""A mandate that was not used for so long expires."""
TAIL_DIGITS: Final = 4


class Purpose(StrEnum):
    """What a mandate lets be collected."""

    PREMIUM = "premium"
    LOAN = "loan"


class AccountKind(StrEnum):
    """The kind of the account that a mandate names."""

    DEBIT = "debit"
    CREDIT = "credit"
    PASSBOOK = "passbook"


class Period(StrEnum):
    """How often a mandate lets be collected."""

    ANY = "any"
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


class SignedBy(StrEnum):
    """The road by which a mandate was signed."""

    PORTAL = "portal"
    COUNTER = "counter"
    BANK = "bank"
    PAPER = "paper"


_MONTHS: Final = {Period.ANY: 0, Period.MONTH: 1, Period.QUARTER: 3, Period.HALF_YEAR: 6, Period.YEAR: 12}


def purpose_of(code: str) -> Purpose:
    """The purpose under which a due of this processing code is collected."""
    return Purpose.LOAN if code == LOAN_CODE else Purpose.PREMIUM


def tail_of(account: str) -> str:
    """The last digits of an account's number: what is shown of it."""
    return account[-TAIL_DIGITS:]


def period_allows(period: Period, collected_due: str, due_date: str) -> bool:
    """Whether a due may be collected, after one whose due date was `collected_due` (empty for none).

    Due dates count and not days of collection: the attempts of one due may be weeks apart. The same month of
    the calendar begins a new period.
    """
    if period is Period.ANY or not collected_due:
        return True
    return _months(due_date) - _months(collected_due) >= _MONTHS[period]


def unused_since(last_use: str, signed_on: str, today: str) -> bool:
    """Whether the mandate was not used for UNUSED_MONTHS, on `today`."""
    since = date.fromisoformat(max(last_use, signed_on))
    now = date.fromisoformat(today)
    months = 12 * (now.year - since.year) + now.month - since.month
    return months - (now.day < since.day) >= UNUSED_MONTHS


def is_over(valid_to: str, today: str) -> bool:
    """Whether the mandate's term ended before `today`; a mandate without an end goes on."""
    return valid_to != "" and valid_to < today


def _months(day: str) -> int:
    return 12 * int(day[:4]) + int(day[4:6])
