"""ZMKs in a token: the same key blocks as in software, and neither ZMK nor block key ever outside."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from fep.keys.keys import BankKeys, KeyKind, checked, generated, zmk_name
from ledger.rules.secret import Secret
from protocol.errors import KeyBlockError, KeyBlockFault
from protocol.keyblock import unwrap, wrap
from protocol.mac import MacKey, MacMethod

pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")

from fep.keys.hsm import Token, TokenError  # noqa: E402 - only where the library is there
from tests.support.softhsm import LABEL, MODULE, PIN, make_token, missing  # noqa: E402 - as above

pytestmark = pytest.mark.skipif(missing() != "", reason=missing())
AES, TDES = MacMethod.AES_CMAC, MacMethod.X9_19
CASES = [
    (AES, KeyKind.AES, 16),
    (AES, KeyKind.AES, 24),
    (AES, KeyKind.AES, 32),
    (TDES, KeyKind.TDES, 16),
    (TDES, KeyKind.TDES, 24),
]
NAME = zmk_name("01020000")


@pytest.fixture
def token() -> Iterator[Token]:
    make_token()
    opened = Token(MODULE, LABEL, Secret(PIN.encode()), writing=True)
    for name, _, _ in opened.zmks():
        opened.remove(name)
    yield opened
    opened.close()


@pytest.mark.parametrize(("algorithm", "kind", "length"), CASES)
def test_a_token_and_software_make_the_same_block_of_the_same_key(
    token: Token, algorithm: MacMethod, kind: KeyKind, length: int
) -> None:
    for _ in range(8):
        key = generated(kind, length, os.urandom)
        token.put(NAME, key, replace=True)
        zmk = token.zmk(NAME, algorithm, kind)
        session, padding = os.urandom(16), os.urandom(16)
        block = zmk.wrap(session, algorithm, lambda count, padding=padding: padding[:count])
        assert block == wrap(
            key.secret.reveal(), session, algorithm, lambda count, padding=padding: padding[:count]
        )
        assert zmk.check_value == key.check_value
    assert unwrap(key.secret.reveal(), block, algorithm) == session


@pytest.mark.parametrize(("algorithm", "kind", "length"), CASES)
def test_a_token_opens_what_a_banks_hsm_wrapped_and_refuses_what_software_refuses(
    token: Token, algorithm: MacMethod, kind: KeyKind, length: int
) -> None:
    key = generated(kind, length, os.urandom)
    token.put(NAME, key)
    zmk = token.zmk(NAME, algorithm, kind)
    session = os.urandom(16)
    block = wrap(key.secret.reveal(), session, algorithm, os.urandom)
    assert zmk.unwrap(block, algorithm) == session
    for place in (4, 5, 16, 40, len(block) - 1):
        altered = block[:place] + ("1" if block[place] == "0" else "0") + block[place + 1 :]
        with pytest.raises(KeyBlockError) as by_token:
            zmk.unwrap(altered, algorithm)
        with pytest.raises(KeyBlockError) as by_software:
            unwrap(key.secret.reveal(), altered, algorithm)
        assert (by_token.value.fault, str(by_token.value)) == (
            by_software.value.fault,
            str(by_software.value),
        )


def test_a_token_opens_no_block_of_a_withdrawn_version(token: Token) -> None:
    """Software does: but the block keys of A and C are masks over the ZMK, which stays in the token."""
    token.put(NAME, generated(KeyKind.TDES, 16, os.urandom))
    zmk = token.zmk(NAME, TDES, KeyKind.TDES)
    for version in "AC":
        with pytest.raises(KeyBlockError) as caught:
            zmk.unwrap(f"{version}0088M3TC00E0000" + "0" * 72, TDES)
        assert caught.value.fault is KeyBlockFault.OTHER_VERSION


@pytest.mark.parametrize(("algorithm", "kind", "length"), CASES)
def test_a_bank_gets_its_session_key_from_a_token(
    token: Token, algorithm: MacMethod, kind: KeyKind, length: int
) -> None:
    key = generated(kind, length, os.urandom)
    token.put(NAME, key)
    session = BankKeys(algorithm, token.zmk(NAME, algorithm, kind), os.urandom).fresh()
    theirs = MacKey(algorithm, unwrap(key.secret.reveal(), session.block, algorithm))
    assert (theirs.check_value, theirs.mac(b"x")) == (session.check_value, session.key.mac(b"x"))


@pytest.mark.parametrize(("algorithm", "kind", "length"), CASES)
def test_neither_the_zmk_nor_a_block_key_can_be_read_or_taken_out(
    token: Token, algorithm: MacMethod, kind: KeyKind, length: int
) -> None:
    token.put(NAME, generated(kind, length, os.urandom))
    token.zmk(NAME, algorithm, kind)
    held = list(token._session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}))
    assert len(held) >= 3, "the ZMK and two block keys"
    for key in held:
        flags = [key[name] for name in (pkcs11.Attribute.SENSITIVE, pkcs11.Attribute.EXTRACTABLE)]
        assert flags == [True, False]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]


def test_a_key_of_the_token_is_listed_replaced_only_when_that_is_said_and_removed(token: Token) -> None:
    first, second = (generated(KeyKind.AES, 16, os.urandom) for _ in range(2))
    token.put(NAME, first)
    with pytest.raises(TokenError, match="already"):
        token.put(NAME, second)
    assert list(token.zmks()) == [(NAME, KeyKind.AES, first.check_value)]
    token.put(NAME, second, replace=True)
    token.put("zmk/2", generated(KeyKind.TDES, 16, os.urandom))
    assert next(token.zmks()) == (NAME, KeyKind.AES, second.check_value)
    for name in (NAME, "zmk/2"):
        token.remove(name)
    assert list(token.zmks()) == []
    with pytest.raises(TokenError, match="no key zmk/01020000"):
        token.remove(NAME)
    with pytest.raises(TokenError, match="0 keys zmk/01020000"):
        token.zmk(NAME, AES, KeyKind.AES)


def test_a_key_for_another_cipher_is_refused(token: Token) -> None:
    token.put(NAME, generated(KeyKind.TDES, 16, os.urandom))
    with pytest.raises(TokenError, match="DES2"):
        token.zmk(NAME, AES, KeyKind.AES)


def test_a_token_that_cannot_derive_inside_is_refused(token: Token) -> None:
    token.put(NAME, generated(KeyKind.AES, 16, os.urandom))
    token._mechanisms -= {pkcs11.Mechanism.AES_ECB_ENCRYPT_DATA}
    with pytest.raises(TokenError, match="CKM_AES_ECB_ENCRYPT_DATA"):
        token.zmk(NAME, AES, KeyKind.AES)


def test_two_logins_of_one_process_share_it(token: Token) -> None:
    token.put(NAME, generated(KeyKind.AES, 16, os.urandom))
    again = Token(MODULE, LABEL, Secret(PIN.encode()))
    assert list(again.zmks()) == list(token.zmks())
    again.close()


_REFUSED = """
import sys, traceback
from fep.keys.hsm import Token, TokenError
from ledger.rules.secret import Secret
try:
    Token(sys.argv[1], sys.argv[2], Secret(sys.argv[3].encode()))
