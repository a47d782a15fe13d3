"""What must hold between the rows of a file of dues: a due stands once, a policy's rows agree.

Pure, over rows that come in order, so that a file of any size is checked in constant memory. What a row must
be by itself, `ledger.files.bookline` says. Of two lines that do not agree, both are at fault, also where one
of them is to be left out: nobody can tell which of the two is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from itertools import chain, groupby
from operator import attrgetter
from typing import NamedTuple

from qianzhi_errors.sentence import Sentence

RowFault = tuple[int, str, str]
"""A line's number, a column's name, and the reason."""

_TWICE = Sentence("not unique: an earlier row has the same")
_ONE_ROW = Sentence("a policy without a due has one row and no other")
_DIFFERS = Sentence("differs from an earlier row of the same policy")


class DueRow(NamedTuple):
    """A due that a line brings or withdraws, and the line's number."""

    due: str
    line: int


class PolicyRow(NamedTuple):
    """A policy as one row of the file describes it."""

    policy: str
    line: int
    state: str
    holder: str
    has_due: bool
    serving: str = ""
    serving_phone: str = ""


def due_faults(rows: Iterable[DueRow], without: Set[int]) -> Iterator[RowFault]:
    """Yield a fault for each due that stands more than once. `rows` come ordered by due and line.

    `without` are the lines to be left out: a fault of one of them is the reason why it may be.
    """
    for _, group in groupby(rows, attrgetter("due")):
        yield from _due_faults(group, without)


def _due_faults(group: Iterator[DueRow], without: Set[int]) -> Iterator[RowFault]:
    first, second = next(group), next(group, None)
    if second is None:
        return
    is_kept = False
    for row in chain((first, second), group):
        if is_kept or row.line in without:
            yield row.line, "due", _TWICE
        is_kept = is_kept or row.line not in without


def policy_faults(rows: Iterable[PolicyRow], without: Set[int]) -> Iterator[RowFault]:
    """Yield a fault for each policy whose rows do not agree. `rows` come ordered by policy and line.

    `without` are the lines to be left out: a fault of one of them is the reason why it may be.
    """
    for _, group in groupby(rows, attrgetter("policy")):
        yield from _policy_faults(group, without)


def _policy_faults(group: Iterator[PolicyRow], without: Set[int]) -> Iterator[RowFault]:
    head, left = None, []
    for row in group:
        if row.line in without:
            left.append(row)
        elif head is None:
            head = row
        else:
            yield from _disagreements(row, head)
    for row in left:
        others = [head] if head else left
        faults = (tuple(_disagreements(row, other)) for other in others if other is not row)
        yield from next(filter(None, faults), ())


def _disagreements(row: PolicyRow, head: PolicyRow) -> Iterator[RowFault]:
    if not (row.has_due and head.has_due):
        yield row.line, "policy", _ONE_ROW
    for column in ("state", "holder", "serving", "serving_phone"):
        if getattr(row, column) != getattr(head, column):
            yield row.line, column, _DIFFERS


def heads(rows: Iterable[PolicyRow], without: Set[int]) -> Iterator[PolicyRow]:
    """Yield the first row of each policy, lines of `without` apart. `rows` come by policy and line."""
    for _, group in groupby(rows, attrgetter("policy")):
        head = next((row for row in group if row.line not in without), None)
        if head is not None:
            yield head
