"""What a check of the audit finds in books that are sound, and what it reads of them.

A check is a function of what it reads, so on changed books it is run again only if it reads something of what
was changed; else its outcome is the one that is kept here. What is read is taken from the statements that
reach the database: a table by its name; a column by its name, wherever it stands. Nothing here knows a check,
or what is to be found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import MetaData, event

from ledger.book.schema import FRONT
from office.audit.evidence import Checked, Evidence, Failing, Results
from office.audit.run import Check
from office.database.schema import OFFICE

METADATA: Final[Mapping[str, MetaData]] = MappingProxyType({"office": OFFICE, "front": FRONT})
"""The tables of each side's database."""
_CHANGE: Final = re.compile(r"\s*(UPDATE|DELETE FROM|INSERT INTO) (\w+)(?: SET (.*?)(?: WHERE |$))?")
_WITHIN: Final = re.compile(r"\([^()]*\)")
_EVERY_COLUMN: Final = re.compile(r"(?<!\()\*|\*(?!\))")
"""A star, but for that of count(*)."""


class Change(NamedTuple):
    """What a statement changes: values in some columns of a table, or (None) which rows it has."""

    table: str
    columns: frozenset[str] | None


class Reading(NamedTuple):
    """A statement that a check sent to one side's database, as the words in it."""

    side: str
    words: frozenset[str]
    every_column: bool

    def shows(self, change: Change) -> bool:
        """Whether its rows may be others after the change."""
        if change.table not in self.words:
            return False
        return change.columns is None or self.every_column or bool(change.columns & self.words)


class Outcome(NamedTuple):
    """What a check found in sound books, and how it read them."""

    check: Check
    results: tuple[Failing | Checked, ...]
    readings: frozenset[Reading]

    def reads(self, side: str, changes: Collection[Change]) -> bool:
        """Whether the check reads anything of these changes of one side's database."""
        readings = [reading for reading in self.readings if reading.side == side]
        return any(reading.shows(change) for reading in readings for change in changes)

    def unless_it_reads(self, side: str, changes: Collection[Change]) -> Check:
        """The check itself if it reads anything of the changes, else one that finds the same again."""
        return self.check if self.reads(side, changes) else self._again

    def _again(self, _evidence: Evidence) -> Results:
        yield from self.results


def change_of(statement: str, metadata: MetaData) -> Change:
    """What an UPDATE, DELETE or INSERT changes."""
    outermost = statement
    while _WITHIN.search(outermost):
        outermost = _WITHIN.sub("", outermost)
    match = _CHANGE.match(outermost)
    assert match is not None, statement
    verb, table, values = match.groups()
    if verb != "UPDATE":
        return Change(table, None)
    words = frozenset(re.findall(r"\w+", values))
    columns = words & set(metadata.tables[table].c.keys())
    assert columns, statement
    return Change(table, columns)


def outcome_of(check: Check, evidence: Evidence) -> Outcome:
    """Run a check on sound books, and listen to what it sends to their databases."""
    readings: set[Reading] = set()
    listeners = []
    for side, connection in (("office", evidence.office), ("front", evidence.front)):
        if connection is None:
            continue

        def sent(_c: Any, _cursor: Any, statement: str, *_rest: Any, side: str = side) -> None:  # noqa: ANN401
            words = frozenset(re.findall(r"\w+", statement))
            readings.add(Reading(side, words, _EVERY_COLUMN.search(statement) is not None))

        event.listen(connection, "before_cursor_execute", sent)
        listeners.append((connection, sent))
    try:
        return Outcome(check, tuple(check(evidence)), frozenset(readings))
    finally:
        for connection, sent in listeners:
            event.remove(connection, "before_cursor_execute", sent)
