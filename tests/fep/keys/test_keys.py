"""Keys: which are good, what two custodians' components give, and that none is ever shown."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import given
from hypothesis import strategies as st

from fep.keys.keys import (
    WEAK_DES,
    BankKeys,
    FrontKey,
    HeldZmk,
    Key,
    KeyKind,
    KeyRefused,
    checked,
    combined,
    component_check_value,
    generated,
    zmk_kind,
)
from ledger.rules.seal import Sealer
from ledger.rules.secret import Secret
from protocol.errors import KeyBlockError, KeyBlockFault
from protocol.keyblock import unwrap, wrap
from protocol.mac import SHIPPED_MACS, MacKey, MacMethod, aes_check_value, tdes_check_value

ONE = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")  # odd parity
OTHER = bytes.fromhex("1A2C3B4D5E6F70818F9EADBCCBDAE9F8")


def odd(data: bytes) -> bytes:
    return bytes(byte ^ (byte.bit_count() % 2 == 0) for byte in data)


def xor(*parts: bytes) -> bytes:
    return bytes(reduce(int.__xor__, column) for column in zip(*parts, strict=True))


def spellings(*secrets: bytes) -> list[str]:
    """How a key could appear in a text."""
    return [text for secret in secrets for text in (secret.hex(), repr(secret)[2:-1].lower())]


def shown(error: BaseException) -> str:
    """All that a traceback can show of an error, with what our own frames hold in their variables."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [
        frame for frame in report.stack if "/fep/keys" in frame.filename and "/tests/" not in frame.filename
    ]
    assert ours, "the error comes from the code under test"
    variables = [value for frame in ours for value in (frame.locals or {}).values()]
    causes = (repr(error.__cause__), repr(error.__context__))
    return "\n".join([str(error), repr(error), *causes, *variables]).lower()


@given(
    key=st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    parts=st.integers(2, 4),
)
def test_components_give_the_key_whatever_their_number(key: bytes, parts: int) -> None:
    drawn = [os.urandom(len(key)) for _ in range(parts - 1)]
    if len(set(key)) == 1:
        return
    made = combined(KeyKind.AES, [Secret(part) for part in (*drawn, xor(key, *drawn))])
    assert (made.secret, made.check_value) == (Secret(key), aes_check_value(key))


@pytest.mark.parametrize("parts", [2, 3])
def test_odd_components_of_a_tdes_key_give_it_with_odd_parity(parts: int) -> None:
    drawn = [odd(os.urandom(16)) for _ in range(parts)]
    made = combined(KeyKind.TDES, [Secret(part) for part in drawn])
    assert made.secret == Secret(odd(xor(*drawn)))
    assert made.check_value == tdes_check_value(xor(*drawn))


@pytest.mark.parametrize("place", range(16))
def test_a_mistyped_tdes_component_is_seen_by_its_parity(place: int) -> None:
    wrong = bytearray(OTHER)
    wrong[place] ^= 0x10
    with pytest.raises(KeyRefused, match="parity"):
        combined(KeyKind.TDES, [Secret(ONE), Secret(bytes(wrong))])


BAD_COMPONENTS: dict[str, tuple[KeyKind, list[bytes], str]] = {
    "one alone": (KeyKind.AES, [ONE], "two custodians"),
    "none": (KeyKind.AES, [], "two custodians"),
    "equal": (KeyKind.AES, [ONE, ONE], "cancel each other out"),
    "equal among three": (KeyKind.AES, [ONE, OTHER, ONE], "cancel each other out"),
    "zeros": (KeyKind.AES, [ONE, bytes(16)], "the others would be the key"),
    "all ones": (KeyKind.AES, [ONE, b"\xff" * 16], "the others would be the key"),
    "complements": (KeyKind.AES, [ONE, xor(ONE, b"\xff" * 16)], "nobody drew it"),
    "unequal lengths": (KeyKind.AES, [ONE, ONE + OTHER], "differ in length"),
    "too short": (KeyKind.AES, [ONE[:8], OTHER[:8]], "8 bytes"),
    "single DES": (KeyKind.TDES, [ONE[:8], OTHER[:8]], "8 bytes"),
}


@pytest.mark.parametrize(("kind", "parts", "says"), BAD_COMPONENTS.values(), ids=BAD_COMPONENTS)
def test_components_that_are_no_good_are_refused_and_not_shown(
    kind: KeyKind, parts: list[bytes], says: str
) -> None:
    with pytest.raises(KeyRefused, match=says) as caught:
        combined(kind, [Secret(part) for part in parts])
    text = shown(caught.value)
    assert [
        spelling
        for spelling in spellings(*{part for part in parts if len(set(part)) > 1})
        if spelling in text
    ] == []


