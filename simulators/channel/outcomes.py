"""What becomes of a line at the bank, and what happens to an answer on its way; drawn from a seeded source.

Pure. Chances are in a thousand, so that no float decides about money.
"""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import NamedTuple

from collection.forms.form_file import Form

_THOUSAND = 1000


class Way(StrEnum):
    """What happens to the answer of a request file."""

    ANSWERED = "answered"
    REFUSED = "refused whole"
    NOT_RECEIVED = "not received"
    LOST = "lost"
    REPEATED = "repeated"
    HALVED = "in two halves"
    DELAYED = "delayed"
    ALTERED = "one byte altered"


class Habits(NamedTuple):
    """What a bank is like: chances in a thousand. The rest of `ways` is answered, the rest of lines is done.

    `delay` is in days, `fee` in fen for each done line, `returned` of the done lines are taken back.
    """

    ways: tuple[tuple[Way, int], ...] = ()
    failed: int = 150
    returned: int = 0
    delay: int = 2
    fee: int = 30


FAILURES = {
    "unionpay": ("51", "61", "54", "14", "57", "91", "96", "98"),
    "ubp": ("1", "51", "61", "54", "98"),
    "iso20022": ("AM04", "AM14", "AC04", "MD01", "PDNG"),
}
"""Table of codes -> what a line may fail with; 98 and PDNG say that nobody knows."""
RETURNS = {"unionpay": "41", "ubp": "41", "iso20022": "MD06"}


def way_of(random: Random, habits: Habits) -> Way:
    """Return what happens to an answer."""
    drawn = random.randrange(_THOUSAND)
    for way, chance in habits.ways:
        if drawn < chance:
            return way
        drawn -= chance
    return Way.ANSWERED


def code_of(random: Random, habits: Habits, form: Form) -> str:
    """Return the code of a line."""
    if random.randrange(_THOUSAND) < habits.failed:
        return random.choice(FAILURES[form.codes])
    return form.answer.done[0]


def is_returned(random: Random, habits: Habits) -> bool:
    """Return whether a done line is taken back."""
    return random.randrange(_THOUSAND) < habits.returned


def altered(random: Random, content: bytes) -> bytes:
    """Return the content with one of its bytes changed to another one."""
    at = random.randrange(len(content))
    return content[:at] + bytes([(content[at] + random.randrange(1, 256)) % 256]) + content[at + 1 :]
