"""MACs and check values: published vectors both ways, an independent witness, and what must be refused."""

from __future__ import annotations

from pathlib import Path

import psec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import OwnError
from protocol.mac import (
    KeyLengthError,
    MacAlgorithm,
    MacKey,
    aes_check_value,
    check_value,
    session_key_length,
    tdes_check_value,
)

# The witness still builds its ciphers in ways that the library is about to drop; our own code may not warn.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore:.*TripleDES:cryptography.utils.CryptographyDeprecationWarning:psec.{module}"
    )
    for module in ("des", "mac")
]

VECTORS = Path(__file__).parent.parent / "vectors"
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
ALGORITHMS = list(MacAlgorithm)


def stanzas(name: str) -> list[dict[str, str]]:
    """Return the stanzas of a vector file: blank lines between them, `name = value` within."""
    text = (VECTORS / name).read_text(encoding="ascii")
    blocks = [
        [line for line in block.splitlines() if not line.startswith("#")] for block in text.split("\n\n")
    ]
    pairs = [[line.partition(" =") for line in block] for block in blocks if block]
    return [{key: value.removeprefix(" ") for key, _, value in block} for block in pairs]


CMAC_VECTORS = [
    (v["K"], v["M"], v.get("T") or v["AES-CMAC"])
    for f in ("rfc4493", "sp800-38b")
    for v in stanzas(f"mac/{f}.txt")
]
RETAIL_VECTORS = [
    (v["K"] + v["K'"], v["D"].replace("\\x20", " "), v["MAC"])
    for v in stanzas("mac/iso9797-1-algorithm3.txt")
]


def test_every_published_example_is_there() -> None:
    assert (len(CMAC_VECTORS), len(RETAIL_VECTORS)) == (16, 2)


@pytest.mark.parametrize(("key", "message", "tag"), CMAC_VECTORS)
def test_aes_cmac_is_the_leftmost_8_bytes_of_the_published_tag(key: str, message: str, tag: str) -> None:
    mac_key = MacKey(MacAlgorithm.AES_CMAC, bytes.fromhex(key))
    expected = bytes.fromhex(tag)[:8]
    assert mac_key.mac(bytes.fromhex(message)) == expected
    assert mac_key.verify(bytes.fromhex(message), expected) is True


@pytest.mark.parametrize(("key", "message", "mac"), RETAIL_VECTORS)
def test_x9_19_is_the_published_mac(key: str, message: str, mac: str) -> None:
    mac_key = MacKey(MacAlgorithm.X9_19, bytes.fromhex(key))
    assert mac_key.mac(message.encode("ascii")) == bytes.fromhex(mac)
    assert mac_key.verify(message.encode("ascii"), bytes.fromhex(mac)) is True


def test_x9_19_pads_empty_data_to_one_block_of_zeros() -> None:
    mac_key = MacKey(MacAlgorithm.X9_19, KEY)
    assert mac_key.mac(b"") == mac_key.mac(bytes(8))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_verify_refuses_a_mac_with_any_bit_flipped(algorithm: MacAlgorithm) -> None:
    mac_key = MacKey(algorithm, KEY)
    mac = int.from_bytes(mac_key.mac(b"0200"), "big")
    flipped = [(mac ^ (1 << bit)).to_bytes(8, "big") for bit in range(64)]
    assert [mac_key.verify(b"0200", m) for m in flipped] == [False] * 64


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_verify_refuses_a_mac_that_is_not_8_bytes(algorithm: MacAlgorithm) -> None:
    mac_key = MacKey(algorithm, KEY)
    mac = mac_key.mac(b"0200")
    wrong = [mac[:n] for n in range(8)] + [mac + b"\x00", mac + mac]
    assert [mac_key.verify(b"0200", m) for m in wrong] == [False] * len(wrong)