HALF, THIRD = ONE[:8], odd(bytes(range(32, 40)))
WEAK_KEYS: dict[str, tuple[bytes, str]] = {
    "equal halves": (HALF * 2, "two of its parts are the same"),
    "equal halves but for parity": (HALF + bytes(byte ^ 1 for byte in HALF), "parity"),
    "K1 is K3": (HALF + THIRD + HALF, "two of its parts are the same"),
    "K2 is K3": (HALF + THIRD + THIRD, "two of its parts are the same"),
    "a byte of even parity": (ONE[:15] + b"\x11", "parity"),
    **{key.hex(): (HALF + key, "a weak DES key") for key in WEAK_DES},
    "weak, of even parity": (bytes(byte ^ 1 for byte in (HALF + min(WEAK_DES))), "a weak DES key"),
}


@pytest.mark.parametrize(("key", "says"), WEAK_KEYS.values(), ids=WEAK_KEYS)
def test_a_weak_tdes_key_is_refused_and_not_shown(key: bytes, says: str) -> None:
    with pytest.raises(KeyRefused, match=says) as caught:
        checked(KeyKind.TDES, Secret(key))
    text = shown(caught.value)
    assert [spelling for spelling in spellings(key, key[:8], key[8:]) if spelling in text] == []


def test_the_weak_keys_are_those_that_undo_themselves_or_each_other() -> None:
    def undone_by(key: bytes) -> bytes | None:
        block = bytes(range(8))
        once = Cipher(TripleDES(key * 3), modes.ECB()).encryptor().update(block)
        inverses = [
            other
            for other in WEAK_DES
            if Cipher(TripleDES(other * 3), modes.ECB()).encryptor().update(once) == block
        ]
        return inverses[0] if len(inverses) == 1 else None

    pairs = {key: undone_by(key) for key in WEAK_DES}
    assert len(WEAK_DES) == 16
    assert sum(key == other for key, other in pairs.items()) == 4
    assert all(other and pairs[other] == key for key, other in pairs.items())
    assert all(odd(key) == key for key in WEAK_DES)


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_of_one_byte_again_and_again_is_refused(kind: KeyKind) -> None:
    length = 32 if kind in (KeyKind.BLAKE2B, KeyKind.ED25519) else 16
    with pytest.raises(KeyRefused, match="nobody drew it at random"):
        checked(kind, Secret(bytes(length)))


@pytest.mark.parametrize(
    ("kind", "length", "check"),
    [
        (KeyKind.AES, 32, aes_check_value),
        (KeyKind.TDES, 24, tdes_check_value),
        (KeyKind.BLAKE2B, 32, lambda key: FrontKey(key).check_value),
        (KeyKind.ED25519, 32, lambda key: Sealer(key).public),
    ],
)
def test_a_generated_key_has_the_check_value_that_both_sides_know(
    kind: KeyKind, length: int, check: Callable[[bytes], str]
) -> None:
    key = generated(kind, length, os.urandom)
    assert key.check_value == check(key.secret.reveal())
    assert kind is not KeyKind.TDES or odd(key.secret.reveal()) == key.secret.reveal()


def test_a_component_has_the_check_value_of_a_key() -> None:
    assert component_check_value(KeyKind.AES, Secret(OTHER)) == aes_check_value(OTHER)
    assert component_check_value(KeyKind.TDES, Secret(OTHER)) == tdes_check_value(OTHER)


@pytest.mark.parametrize(
    ("algorithm", "kind"), [(MacMethod.AES_CMAC, KeyKind.AES), (MacMethod.X9_19, KeyKind.TDES)]
)
def test_a_session_key_travels_under_the_zmk(algorithm: MacMethod, kind: KeyKind) -> None:
    session = BankKeys(algorithm, HeldZmk(checked(kind, Secret(ONE))), os.urandom).fresh()
    theirs = MacKey(algorithm, unwrap(ONE, session.block, algorithm))
    assert (theirs.mac(b"x"), theirs.check_value) == (session.key.mac(b"x"), session.check_value)


def test_no_repr_or_text_shows_a_key() -> None:
    key = checked(KeyKind.AES, Secret(ONE))
    held = HeldZmk(key)
    objects = [key, key.secret, held, BankKeys(MacMethod.AES_CMAC, held, os.urandom), FrontKey(ONE * 2)]
    text = "\n".join(f"{value!r} {value!s} {value}" for value in objects).lower()
    assert [spelling for spelling in spellings(ONE) if spelling in text] == []


