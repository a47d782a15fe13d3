"""The resident identity number of GB 11643-1999: its shape, its check character, how to show it safely.

Pure. No list of region codes (GB/T 2260) belongs here: codes are withdrawn and issued every year, and a
number keeps the one that it was made with. Nothing here may put a number into an error's text.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

LENGTH: Final = 18

_SHAPE: Final = re.compile(r"[0-9]{6}((?:19|20)[0-9]{6})[0-9]{3}[0-9X]")
_WEIGHTS: Final = tuple(pow(2, 17 - place, 11) for place in range(17))
_CHARACTERS: Final = "10X98765432"
"""The check character by the weighted sum modulo 11."""


def check_character(first17: str) -> str:
    """Return the check character, `0`-`9` or `X`, of a number's first 17 digits (ISO 7064:1983, MOD 11-2).

    Raises ValueError, which does not repeat the digits, for anything but 17 ASCII digits.
    """
    if len(first17) != LENGTH - 1 or not (first17.isascii() and first17.isdigit()):
        raise ValueError("the check character is over exactly 17 digits")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first17, strict=True))
    return _CHARACTERS[total % 11]


def is_valid(number: str) -> bool:
    """Whether `number` is well formed: region, a real birth date 1900-2099, sequence, check character.

    The check character X is a capital (GB 11643-1999, section 4). The region is any six digits.
    """
    shape = _SHAPE.fullmatch(number)
    if shape is None or check_character(number[:-1]) != number[-1]:
        return False
    try:
        date.fromisoformat(shape[1])
    except ValueError:
        return False
    return True


def masked(number: str) -> str:
    """Return `number` with only its last four characters shown, and none of anything that is not 18 long."""
    shown = number[-4:] if len(number) == LENGTH else ""
    return shown.rjust(LENGTH, "*")
