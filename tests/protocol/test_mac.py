"""MACs and check values: published vectors both ways, an independent witness, and what must be refused."""

from __future__ import annotations

from pathlib import Path

import psec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import OwnError
from protocol.mac import (
    SHIPPED_MACS,
    KeyLengthError,
    MacAlgorithm,
    MacKey,
    MacMethod,
    MacMethodError,
    aes_check_value,
    check_value,
    tdes_check_value,
)
from protocol.mac_table import as_written, mac_of

# The witness still builds its ciphers in ways that the library is about to drop; our own code may not warn.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore:.*TripleDES:cryptography.utils.CryptographyDeprecationWarning:psec.{module}"
    )
    for module in ("des", "mac")
]

VECTORS = Path(__file__).parent.parent / "vectors"
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
BINARY = [method for method in SHIPPED_MACS.values() if not method.in_hex]


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
PUBLISHED_TAGS = stanzas("mac/wycheproof.txt")
RETAIL_VECTORS = [
    (v["K"] + v["K'"], v["D"].replace("\\x20", " "), v["MAC"])
    for v in stanzas("mac/iso9797-1-algorithm3.txt")
]


def test_every_published_example_is_there() -> None:
    tags = [vector["Tag"] for vector in PUBLISHED_TAGS]
    assert [tags.count(tag) for tag in ("right", "altered within", "altered behind")] == [27, 79, 41]
    assert (len(CMAC_VECTORS), len(RETAIL_VECTORS)) == (16, 2)


@pytest.mark.parametrize(("key", "message", "tag"), CMAC_VECTORS)
def test_aes_cmac_is_the_leftmost_8_bytes_of_the_published_tag(key: str, message: str, tag: str) -> None:
    mac_key = MacKey(MacMethod.AES_CMAC, bytes.fromhex(key))
    expected = bytes.fromhex(tag)[:8]
    assert mac_key.mac(bytes.fromhex(message)) == expected
    assert mac_key.verify(bytes.fromhex(message), expected) is True


@pytest.mark.parametrize(("key", "message", "mac"), RETAIL_VECTORS)
def test_x9_19_is_the_published_mac(key: str, message: str, mac: str) -> None:
    mac_key = MacKey(MacMethod.X9_19, bytes.fromhex(key))
    assert mac_key.mac(message.encode("ascii")) == bytes.fromhex(mac)
    assert mac_key.verify(message.encode("ascii"), bytes.fromhex(mac)) is True


def test_x9_19_pads_empty_data_to_one_block_of_zeros() -> None:
    mac_key = MacKey(MacMethod.X9_19, KEY)
    assert mac_key.mac(b"") == mac_key.mac(bytes(8))


@pytest.mark.parametrize("algorithm", BINARY, ids=str)
def test_verify_refuses_a_mac_with_any_bit_flipped(algorithm: MacMethod) -> None:
    mac_key = MacKey(algorithm, KEY)
    mac = int.from_bytes(mac_key.mac(b"0200"), "big")
    flipped = [(mac ^ (1 << bit)).to_bytes(8, "big") for bit in range(64)]
    assert [mac_key.verify(b"0200", m) for m in flipped] == [False] * 64


@pytest.mark.parametrize("algorithm", BINARY, ids=str)
def test_verify_refuses_a_mac_that_is_not_8_bytes(algorithm: MacMethod) -> None:
    mac_key = MacKey(algorithm, KEY)
    mac = mac_key.mac(b"0200")
    wrong = [mac[:n] for n in range(8)] + [mac + b"\x00", mac + mac]
    assert [mac_key.verify(b"0200", m) for m in wrong] == [False] * len(wrong)


@pytest.mark.parametrize("length", [0, 8, 15, 17, 23, 25, 31, 33])
@pytest.mark.parametrize("algorithm", [MacMethod.AES_CMAC, MacMethod.X9_19], ids=str)
def test_a_key_of_wrong_length_is_our_own_error_and_is_not_shown(algorithm: MacMethod, length: int) -> None:
    with pytest.raises(KeyLengthError) as caught:
        MacKey(algorithm, b"\xa5" * length)
    lengths = {MacMethod.AES_CMAC: "16, 24, 32", MacMethod.X9_19: "16"}[algorithm]
    assert isinstance(caught.value, OwnError)
    assert str(caught.value) == f"{algorithm} key of {length} bytes: must be one of {lengths}"


