"""Identity documents of persons and companies: their kinds, the check of each kind, and the one spelling in
which numbers are compared.

Pure. No list of region codes (GB/T 2260) or of countries belongs here: codes are withdrawn and issued every
year, and a number keeps the code that it was issued with. Nothing here may put a number into an error's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple

LENGTH: Final = 18
RESIDENT: Final = "resident"
"""The kind of a number that is written without one: a resident identity number."""

_SHAPE: Final = re.compile(r"[0-9]{6}((?:19|20)[0-9]{6})[0-9]{3}[0-9X]")
_OLD_SHAPE: Final = re.compile(r"([0-9]{6})([0-9]{6})([0-9]{3})")
_CHARACTERS: Final = "10X98765432"
"""The check character at the place of the weighted sum modulo 11."""

_PASSPORT: Final = re.compile(r"(?=.*[0-9])[A-Z0-9]{5,9}")
_HK_MACAO_PERMIT: Final = re.compile(r"([HM][0-9]{8})(?:[0-9]{2})?")
_TAIWAN_PERMIT: Final = re.compile(r"[0-9]{8}(?:[0-9]{2}[A-Z]?)?")
_PERMANENT_RESIDENCE: Final = re.compile(r"[A-Z]{3}[0-9]{12}")
_HK_IDENTITY: Final = re.compile(r"[A-Z]{1,2}[0-9]{6}[0-9A]")
_COMPANY: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_COMPANY_VALUES: Final = {
    character: value for value, character in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")
}

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SMALL: Final = {code: code - 0x20 for code in range(ord("a"), ord("z") + 1)}
_FULL_WIDTH_SMALL: Final = {code: code - 0xFEE0 - 0x20 for code in range(0xFF41, 0xFF5B)}
_DROPPED: Final = dict.fromkeys(map(ord, " \t\u00a0\u3000-()\uff0d\uff08\uff09"))
_SPELLING: Final = {**_FULL_WIDTH, **_SMALL, **_FULL_WIDTH_SMALL, **_DROPPED}


class Document(NamedTuple):
    """A document: its kind, a key of KINDS, and its number as it was written."""

    kind: str
    number: str

    def __repr__(self) -> str:
        """Name the kind, never the number."""
        return f"Document({self.kind!r})"


def check_character(first17: str) -> str:
    """The check character, `0` to `9` or `X`, of the first 17 digits of a resident identity number (ISO
    7064:1983, MOD 11-2).

    Raises ValueError, whose text does not repeat the digits, for anything but 17 ASCII digits.
    """
    if len(first17) != LENGTH - 1 or not (first17.isascii() and first17.isdigit()):
        raise ValueError("the check character is over exactly 17 digits")
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(first17))
    return _CHARACTERS[total % 11]


def is_valid(number: str) -> bool:
    """Whether `number` is a resident identity number of 18: region, an existing birth date 1900-2099,
    sequence, check character.

    The check character X is a capital letter (GB 11643-1999, section 4). The region is any six digits.
    """
    shape = _SHAPE.fullmatch(number)
    if shape is None or check_character(number[:-1]) != number[-1]:
        return False
    return _is_date(shape[1])


def masked(number: str) -> str:
    """`number` with all but its last four characters replaced by stars; only stars if it is not 18 long."""
    shown = number[-4:] if len(number) == LENGTH else ""
    return shown.rjust(LENGTH, "*")


def document(text: str) -> Document:
    """The document that `KIND:NUMBER` writes; a number alone is a resident identity number.

    Nothing is checked: the kind may be none of KINDS (see `is_document`).
    """
    kind, colon, number = text.partition(":")
    return Document(kind, number) if colon else Document(RESIDENT, text)


def is_document(given: Document) -> bool:
    """Whether a document's kind is one of KINDS and its number, plainly spelt, passes that kind's check."""
    check = KINDS.get(given.kind)
    return check is not None and check(_plain(given.number))


def normalised(number: str) -> str:
    """The one spelling in which two writings of a number are compared. Any text has one.

    Small and full-width letters become capitals, full-width digits plain ones; blanks, hyphens and
    parentheses are dropped. A resident identity number of 15 digits becomes the one of 18 that replaced it.
    The permit of a resident of Hong Kong or Macao loses the count of its renewals.
    """
    plain = _plain(number)
    if _is_old_resident(plain):
        first17 = f"{plain[:6]}19{plain[6:]}"
        return first17 + check_character(first17)
    permit = _HK_MACAO_PERMIT.fullmatch(plain)
    return permit[1] if permit else plain


def _plain(number: str) -> str:
    return number.translate(_SPELLING)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_old_resident(plain: str) -> bool:
    """Whether this is a resident identity number of 15 digits: region, birth date of the 20th century,
    sequence; it has no check digit.
    """
    shape = _OLD_SHAPE.fullmatch(plain)
    return shape is not None and _is_date(f"19{shape[2]}")


def _is_resident(plain: str) -> bool:
    return is_valid(plain) or _is_old_resident(plain)


def _is_permanent_residence(plain: str) -> bool:
    """Whether this is the number of a foreigner's permanent residence card: of a card of 2017 or before, or
    of 2023, with 18 characters as residents have.
    """
    new = plain.startswith("9") and is_valid(plain)
    return new or _PERMANENT_RESIDENCE.fullmatch(plain) is not None


def _is_hk_identity(plain: str) -> bool:
    """Whether this is a Hong Kong identity card's number: the weighted sum modulo 11 is 0, with weights 9 to
    1 from the left, A to Z as 10 to 35, and a blank, as 36, before a single letter.
    """
    if _HK_IDENTITY.fullmatch(plain) is None:
        return False
    values = [int(character, 36) for character in plain]
    if len(values) == 8:
        values.insert(0, 36)
    return sum(value * (9 - place) for place, value in enumerate(values)) % 11 == 0


def _is_company(plain: str) -> bool:
    """Whether this is a company's unified social credit code (GB 32100-2015): its last character is 31 less
    the weighted sum of the others modulo 31, with the powers of 3 as weights.
    """
    if _COMPANY.fullmatch(plain) is None:
        return False
    values = [_COMPANY_VALUES[character] for character in plain]
    total: int = sum(value * 3**place for place, value in enumerate(values[:-1]))
    return values[-1] == -total % 31


def _is_other(plain: str) -> bool:
    return len(plain) <= LENGTH and plain.isalnum()


KINDS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        RESIDENT: _is_resident,
        "passport": lambda plain: _PASSPORT.fullmatch(plain) is not None,
        "hk-macao-permit": lambda plain: _HK_MACAO_PERMIT.fullmatch(plain) is not None,
        "taiwan-permit": lambda plain: _TAIWAN_PERMIT.fullmatch(plain) is not None,
        "permanent-residence": _is_permanent_residence,
        "hk-identity": _is_hk_identity,
        "company": _is_company,
        "other": _is_other,
    }
)
"""Kind of document to its check of a number in plain spelling.

Resident: GB 11643-1999, and the former number of 15 digits. Passport: ICAO 9303-4, at most nine characters.
Permits to travel to the mainland: for Hong Kong and Macao, H or M and eight digits, on older permits two more
that count renewals; for Taiwan eight digits, on older permits two more and a letter. Company: GB 32100-2015.
Other: at most 18 letters and digits."""