@pytest.mark.parametrize("length", [0, 8, 15, 17, 23, 25, 31, 33])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_of_wrong_length_is_our_own_error_and_is_not_shown(
    algorithm: MacAlgorithm, length: int
) -> None:
    with pytest.raises(KeyLengthError) as caught:
        MacKey(algorithm, b"\xa5" * length)
    lengths = {MacAlgorithm.AES_CMAC: "16, 24, 32", MacAlgorithm.X9_19: "16"}[algorithm]
    assert isinstance(caught.value, OwnError)
    assert str(caught.value) == f"{algorithm} key of {length} bytes: must be one of {lengths}"


@pytest.mark.parametrize("length", [24, 32])
def test_x9_19_takes_double_length_keys_only(length: int) -> None:
    with pytest.raises(KeyLengthError) as caught:
        MacKey(MacAlgorithm.X9_19, bytes(length))
    assert str(caught.value) == f"x9.19 key of {length} bytes: must be one of 16"


def test_a_check_value_is_of_a_key_that_its_cipher_takes() -> None:
    with pytest.raises(KeyLengthError) as caught:
        aes_check_value(bytes(8))
    assert str(caught.value) == "AES key of 8 bytes: must be one of 16, 24, 32"
    with pytest.raises(KeyLengthError) as caught:
        tdes_check_value(bytes(25))
    assert str(caught.value) == "TDES key of 25 bytes: must be one of 16, 24"


def test_a_double_length_des_key_is_the_triple_length_one_whose_third_part_is_its_first() -> None:
    assert tdes_check_value(KEY + KEY[:8]) == tdes_check_value(KEY) == "08D7B4"
    assert tdes_check_value(KEY + KEY[8:]) == tdes_check_value(KEY[:8] * 2) == "D5D44F"


def test_a_bank_s_entry_names_the_algorithms() -> None:
    assert [algorithm.value for algorithm in MacAlgorithm] == ["aes-cmac", "x9.19"]


@pytest.mark.parametrize("vector", stanzas("keyblock/check_values.txt"), ids=lambda v: v["Cipher"] + v["KCV"])
def test_check_value_begins_with_the_published_one(vector: dict[str, str]) -> None:
    compute = {"AES": aes_check_value, "TDES": tdes_check_value}[vector["Cipher"]]
    assert compute(bytes.fromhex(vector["Key"]))[:6] == vector["KCV"]


def test_check_value_is_5_bytes_for_aes_and_3_for_tdes() -> None:
    assert [len(check_value(a, KEY)) for a in (MacAlgorithm.AES_CMAC, MacAlgorithm.X9_19)] == [10, 6]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_session_key_length_makes_a_mac_key(algorithm: MacAlgorithm) -> None:
    key = bytes(range(session_key_length(algorithm)))
    assert MacKey(algorithm, key).check_value == check_value(algorithm, key)


def test_repr_shows_algorithm_and_check_value_only() -> None:
    assert repr(MacKey(MacAlgorithm.X9_19, KEY)) == "MacKey(x9.19, check value 08D7B4)"


@given(
    key=st.binary(min_size=16, max_size=16), messages=st.lists(st.binary(max_size=60), min_size=1, max_size=4)
)
def test_x9_19_equals_an_independent_implementation_message_after_message(
    key: bytes, messages: list[bytes]
) -> None:
    mac_key = MacKey(MacAlgorithm.X9_19, key)
    # Keys are given at triple length, since the library warns of shorter ones.
    witness = [psec.mac.generate_retail_mac(key[:8] * 3, key[8:] * 3, m, padding=1) for m in messages]
    assert [mac_key.mac(m) for m in messages] == witness


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(data=st.binary(min_size=1, max_size=64), change=st.integers(1, 255), where=st.integers(0, 63))
def test_a_changed_byte_changes_the_mac(
    algorithm: MacAlgorithm, data: bytes, change: int, where: int
) -> None:
    mac_key = MacKey(algorithm, KEY)
    altered = bytearray(data)
    altered[where % len(data)] ^= change
    assert mac_key.verify(bytes(altered), mac_key.mac(data)) is False
