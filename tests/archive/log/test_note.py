"""Notes are those of C2SP's signed-note: other people's are read and checked, and ours are read by theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import LogFault
from archive.log.note import (
    Note,
    NoteSignature,
    SignatureType,
    check_note,
    parse_key,
    parse_note,
    public_half,
    signed,
)

# The key and the note of the package golang.org/x/mod/sumdb/note, as its documentation shows them.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The key of Go's public checksum database.
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
# The example of the specification (signed-note, "Note"); its key is not published.
C2SP_NOTE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)

SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))
NAME = "insurer.example/archive"
TEXT = "one line\nand 另一行\n"


def test_a_note_of_another_program_is_checked_with_its_key() -> None:
    assert check_note(parse_note(GO_NOTE.encode()), [parse_key(GO_KEY)]) == ("PeterNeumann",)


@pytest.mark.parametrize("text", [GO_KEY, SUMDB_KEY])
def test_a_key_of_another_program_is_read_and_written_back(text: str) -> None:
    assert parse_key(text).text == text


def test_the_specifications_example_is_read_and_written_back() -> None:
    note = parse_note(C2SP_NOTE.encode())
    assert str(note) == C2SP_NOTE
    assert note.text.endswith("\n\ned è subito sera.\n")
    (signature,) = note.signatures
    assert (signature.name, signature.key_id.hex(), len(signature.signature)) == (
        "quasimodo.example/salvatore",
        "367ba04b",
        64,
    )


def test_what_was_signed_is_checked_with_the_public_half() -> None:
    note = signed(TEXT, NAME, SEED)
    assert parse_note(str(note).encode()) == note
    assert check_note(note, [public_half(NAME, SEED)]) == (NAME,)


def test_a_signature_of_an_unknown_key_is_passed_over() -> None:
    both = signed(TEXT, NAME, SEED)
    stranger = signed(TEXT, "stranger.example", OTHER_SEED)
    note = Note(TEXT, stranger.signatures + both.signatures)
    assert check_note(note, [public_half(NAME, SEED)]) == (NAME,)


@pytest.mark.parametrize(
    "key",
    [
        public_half(NAME, OTHER_SEED),
        public_half("another.example", SEED),
        public_half(NAME, SEED, SignatureType.COSIGNATURE),
    ],
    ids=["of other bytes", "of another name", "of a witness"],
)
def test_a_note_without_a_known_key_counts_for_nothing(key: object) -> None:
    with pytest.raises(LogFault, match=r"^no known key has signed it$"):
        check_note(signed(TEXT, NAME, SEED), [key])  # type: ignore[list-item]


def test_one_wrong_signature_of_a_known_key_condemns_the_note() -> None:
    good = signed(TEXT, NAME, SEED)
    wrong = NoteSignature(NAME, good.signatures[0].key_id, bytes(64))
    for order in ((good.signatures[0], wrong), (wrong, good.signatures[0])):
        with pytest.raises(LogFault, match=r"^the signature of insurer.example/archive is wrong$"):
            check_note(Note(TEXT, order), [public_half(NAME, SEED)])


@given(st.data())
def test_no_byte_of_a_note_can_be_changed(data: st.DataObject) -> None:
    whole = bytearray(str(signed(TEXT, NAME, SEED)).encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LogFault):
        check_note(parse_note(bytes(whole)), [public_half(NAME, SEED)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a note is a text"),
        (b"text\n", "a note is a text"),
        (b"text\n\n", "a note is a text"),
        (GO_NOTE.encode()[:-1], "a note is a text"),
        (b"\xff" + GO_NOTE.encode(), "is not UTF-8 at byte 0"),
        (GO_NOTE.encode().replace(b"\n\n", b"\r\n\r\n"), "a note is a text"),
        (GO_NOTE.encode() + b"\n", "a note is a text"),
        (b"t\n\n\xe2\x80\x94 name AAAAAA==\n", "a line of a signature"),
        (b"t\n\n\xe2\x80\x94 na+me AAAAAAA=\n", "a line of a signature"),
        (b"t\n\n\xe2\x80\x94 name AAAAAAB=\n", "a line of a signature"),
        (b"t\n\n-- name AAAAAAA=\n", "a line of a signature"),
        (b"t\n\n" + 101 * b"\xe2\x80\x94 name AAAAAAA=\n", "a note has 100 signatures at most"),
        (b"t" * 1_000_001, "a note has 1000000 bytes at most"),
    ],
)
def test_what_is_no_note_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(LogFault, match=rf"^{reason}"):
        parse_note(data)


@pytest.mark.parametrize("text", ["", "no end", "an\n\nempty line\n", "a tab\t\n", "a return\r\n"])
def test_a_text_that_no_note_may_have_is_not_signed(text: str) -> None:
    with pytest.raises(LogFault, match=r"^a text to be signed"):
        signed(text, NAME, SEED)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u00a0b", "a\nb", "a\x01b"])
def test_a_name_that_no_key_may_have_is_refused(name: str) -> None:
    with pytest.raises(LogFault, match=r"^a key's name"):
        public_half(name, SEED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a key is NAME"),
        ("name", "a key is NAME"),
        (GO_KEY.replace("c74f20a3", "c74f20a4"), "the key's id is not"),
        (GO_KEY.replace("PeterNeumann", "Peter"), "the key's id is not"),
        (GO_KEY.replace("y10TW", "y10TX"), "the key's id is not"),
        (GO_KEY.replace("+ARpc", "+BRpc"), "a key is NAME"),
        (GO_KEY.replace("+ARpc", "+AhpC"), "a key is NAME"),
        (GO_KEY[:-4], "a key is NAME"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(LogFault, match=rf"^{reason}"):
        parse_key(text)
