"""What the audit gives to keep elsewhere, a digest over everything and the hashes of acts, and what it says
when it is given one again.
"""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ledger.book.store import Store
from office.audit.audit_records import tips
from office.audit.kept import keep
from office.audit.run import Audit, audit
from tests.support.audit_books import STATED, Urls, evidence, loosen


def audited_again(urls: Urls, *expected: str) -> Audit:
    office, front = Store(urls.office, lock=False, by_index=False), Store(urls.front, lock=False)
    try:
        return audit(office, front, STATED, expected=expected)
    finally:
        office.close()
        front.close()


def test_the_digest_of_everything_is_the_same_while_nothing_changes(urls: Urls) -> None:
    with evidence(urls) as given:
        first = keep(given)
    result = audited_again(urls, first.digest, *(side.digest for side in first.sides))
    assert (result.failings, result.kept) == ((), first)
    assert {checked.count for checked in result.checked if "kept elsewhere" in checked.what} == {3}


def test_the_hash_of_any_act_that_was_kept_is_found_again(urls: Urls) -> None:
    with evidence(urls) as given:
        hashes = [tip for side in tips(given).values() for tip in side]
        first = keep(given)
    assert {side.record_hash for side in first.sides} <= set(hashes)
    assert audited_again(urls, *hashes).failings == ()
    assert audited_again(urls, hashes[0].upper()).failings == ()


@pytest.mark.parametrize("value", ["0" * 64, "ab", ""])
def test_what_is_not_found_again_is_a_finding(urls: Urls, value: str) -> None:
    [failing] = audited_again(urls, value).failings
    assert (failing.invariant, failing.subject) == (5, f"what was kept, {value[:12]}")


def test_an_audit_log_that_was_made_anew_no_longer_has_the_record_that_was_kept(urls: Urls) -> None:
    """Its last record changed: no later record carries its hash, so only a person who kept the hash can
    tell.
    """
    with evidence(urls) as given:
        before = keep(given)
        loosen(given.office, "audit_log")
        given.office.execute(
            text("UPDATE audit_log SET \"by\" = 'x' WHERE number = (SELECT max(number) FROM audit_log)")
        )
        after = keep(given)
        assert before.sides[0].record_hash not in tips(given)["office"]
    assert before.digest != after.digest
    assert before.sides[1] == after.sides[1]


def test_without_the_front_there_is_the_offices_digest_alone(urls: Urls) -> None:
    with evidence(urls, with_front=False) as given:
        alone = keep(given)
    with evidence(urls) as given:
        assert keep(given).sides[0] == alone.sides[0]
    assert len(alone.sides) == 1
