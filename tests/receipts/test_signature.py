"""What is a receipt of the insurer's, and what is none: forged, altered, cut, of another key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receipts.line import Receipt, SignedReceipt, read, signed_part, write
from receipts.public_keys import PublicKey
from receipts.signature import Outcome, Signer, is_signed, verify
from tests.receipts.test_line import LINE, RECEIPT, RECEIPTS

SIGNER = Signer(bytes(range(32)))
OTHER = Signer(bytes(range(1, 33)))
SIGNED = write(SIGNER.sign(RECEIPT))
L = 2**252 + 27742317777372353535851937790883648493
"""The order of the group of Ed25519 (RFC 8032, section 5.1)."""


def key_of(signer: Signer, insurer: str = "EXAMPLE", dates: tuple[str, str] = ("20260101", "")) -> PublicKey:
    return PublicKey(insurer, signer.key, *dates, signer.public)


KEYS = (key_of(SIGNER), key_of(OTHER, "ANOTHER"))


def outcome(text: str, *keys: PublicKey) -> Outcome:
    return verify(text, keys or KEYS).outcome


def test_a_signed_receipt_is_good_and_says_what_was_paid() -> None:
    assert verify(SIGNED, KEYS)[::2] == (Outcome.GOOD, RECEIPT._replace(key=SIGNER.key))


def test_a_receipt_that_is_signed_again_is_the_same_text() -> None:
    assert write(Signer(bytes(range(32))).sign(RECEIPT._replace(key=""))) == SIGNED


@given(RECEIPTS)
def test_whatever_is_signed_verifies(receipt: Receipt) -> None:
    signed = SIGNER.sign(receipt)
    assert is_signed(signed, SIGNER.public)
    assert not is_signed(signed, OTHER.public)
    keys = (key_of(SIGNER, receipt.insurer, ("00010101", "")),)
    assert outcome(write(signed), *keys) is Outcome.GOOD


def test_each_altered_character_is_found() -> None:
    for place, there in enumerate(SIGNED):
        for other in {"A", "0", "1", "|", "-", "7", "a", "\x00", chr(ord(there) ^ 1)} - {there}:
            assert outcome(SIGNED[:place] + other + SIGNED[place + 1 :]) is not Outcome.GOOD, (place, other)


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, len(SIGNED)))
def test_a_piece_that_is_left_out_is_found(start: int, end: int) -> None:
    assert start >= end or outcome(SIGNED[:start] + SIGNED[end:]) is not Outcome.GOOD


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert outcome(text) is not Outcome.GOOD
    assert outcome(SIGNED + text) is Outcome.GOOD or text.strip(" \t\r\n\ufeff")


def test_a_cut_receipt_is_said_to_be_cut() -> None:
    assert outcome(SIGNED[:-1]) is Outcome.CUT
    assert outcome(SIGNED[:60]) is Outcome.CUT


def test_a_signature_that_nobody_made_is_found() -> None:
    assert outcome(LINE, *(key._replace(key="7KQ2M3NA") for key in KEYS[:1])) is Outcome.NOT_SIGNED


def test_a_key_that_is_not_given_is_said_to_be_unknown() -> None:
    assert outcome(SIGNED, KEYS[1]) is Outcome.UNKNOWN_KEY


def test_a_receipt_under_another_key_id_is_not_signed() -> None:
    other = SIGNED.replace(SIGNER.key, OTHER.key)
    assert outcome(other, key_of(SIGNER), key_of(OTHER)) is Outcome.NOT_SIGNED


def test_another_insurers_key_signs_for_that_insurer_alone() -> None:
    forged = write(OTHER.sign(RECEIPT))
    assert outcome(forged) is Outcome.OTHER_INSURER
    assert outcome(write(OTHER.sign(RECEIPT._replace(insurer="ANOTHER")))) is Outcome.GOOD


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("20261124", "20261124"), Outcome.GOOD),
        (("20261125", ""), Outcome.NOT_IN_FORCE),
        (("20260101", "20261123"), Outcome.NOT_IN_FORCE),
    ],
)
def test_a_key_outside_its_dates_is_named(dates: tuple[str, str], expected: Outcome) -> None:
    assert outcome(SIGNED, key_of(SIGNER, dates=dates)) is expected


def test_the_reason_gives_the_dates_of_the_key() -> None:
    verdict = verify(SIGNED, [key_of(SIGNER, dates=("20260101", "20261123"))])
    assert verdict.reason == "its key signs receipts from 20260101 to 20261123"
    verdict = verify(SIGNED, [key_of(SIGNER, dates=("20261125", ""))])
    assert verdict.reason == "its key signs receipts from 20261125 on"


def test_a_second_signature_made_of_the_first_is_refused() -> None:
    """S + L would verify where only the equation is checked: one receipt had two texts (RFC 8032, 5.1.7)."""
    signed = read(SIGNED)
    scalar = int.from_bytes(signed.signature[32:], "little") + L
    assert scalar < 2**256
    second = SignedReceipt(signed.receipt, signed.signature[:32] + scalar.to_bytes(32, "little"))
    assert outcome(write(second)) is Outcome.NOT_SIGNED


def test_the_signature_of_other_bytes_is_none_of_the_receipt() -> None:
    shifted = RECEIPT._replace(policy="P2026-11", amount=2000)
    assert signed_part(RECEIPT).replace("P2026-1|12000", "P2026-11|2000") == signed_part(shifted)
    assert outcome(SIGNED.replace("P2026-1|12000", "P2026-11|2000")) is Outcome.NOT_SIGNED
