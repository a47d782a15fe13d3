"""The reasons of breaks and their hints: the patterns by which they are written and known again.

A reason is kept in the book as an English text, for whoever reads the book. `reason_of` knows the pattern
that made it, so that a reader of another language has it too; what it does not know stays as it is. Pure.
When which reason holds does not belong here, but in `office.matching`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from qianzhi_errors.sentence import Sentence, listed, phrase

AMOUNTS: Final = phrase("our amount is {ours}, the bank's {theirs}")
OURS_REVERSED: Final = phrase("we have it reversed, the bank has it done")
THEIRS_REVERSED: Final = phrase("we have it done, the bank has it reversed")
WAS_DONE: Final = phrase("reversed on both sides, but an earlier file of the bank had it done")
DETAILS: Final = phrase("the bank names another {details}")
BY_RRN: Final = phrase("found by its RRN, the bank's key is {key}")
ON_ANOTHER_LINE: Final = phrase("the bank's file has this transaction on another line too")
ALIKE: Final = phrase("the bank's file has another line of the same RRN, terminal, policy and amount")
ONLY_OURS: Final = phrase("we have it, the bank's file does not")
ONLY_THEIRS: Final = phrase("the bank's file has it, we do not")
IN_EARLIER_FILE: Final = phrase("an earlier file of this bank has it already")
OURS_CHANGED: Final = phrase("its state changed with us after its date, and the bank's file does not say so")
OURS_CHANGED_SINCE: Final = phrase("its state changed on our side since")
THEIRS_REVERSED_SINCE: Final = phrase("the bank has reversed it since")
BOTH_CHANGED_SINCE: Final = phrase("its state changed since, and both sides agree now")
THEIRS_REVERSED_EARLIER: Final = phrase(
    "the bank reversed what an earlier file of it has, and we did not today"
)
THEIRS_EARLIER: Final = phrase("the bank dated it {date}, we a later date")
OURS_EARLIER: Final = phrase("we dated it {date}, the bank a later date")
NOTHING_WITHHELD: Final = phrase("it was reversed on our side since, and nothing is withheld any more")
WITHHELD_CHANGED: Final = phrase("what was withheld of it has changed since with us")
REFUSED_LATE: Final = phrase("the bank asked to reverse it, and we refused as too late: {amount}")
REFUSED_LATE_IN_FILE: Final = phrase(
    "the bank asked to reverse it, we refused as too late, and its file has it all the same: {amount}"
)
SAME_KEY: Final = phrase("same key in break {name} of {date}: offered, not taken")
SEE_ALSO: Final = phrase("see also break {name} of {date}")
NOT_FITTING: Final = phrase(
    "an advice ({kind}) that did not fit the book: as a request it would have got {response}"
)
ARRIVAL: Final = phrase(
    "the statements have {arrived} fen for {date}, the bank's file has {expected}, earlier breaks have"
    " {in_breaks}"
)
ADD_UP_TO_ONE: Final = phrase("the {count} lines of {group} ({many}) add up to one ({single}): {key}")
ADD_UP: Final = phrase("{count} lines of {group} ({many}) add up to this one")

PATTERNS: Final = tuple(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str)
)
"""Every pattern of a reason or a hint, as they stand above."""
POSTED: Final = phrase("posted on {date}")
"""The note of the machine's step that posts what two people have decided."""
CLASS_NAMES: Final = (
    phrase("bank_only"),
    phrase("ours_only"),
    phrase("amount_differs"),
    phrase("state_differs"),
    phrase("details_differ"),
    phrase("duplicate"),
    phrase("timing"),
    phrase("late_reversal"),
    phrase("exception_advice"),
    phrase("arrival_differs"),
)
"""The classes as a hint or an example names them."""
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "details": (phrase("policy"), phrase("due"), phrase("processing code")),
        "date": (phrase("no date"),),
        "kind": (phrase("collection"), phrase("payout"), phrase("cancel"), phrase("reversal")),
        "many": CLASS_NAMES,
        "single": CLASS_NAMES,
        "group": (phrase("policy {policy}"), phrase("terminal {terminal}")),
    }
)
"""The patterns of what may stand in a place of this name."""
_AND_ANOTHER: Final = " and another "
_EXAMPLE: Final = re.compile(rf"({'|'.join(CLASS_NAMES)}) (line [0-9]+|\S+): (.*)")
_PLACE: Final = re.compile(r"\\\{([a-z_]+)\\\}")


def reason_of(text: str) -> str:
    """The reason or hint of a break as a sentence, part by part; a part that no pattern made as it is."""
    return listed([_known(part, PATTERNS) for part in text.split("; ")], "{first}; {rest}")


def note_of(text: str) -> str:
    """The note of a step in a break's history as a sentence, if the machine wrote it: a class with a reason,
    or when it was posted.
    """
    cls, colon, reason = text.partition(": ")
    if colon and cls in CLASS_NAMES:
        return Sentence("{cls}: {reason}", cls=Sentence(cls), reason=reason_of(reason))
    return _known(text, (POSTED,))


def examples_of(text: str) -> str:
    """The first breaks of a held file, each with its class, its line or key, and its reason, as sentences."""
    return listed([_example(part) for part in text.split("; ")], "{first}; {rest}")


def _example(part: str) -> str:
    match = _EXAMPLE.fullmatch(part)
    if match is None:
        return _known(part, PATTERNS)
    cls, place, reason = match.groups()
    line = place.removeprefix("line ")
    where = Sentence("line {line}", line=line) if line != place else place
    return Sentence(
        "{cls} {place}: {reason}", cls=Sentence(cls), place=where, reason=_known(reason, PATTERNS)
    )


def _known(text: str, patterns: tuple[str, ...]) -> str:
    for pattern in patterns:
        if match := _matcher(pattern).fullmatch(text):
            values = {name: _value(name, value) for name, value in match.groupdict().items()}
            return Sentence(pattern, **values)
    return text


def _value(name: str, text: str) -> str:
    words = _WORDS.get(name)
    if words is None:
        return text
    if name == "details":
        return listed(
            [_known(part, words) for part in text.split(_AND_ANOTHER)], "{first} and another {rest}"
        )
    return _known(text, words)


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    """Matches what the pattern can make."""
    return re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(pattern)), re.DOTALL)
