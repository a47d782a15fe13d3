"""Key blocks: published blocks both ways, an independent witness, and every kind that must be refused."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import psec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import KeyBlockError, OwnError
from protocol.keyblock import VERSION_B, VERSION_D, seal, unseal, unwrap, wrap
from protocol.mac import MacAlgorithm
from tests.protocol.test_mac import stanzas

# The witness still builds its ciphers in ways that the library is about to drop; our own code may not warn.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore:.*TripleDES:cryptography.utils.CryptographyDeprecationWarning:psec.{module}"
    )
    for module in ("des", "mac")
]

AES, TDES = MacAlgorithm.AES_CMAC, MacAlgorithm.X9_19
ZMK = bytes.fromhex("DD7515F2BFC17F85CE48F3CA25CB21F6")
OTHER_ZMK = bytes.fromhex("1D22BF32387C600AD97F9B97A51311AC")
KEY = bytes.fromhex("3F419E1CB7079442AA37474C2EFBF8B8")
BINDINGS = {"B": VERSION_B, "D": VERSION_D}
HEADERS = {AES: "D0112M6AC00N0000", TDES: "B0080M3TC00N0000"}
BLOCKS = stanzas("keyblock/tr31.txt")


def padding(length: int) -> bytes:
    """Stand in for entropy."""
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
def test_the_header_names_usage_algorithm_mode_and_no_export(algorithm: MacAlgorithm) -> None:
    assert wrap(ZMK, KEY, algorithm, padding)[:16] == HEADERS[algorithm]


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
def test_same_entropy_same_block_other_entropy_other_block(algorithm: MacAlgorithm) -> None:
    first, again, other = (wrap(ZMK, KEY, algorithm, e) for e in (padding, padding, bytes))
    assert (first == again, first == other) == (True, False)


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_flipped_bit_at_any_position_is_refused(algorithm: MacAlgorithm) -> None:
    block = wrap(ZMK, KEY, algorithm, padding)
    for position, character in enumerate(block):
        for bit in range(8):
            altered = block[:position] + chr(ord(character) ^ (1 << bit)) + block[position + 1 :]
            with pytest.raises(KeyBlockError):
                unwrap(ZMK, altered, algorithm)


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_block_cut_at_any_position_is_refused(algorithm: MacAlgorithm) -> None:
    block = wrap(ZMK, KEY, algorithm, padding)
    for length in range(len(block)):
        cut = block[:length]
        # The second form tells its own true length, so that more than the length field is checked.
        for bad in (cut, cut[:1] + f"{length:04d}" + cut[5:]):
            with pytest.raises(KeyBlockError):
                unwrap(ZMK, bad, algorithm)


CHANGES: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "one character more": lambda b: b + "0",
    "a line feed at the end": lambda b: b + "\n",
    "a space before": lambda b: " " + b,
    "a cipher block more": lambda b: b + "00" * 16,
    "not ASCII": lambda b: b[:-1] + "\u0663",
    "lone surrogate": lambda b: b[:-1] + "\udc80",
    "not hexadecimal": lambda b: b[:-1] + "G",
    "twice": lambda b: b + b,
    "far too long": lambda b: b + "00" * 100_000,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_malformed_block_is_refused(algorithm: MacAlgorithm, change: Callable[[str], str]) -> None:
    with pytest.raises(KeyBlockError):
        unwrap(ZMK, change(wrap(ZMK, KEY, algorithm, padding)), algorithm)


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_a_block_under_another_zmk_is_refused(algorithm: MacAlgorithm) -> None:
    with pytest.raises(KeyBlockError):
        unwrap(OTHER_ZMK, wrap(ZMK, KEY, algorithm, padding), algorithm)


@pytest.mark.parametrize(
    "header",
    ["M3AC00N0000", "P0AE00N0000", "M6TC00N0000", "M6AG00N0000", "M6AC01N0000", "M6AC00E0000", "M6AC00N0100"],
)
def test_an_authentic_block_for_another_use_is_refused(header: str) -> None:
    block = sealed("D0112" + header, filler=padding(14))
    assert unseal(VERSION_D, ZMK, block[:16], block[16:]) == KEY
    with pytest.raises(KeyBlockError):
        unwrap(ZMK, block, AES)


@pytest.mark.parametrize(("algorithm", "other"), [(AES, TDES), (TDES, AES)])
def test_a_block_of_the_other_version_is_refused(algorithm: MacAlgorithm, other: MacAlgorithm) -> None:
    with pytest.raises(KeyBlockError):
        unwrap(ZMK, wrap(ZMK, KEY, other, padding), algorithm)


@pytest.mark.parametrize("length", [0, 8, 15, 17, 24])
def test_an_authentic_block_with_a_key_of_wrong_length_is_refused(length: int) -> None:
    block = sealed("B0096M3TC00N0000", key=bytes(length), filler=bytes(30 - length))
    with pytest.raises(KeyBlockError):
        unwrap(ZMK, block, TDES)


@given(block=st.text(max_size=200))
def test_no_text_makes_unwrap_raise_anything_else(block: str) -> None:
    for algorithm in (AES, TDES):
        for text in (block, HEADERS[algorithm] + block):
            with pytest.raises(KeyBlockError):
                unwrap(ZMK, text, algorithm)


@pytest.mark.parametrize(
    ("zmk_length", "key_length", "algorithm"),
    [
        (15, 16, AES),
        (16, 24, AES),
        (24, 32, AES),
        (16, 17, AES),
        (32, 16, TDES),
        (8, 16, TDES),
        (24, 24, TDES),
    ],
)
def test_a_zmk_or_key_of_wrong_or_weaker_length_is_our_own_error(
    zmk_length: int, key_length: int, algorithm: MacAlgorithm
) -> None:
    with pytest.raises(OwnError):
        wrap(bytes(zmk_length), bytes(key_length), algorithm, padding)


@pytest.mark.parametrize("given_length", [0, 5, 7])
def test_entropy_of_wrong_length_is_our_own_error(given_length: int) -> None:
    with pytest.raises(OwnError):
        wrap(ZMK, KEY, TDES, lambda _: bytes(given_length))


@pytest.mark.parametrize("algorithm", [AES, TDES])
def test_no_key_shows_in_the_traceback_of_a_refusal(algorithm: MacAlgorithm) -> None:
    block = wrap(ZMK, KEY, algorithm, padding)
    with pytest.raises(KeyBlockError) as caught:
        unwrap(OTHER_ZMK, block, algorithm)
    shown = "".join(traceback.format_exception(caught.value)).lower()
    secrets = [text for secret in (ZMK, OTHER_ZMK, KEY) for text in (secret.hex(), repr(secret).lower())]
    assert [text for text in [*secrets, block[16:].lower()] if text in shown] == []
