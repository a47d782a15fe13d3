"""The values that a text to a customer may have in its places, and what a text itself may not hold.

Pure. The places are for sums, dates and the last characters of numbers, so that a notice has nobody's name,
phone or address in it. No text for customers may be put here: those are data
(`customers/notices/templates.toml`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.rules.amount_in_words import in_figures
from ledger.rules.day import hyphenated, is_date
from qianzhi_errors.sentence import Sentence, listed

SHORT_MAX: Final = 200
"""So many characters a text for a phone has at most, with its values: three parts of a Chinese SMS."""
_LINK: Final = re.compile(
    r"://|\bwww\.|[a-z0-9-]+\.(?:com|cn|net|org|gov|edu|info|top|xyz|vip|cc|io|me|co|app|link|shop|site)\b",
    re.IGNORECASE | re.ASCII,
)
_FEN: Final = re.compile(r"[1-9][0-9]{0,11}")


class Value(NamedTuple):
    """A kind of value: whether a text is one, how it is written, and whether it fits a phone."""

    is_one: Callable[[str], object]
    written: Callable[[str], str]
    is_short: bool = True


def _as_it_is(text: str) -> str:
    return text


VALUES: Final[Mapping[str, Value]] = MappingProxyType(
    {
        "amount": Value(_FEN.fullmatch, lambda text: in_figures(int(text))),
        "date": Value(is_date, hyphenated),
        "policy": Value(re.compile(r"[A-Z0-9-]{4}").fullmatch, _as_it_is),
        "receipt": Value(re.compile(r"[0-9]{6}").fullmatch, _as_it_is),
        "account": Value(re.compile(r"[0-9]{4}").fullmatch, _as_it_is),
        "line": Value(re.compile(r"QZ1\|[A-Z0-9|-]{20,226}").fullmatch, _as_it_is, is_short=False),
    }
)
"""The places of a text by name: fen, a date (YYYYMMDD), the last four characters of a policy, the last six
digits of a receipt's number, the last four of an account, and a receipt's whole line.
"""
LONGEST: Final[Mapping[str, int]] = MappingProxyType(
    {"amount": 14, "date": 10, "policy": 4, "receipt": 6, "account": 4}
)
"""The most characters of each value that fits a phone, as it is written."""


def tail(text: str, length: int) -> str:
    """The last characters of a number, for a place that holds its tail."""
    return text[-length:]


def value_faults(wanted: tuple[str, ...], given: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the values of a notice whose template wants these; no value is repeated."""
    if set(wanted) != set(given):
        yield Sentence("its values are not {wanted}", wanted=listed(sorted(wanted)))
        return
    for name in wanted:
        if not VALUES[name].is_one(given[name]):
            yield Sentence("{name} is none", name=name)


def filled(text: str, given: Mapping[str, str]) -> str:
    """A text with the values in its places."""
    return text.format_map({name: VALUES[name].written(value) for name, value in given.items()})


def text_faults(text: str, wanted: tuple[str, ...], *, short: bool) -> Iterator[str]:
    """What is wrong with a template's text, whose values are to be these; `short` for one to a phone."""
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:
        yield Sentence("a brace is not closed")
        return
    places = [(name, spec, conversion) for _, name, spec, conversion in pieces if name is not None]
    for name, spec, conversion in places:
        if name not in wanted or spec or conversion:
            yield Sentence("the place {name} is not among its values", name=name)
        elif short and not VALUES[name].is_short:
            yield Sentence("the place {name} does not fit a phone", name=name)
    if not short:
        return
    if _LINK.search(text):
        yield Sentence("has a link: customers are taught to follow none in a short message")
    spare = sum(LONGEST.get(name, 0) for name, _, _ in places)
    if len("".join(literal for literal, *_ in pieces)) + spare > SHORT_MAX:
        yield Sentence("is longer than {most} characters with its values", most=SHORT_MAX)
