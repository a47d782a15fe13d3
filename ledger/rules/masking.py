"""Masks identity numbers and card numbers that stand where the name of a policy, a due or a terminal belongs.

Pure. A run of digits is masked only if its check character is right, since people work with these names. The
log, where no number of that length belongs, is stricter (fep.process.logtext).
"""

from __future__ import annotations

import re
from typing import Final

from ledger.rules import identity
from protocol.card_number import CARD_DIGITS_MIN, is_card_number, masked_card
from qianzhi_errors.sentence import Sentence, rewritten

_MOMENT: Final = "20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){2}"
"""A date and time of this century, YYYYMMDDhhmmss, as in a transaction's key. It is left as it is even if its
last digit happens to be a right check digit: no card number of 14 digits begins with 20."""
_RUN: Final = re.compile(rf"(?<![0-9A-Za-z])(?!{_MOMENT}(?![0-9A-Za-z]))[0-9]{{13,19}}[Xx]?(?![0-9A-Za-z])")


def masked_numbers(text: str) -> str:
    """The text with every identity number in it reduced to its last four characters, and every card number to
    its first six and last four digits. A Sentence stays one.
    """
    return rewritten(text, _masked) if isinstance(text, Sentence) else _masked(text)


def _masked(text: str) -> str:
    return _RUN.sub(_shown, text) if len(text) >= CARD_DIGITS_MIN else text


def masked_name(name: str) -> str:
    """The first character of a person's name and a star, 张*: a teller who knows the name recognises it, and
    nobody else learns it. Empty if there is no name.
    """
    return f"{name[:1]}*" if name else ""


def figure(number: int) -> str:
    """The text of a figure from a file; only its count of digits if it is as long as a card number, since no
    sum of a day is.
    """
    digits = str(abs(number))
    if len(digits) < CARD_DIGITS_MIN:
        return str(number)
    return Sentence("a number of {digits} digits", digits=len(digits))


def _shown(match: re.Match[str]) -> str:
    run = match[0]
    if identity.is_valid(run.upper()):
        return identity.masked(run)
    return masked_card(run) if is_card_number(run) else run
