"""Makes every answer fit: what a dialect cannot hold is left out in a fixed order, and the answer is sent.

Pure. An answer says what has been done and is on disk: a text that is too long for its field, or that the
dialect has no characters for, must not keep it from the bank. What says what was done (DE 15, 38, 39 and 44,
the key, the totals) is never left out. How an answer is rendered is `fep.links.response_builder`'s business.
docs/protocol.md section 6, "An answer that does not fit".
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeVar

from protocol.errors import EncodeError
from protocol.message import ECHOED, Message

T = TypeVar("T")

LETTERHEAD: Final = "62.letterhead"
HOLDER: Final = "62.holder"
PAYEE: Final = "62.payee"
MAY_GO: Final = (LETTERHEAD, HOLDER, PAYEE, "48.NM", "62", "48.PN", "48.DU", "48.RN", "48.SN")
"""What may be left out, the first first: lines of the receipt, the holder's and the payee's name, the whole
receipt, which can be asked for again, and names that the bank has sent itself or has in the receipt."""
_ASKED_FOR: Final = frozenset({"62"})
"""What an inquiry is for, and so is not left out of the answer to one: it is a fault not to have it."""
_KEY: Final = frozenset({7, 11, 32, 41})
_TEXTS: Final = frozenset({48, 62})


def fit(
    rendered: Callable[[Collection[str]], Message], encode: Callable[[Message], T], *, is_inquiry: bool
) -> T:
    """Return the answer encoded, with as little left out as fits. `rendered` makes the answer without what it
    is given, names of MAY_GO. Raises EncodeError for an inquiry of which the answer itself does not fit.
    """
    left_out: list[str] = []
    while True:
        try:
            return encode(rendered(left_out))
        except EncodeError as error:
            kept = [name for name in MAY_GO if name not in left_out]
            if is_inquiry:
                kept = [name for name in kept if name not in _ASKED_FOR]
            next_out = _next_out(error.field, kept)
            if next_out is None and is_inquiry:
                raise
        if next_out is None:
            return encode(bare(rendered(MAY_GO)))
        left_out.append(next_out)


def _next_out(field: str, kept: Collection[str]) -> str | None:
    """Return what is left out next because of `field`: itself, or else the first of its DE."""
    if field in kept and "." in field:
        return field
    element = field.partition(".")[0]
    return next((name for name in kept if name.partition(".")[0] == element), None)


def bare(answer: Message) -> Message:
    """Return the answer with its key and what was decided, and nothing else."""
    fields = {
        number: text
        for number, text in answer.fields.items()
        if number in _KEY or not (number in ECHOED or number in _TEXTS)
    }
    return Message(answer.mti, fields)
