"""Rows of a file of dues that two people have agreed to leave out, and what the file's control totals may
count for them.

Pure. Which rows may be left out, `ledger.files.bookfile` says. A row that can be read counts for exactly what
it says; one that cannot counts for anything a row can say: so that the totals go on binding all the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import add
from typing import Final, NamedTuple

from ledger.errors import LinesRefused
from ledger.rules.masking import figure, masked_numbers

AMOUNT_MAX: Final = 999_999_999_999
LINES_MAX: Final = 1000
_RANGE: Final = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?")


class LeftOut(NamedTuple):
    """A row that is left out: its line, and the policy and the due that it names, empty where they cannot be
    read. `reason` says what is wrong with it.
    """

    line: int
    policy: str
    due: str
    reason: str

    def __str__(self) -> str:
        policy = f"policy {masked_numbers(self.policy)}" if self.policy else "no policy that can be read"
        due = f", due {masked_numbers(self.due)}" if self.due else ""
        return f"line {self.line}: {policy}{due}: {self.reason or 'the book has it otherwise'}"


class Figures(NamedTuple):
    """What the TOTAL line counts, in its order; amounts in fen."""

    policies: int = 0
    dues: int = 0
    premium: int = 0
    benefit: int = 0
    withdrawn: int = 0


class Span(NamedTuple):
    """The least and the most that rows which were left out come to."""

    least: Figures = Figures()
    most: Figures = Figures()

    def __add__(self, other: object) -> Span:
        if not isinstance(other, Span):
            return NotImplemented
        return Span(_sum(self.least, other.least), _sum(self.most, other.most))


ANY_ROW: Final = Span(Figures(), Figures(1, 1, AMOUNT_MAX, AMOUNT_MAX, 1))
"""A row whose columns cannot be told may be any."""


def span_of_due(kind: str | None, amount: int | None) -> Span:
    """What a row of a due counts for; `kind` and `amount` are None where they cannot be read."""
    least, most = (1, AMOUNT_MAX) if amount is None else (amount, amount)
    if kind:
        return Span(Figures(dues=1)._replace(**{kind: least}), Figures(dues=1)._replace(**{kind: most}))
    return Span(Figures(dues=1), Figures(dues=1, premium=most, benefit=most))


def differences(said: Figures, counted: Figures, left_out: Span) -> Iterator[tuple[str, str]]:
    """Each figure that the TOTAL line says otherwise than the rows make with those left out, and how."""
    for name, told, found, least, most in zip(
        Figures._fields, said, counted, left_out.least, left_out.most, strict=True
    ):
        if not found + least <= told <= found + most:
            reason = f"the TOTAL line says {figure(told)}, the rows make {figure(found)}"
            if most:
                between = figure(least) if least == most else f"{figure(least)} to {figure(most)}"
                reason += f", those left out {between}"
            yield name, reason


def lines_of(text: str) -> frozenset[int]:
    """Return the lines that a text such as `17,203-205` names, none for an empty one. Raises LinesRefused."""
    lines: set[int] = set()
    for part in text.split(",") if text else ():
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise LinesRefused("lines are written as 17,203-205")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last - first >= LINES_MAX:
            raise LinesRefused(f"a range goes upwards and has at most {LINES_MAX} lines")
        lines.update(range(first, last + 1))
        if len(lines) > LINES_MAX:
            raise LinesRefused(f"at most {LINES_MAX} lines can be left out")
    return frozenset(lines)


def text_of(lines: Iterable[int]) -> str:
    """Return the lines as `lines_of` reads them, in order, neighbours as a range."""
    return ",".join(_ranges(sorted(lines)))


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    first = 0
    for place, line in enumerate(lines):
        if place + 1 < len(lines) and lines[place + 1] == line + 1:
            continue
        yield f"{lines[first]}" if first == place else f"{lines[first]}-{line}"
        first = place + 1


def _sum(one: Figures, other: Figures) -> Figures:
    return Figures(*map(add, one, other))
