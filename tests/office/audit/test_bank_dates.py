"""The audit of banks' dates: each alteration is found by the check whose business it is."""

# ruff: noqa: S608 - the statements consist of this file's own text
from __future__ import annotations

from collections.abc import Callable

import pytest

from office.audit import advices, bank_dates
from office.audit.evidence import Evidence, Failing, Results
from tests.support.audit_books import Urls, evidence, tamper

pytestmark = pytest.mark.slow

LET_THROUGH = "step = 'approve' AND resolution = 'let_through'"
WITHOUT = "step = 'approve' AND resolution = 'without_file'"
CHECKS = (bank_dates.date_steps, bank_dates.held, bank_dates.breaks_allowed, bank_dates.posted)


@pytest.mark.parametrize(
    ("check", "statement", "said"),
    [
        (
            bank_dates.breaks_allowed,
            f"DELETE FROM date_decisions WHERE {LET_THROUGH}",
            "and no two people let its file through",
        ),
        (
            bank_dates.breaks_allowed,
            "UPDATE reconciliations SET breaks_allowed = 0 WHERE bank = '01020000'",
            "0 are allowed",
        ),
        (
            bank_dates.date_steps,
            f"UPDATE date_decisions SET \"by\" = 'LI' WHERE {WITHOUT}",
            "was proposed and decided by one person",
        ),
        (
            bank_dates.date_steps,
            f"UPDATE date_decisions SET digest = 'x' WHERE {LET_THROUGH}",
            "is about another resolution or file than was proposed",
        ),
        (
            bank_dates.date_steps,
            "DELETE FROM date_decisions WHERE number = 1",
            "stands where step 1 should",
        ),
        (bank_dates.date_steps, "UPDATE date_decisions SET note = 'x' WHERE number = 2", "is not step 2"),
        (
            bank_dates.held,
            "UPDATE held_files SET breaks = 99",
            "a held file that the audit log does not have",
        ),
        (bank_dates.held, "DELETE FROM held_files", "had a file held, by the audit log"),
        (
            bank_dates.posted,
            "UPDATE posted_dates SET posted_on = '20260924' WHERE date = '20260923'",
            "was posted on 20260924 by no act",
        ),
        (
            bank_dates.posted,
            f"DELETE FROM date_decisions WHERE {WITHOUT}",
            "was posted on 20260928",
        ),
        (
            bank_dates.posted,
            "DELETE FROM posted_dates WHERE bank = '01020000'",
            "was posted, by the audit log, and is not",
        ),
        (
            bank_dates.posted,
            "UPDATE breaks SET suspense_on = '20260923' WHERE bank = '03010000' AND date = '20260923'",
            "came into suspense on another date",
        ),
    ],
)
def test_what_is_altered_is_found_by_its_own_check(
    urls: Urls, check: Callable[[Evidence], Results], statement: str, said: str
) -> None:
    with evidence(urls) as given:
        tamper(given.office, statement)
        found = [row.what for row in check(given) if isinstance(row, Failing)]
    assert [what for what in found if said in what], found


def test_a_posted_day_lacks_a_bank_only_if_two_people_closed_it_so(urls: Urls) -> None:
    with evidence(urls) as given:
        tamper(given.office, f"DELETE FROM date_decisions WHERE {WITHOUT}")
        tamper(given.office, "DELETE FROM reconciliations WHERE bank = '03010000' AND date = '20260923'")
        found = [row for row in advices.all_banks(given) if isinstance(row, Failing)]
    assert [row.subject for row in found] == ["03010000 on 20260923"]
    with evidence(urls) as given:
        assert [row for check in CHECKS for row in check(given) if isinstance(row, Failing)] == []
