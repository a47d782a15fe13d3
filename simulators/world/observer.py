"""Looks at the front book's file after every transaction, by plain SQL over a connection of its own.

Reports what has changed since the last look, and whether the hash chain, the days and the seal's root hold.
`oracle` judges what the rows mean. Imports nothing of the ledger's.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from simulators.world.stamps import AuditRow

Row = dict[str, object]
"""A journal's row by its columns' names."""

_NEWEST = "(SELECT coalesce(max(number), 0) FROM loads)"
_DUES = f"SELECT due FROM dues WHERE load <= {_NEWEST} ORDER BY due"  # noqa: S608 - constant
_DUE = (
    f"SELECT CASE WHEN leaves BETWEEN 1 AND {_NEWEST} AND (leaves_as = 'withdrawn' AND state <> 'settled'"  # noqa: S608 - constant
    " OR leaves_as = 'lapsed' AND state = 'open') THEN leaves_as ELSE state END, settled_by, sequence"
    f" FROM dues WHERE due = ? AND load <= {_NEWEST}"
)
"""A due as a bank would find it: a load's rows are there before it is seen, and what leaves by it leaves
after."""


class Day(NamedTuple):
    """A row of `days`."""

    date: str
    state: str
    next_date: str
    closed_at: int
    chains: str
    root: str


class Seen(NamedTuple):
    """The changes of one transaction: new journal rows, the date opened ("" for none), the dates loaded, when
    days
    were closed (microseconds since 1970-01-01 UTC), and new audit records.
    """

    rows: tuple[Row, ...]
    opened: str
    loaded: tuple[str, ...]
    closed_at: tuple[int, ...]
    records: tuple[AuditRow, ...]


NOTHING = Seen((), "", (), (), ())


class Observer:
    """Reads one front book's file over a connection of its own. `say` takes a violation."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._book = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self._version = -1
        self._position = 0
        self._tip = "0" * 64
        self._days: dict[str, Day] = {}
        self._loads: set[str] = set()
        self._last_record = 0
        cursor = self._book.execute("SELECT * FROM journal LIMIT 0")
        self._names = [column[0] for column in cursor.description]

    def close(self) -> None:
        """Close the connection."""
        self._book.close()

    def look(self) -> Seen:
        """Return the changes since the last look. At most one transaction may have been committed since."""
        version = self._book.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return NOTHING
        self._version = version
        rows = self._rows()
        before = {day.date for day in self._days.values() if day.state == "closed"}
        opened = self._look_at_days()
        closing = {day.date for day in self._days.values() if day.state == "closed"} - before
        loads = [row[0] for row in self._book.execute("SELECT date FROM loads ORDER BY date")]
        fresh = tuple(date for date in loads if date not in self._loads)
        self._loads.update(loads)
        if len([part for part in (rows, opened, fresh) if part]) > 1 and self._days and len(loads) > 1:
            self._say("entries, a cut-over or a load came in one transaction")
        closed_at = tuple(day.closed_at for day in self._days.values() if day.date in closing)
        return Seen(tuple(rows), opened, fresh, closed_at, tuple(self._new_records()))

    def kept(self, key: str) -> Row | None:
        """The entry under a key, as the file has it now."""
        row = self._book.execute("SELECT * FROM journal WHERE key = ?", (key,)).fetchone()
        return None if row is None else dict(zip(self._names, row, strict=True))

    def due(self, name: str) -> tuple[str, str, int] | None:
        """A due's state, the key that settled it, and its sequence number."""
        row: tuple[str, str, int] | None = self._book.execute(_DUE, (name,)).fetchone()
        return row

    def guesses(self, name: str) -> tuple[str, int, int]:
        """The date of the wrong identity numbers shown for a due, how many, and whether the due is locked
        (1).
        """
        row: tuple[str, int, int] | None = self._book.execute(
            "SELECT date, wrong, locked FROM identity_guesses WHERE due = ?", (name,)
        ).fetchone()
        return row or ("", 0, 0)

    def todays(self, bank: str, date: str) -> tuple[int, int]:
        """Return what a bank has moved on a date according to the file, and the part of it in exception
        advices, in fen.
        """
        query = "SELECT used, unfit FROM bank_days WHERE bank = ? AND date = ?"
        row: tuple[int, int] | None = self._book.execute(query, (bank, date)).fetchone()
        return row or (0, 0)

    def figures(self, bank: str, date: str) -> tuple[int, ...]:
        """The eight figures that the file keeps for a bank and date."""
        row = self._book.execute(
            "SELECT collections, collected, collections_reversed, collected_reversed, payouts, paid,"
            " payouts_reversed, paid_reversed FROM bank_days WHERE bank = ? AND date = ?",
            (bank, date),
        ).fetchone()
        return tuple(row or (0,) * 8)

    def dues(self) -> list[str]:
        """The names of all dues."""
        return [row[0] for row in self._book.execute(_DUES)]

    def left_over(self) -> set[str]:
        """The dues that the last load had still to remove when its process ended; the next load does."""
        query = "SELECT act FROM audit_log WHERE act IN ('load', 'load ended') ORDER BY number DESC LIMIT 1"
        if self._book.execute(query).fetchone() != ("load",):
            return set()
        left_the_book = "SELECT due FROM dues WHERE sequence = 0 AND state IN ('lapsed', 'withdrawn')"
        return {row[0] for row in self._book.execute(left_the_book)}

    def bank_days(self) -> list[tuple[str, str]]:
        """Every bank and date for which the file keeps figures."""
        return [
            (bank, date)
            for bank, date in self._book.execute("SELECT bank, date FROM bank_days ORDER BY bank, date")
        ]

    def journal(self) -> list[Row]:
        """Every entry, in the journal's order."""
        rows = self._book.execute("SELECT * FROM journal ORDER BY chain, position")
        return [dict(zip(self._names, row, strict=True)) for row in rows]

    def _rows(self) -> list[Row]:
        entries = []
        query = "SELECT * FROM journal WHERE position > ? ORDER BY chain, position"
        for row in self._book.execute(query, (self._position,)):
            entry = dict(zip(self._names, row, strict=True))
            if entry["chain"] != 1 or entry["position"] != self._position + 1:
                self._say(f"entry {entry['position']} follows {self._position}")
            if entry["previous"] != self._tip:
                self._say(f"entry {entry['position']} does not carry the hash of the one before it")
            sealed = {name: value for name, value in entry.items() if name != "salt"}
            sealed["holder"] = hashlib.sha256(f"{entry['salt']}{entry['holder']}".encode()).hexdigest()
            text = json.dumps(list(sealed.values()), ensure_ascii=False, separators=(",", ":"))
            self._tip = hashlib.sha256(text.encode()).hexdigest()
            self._position = row[1]
            entries.append(entry)
        end = self._book.execute("SELECT position, tip FROM chains WHERE chain = 1").fetchone()
        if end is not None and tuple(end) != (self._position, self._tip):
            self._say(f"the chain's end is {end[0]}, its last entry {self._position}, or its hash is another")
        return entries

    def _new_records(self) -> Iterator[AuditRow]:
        query = 'SELECT number, at, "by", act, subject, note FROM audit_log WHERE number > ? ORDER BY number'
        for row in self._book.execute(query, (self._last_record,)):
            record = AuditRow(*row)
            self._last_record = record.number
            yield record

    def _look_at_days(self) -> str:
        """The business date that was opened since the last look; empty for none."""
        query = "SELECT date, state, next_date, closed_at, chains, root FROM days ORDER BY date"
        days = [Day(*row) for row in self._book.execute(query)]
        opened = ""
        for day in days:
            earlier = self._days.get(day.date)
            if earlier is not None and earlier.state == "closed" and earlier != day:
                self._say(f"the closed day {day.date} was changed")
            if earlier is None and day.state == "open":
                opened = day.date
            if day.state == "closed" and (earlier is None or earlier.state == "open"):
                self._check_seal(day)
            self._days[day.date] = day
        if len([day for day in days if day.state == "open"]) > 1:
            self._say("two business days are open")
        return opened

    def _check_seal(self, day: Day) -> None:
        ends = [[1, self._position, self._tip]]
        if json.loads(day.chains) != ends:
            self._say(f"the day {day.date} was sealed at {day.chains}, the chain stands at {ends}")
        content = json.dumps([day.date, day.next_date, day.closed_at, ends], separators=(",", ":"))
        if hashlib.sha256(content.encode()).hexdigest() != day.root:
            self._say(f"the root of {day.date} does not follow from what it seals")
