"""Hides what a bank or a file has where the name of a policy, a due or a terminal should stand, and which is
somebody's identity number or card number by its check digit.

Pure. Exact about what it hides, since it is used on names that people work with: a log, where nothing of that
length belongs, is stricter (fep.process.logtext).
"""

from __future__ import annotations

import re
from typing import Final

from ledger.rules import identity
from protocol.card_number import CARD_DIGITS_MIN, is_card_number, masked_card

_MOMENT: Final = "20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){2}"
"""A date and time of this century, YYYYMMDDhhmmss, as a transaction's key has it. No card number of 14 digits
begins with 20, so one that ends by chance in its check digit is no card's."""
_RUN: Final = re.compile(rf"(?<![0-9A-Za-z])(?!{_MOMENT}(?![0-9A-Za-z]))[0-9]{{13,19}}[Xx]?(?![0-9A-Za-z])")


def masked_numbers(text: str) -> str:
    """The text, an identity number in it with its last four characters only, a card number with its first six
    and last four digits.
    """
    return _RUN.sub(_shown, text) if len(text) >= CARD_DIGITS_MIN else text


def masked_name(name: str) -> str:
    """A person's name with its first character alone, 张*: a teller knows it again, and nobody learns it."""
    return f"{name[:1]}*" if name else ""


def figure(number: int) -> str:
    """A figure that a file says, unless it has as many digits as a card number: no sum of a day has."""
    digits = str(abs(number))
    return str(number) if len(digits) < CARD_DIGITS_MIN else f"a number of {len(digits)} digits"


def _shown(found: re.Match[str]) -> str:
    run = found[0]
    if identity.is_valid(run.upper()):
        return identity.masked(run)
    return masked_card(run) if is_card_number(run) else run