@pytest.mark.parametrize("length", [24, 32])
def test_x9_19_takes_double_length_keys_only(length: int) -> None:
    with pytest.raises(KeyLengthError) as caught:
        MacKey(MacMethod.X9_19, bytes(length))
    assert str(caught.value) == f"x9.19 key of {length} bytes: must be one of 16"


def test_a_check_value_is_of_a_key_that_its_cipher_takes() -> None:
    with pytest.raises(KeyLengthError) as caught:
        aes_check_value(bytes(8))
    assert str(caught.value) == "AES key of 8 bytes: must be one of 16, 24, 32"
    with pytest.raises(KeyLengthError) as caught:
        tdes_check_value(bytes(25))
    assert str(caught.value) == "TDES key of 25 bytes: must be one of 8, 16, 24"


def test_a_double_length_des_key_is_the_triple_length_one_whose_third_part_is_its_first() -> None:
    assert tdes_check_value(KEY + KEY[:8]) == tdes_check_value(KEY) == "08D7B4"
    assert tdes_check_value(KEY + KEY[8:]) == tdes_check_value(KEY[:8] * 2) == "D5D44F"


def test_a_bank_s_entry_names_the_algorithms() -> None:
    assert list(SHIPPED_MACS) == ["aes-cmac", "x9.19", "x9.9", "unionpay-ecb"]
    assert list(map(str, SHIPPED_MACS.values())) == list(SHIPPED_MACS)


def test_a_tag_is_refused_that_was_altered_within_the_8_bytes_of_a_mac_and_right_if_behind_them() -> None:
    """The wire carries the leftmost 8 of 16 bytes, so what was altered behind them cannot be seen there."""
    wrong = []
    for vector in PUBLISHED_TAGS:
        key, data, tag = (bytes.fromhex(vector[name]) for name in "KMT")
        expected = vector["Tag"] != "altered within"
        if MacKey(MacMethod.AES_CMAC, key).verify(data, tag[:8]) is not expected:
            wrong.append(vector["Name"])
    assert wrong == []


@pytest.mark.parametrize("vector", stanzas("mac/methods.txt"), ids=lambda v: v["Name"])
def test_every_method_makes_the_published_mac_in_its_field(vector: dict[str, str]) -> None:
    method = mac_of(vector["Method"])
    key, data, mac = (bytes.fromhex(vector[name]) for name in ("K", "D", "MAC"))
    assert MacKey(method, key).mac(data) == mac
    assert MacKey(method, key).verify(data, mac)
    assert not MacKey(method, key).verify(data + b"\x01", mac)


def test_4_bytes_of_a_mac_count_whatever_fills_the_field_behind_them() -> None:
    short = MacKey(MacMethod(MacAlgorithm.X9_19, size=4), KEY)
    mac = short.mac(b"0200")
    assert mac == MacKey(MacMethod.X9_19, KEY).mac(b"0200")[:4] + bytes(4)
    assert short.verify(b"0200", mac[:4] + b"    ")
    flipped = [(int.from_bytes(mac) ^ (1 << bit)).to_bytes(8) for bit in range(32, 64)]
    assert not any(short.verify(b"0200", other) for other in flipped)
    assert not any(short.verify(b"0200", mac[:length]) for length in range(8))


def test_hex_digits_of_a_mac_may_come_in_lower_case() -> None:
    key = MacKey(SHIPPED_MACS["unionpay-ecb"], KEY)
    mac = key.mac(b"0200 and more")
    assert (len(mac), bytes.fromhex(mac.decode()), mac.upper()) == (8, bytes.fromhex(mac.decode()), mac)
    assert key.verify(b"0200 and more", mac.lower())
    assert not any(key.verify(b"0200 and more", mac[:place] + b"G" + mac[place + 1 :]) for place in range(8))


