"""What is sealed under a person's key opens with it alone, at its place alone, and with plain openssl."""

from __future__ import annotations

import json
import pickle
import subprocess

import pytest

from customers.errors import NotOpened, SealedLineError
from customers.sealing import (
    Label,
    SecretKey,
    opened,
    parse,
    place_on_volume,
    sealed_line,
    unwrap,
    wrap,
)

KEY, OTHER = SecretKey(bytes(range(32))), SecretKey(bytes(range(1, 33)))
PERSON, STRANGER = "MFRGGZDFMZTWQ2LK", "ABCDEFGHIJKLMNOP"
NONCE = bytes(range(12))
PLACE = place_on_volume("QZ-0007", "20260930", 12)
LINE = sealed_line(KEY, Label(PERSON, "holder", "entries/1/8812"), "张三".encode(), NONCE, PLACE)


def test_a_sealed_line_has_the_written_form() -> None:
    fields = json.loads(LINE)
    assert list(fields) == ["v", "person", "kind", "ref", "alg", "nonce", "body", "tag"]
    assert (fields["v"], fields["person"], fields["alg"]) == (1, PERSON, "A256GCM")
    assert (fields["nonce"], len(fields["tag"]), PLACE) == (NONCE.hex(), 32, b"QZ-0007|20260930|12")
    assert "张三" not in LINE


def test_a_sealed_line_opens_with_its_key_at_its_place() -> None:
    assert opened(KEY, parse(LINE + "\n"), PLACE).decode() == "张三"


@pytest.mark.parametrize(
    ("key", "place"),
    [(OTHER, PLACE), (KEY, place_on_volume("QZ-0007", "20260930", 13)), (KEY, b"")],
    ids=["another person's key", "another line", "no place"],
)
def test_it_does_not_open_otherwise(key: SecretKey, place: bytes) -> None:
    with pytest.raises(NotOpened, match=PERSON):
        opened(key, parse(LINE), place)


def test_no_changed_byte_of_a_body_or_a_tag_opens() -> None:
    line = parse(LINE)
    for place in range(len(line.body)):
        body = bytes(byte ^ (place == at) for at, byte in enumerate(line.body))
        with pytest.raises(NotOpened):
            opened(KEY, line._replace(body=body), PLACE)
    with pytest.raises(NotOpened):
        opened(KEY, line._replace(tag=bytes(16)), PLACE)


def test_a_body_opens_with_openssl_alone() -> None:
    line = parse(LINE)
    words = ["-K", KEY.reveal().hex(), "-iv", f"{line.nonce.hex()}00000002"]
    command = ["openssl", "enc", "-d", "-aes-256-ctr", *words]
    done = subprocess.run(command, input=line.body, capture_output=True, check=True)
    assert done.stdout.decode() == "张三"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (LINE, "{", "not JSON"),
        (LINE, "[]", "fields are not"),
        (LINE, "[" * 100_000, "not JSON"),
        ('"v":1', '"w":1', "fields are not"),
        ('"v":1', '"v":2', "version 1"),
        ('"v":1', '"v":true', "version 1"),
        ('"v":1', '"v":1.0', "blanks, escapes"),
        ('"v":1,', '"v":1,"v":1,', "blanks, escapes"),
        (",", ", ", "blanks, escapes"),
        (f'"person":"{PERSON}"', '"person":7', "a field is no text"),
        (PERSON, "MFRGGZDFMZTWQ2L1", "person: not 16"),
        ('"kind":"holder"', '"kind":"owner"', "kind: not one of"),
        ("entries/1/8812", "", "ref: not a reference"),
        ("entries/1/8812", "a b", "ref: not a reference"),
        ("A256GCM", "SM4GCM", "alg: only A256GCM"),
        (NONCE.hex(), NONCE.hex()[2:], "nonce: not 24 hex digits"),
        (NONCE.hex(), NONCE.hex().upper(), "nonce: not 24 hex digits"),
        ('"body":"', '"body":"*', "body: not base64"),
        ('"body":"', '"body":"A', "body: not base64"),
        ('"tag":"', '"tag":"0', "tag: not 32 hex digits"),
    ],
)
def test_what_is_no_sealed_line_is_refused_with_the_reason(old: str, new: str, reason: str) -> None:
    text = LINE.replace(old, new)
    assert text != LINE
    with pytest.raises(SealedLineError, match=reason):
        parse(text)


def test_a_wrapped_key_is_unwrapped_for_its_person_by_its_master() -> None:
    wrapped = wrap(OTHER, PERSON, KEY, NONCE)
    assert unwrap(OTHER, PERSON, wrapped) == KEY
    for master, person, text in (
        (OTHER, STRANGER, wrapped),
        (KEY, PERSON, wrapped),
        (OTHER, PERSON, wrapped[:-2] + "00"),
        (OTHER, PERSON, wrapped[:20]),
        (OTHER, PERSON, "no hex"),
    ):
        with pytest.raises(NotOpened):
            unwrap(master, person, text)


def test_a_key_is_not_shown_pickled_or_of_another_length() -> None:
    assert (repr(KEY), str(KEY)) == ("SecretKey(32 bytes)", "SecretKey(32 bytes)")
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    with pytest.raises(TypeError):
        hash(KEY)
    with pytest.raises(ValueError, match="32 bytes"):
        SecretKey(b"short")
