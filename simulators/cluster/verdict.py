"""What must be so when the dust has settled: banks and journal agree line by line, and nothing acted twice.

Reads the front book by SQL of its own, from whichever server is the primary, and the banks' own records.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import psycopg

from ledger.rules.dues import KINDS
from simulators.beliefs import Record
from simulators.days.comparison import Key, Recorded, crossed, differences, read_journal

_COLUMNS = (
    "key, kind, terminal, sent_at, stan, response, amount, receipt, code, original, sequence, business_date,"
    " exception_code, bank"
)
_PLACES = ", ".join("?" * len(_COLUMNS.split(",")))

Lines = Mapping[Key, Recorded]


def journals(uri: str, banks: Sequence[str]) -> dict[str, Lines]:
    """Each bank's lines of the journal, by bank; `uri` is libpq's.

    The comparison reads SQLite: it is given a copy.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal.db"
        with psycopg.connect(uri) as source, closing(sqlite3.connect(copy)) as target:
            target.execute(f"CREATE TABLE journal ({_COLUMNS})")
            rows = source.execute(f"SELECT {_COLUMNS} FROM journal".encode()).fetchall()  # noqa: S608 - constant
            target.executemany(f"INSERT INTO journal VALUES ({_PLACES})", rows)  # noqa: S608 - question marks
            target.commit()
        return {bank: read_journal(copy, bank) for bank in banks}


def faults(uri: str, records: Sequence[Record]) -> list[str]:
    """Everything in which banks, journal and dues differ, or that was settled twice."""
    by_bank = journals(uri, [record.bank for record in records])
    return [
        *(f"{record.bank}: {line}" for record in records for line in _of_bank(record, by_bank[record.bank])),
        *_of_dues(uri, by_bank.values()),
    ]


def _of_bank(record: Record, lines: Lines) -> Iterator[str]:
    yield from differences(record, lines)
    yield from (f"{'/'.join(belief.key)}: undecided" for belief in record.undecided())


def _of_dues(uri: str, lines: Iterable[Lines]) -> Iterator[str]:
    """Say where a due is not settled by exactly one entry in effect, or by none. An exception advice settles
    nothing.
    """
    with psycopg.connect(uri) as connection:
        due_of = dict(connection.execute("SELECT key, due FROM journal").fetchall())
        held = {name for (name,) in connection.execute("SELECT due FROM dues WHERE state = 'settled'")}
    entries_done = (entry for of_bank in lines for entry in of_bank.values() if entry.outcome == "done")
    settled = Counter(
        due_of[entry.full_key] for entry in entries_done if entry.code in KINDS and not entry.exception_code
    )
    yield from (f"due {due} is settled {count} times" for due, count in settled.items() if due and count > 1)
    yield from (f"due {due}: dues and journal differ" for due in sorted(held ^ set(filter(None, settled))))


def totals_answer(record: Record, lines: Lines) -> str:
    """What the machine must answer to the bank's totals of a closed day: 95 only where a reversal after the
    cut-over undid what the bank never heard of before it.
    """
    return "95" if crossed(record, lines) else "00"
