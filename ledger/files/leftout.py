"""Rows of a file of dues that two people have agreed to leave out, and their share of the control totals.

Pure. Which rows may be left out, `ledger.files.bookfile` says. The TOTAL line still counts these rows. A row
that can be read counts for exactly its values; one that cannot be read may count for anything that a row can
hold. So the totals still bind all other rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import add
from typing import Final, NamedTuple

from ledger.errors import LinesRefused
from ledger.rules.masking import figure, masked_numbers
from qianzhi_errors.sentence import Sentence

AMOUNT_MAX: Final = 999_999_999_999
LINES_MAX: Final = 1000
_RANGE: Final = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?")


class LeftOut(NamedTuple):
    """A row that is left out: its line number, its policy and due (empty where they cannot be read), and the
    reason: what is wrong with the row.
    """

    line: int
    policy: str
    due: str
    reason: str

    def __str__(self) -> str:
        policy: str = Sentence("no policy that can be read")
        if self.policy:
            policy = Sentence("policy {policy}", policy=masked_numbers(self.policy))
        due = Sentence(", due {due}", due=masked_numbers(self.due)) if self.due else ""
        reason = self.reason or Sentence("the book has it otherwise")
        return Sentence(
            "line {line}: {policy}{due}: {reason}", line=self.line, policy=policy, due=due, reason=reason
        )


class ControlTotals(NamedTuple):
    """The figures of the TOTAL line, in its order; `premium` and `benefit` in fen."""

    policies: int = 0
    dues: int = 0
    premium: int = 0
    benefit: int = 0
    withdrawn: int = 0


class Span(NamedTuple):
    """The least and the most that the rows left out can add to each control total."""

    least: ControlTotals = ControlTotals()
    most: ControlTotals = ControlTotals()

    def __add__(self, other: object) -> Span:
        if not isinstance(other, Span):
            return NotImplemented
        return Span(_sum(self.least, other.least), _sum(self.most, other.most))


ANY_ROW: Final = Span(ControlTotals(), ControlTotals(1, 1, AMOUNT_MAX, AMOUNT_MAX, 1))
"""A row whose columns cannot be told apart: it may be of any kind."""


def span_of_due(kind: str | None, amount: int | None) -> Span:
    """Return what a row of a due counts for. `kind` and `amount` (fen) are None where they cannot be read."""
    least, most = (1, AMOUNT_MAX) if amount is None else (amount, amount)
    if kind:
        return Span(
            ControlTotals(dues=1)._replace(**{kind: least}), ControlTotals(dues=1)._replace(**{kind: most})
        )
    return Span(ControlTotals(dues=1), ControlTotals(dues=1, premium=most, benefit=most))


def differences(stated: ControlTotals, counted: ControlTotals, left_out: Span) -> Iterator[tuple[str, str]]:
    """Yield each control total that the rows do not make, and why; rows left out may add their span."""
    for name, total, made, least, most in zip(
        ControlTotals._fields, stated, counted, left_out.least, left_out.most, strict=True
    ):
        if not made + least <= total <= made + most:
            reason: str = Sentence(
                "the TOTAL line says {total}, the rows make {made}", total=figure(total), made=figure(made)
            )
            if most:
                between = figure(least)
                if least != most:
                    between = Sentence("{least} to {most}", least=figure(least), most=figure(most))
                reason = Sentence("{reason}, those left out {between}", reason=reason, between=between)
            yield name, reason


def lines_of(text: str) -> frozenset[int]:
    """Return the line numbers of a text such as `17,203-205`; none if it is empty. Raises LinesRefused."""
    lines: set[int] = set()
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise LinesRefused(Sentence("lines are written as 17,203-205"))
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= LINES_MAX:
            raise LinesRefused(Sentence("a range goes upwards and has at most {most} lines", most=LINES_MAX))
        lines.update(range(first, last + 1))
        if len(lines) > LINES_MAX:
            raise LinesRefused(Sentence("at most {most} lines can be left out", most=LINES_MAX))
    return frozenset(lines)


def text_of(lines: Iterable[int]) -> str:
    """Return line numbers as `lines_of` reads them: in order, neighbours as a range."""
    return ",".join(_ranges(sorted(lines)))


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    first = 0
    for place, line in enumerate(lines):
        if place + 1 < len(lines) and lines[place + 1] == line + 1:
            continue
        yield f"{lines[first]}" if first == place else f"{lines[first]}-{line}"
        first = place + 1


def _sum(left: ControlTotals, right: ControlTotals) -> ControlTotals:
    return ControlTotals(*map(add, left, right))
