"""Key blocks: published blocks both ways, an independent witness, and every kind that must be refused."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import psec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import KeyBlockError, OwnError
from protocol.keyblock import (
    FOR_AUTHENTICATION,
    FOR_ENCRYPTION,
    VERSION_B,
    VERSION_D,
    Binding,
    frame,
    seal,
    unseal,
    unwrap,
    wrap,
)
from protocol.mac import KeyLengthError, MacAlgorithm, MacMethod
from tests.protocol.test_mac import stanzas

# The witness still builds its ciphers in ways that the library is about to drop; our own code may not warn.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore:.*TripleDES:cryptography.utils.CryptographyDeprecationWarning:psec.{module}"
    )
    for module in ("des", "mac")
]

AES, TDES = MacMethod.AES_CMAC, MacMethod.X9_19
X9_9, UNIONPAY = MacMethod(MacAlgorithm.X9_9), MacMethod(MacAlgorithm.UNIONPAY_ECB)
ZMK = bytes.fromhex("DD7515F2BFC17F85CE48F3CA25CB21F6")
OTHER_ZMK = bytes.fromhex("1D22BF32387C600AD97F9B97A51311AC")
KEY = bytes.fromhex("3F419E1CB7079442AA37474C2EFBF8B8")
BINDINGS = {"B": VERSION_B, "D": VERSION_D}
HEADERS = {AES: "D0112M6AC00N0000", TDES: "B0080M3TC00N0000"}
BLOCKS = stanzas("keyblock/tr31.txt")


def padding(length: int) -> bytes:
    """TrialMachine in for entropy."""
    return bytes(range(length))


def sealed(header: str, key: bytes = KEY, filler: bytes = b"") -> str:
    """Return an authentic block with any header."""
    return seal(BINDINGS[header[0]], ZMK, header, key, filler)


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda v: v["Name"])
def test_a_published_block_opens_to_its_key(vector: dict[str, str]) -> None:
    binding = BINDINGS[vector["Header"][0]]
    key = unseal(binding, bytes.fromhex(vector["KBPK"]), vector["Header"], vector["Body"])
    assert key == bytes.fromhex(vector["Key"])
    assert psec.tr31.unwrap(bytes.fromhex(vector["KBPK"]), vector["Header"] + vector["Body"])[1] == key


@pytest.mark.parametrize("vector", [v for v in BLOCKS if v["Padding"]], ids=lambda v: v["Name"])
def test_a_published_key_and_padding_seal_to_the_published_block(vector: dict[str, str]) -> None:
    binding = BINDINGS[vector["Header"][0]]
    kbpk, key, filler = (bytes.fromhex(vector[name]) for name in ("KBPK", "Key", "Padding"))
    assert seal(binding, kbpk, vector["Header"], key, filler) == vector["Header"] + vector["Body"]


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_the_header_names_usage_algorithm_mode_and_no_export(algorithm: MacMethod) -> None:
    assert wrap(ZMK, KEY, algorithm, padding)[:16] == HEADERS[algorithm]


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_same_entropy_same_block_other_entropy_other_block(algorithm: MacMethod) -> None:
    first, again, other = (wrap(ZMK, KEY, algorithm, e) for e in (padding, padding, bytes))
    assert (first == again, first == other) == (True, False)


NOT_HEX = "key block is not whole cipher blocks in upper-case hexadecimal"
MALFORMED = "key block header is malformed"
ANOTHER_LENGTH = "key block header says another length than the block has"
CHANGES: dict[str, tuple[Callable[[str], str], str]] = {
    "lower case": (str.lower, MALFORMED),
    "lower case after the header": (lambda b: b[:16] + b[16:].lower(), NOT_HEX),
    "one character more": (lambda b: b + "0", ANOTHER_LENGTH),
    "a line feed at the end": (lambda b: b + "\n", ANOTHER_LENGTH),
    "a line feed in a digit's place": (lambda b: b[:-1] + "\n", NOT_HEX),
    "a space before": (lambda b: " " + b, MALFORMED),
    "a cipher block more": (lambda b: b + "00" * 16, ANOTHER_LENGTH),
    "not ASCII": (lambda b: b[:-1] + "\u0663", NOT_HEX),
    "lone surrogate": (lambda b: b[:-1] + "\udc80", NOT_HEX),
    "not hexadecimal": (lambda b: b[:-1] + "G", NOT_HEX),
    "twice": (lambda b: b + b, ANOTHER_LENGTH),
    "far too long": (lambda b: b + "00" * 100_000, ANOTHER_LENGTH),
    "not whole cipher blocks": (lambda b: f"{b[0]}0{len(b) - 2:03d}{b[5:-2]}", NOT_HEX),
    "nothing but a header": (lambda b: b[0] + "0016" + b[5:16], NOT_HEX),
}


@pytest.mark.parametrize(("change", "text"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_malformed_block_is_refused(algorithm: MacMethod, change: Callable[[str], str], text: str) -> None:
    with pytest.raises(KeyBlockError) as caught:
        unwrap(ZMK, change(wrap(ZMK, KEY, algorithm, padding)), algorithm)
    assert str(caught.value) == text


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_block_under_another_zmk_is_refused(algorithm: MacMethod) -> None:
    with pytest.raises(KeyBlockError) as caught:
        unwrap(OTHER_ZMK, wrap(ZMK, KEY, algorithm, padding), algorithm)
    assert str(caught.value) == "key block MAC is wrong: altered, or under another ZMK"


@pytest.mark.parametrize(("binding", "mac"), [(VERSION_D, "00" * 16), (VERSION_B, "00" * 8)])
def test_a_body_that_is_a_mac_alone_holds_no_key(binding: Binding, mac: str) -> None:
    with pytest.raises(KeyBlockError) as caught:
        unseal(binding, ZMK, "", mac)
    assert str(caught.value) == "key block holds no key"


def authentic(clear: bytes) -> str:
    """Return the body of a block of version B with any key data."""
    mac = VERSION_B.cmac(VERSION_B.derive(ZMK, FOR_AUTHENTICATION), HEADERS[TDES].encode() + clear)
    return (
        (VERSION_B.cbc(VERSION_B.derive(ZMK, FOR_ENCRYPTION), mac).encryptor().update(clear) + mac)
        .hex()
        .upper()
    )


@pytest.mark.parametrize("bits", [7, 127, 22 * 8 + 1, 23 * 8, 0xFFFF])
def test_authentic_key_data_whose_length_cannot_be_is_refused(bits: int) -> None:
    with pytest.raises(KeyBlockError) as caught:
        unseal(VERSION_B, ZMK, HEADERS[TDES], authentic(bits.to_bytes(2) + bytes(range(22))))
    assert str(caught.value) == "key block gives its key an impossible length"


@pytest.mark.parametrize("length", [0, 1, 16, 22])
def test_the_key_is_as_long_as_its_data_say_and_the_rest_is_padding(length: int) -> None:
    data = (length * 8).to_bytes(2) + bytes(range(22))
    assert unseal(VERSION_B, ZMK, HEADERS[TDES], authentic(data)) == bytes(range(length))


@pytest.mark.parametrize("header", ["M3AC00N0000", "P0AE00N0000", "M6TC00N0000", "M6AG00N0000"])
def test_an_authentic_block_for_another_use_is_refused(header: str) -> None:
    block = sealed("D0112" + header, filler=padding(14))
    assert unseal(VERSION_D, ZMK, block[:16], block[16:]) == KEY
    with pytest.raises(KeyBlockError) as caught:
        unwrap(ZMK, block, AES)
    use = ", ".join((header[:2], header[2], header[3]))
    assert str(caught.value) == f"key block is for another use: {use}; aes-cmac needs M6, A, C or N"


@pytest.mark.parametrize(
    ("method", "header"),
    [
        (AES, "D0112M6AC00E0000"),
        (AES, "D0112M6AN01S0000"),
        (TDES, "B0080M3TC00E0000"),
        (TDES, "B0096M3TC12S0100KS10ABCDEF012345"),
        (TDES, "B0096M3TCa1N0200KS0800AAPB08ZZZZ"),
        (TDES, "B0096M3TC00N01001000020010" + "Z" * 6),
        (X9_9, "B0080M0TC00E0000"),
        (X9_9, "B0080M1TN00N0000"),
        (UNIONPAY, "B0080M3TC00S0000"),
    ],
)
def test_a_block_that_an_hsm_wrote_opens_where_its_use_fits_the_method(
    method: MacMethod, header: str
) -> None:
    block = sealed(header, filler=padding(14 if method is AES else 6))
    assert (unwrap(ZMK, block, method), psec.tr31.unwrap(ZMK, block)[1]) == (KEY, KEY)


@pytest.mark.parametrize(
    "blocks",
    [
        "KS03",
        "KS00",
        "KSFF",
        "KS0g",
        "KS",
        "KS000",
        "KS0000",
        "KS000205",
        "KS0002FFFF",
        "K\u00e908ABCD",
        "KS99",
    ],
)
def test_an_optional_block_that_does_not_end_where_it_says_is_refused(blocks: str) -> None:
    head = f"B0000M3TC00N0100{blocks}"
    body = "00" * 32
    block = f"B{len(head + body):04d}{head[5:]}{body}"
    with pytest.raises(KeyBlockError):
        unwrap(ZMK, block, TDES)


@pytest.mark.parametrize("length", [8, 16])
def test_a_key_of_single_or_double_length_travels_as_des_or_triple_des(length: int) -> None:
    block = wrap(ZMK, KEY[:length], X9_9, padding)
    assert block[:16] == {8: "B0064M1DC00N0000", 16: "B0080M0TC00N0000"}[length]
    assert unwrap(ZMK, block, X9_9) == KEY[:length]
    assert psec.tr31.unwrap(ZMK, block)[1] == KEY[:length]


PUBLISHED_MACS = stanzas("keyblock/mac_keys.txt")


@pytest.mark.parametrize("vector", PUBLISHED_MACS, ids=lambda v: v["Name"])
def test_a_published_block_of_a_mac_key_opens_in_every_version(vector: dict[str, str]) -> None:
    assert unwrap(bytes.fromhex(vector["KBPK"]), vector["Block"], TDES) == bytes.fromhex(vector["Key"])


@pytest.mark.parametrize(
    "block", [v for v in PUBLISHED_MACS if v["Block"][0] in "AC"], ids=lambda v: v["Name"]
)
def test_a_block_of_a_withdrawn_version_is_held_to_its_mac_at_every_character(block: dict[str, str]) -> None:
    zmk, text = bytes.fromhex(block["KBPK"]), block["Block"]
    for place, character in enumerate(text):
        other = "1" if character == "0" else "0"
        with pytest.raises(KeyBlockError):
            unwrap(zmk, text[:place] + other + text[place + 1 :], TDES)
        with pytest.raises(KeyBlockError):
            unwrap(zmk, text[:place], TDES)


REFUSED = [v["Block"] for v in stanzas("keyblock/refused.txt")]


@pytest.mark.parametrize("block", REFUSED, ids=[block[:24] for block in REFUSED])
def test_a_published_block_that_must_be_refused_is(block: str) -> None:
    for method in (AES, TDES, X9_9):
        with pytest.raises(KeyBlockError):
            unwrap(b"E" * 16, block, method)


@pytest.mark.parametrize(("algorithm", "other"), [(AES, TDES), (TDES, AES)])
def test_a_block_of_the_other_version_is_refused(algorithm: MacMethod, other: MacMethod) -> None:
    with pytest.raises(KeyBlockError):
        unwrap(ZMK, wrap(ZMK, KEY, other, padding), algorithm)


@pytest.mark.parametrize("length", [0, 8, 15, 17, 24])
def test_an_authentic_block_with_a_key_of_wrong_length_is_refused(length: int) -> None:
    block = sealed("B0096M3TC00N0000", key=bytes(length), filler=bytes(30 - length))
    with pytest.raises(KeyBlockError) as caught:
        unwrap(ZMK, block, TDES)
    assert str(caught.value) == f"key block holds a key of {length} bytes, not fit for x9.19"


@pytest.mark.parametrize(
    ("zmk_length", "key_length", "algorithm", "text"),
    [
        (15, 16, AES, "ZMK key of 15 bytes: must be one of 16, 24, 32"),
        (16, 24, AES, "ZMK key of 16 bytes: must be one of 24, 32"),
        (24, 32, AES, "ZMK key of 24 bytes: must be one of 32"),
        (16, 17, AES, "aes-cmac key of 17 bytes: must be one of 16, 24, 32"),
        (32, 16, TDES, "ZMK key of 32 bytes: must be one of 16, 24"),
        (8, 16, TDES, "ZMK key of 8 bytes: must be one of 16, 24"),
        (24, 24, TDES, "x9.19 key of 24 bytes: must be one of 16"),
    ],
)
def test_a_zmk_or_key_of_wrong_or_weaker_length_is_our_own_error(
    zmk_length: int, key_length: int, algorithm: MacMethod, text: str
) -> None:
    with pytest.raises(KeyLengthError) as caught:
        wrap(bytes(zmk_length), bytes(key_length), algorithm, padding)
    assert str(caught.value) == text


@pytest.mark.parametrize(("algorithm", "lengths"), [(AES, "16, 24, 32"), (TDES, "16, 24")])
def test_a_block_is_opened_under_a_zmk_of_its_cipher_s_lengths(algorithm: MacMethod, lengths: str) -> None:
    with pytest.raises(KeyLengthError) as caught:
        unwrap(bytes(15), wrap(ZMK, KEY, algorithm, padding), algorithm)
    assert str(caught.value) == f"ZMK key of 15 bytes: must be one of {lengths}"


@pytest.mark.parametrize("given_length", [0, 5, 7])
def test_entropy_of_wrong_length_is_our_own_error(given_length: int) -> None:
    with pytest.raises(OwnError) as caught:
        wrap(ZMK, KEY, TDES, lambda _: bytes(given_length))
    assert str(caught.value) == f"entropy gave {given_length} bytes, 6 were asked for"


@pytest.mark.parametrize(
    ("zmk_length", "key_length", "algorithm", "framed"),
    [
        (16, 16, AES, ("D0112M6AC00N0000", padding(14))),
        (24, 24, AES, ("D0112M6AC00N0000", padding(6))),
        (32, 32, AES, ("D0144M6AC00N0000", padding(14))),
        (16, 16, TDES, ("B0080M3TC00N0000", padding(6))),
        (24, 16, TDES, ("B0080M3TC00N0000", padding(6))),
    ],
)
def test_the_header_and_the_padding_follow_from_the_lengths(
    zmk_length: int, key_length: int, algorithm: MacMethod, framed: tuple[str, bytes]
) -> None:
    assert frame(zmk_length, bytes(key_length), algorithm, padding) == framed


@pytest.mark.parametrize(
    ("binding", "zmk_length", "data"),
    [
        (VERSION_D, 16, ["0100010000020080"]),
        (VERSION_D, 24, ["01000100000300c0", "02000100000300c0"]),
        (VERSION_D, 32, ["0100010000040100", "0200010000040100"]),
        (VERSION_B, 16, ["0100010000000080", "0200010000000080"]),
        (VERSION_B, 24, ["01000100000100c0", "02000100000100c0", "03000100000100c0"]),
    ],
)
def test_block_keys_are_derived_from_the_standards_data(
    binding: Binding, zmk_length: int, data: list[str]
) -> None:
    """ANSI X9.143: counter, usage, separator, algorithm, length in bits."""
    assert [
        data_block.hex() for data_block in binding.derivation_data(zmk_length, FOR_AUTHENTICATION)
    ] == data


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_no_key_shows_in_the_traceback_of_a_refusal(algorithm: MacMethod) -> None:
    block = wrap(ZMK, KEY, algorithm, padding)
    with pytest.raises(KeyBlockError) as caught:
        unwrap(OTHER_ZMK, block, algorithm)
    shown = "".join(traceback.format_exception(caught.value)).lower()
    secrets = [text for secret in (ZMK, OTHER_ZMK, KEY) for text in (secret.hex(), repr(secret).lower())]
    assert [text for text in [*secrets, block[16:].lower()] if text in shown] == []


@given(zmk=st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), data=st.data())
def test_an_aes_key_survives_wrapping_and_the_witness_agrees(zmk: bytes, data: st.DataObject) -> None:
    length = data.draw(st.sampled_from([n for n in (16, 24, 32) if n <= len(zmk)]))
    key = data.draw(st.binary(min_size=length, max_size=length))
    block = wrap(zmk, key, AES, padding)
    assert (unwrap(zmk, block, AES), psec.tr31.unwrap(zmk, block)[1]) == (key, key)
    assert unwrap(zmk, psec.tr31.wrap(zmk, "D0000M6AC00N0000", key), AES) == key


@given(
    zmk=st.sampled_from([16, 24]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    key=st.binary(min_size=16, max_size=16),
)
def test_a_tdes_key_survives_wrapping_and_the_witness_agrees(zmk: bytes, key: bytes) -> None:
    block = wrap(zmk, key, TDES, padding)
    assert (unwrap(zmk, block, TDES), psec.tr31.unwrap(zmk, block)[1]) == (key, key)
    assert unwrap(zmk, psec.tr31.wrap(zmk, "B0000M3TC00N0000", key), TDES) == key


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_flipped_bit_at_any_position_is_refused(algorithm: MacMethod) -> None:
    block = wrap(ZMK, KEY, algorithm, padding)
    for position, character in enumerate(block):
        for bit in range(8):
            altered = block[:position] + chr(ord(character) ^ (1 << bit)) + block[position + 1 :]
            with pytest.raises(KeyBlockError):
                unwrap(ZMK, altered, algorithm)


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_block_cut_at_any_position_is_refused(algorithm: MacMethod) -> None:
    block = wrap(ZMK, KEY, algorithm, padding)
    for length in range(len(block)):
        cut = block[:length]
        # The second form tells its own true length, so that more than the length field is checked.
        for bad in (cut, cut[:1] + f"{length:04d}" + cut[5:]):
            with pytest.raises(KeyBlockError):
                unwrap(ZMK, bad, algorithm)


@given(block=st.text(max_size=200))
def test_no_text_makes_unwrap_raise_anything_else(block: str) -> None:
    for algorithm in (AES, TDES):
        for text in (block, HEADERS[algorithm] + block):
            with pytest.raises(KeyBlockError):
                unwrap(ZMK, text, algorithm)
