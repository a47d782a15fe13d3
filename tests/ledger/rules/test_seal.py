"""The seal on a closed day: whatever of the day is changed, the root is another; only the key's holder
signs it.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.seal import SEED_BYTES, ChainEnd, Sealer, day_root, is_signed

SEED = bytes(range(32))
TIP = "ab" * 32
ENDS = (ChainEnd(1, 7, TIP), ChainEnd(2, 0, "0" * 64))
ROOT = day_root("20261124", "20261125", 1, ENDS)

# RFC 8032, section 7.1, TEST 1: the public key of this secret key.
RFC_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_the_root_is_sha_256_over_the_json_that_is_documented() -> None:
    content = f'["20261124","20261125",1,[[1,7,"{TIP}"],[2,0,"{"0" * 64}"]]]'
    assert hashlib.sha256(content.encode()).hexdigest() == ROOT


@pytest.mark.parametrize(
    "other",
    [
        day_root("20261123", "20261125", 1, ENDS),
        day_root("20261124", "20261126", 1, ENDS),
        day_root("20261124", "20261125", 2, ENDS),
        day_root("20261124", "20261125", 1, ENDS[:1]),
        day_root("20261124", "20261125", 1, (*ENDS, ChainEnd(3, 0, TIP))),
        day_root("20261124", "20261125", 1, (ENDS[0]._replace(position=8), ENDS[1])),
        day_root("20261124", "20261125", 1, (ENDS[0]._replace(tip="ac" + TIP[2:]), ENDS[1])),
        day_root("20261124", "20261125", 1, (ENDS[0]._replace(chain=2), ENDS[1]._replace(chain=1))),
    ],
)
def test_whatever_is_changed_the_root_is_another(other: str) -> None:
    assert other != ROOT


def test_the_order_in_which_the_chains_are_read_does_not_matter() -> None:
    assert day_root("20261124", "20261125", 1, ENDS[::-1]) == ROOT


def test_the_key_is_that_of_rfc_8032() -> None:
    assert Sealer(RFC_SEED).public == RFC_PUBLIC
    assert len(RFC_SEED) == SEED_BYTES


def test_a_root_is_signed_the_same_each_time_and_by_nobody_else() -> None:
    sealer, other = Sealer(SEED), Sealer(RFC_SEED)
    signature = sealer.sign(ROOT)
    assert sealer.sign(ROOT) == signature
    assert is_signed(ROOT, signature, sealer.public)
    assert not is_signed(ROOT, signature, other.public)
    assert not is_signed(ROOT, other.sign(ROOT), sealer.public)
    assert not is_signed(day_root("20261124", "20261125", 2, ENDS), signature, sealer.public)


@given(signature=st.text(max_size=130), public=st.text(max_size=70))
def test_what_is_no_signature_or_no_key_is_no_seal(signature: str, public: str) -> None:
    assert not is_signed(ROOT, signature, public)
    assert not is_signed(ROOT, signature, RFC_PUBLIC)


@given(place=st.integers(0, 127), digit=st.sampled_from("0123456789abcdef"))
def test_a_flipped_digit_of_the_signature_is_seen(place: int, digit: str) -> None:
    sealer = Sealer(SEED)
    signature = sealer.sign(ROOT)
    flipped = signature[:place] + digit + signature[place + 1 :]
    assert is_signed(ROOT, flipped, sealer.public) == (flipped == signature)
