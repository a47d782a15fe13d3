"""The audit of a front that has forgotten a day: silent on sound books, and heard where what the front still
shows of that day is not as the office has it.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from office.audit.run import examine
from tests.support.audit_books import Urls, audited, build, evidence


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Urls:
    folder = tmp_path_factory.mktemp("forgotten")
    made = Urls(*(f"sqlite:///{folder / name}.db" for name in Urls._fields))
    build(made, retired=True)
    return made


def test_books_of_which_the_front_has_forgotten_a_day_are_sound(urls: Urls) -> None:
    with evidence(urls) as given:
        result = examine(given)
    assert result.failings == ()
    [days] = [checked for checked in result.checked if checked.what.startswith("retired days")]
    assert days.count == 1


class Broken(NamedTuple):
    """What is done to which side, and what is said of it."""

    side: str
    statement: str
    said: str


BROKEN = (
    Broken("front", "UPDATE retired SET entries = entries - 1", "the office has it not or not whole"),
    Broken("front", "UPDATE retired SET root = '0000000000000000'", "the office has it not or not whole"),
    Broken("front", "UPDATE retired SET retired_at = 6", "was not retired so, by the audit log"),
    Broken("front", "UPDATE retired SET date = '20260924'", "is retired, and 20260923 before it is not"),
    Broken("front", "DELETE FROM retired", "was retired by the audit log, and is not"),
    Broken("front", "UPDATE days SET chains = '[]' WHERE date = '20260923'", "not that of the chains' ends"),
    Broken("front", "UPDATE days SET root = signature WHERE date = '20260923'", "not as the front shows it"),
    Broken("front", "UPDATE days SET signature = root WHERE date = '20260923'", "not signed by the sealing"),
    Broken("front", "DELETE FROM journal WHERE business_date = '20260924'", "stands where entry"),
    Broken("front", "DELETE FROM journal WHERE chain = 2", "has an end and no entries"),
    Broken("front", "UPDATE bank_days SET paid = paid + 1 WHERE date = '20260923'", "paid is"),
    Broken("front", "DELETE FROM bank_days WHERE date = '20260923'", "the journal says"),
    Broken(
        "front",
        "UPDATE dues SET sequence = sequence + 2 WHERE sequence = 1 AND due NOT IN"
        " (SELECT subject FROM journal WHERE subject IS NOT NULL)",
        "the office's copy 1",
    ),
    Broken(
        "front",
        "UPDATE dues SET settled_by = 'K' WHERE state = 'settled' AND due NOT IN"
        " (SELECT subject FROM journal WHERE subject IS NOT NULL)",
        "is settled by a transaction that the office does not know",
    ),
    Broken(
        "front",
        "UPDATE dues SET state = 'settled', settled_by = 'K', sequence = 1 WHERE due ="
        " (SELECT min(due) FROM dues WHERE sequence = 0)",
        "is settled, or was, and no entry says so",
    ),
    Broken("office", "DELETE FROM entries WHERE business_date = '20260923'", "has it not or not whole"),
    Broken("office", "UPDATE days SET entries = 7 WHERE date = '20260923'", "has it not or not whole"),
    Broken("office", "DELETE FROM days WHERE date = '20260923'", "has it not or not whole"),
)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.side}-{case.statement[:60]}")
def test_what_is_changed_about_a_forgotten_day_is_found(urls: Urls, case: Broken) -> None:
    result = audited(urls, case.side, case.statement)
    wording = "\n".join(f"{failing.subject}: {failing.what}" for failing in result.failings)
    assert case.said in wording, wording
