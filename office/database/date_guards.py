"""The triggers with which the office's database itself refuses what is done with a bank's date.

SQL text only, as in `office.database.guards`. A date closed without the bank's file, and a file let through
that would have been held, need two people, here and in the audit log. A bank's date is posted after that
bank's own earlier dates, and on its own date as long as the day is not posted. Checks that the program makes
first, with a message for people, do not belong here.
"""

# ruff: noqa: S608 - the statements consist of this file's own text
from __future__ import annotations

from typing import Final

from ledger.book.guards import Guard, refused_insert, refused_update


def _approved(bank: str, date: str, resolution: str, more: str = "") -> str:
    """Whether two people have decided so about a bank's date, in the table and in the audit log."""
    return (
        "EXISTS (SELECT 1 FROM date_decisions a JOIN date_decisions p ON p.bank = a.bank AND p.date = a.date"
        ' AND p.number = a.number - 1 AND p.step = \'propose\' AND lower(p."by") <> lower(a."by")'
        ' JOIN audit_log l ON l.act = \'approve\' AND l.at = a.at AND l."by" = a."by"'
        " AND l.subject = 'D' || a.date || '-' || a.bank"
        f" WHERE a.bank = {bank} AND a.date = {date} AND a.step = 'approve'"
        f" AND a.resolution = '{resolution}'{more})"
    )


_LET_THROUGH: Final = _approved(
    "NEW.bank",
    "NEW.date",
    "let_through",
    " AND EXISTS (SELECT 1 FROM bank_files f WHERE f.bank = a.bank AND f.date = a.date"
    " AND f.digest = a.digest AND f.layout = a.layout)",
)
_WAS_HELD: Final = (
    "EXISTS (SELECT 1 FROM held_files h JOIN bank_files f ON f.bank = h.bank AND f.date = h.date"
    " AND f.digest = h.digest AND f.layout = h.layout WHERE h.bank = NEW.bank AND h.date = NEW.date)"
)
_TOO_MANY: Final = (
    "(SELECT count(*) FROM breaks b WHERE b.bank = NEW.bank AND b.date = NEW.date) > NEW.breaks_allowed"
)
_IS_OPEN: Final = "EXISTS (SELECT 1 FROM days d WHERE d.date = NEW.date AND d.state = 'closed')"
_EARLIER_WAITS: Final = (
    "EXISTS (SELECT 1 FROM days d WHERE d.date < NEW.date AND d.state = 'closed'"
    " AND NOT EXISTS (SELECT 1 FROM posted_dates p WHERE p.bank = NEW.bank AND p.date = d.date)"
    f" AND NOT {_approved('NEW.bank', 'd.date', 'without_file')})"
)
_WRONG_DATE: Final = (
    f"({_IS_OPEN} AND NEW.posted_on <> NEW.date) OR (NOT {_IS_OPEN} AND (NEW.posted_on <="
    " NEW.date OR NEW.posted_on <> coalesce((SELECT max(d.next_date) FROM days d), '')"
    f" OR NOT {_approved('NEW.bank', 'NEW.date', 'without_file')}))"
)
_LAST_STEP: Final = (
    "EXISTS (SELECT 1 FROM date_decisions p WHERE p.bank = NEW.bank AND p.date = NEW.date"
    " AND p.number = NEW.number - 1 AND p.step = 'propose'"
)
_WRONG_STEP: Final = (
    "NEW.number <> 1 + (SELECT count(*) FROM date_decisions p WHERE p.bank = NEW.bank AND p.date = NEW.date)"
    f" OR (NEW.step = 'propose' AND {_LAST_STEP}))"
    f" OR (NEW.step <> 'propose' AND NOT {_LAST_STEP} AND p.resolution = NEW.resolution"
    " AND p.digest = NEW.digest AND p.layout = NEW.layout"
    ' AND (NEW.step = \'withdraw\' OR lower(p."by") <> lower(NEW."by"))))'
    " OR NOT EXISTS (SELECT 1 FROM days d WHERE d.date = NEW.date)"
    " OR EXISTS (SELECT 1 FROM reconciliations r WHERE r.bank = NEW.bank AND r.date = NEW.date)"
    " OR (NEW.resolution = 'let_through' AND NOT EXISTS (SELECT 1 FROM held_files h WHERE h.bank = NEW.bank"
    " AND h.date = NEW.date AND h.digest = NEW.digest AND h.layout = NEW.layout))"
    " OR lower(NEW.\"by\") IN ('', 'office')"
)
_UNPOSTED_BANK: Final = (
    "NEW.state = 'posted' AND EXISTS (SELECT 1 FROM reconciliations r WHERE r.date = NEW.date"
    " AND NOT EXISTS (SELECT 1 FROM posted_dates p WHERE p.bank = r.bank AND p.date = r.date))"
)

DATE_GUARDS: Final[tuple[Guard, ...]] = (
    *refused_insert(
        "result_is_allowed",
        "reconciliations",
        f"({_TOO_MANY} OR {_WAS_HELD}) AND NOT {_LET_THROUGH}",
        "more breaks than allowed, and no two people let the file through",
    ),
    *refused_insert(
        "date_is_due",
        "posted_dates",
        f"{_EARLIER_WAITS} OR {_WRONG_DATE}",
        "the date is not the next one of its bank to be posted, or is posted on a wrong date",
    ),
    *refused_insert(
        "decision_follows",
        "date_decisions",
        _WRONG_STEP,
        "this step does not follow, or needs another person",
    ),
    *refused_update(
        "day_is_whole", "days", "state", _UNPOSTED_BANK, "a date of the day is reconciled and not posted"
    ),
    *refused_update(
        "suspense_date_stands",
        "breaks",
        "suspense_on",
        "OLD.suspense_on <> '' AND NEW.suspense_on <> OLD.suspense_on",
        "when a break came into suspense never changes",
    ),
)
