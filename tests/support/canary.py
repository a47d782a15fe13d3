"""Marked secrets, and what finds them in bytes however they were written: for the tests that nothing leaks.

A mark is a value that stands for a kind of secret. It is searched for as it is and as the encodings of our
interfaces, files and tools would write it. What is searched, and where it comes from, the tests say.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ledger.rules.identity import check_character
from protocol.card_number import luhn_digit

_SHORTEST = 7
"""Bytes: a shorter form would be found by chance in a database's file."""
_TEXT_ENCODINGS = ("ascii", "utf-8", "gb18030", "cp500", "cp037", "utf-16-le", "utf-16-be", "utf-7")


class Mark(NamedTuple):
    """One secret: what kind it is, and every form in which it would be found."""

    kind: str
    forms: frozenset[bytes]

    def is_in(self, data: bytes) -> bool:
        """Whether any form of it is in the bytes."""
        return any(form in data for form in self.forms)


def text_mark(kind: str, text: str) -> Mark:
    """A secret that is text; of a number also what is left of it once six and four digits are taken off."""
    forms: set[bytes] = set()
    for spelling in {text, text.lower(), text.upper()}:
        for encoding in _TEXT_ENCODINGS:
            try:
                encoded = spelling.encode(encoding)
            except UnicodeEncodeError:
                continue
            forms |= _of_bytes(encoded)
        forms.add(json.dumps(spelling)[1:-1].encode())
        forms.add(_pairs_reversed(spelling).encode())
    digits = text.rstrip("Xx")
    if digits.isascii() and digits.isdigit():
        forms |= set(_packed(digits))
        if len(digits) > 6 + _SHORTEST + 4 - 1:
            forms.add(digits[6:-4].encode())
    return Mark(kind, _long_enough(forms))


def key_mark(kind: str, key: bytes) -> Mark:
    """A secret that is bytes: a key, a component, a PIN block."""
    forms = _of_bytes(key) | _of_bytes(key[::-1])
    digits = key.hex()
    for text in (digits, digits.upper(), " ".join(f"{byte:02x}" for byte in key)):
        forms |= {
            text.encode(),
            text.encode("cp500"),
            text.encode("utf-16-le"),
            base64.b64encode(text.encode()),
        }
    forms |= {_pairs_reversed(digits).encode(), _pairs_reversed(digits.upper()).encode()}
    forms.add(repr(key)[2:-1].encode())
    forms.add("".join(f"\\x{byte:02x}" for byte in key).encode())
    return Mark(kind, _long_enough(forms))


def _of_bytes(data: bytes) -> set[bytes]:
    return {data, data.hex().encode(), data.hex().upper().encode(), *_base64(data)}


def _base64(data: bytes) -> Iterator[bytes]:
    """What base64 makes of the bytes wherever they stand in a longer text: the characters that are theirs."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            written = encode(bytes(before) + data).rstrip(b"=")
            yield written[(8 * before + 5) // 6 : len(written) - 1]


def _packed(digits: str) -> Iterator[bytes]:
    """Two digits a byte, filled up on either side, and the digits of each pair the other way round."""
    for text in (digits, "0" + digits, digits + "0", digits + "F"):
        if len(text) % 2 == 0:
            yield bytes.fromhex(text)
            yield bytes.fromhex(_pairs_reversed(text))


def _pairs_reversed(text: str) -> str:
    return "".join(text[at : at + 2][::-1] for at in range(0, len(text), 2))


def _long_enough(forms: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(form for form in forms if len(form) >= _SHORTEST)


def leaks(marks: Iterable[Mark], channels: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return every channel that has a mark in it, with the kind of the mark."""
    given = tuple(marks)
    return [(name, mark.kind) for name, data in channels.items() for mark in given if mark.is_in(data)]


def luhn(digits: str) -> str:
    """The digits with the check digit of a card number (ISO/IEC 7812-1, annex B)."""
    return digits + luhn_digit(digits)


def _with_check(first17: str) -> str:
    return first17 + check_character(first17)


CARD = luhn("622202987654321098")
SHORT_CARD = luhn("376543219876543")[:16]
IDENTITY = next(
    number for number in (_with_check(f"11010119770213{n:03d}") for n in range(1000)) if number[-1] == "X"
)
OTHER_IDENTITY = next(
    number for number in (_with_check(f"44030119881130{n:03d}") for n in range(1000)) if number[-1] != "X"
)
OFFICE_CARD = luhn("621700123498765432")
OFFICE_IDENTITY = _with_check("32050119660504733")
"""Of the office's tests alone: a bank's lines are kept as they came, and a PostgreSQL server has one log."""
PAYEE = "ZHU QIAOYIN"
"""A person's name, which every dialect can carry."""
PIN_BLOCK = bytes.fromhex("5EC2A7D914B36F80")
TOKEN_PIN = "pin-8305271946"
PASSWORD = "h7kQ9zVw2tRb"
COMPONENTS = (
    bytes.fromhex("A3915C7E0842BD16F7689A0D3C5E71B4"),
    bytes.fromhex("1D7F20C6E95B8A43340F6B92D8C1E75A"),
)

PAYEE_MARK = text_mark("payee's name", PAYEE)
PERSONS = (
    PAYEE_MARK,
    text_mark("card number", CARD),
    text_mark("card number", SHORT_CARD),
    text_mark("identity number", IDENTITY),
    text_mark("identity number", OTHER_IDENTITY),
    text_mark("card number", OFFICE_CARD),
    text_mark("identity number", OFFICE_IDENTITY),
)
PINS = (key_mark("PIN block", PIN_BLOCK), text_mark("token PIN", TOKEN_PIN), text_mark("password", PASSWORD))
PARTS = tuple(key_mark("component", component) for component in COMPONENTS)