def test_what_is_of_des_or_short_is_weak() -> None:
    assert [name for name, method in SHIPPED_MACS.items() if method.is_weak] == list(SHIPPED_MACS)[1:]
    assert MacMethod(size=4).is_weak


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("des", "there is no such algorithm; there are aes-cmac, x9.19, x9.9, unionpay-ecb"),
        (
            '{ algorithm = "des" }',
            "algorithm: there is no such algorithm; there are aes-cmac",
        ),
        ("{ padding = 2 }", "aes-cmac says itself how it pads"),
        ('{ algorithm = "x9.19", padding = 3 }', "padding is 1 or 2, as ISO/IEC 9797-1 numbers its methods"),
        ('{ algorithm = "x9.19", padding = "2" }', "padding: is to be a whole number"),
        ('{ algorithm = "unionpay-ecb", padding = 2 }', "unionpay-ecb says itself how it pads"),
        ("{ bytes = 5 }", "a MAC has 4 or 8 bytes"),
        ("{ bytes = true }", "bytes: is to be a whole number"),
        ('{ form = "hex" }', "8 bytes in hex digits are 16 characters"),
        ('{ form = "ascii" }', "form: is to be one of binary, hex"),
        ('{ algorithm = "x9.9", key_bytes = 24 }', "a key of x9.9 has 8, 16 bytes"),
        ("{ pad = 1 }", "pad is no part of a MAC; there are algorithm, padding, bytes, form, key_bytes"),
        ("{ padding = ", "the table is not TOML: "),
        ("{}\nmac2 = 1", "give the name of an algorithm, or a table of parts"),
        (7, "give the name of an algorithm, or a table of parts"),
    ],
)
def test_a_method_that_contradicts_itself_is_refused_with_the_reason(said: object, fault: str) -> None:
    with pytest.raises(MacMethodError) as caught:
        mac_of(said)
    assert str(caught.value).startswith(fault)


METHODS = st.builds(
    lambda *parts: parts,
    st.sampled_from(MacAlgorithm),
    st.sampled_from([1, 2]),
    st.sampled_from([4, 8]),
    st.booleans(),
    st.sampled_from([8, 16, 24, 32]),
)


@given(parts=METHODS, data=st.binary(max_size=40))
def test_every_method_is_written_as_it_is_read_and_its_macs_verify(
    parts: tuple[MacAlgorithm, int, int, bool, int], data: bytes
) -> None:
    try:
        method = MacMethod(*parts)
    except MacMethodError:
        return
    assert mac_of(as_written(method)) == method
    key = MacKey(method, bytes(range(method.key_bytes)))
    mac = key.mac(data)
    assert (len(mac), key.verify(data, mac), key.verify(data + b"\x01", mac)) == (8, True, False)


@pytest.mark.parametrize("vector", stanzas("keyblock/check_values.txt"), ids=lambda v: v["Cipher"] + v["KCV"])
def test_check_value_begins_with_the_published_one(vector: dict[str, str]) -> None:
    compute = {"AES": aes_check_value, "TDES": tdes_check_value}[vector["Cipher"]]
    assert compute(bytes.fromhex(vector["Key"]))[:6] == vector["KCV"]


def test_check_value_is_5_bytes_for_aes_and_3_for_tdes() -> None:
    assert [len(check_value(a, KEY)) for a in (MacMethod.AES_CMAC, MacMethod.X9_19)] == [10, 6]


def test_repr_shows_algorithm_and_check_value_only() -> None:
    assert repr(MacKey(MacMethod.X9_19, KEY)) == "MacKey(x9.19, check value 08D7B4)"


@given(
    key=st.binary(min_size=16, max_size=16), messages=st.lists(st.binary(max_size=60), min_size=1, max_size=4)
)
def test_x9_19_equals_an_independent_implementation_message_after_message(
    key: bytes, messages: list[bytes]
) -> None:
    mac_key = MacKey(MacMethod.X9_19, key)
    # Keys are given at triple length, since the library warns of shorter ones.
    witness = [psec.mac.generate_retail_mac(key[:8] * 3, key[8:] * 3, m, padding=1) for m in messages]
    assert [mac_key.mac(m) for m in messages] == witness


@pytest.mark.parametrize("algorithm", BINARY, ids=str)
@given(data=st.binary(min_size=1, max_size=64), change=st.integers(1, 255), where=st.integers(0, 63))
def test_a_changed_byte_changes_the_mac(algorithm: MacMethod, data: bytes, change: int, where: int) -> None:
    mac_key = MacKey(algorithm, KEY)
    altered = bytearray(data)
    altered[where % len(data)] ^= change
    assert mac_key.verify(bytes(altered), mac_key.mac(data)) is False
