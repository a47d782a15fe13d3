"""Authorization codes and receipt numbers: both are computed from an entry's place in the journal, so there
is no counter to keep.

Pure arithmetic only.
"""

from __future__ import annotations

from protocol.card_number import luhn_digit

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and capital letters without I and O, which tellers misread."""

_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_BASE = len(_PAIRS)


def authorization_code(position: int) -> str:
    """DE 38, 6 characters: the chain position in base 34. Repeats only after 34**6 (1,544,804,416) entries of
    a chain.
    """
    rest, low = divmod(position, _BASE)
    high, middle = divmod(rest, _BASE)
    return _PAIRS[high % _BASE] + _PAIRS[middle] + _PAIRS[low]


def receipt_number(business_date: str, chain: int, position: int) -> str:
    """A receipt's number, 21 digits: business date 8, chain 2, position 10, Luhn check digit 1 (ISO/IEC
    7812-1, annex B).
    """
    body = f"{business_date}{chain:02d}{position:010d}"
    return body + luhn_digit(body)
