"""A person as the systems name it, and how a document is known again without being kept in clear.

Pure. The name of a person is drawn at random and says nothing about anybody: it is the only name that leaves
this package. Checks and spellings of documents stand in `ledger.rules.identity`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from enum import StrEnum
from typing import Final

from ledger.rules.identity import Document, normalised

PERSON_BYTES: Final = 10
"""So many random bytes make a person's name: 80 bits are 16 characters of base32 (RFC 4648, section 6)."""
_PERSON: Final = re.compile("[A-Z2-7]{16}")
_DIGEST_BYTES: Final = 16
_COMPANY: Final = "company"


class PersonKind(StrEnum):
    """What a person is in law."""

    NATURAL = "natural"
    COMPANY = "company"


class Role(StrEnum):
    """What a person is to a policy."""

    HOLDER = "holder"
    INSURED = "insured"
    BENEFICIARY = "beneficiary"
    PAYER = "payer"


def person_name(drawn: bytes) -> str:
    """The person's name that PERSON_BYTES random bytes make. Raises ValueError for any other number."""
    if len(drawn) != PERSON_BYTES:
        raise ValueError(f"a person's name is made of {PERSON_BYTES} bytes")
    return base64.b32encode(drawn).decode("ascii")


def is_person(text: str) -> bool:
    """Whether this has the form of a person's name."""
    return _PERSON.fullmatch(text) is not None


def kind_of(document: Document) -> PersonKind:
    """The kind of the person whom a document identifies."""
    return PersonKind.COMPANY if document.kind == _COMPANY else PersonKind.NATURAL


class DocumentDigest:
    """Makes the keyed digest under which a person's document is found again. Its key is `person`, which never
    leaves the inner zone: the front has one of its own.
    """

    def __init__(self, key: bytes) -> None:
        self._digest = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=b"person")
        self.check_value = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES, person=b"check").hexdigest()

    def of(self, document: Document) -> str:
        """The keyed digest (BLAKE2b, RFC 7693; 32 hex digits) of a document's kind and number, the same for
        all spellings of the number.
        """
        digest = self._digest.copy()
        digest.update(f"{document.kind}:{normalised(document.number)}".encode())
        return digest.hexdigest()
