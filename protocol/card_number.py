"""Card numbers (ISO/IEC 7812): their check digit, how one is recognised, and how it is shown to people.

Pure arithmetic over digits. The audit has its own check of these digits: it uses nothing of what masked them.
"""

from __future__ import annotations

from typing import Final

CARD_DIGITS_MIN: Final = 13
"""Digits of the shortest card number that a bank issues (ISO/IEC 7812)."""
CARD_DIGITS_MAX: Final = 19
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")
"""A digit and the sum of the digits of its double."""


def luhn_digit(digits: str) -> str:
    """Return the Luhn check digit of a string of ASCII digits (ISO/IEC 7812-1, annex B)."""
    total = sum(digits[-2::-2].encode()) + sum(digits[-1::-2].translate(_DOUBLED).encode())
    return str((len(digits) * ord("0") - total) % 10)


def is_card_number(text: str) -> bool:
    """Tell whether `text` is 13 to 19 ASCII digits, the last of which is the check digit of the others."""
    if not (CARD_DIGITS_MIN <= len(text) <= CARD_DIGITS_MAX and text.isascii() and text.isdecimal()):
        return False
    return text[-1] == luhn_digit(text[:-1])


def masked_card(pan: str) -> str:
    """Return the card number with all digits starred except the first 6 and the last 4. A number of fewer
    than 13 digits becomes stars only.
    """
    if len(pan) < CARD_DIGITS_MIN:
        return "*" * len(pan)
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}"
