"""Who was turned away: each with its reason and address, bounded, the same again counted."""

from __future__ import annotations

from twisted.internet.task import Clock

from fep.telemetry.refusals import NOBODY, REFUSALS_MAX, Refusal, Refusals
from tests.support.builders import BANK

HOME = "192.0.2.7"


def test_a_refusal_says_why_from_where_and_what_was_shown() -> None:
    clock = Clock()
    refusals = Refusals(clock.seconds)
    clock.advance(3)
    refusals.note(BANK, "why", (HOME, 4711), 8583, "pin ab")
    assert refusals.of(BANK) == (Refusal("why", HOME, 4711, 8583, "pin ab", 1, 3.0),)
    assert refusals.of(NOBODY) == refusals.of("01030000") == ()


def test_the_same_again_is_counted_with_its_last_port_and_moment_and_comes_last() -> None:
    clock = Clock()
    refusals = Refusals(clock.seconds)
    refusals.note(BANK, "why", (HOME, 1), 8583)
    refusals.note(BANK, "other", (HOME, 2), 8583)
    clock.advance(9)
    assert refusals.note(BANK, "why", (HOME, 3), 8583).times == 2
    assert refusals.of(BANK) == (
        Refusal("other", HOME, 2, 8583, "", 1, 0.0),
        Refusal("why", HOME, 3, 8583, "", 2, 9.0),
    )


def test_another_address_port_or_certificate_is_another_refusal() -> None:
    refusals = Refusals(Clock().seconds)
    refusals.note(BANK, "why", (HOME, 1), 8583)
    refusals.note(BANK, "why", ("192.0.2.8", 1), 8583)
    refusals.note(BANK, "why", (HOME, 1), 8584)
    refusals.note(BANK, "why", (HOME, 1), 8583, "pin ab")
    assert [refusal.times for refusal in refusals.of(BANK)] == [1] * 4


def test_so_many_are_kept_of_each_bank_and_a_stranger_pushes_out_no_bank_s() -> None:
    refusals = Refusals(Clock().seconds)
    refusals.note(BANK, "why", (HOME, 1), 8583)
    for number in range(REFUSALS_MAX + 3):
        refusals.note(NOBODY, f"reason {number}", (HOME, 1), 8583)
    assert [refusal.reason for refusal in refusals.of(BANK)] == ["why"]
    kept = [refusal.reason for refusal in refusals.of(NOBODY)]
    assert kept == [f"reason {number}" for number in range(3, REFUSALS_MAX + 3)]
