"""The line of a receipt: its fields, what each may hold, the one text that it has, and what a person types.

The line is ASCII, with a bar between fields, and ends with the signature in base32 (RFC 4648, without `=`):

    QZ1|EXAMPLE|202611240100000000173|P2026-1|12000|20261124093000|20261124|01020000|7KQ2M3NA|MFRGG...

A receipt has one text: no blank, no lower case, no leading zero, no spare bit in the last character of the
signature. So whoever compares texts compares receipts. What came by mail or from a page may be broken into
lines or have blanks around: these are dropped, since no field has any; nothing else is forgiven.

No key and no signature is judged here: `receipts.signature` does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from ledger.rules.amount_in_words import FEN_MAX
from ledger.rules.day import is_date
from protocol.card_number import luhn_digit
from qianzhi_errors.sentence import Sentence
from receipts.errors import CutLine, LineFault

VERSION: Final = "QZ1"
"""The first field: the form of the line, and the algorithm of its signature, Ed25519 (RFC 8032)."""
SIGNATURE_BYTES: Final = 64
SIGNATURE_LENGTH: Final = 103
"""The characters of a signature in base32, without `=`."""
LINE_MAX: Final = 230
"""The most characters of a line."""
_TYPED_MAX: Final = 4 * LINE_MAX
_BAR: Final = "|"
_DROPPED: Final = str.maketrans("", "", " \t\r\n\ufeff")
_RECEIPT_DIGITS: Final = re.compile(r"[0-9]{21}")
_FEN: Final = re.compile(r"-?[1-9][0-9]{0,11}")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]")
_SIGNATURE: Final = re.compile(r"[A-Z2-7]*")


class Receipt(NamedTuple):
    """What a receipt says: under the insurer's word, what was paid, when, and for which policy.

    `amount` in fen: what the insurer took in is positive, what it paid out is negative. `paid_at` is the
    bank's local time, YYYYMMDDhhmmss; `business_date` YYYYMMDD; `channel` the code of the bank or of another
    road that the payment took; `key` the id of the key that signs it.
    """

    insurer: str
    number: str
    policy: str
    amount: int
    paid_at: str
    business_date: str
    channel: str
    key: str


class SignedReceipt(NamedTuple):
    """A receipt with its signature, 64 bytes, over all of its line before the signature."""

    receipt: Receipt
    signature: bytes


def signed_part(receipt: Receipt) -> str:
    """Return the part of the line that is signed, up to and with the last bar. Raises LineFault."""
    fields = [*receipt[:3], str(receipt.amount), *receipt[4:]]
    _check(fields)
    return _BAR.join((VERSION, *fields, ""))


def write(signed: SignedReceipt) -> str:
    """Return the whole line. Raises LineFault."""
    if len(signed.signature) != SIGNATURE_BYTES:
        raise LineFault(_SIGNATURE_NAME, _LENGTH)
    return signed_part(signed.receipt) + signature_text(signed.signature)


def read(text: str) -> SignedReceipt:
    """Return the receipt of a line that somebody typed, pasted or scanned. Blanks and line ends are dropped.

    Raises CutLine where the end of the line is missing, and LineFault with the field that is wrong.
    """
    if len(text) > _TYPED_MAX:
        raise LineFault("", Sentence("is longer than a receipt can be"))
    line = text.translate(_DROPPED)
    version, *fields = line.split(_BAR)
    if version != VERSION:
        raise LineFault("", Sentence("does not begin with {version}", version=VERSION))
    if len(fields) > len(_FIELDS) + 1:
        raise LineFault("", Sentence("has too many fields: give one receipt at a time"))
    if len(fields) < len(_FIELDS) + 1:
        raise CutLine("", Sentence("is cut: fields are missing at its end"))
    *content, signature = fields
    _check(content)
    insurer, number, policy, amount, *rest = content
    return SignedReceipt(Receipt(insurer, number, policy, int(amount), *rest), signature_of(signature))


def _check(fields: list[str]) -> None:
    """Raise LineFault unless each field holds what it may, and the receipt's number fits the date."""
    for (name, is_good, reason), value in zip(_FIELDS, fields, strict=True):
        if not is_good(value):
            raise LineFault(name, reason)
    if fields[1][:8] != fields[5]:
        raise LineFault(_NUMBER_NAME, Sentence("begins with another business date"))


def signature_text(signature: bytes) -> str:
    """Return a signature as the line has it, in base32."""
    return base64.b32encode(signature).decode("ascii").rstrip("=")


def signature_of(text: str) -> bytes:
    """Return the signature of a text in base32. Raises CutLine and LineFault."""
    if _SIGNATURE.fullmatch(text) is None:
        raise LineFault(_SIGNATURE_NAME, Sentence("not base32: A to Z and 2 to 7"))
    if len(text) < SIGNATURE_LENGTH:
        raise CutLine(_SIGNATURE_NAME, Sentence("is cut: characters are missing at its end"))
    if len(text) > SIGNATURE_LENGTH:
        raise LineFault(_SIGNATURE_NAME, _LENGTH)
    signature = base64.b32decode(text + "=")
    if signature_text(signature) != text:
        raise LineFault(_SIGNATURE_NAME, Sentence("its last character has bits that no signature has"))
    return signature


def _is_number(text: str) -> bool:
    return _RECEIPT_DIGITS.fullmatch(text) is not None and luhn_digit(text[:-1]) == text[-1]


def _is_fen(text: str) -> bool:
    return _FEN.fullmatch(text) is not None and abs(int(text)) <= FEN_MAX


def _is_moment(text: str) -> bool:
    return is_date(text[:8]) and _TIME.fullmatch(text[8:]) is not None


_LENGTH: Final = Sentence("not {length} characters of base32", length=SIGNATURE_LENGTH)
_NUMBER_NAME: Final = Sentence("receipt number")
_SIGNATURE_NAME: Final = Sentence("signature")
_FIELDS: Final[tuple[tuple[Sentence, Callable[[str], object], Sentence], ...]] = (
    (
        Sentence("insurer"),
        re.compile(r"[A-Z0-9-]{1,16}").fullmatch,
        Sentence("not 1 to 16 of A-Z, 0-9 and -"),
    ),
    (_NUMBER_NAME, _is_number, Sentence("not 21 digits of which the last is the check digit")),
    (Sentence("policy"), re.compile(r"[A-Z0-9-]{1,24}").fullmatch, Sentence("not 1 to 24 of A-Z, 0-9 and -")),
    (Sentence("amount"), _is_fen, Sentence("not whole fen, 1 to 12 digits, with - before what was paid out")),
    (Sentence("time of payment"), _is_moment, Sentence("no time, written YYYYMMDDhhmmss")),
    (Sentence("business date"), is_date, Sentence("no date, written YYYYMMDD")),
    (Sentence("channel"), re.compile(r"[0-9]{1,11}").fullmatch, Sentence("not 1 to 11 digits")),
    (Sentence("key id"), re.compile(r"[A-Z2-7]{8}").fullmatch, Sentence("not 8 of A-Z and 2-7")),
)
"""Each field behind the version: its name, whether a text is one, and what is to be said where it is not."""
