"""A person's name is drawn and says nothing; a document is the same in all its spellings."""

from __future__ import annotations

import pytest

from customers.rules.person import DocumentDigest, PersonKind, is_person, kind_of, person_name
from fep.keys.keys import FrontKey
from ledger.rules.identity import Document

DIGEST = DocumentDigest(bytes(range(32)))


def test_ten_bytes_make_sixteen_characters() -> None:
    assert person_name(b"abcdefghij") == "MFRGGZDFMZTWQ2LK"
    assert (person_name(bytes(10)), person_name(b"\xff" * 10)) == ("A" * 16, "7" * 16)
    with pytest.raises(ValueError, match="10 bytes"):
        person_name(bytes(9))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("MFRGGZDFMZTWQ2LK", True),
        ("MFRGGZDFMZTWQ2L", False),
        ("MFRGGZDFMZTWQ2L1", False),
        ("", False),
        ("mfrggzdfmztwq2lk", False),
        ("MFRGGZDFMZTWQ2LK\n", False),
    ],
)
def test_the_form_of_a_name(text: str, is_one: bool) -> None:
    assert is_person(text) is is_one


def test_spellings_of_one_document_have_one_digest() -> None:
    one = DIGEST.of(Document("resident", "11010119900307803X"))
    assert DIGEST.of(Document("resident", "11010119900307803x")) == one
    assert DIGEST.of(Document("passport", "E12345678")) == DIGEST.of(Document("passport", "e 1234-5678"))


def test_kinds_and_keys_have_digests_of_their_own() -> None:
    number = "E12345678"
    digests = {
        DIGEST.of(Document("passport", number)),
        DIGEST.of(Document("other", number)),
        DocumentDigest(bytes(32)).of(Document("passport", number)),
        FrontKey(bytes(range(32))).identity(number),
    }
    assert len(digests) == 4
    assert all(len(digest) == 32 for digest in digests)


def test_the_check_value_is_that_of_the_keystore() -> None:
    assert DIGEST.check_value == FrontKey(bytes(range(32))).check_value


def test_a_company_is_known_by_its_document() -> None:
    assert kind_of(Document("company", "91350100M000100Y43")) is PersonKind.COMPANY
    assert kind_of(Document("passport", "E12345678")) is PersonKind.NATURAL
