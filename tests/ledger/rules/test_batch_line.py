"""A batch's results as requests: a done line is an advice, its return the reversal of it."""

from __future__ import annotations

import pytest

from ledger.rules.batch_line import BatchLine, collected, hold_name, returned
from ledger.rules.request import Act, Request

LINE = BatchLine("91020000", "B0000123", "20261124203000", 17, "D1", "P1", "500000", 120_000)
DONE = Request(
    key="00091020000/B0000123/20261124203000/000017",
    act=Act.COLLECT,
    bank="91020000",
    mti="0220",
    code="500000",
    terminal="B0000123",
    stan="000017",
    sent_at="20261124203000",
    local_at="20261125000000",
    rrn="REF1",
    amount=120_000,
    currency="156",
    policy="P1",
    due="D1",
    content="digest",
    advice=True,
    hold="B0000123/17",
)


def test_a_done_line_is_an_advice_under_the_lines_own_key() -> None:
    assert collected(LINE, "20261125", "REF1", "digest") == DONE
    assert (LINE.key, LINE.hold) == (DONE.key, hold_name("B0000123", 17))


def test_a_returned_line_is_the_reversal_of_its_advice() -> None:
    assert returned(LINE, "20261126", "REF2", "other", reversal_days=30) == DONE._replace(
        key="00091020000/R0000123/20261124203000/000017",
        act=Act.REVERSE,
        mti="0420",
        terminal="R0000123",
        local_at="20261126000000",
        rrn="REF2",
        content="other",
        original=DONE.key,
        reversal_days=30,
    )
    assert LINE.return_key == "00091020000/R0000123/20261124203000/000017"


def test_a_result_of_a_batch_older_than_the_keys_says_so() -> None:
    assert collected(LINE, "20261125", "REF1", "digest", outside_window=True).outside_window


@pytest.mark.parametrize(
    ("reference", "rrn"), [("A" * 12, "A" * 12), ("A" * 13, "346116489759"), ("A" * 40, "F0A2FB80AC06")]
)
def test_a_reference_longer_than_de_37_is_known_by_its_digest(reference: str, rrn: str) -> None:
    made = collected(LINE, "20261125", reference, "digest").rrn
    assert len(made) == 12
    assert made == rrn