except TokenError as error:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [f for f in report.stack if f.filename.endswith(("fep/keys/hsm.py", "fep/keys/keys.py"))]
    print(error, repr(error), repr(error.__context__), *(str(f.locals) for f in frames))
"""


@pytest.mark.parametrize(
    ("module", "label", "says"),
    [
        (MODULE, LABEL, "the PIN is wrong"),
        (MODULE, "nobody", "there is no such token"),
        ("/nonexistent.so", LABEL, "cannot be loaded"),
    ],
)
def test_a_token_that_cannot_be_opened_is_named_and_the_pin_is_not(
    module: str, label: str, says: str
) -> None:
    """In a process of its own: a login is the whole process's."""
    make_token()
    command = [sys.executable, "-c", _REFUSED, module, label, "9753102468"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert says in done.stdout
    assert "9753102468" not in done.stdout + done.stderr


def test_no_repr_shows_a_pin_or_key(token: Token) -> None:
    key = checked(KeyKind.AES, Secret(bytes(range(16))))
    token.put(NAME, key)
    zmk = token.zmk(NAME, AES, KeyKind.AES)
    text = f"{token!r} {zmk!r} {vars(token)!r} {vars(zmk)!r}"
    assert [
        secret for secret in (PIN, bytes(range(16)).hex(), repr(bytes(range(16)))[2:-1]) if secret in text
    ] == []
    with pytest.raises(TokenError) as caught:
        token.put(NAME, key)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = "".join(
        value
        for frame in report.stack
        if frame.filename.endswith("fep/keys/hsm.py")
        for value in (frame.locals or {}).values()
    )
    assert [
        secret for secret in (PIN, bytes(range(16)).hex(), repr(bytes(range(16)))[2:-1]) if secret in ours
    ] == []


def test_the_library_is_not_loaded_where_no_token_is_configured() -> None:
    code = "import sys, console.main, fep.service; print('pkcs11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