def test_a_secret_is_not_pickled_or_hashed() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Key(KeyKind.AES, Secret(ONE)))
    with pytest.raises(TypeError):
        hash(Secret(ONE))


def test_what_is_typed_is_hex_with_or_without_blanks() -> None:
    assert Secret.from_hex("0123 4567 89ab CDEF FEDC BA98 7654 3210\n") == Secret(ONE)
    assert [Secret.from_hex(text) for text in ("0", "xx", "01\u0663")] == [None, None, None]


def test_a_number_is_one_persons_however_it_is_typed() -> None:
    digest = FrontKey(bytes(32)).identity
    assert digest("110105491231002") == digest("１１０１０５ 19491231 002x") == digest("11010519491231002X")
    assert digest("a123456（3）") == digest("A123456(3)") == digest("A1234563")
    assert digest("E12345678") != digest("E12345679")


def opened(method: MacMethod, key: bytes, check_value: str | None = None) -> MacKey:
    """The key that a bank's block brings."""
    zmk = HeldZmk(checked(zmk_kind(method), Secret(ONE)))
    block = wrap(ONE, key, method, os.urandom)
    return BankKeys(method, zmk, os.urandom).opened(block, check_value)


X9_9_DOUBLE = replace(SHIPPED_MACS["x9.9"], key_bytes=16)
GOOD = bytes.fromhex("3F419E1CB7079442AA37474C2EFBF8B8")


@pytest.mark.parametrize(
    ("method", "key"),
    [
        (MacMethod.AES_CMAC, GOOD),
        (replace(MacMethod.AES_CMAC, key_bytes=24), ONE + OTHER[:8]),
        (MacMethod.X9_19, GOOD),
        (MacMethod.X9_19, bytes(byte ^ (place % 2) for place, byte in enumerate(GOOD))),
        (SHIPPED_MACS["x9.9"], GOOD[:8]),
        (X9_9_DOUBLE, GOOD),
        (SHIPPED_MACS["unionpay-ecb"], GOOD),
    ],
)
def test_a_banks_own_session_key_is_taken_whatever_its_parity(method: MacMethod, key: bytes) -> None:
    if len(key) > len(ONE):
        zmk = ONE + OTHER[:8]
        block = wrap(zmk, key, method, os.urandom)
        taken = BankKeys(method, HeldZmk(checked(KeyKind.AES, Secret(zmk))), os.urandom).opened(block, None)
    else:
        taken = opened(method, key, MacKey(method, key).check_value)
    assert taken.mac(b"x") == MacKey(method, key).mac(b"x")


WEAK = bytes.fromhex("0101010101010101")
REFUSED_KEYS = {
    "shorter than agreed": (X9_9_DOUBLE, GOOD[:8], KeyBlockFault.WRONG_LENGTH),
    "longer than agreed": (SHIPPED_MACS["x9.9"], GOOD, KeyBlockFault.WRONG_LENGTH),
    "of one byte": (MacMethod.AES_CMAC, b"\x07" * 16, KeyBlockFault.WEAK),
    "with a weak part": (MacMethod.X9_19, GOOD[:8] + WEAK, KeyBlockFault.WEAK),
    "with a weak part of other parity": (MacMethod.X9_19, bytes(8) + GOOD[:8], KeyBlockFault.WEAK),
    "with equal halves": (MacMethod.X9_19, GOOD[:8] * 2, KeyBlockFault.WEAK),
    "with halves that differ in parity": (
        MacMethod.X9_19,
        GOOD[:8] + bytes(byte ^ 1 for byte in GOOD[:8]),
        KeyBlockFault.WEAK,
    ),
    "a weak key of DES": (SHIPPED_MACS["x9.9"], bytes.fromhex("01FE01FE01FE01FE"), KeyBlockFault.WEAK),
}


@pytest.mark.parametrize(("method", "key", "fault"), REFUSED_KEYS.values(), ids=REFUSED_KEYS)
def test_a_banks_own_session_key_that_is_short_or_could_be_guessed_is_refused(
    method: MacMethod, key: bytes, fault: KeyBlockFault
) -> None:
    with pytest.raises(KeyBlockError) as caught:
        opened(method, key)
    assert caught.value.fault is fault
    assert [text for text in spellings(key, ONE) if text in str(caught.value).lower()] == []


@pytest.mark.parametrize("check_value", ["", "0000000000", "3E451E560"])
def test_a_banks_own_session_key_whose_check_value_is_another_is_refused(check_value: str) -> None:
    with pytest.raises(KeyBlockError) as caught:
        opened(MacMethod.AES_CMAC, bytes(range(16, 32)), check_value)
    assert caught.value.fault is KeyBlockFault.CHECK_VALUE
