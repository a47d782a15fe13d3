"""Takes in the core system's lists of contracts that ended: from then on their papers' years are counted.

The core leaves a list `ends.<date>.csv` in the archive's inbox, under another name until it is whole. Each
line names a policy, the class by which its papers are kept, and the date on which its contract ended; no date
says that the contract goes on again. A list is taken whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from archive.catalogue.acts import MACHINE, write_record
from archive.catalogue.ends import ContractEnd, EndList, add_ends, end_lists_taken, follow_ends
from archive.errors import DocumentRefused, ParcelDiffers
from archive.rules.retention import RetentionClass, Start
from archive.volume.index import Kind, key_fault
from ledger.book.store import Store
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence, listed

COLUMNS: Final = ("policy", "class", "ended")
ENDS_MAX: Final = 1_000_000
ENDS: Final = "ends"
_LIST: Final = re.compile(r"ends\.([0-9]{8})\.csv")


class EndsTaken(NamedTuple):
    """What came of a list: its date, how many policies it has, and the volumes whose date of destruction is
    another now, each with that date (YYYYMMDD), or none.
    """

    listed: str
    policies: int
    volumes: dict[str, str]


def waiting_ends(inbox: Path) -> tuple[str, ...]:
    """The dates of the lists in the inbox, the oldest first."""
    names = (_LIST.fullmatch(path.name) for path in inbox.glob("ends.*.csv"))
    return tuple(sorted(match[1] for match in names if match and is_date(match[1])))


def take_ends(
    store: Store, inbox: Path, date: str, classes: Mapping[str, RetentionClass], at: int
) -> EndsTaken:
    """Take in the list of a date. `at` is in microseconds since 1970-01-01 UTC.

    Raises DocumentRefused, and ParcelDiffers where a list of that date was taken in with other content.
    """
    data = inbox.joinpath(f"ends.{date}.csv").read_bytes()
    ends = parse_ends(data, date, classes)
    taken = EndList(date, hashlib.sha256(data).hexdigest(), len(ends))
    with store.transaction() as connection:
        known = {row.listed: row for row in end_lists_taken(connection)}.get(date, taken)
        if known != taken:
            raise ParcelDiffers(
                Sentence(
                    "the list of ends of {date} was taken in with digest {digest}, and has {other} now:"
                    " nothing was overwritten; the core sends a list of another date",
                    date=date,
                    digest=known.sha256,
                    other=taken.sha256,
                )
            )
        if known is not taken:
            return EndsTaken(date, len(ends), {})
        add_ends(connection, taken, ends)
        changed = follow_ends(connection, classes)
        note = f"{len(ends)} policies; digest {taken.sha256}"
        write_record(connection, at, MACHINE, ENDS, date, note)
        for volume, after in changed.items():
            write_record(connection, at, MACHINE, "destroy after", volume, after or "not known")
    return EndsTaken(date, len(ends), changed)


def parse_ends(data: bytes, date: str, classes: Mapping[str, RetentionClass]) -> tuple[ContractEnd, ...]:
    """The ends of a list of this date. Raises DocumentRefused with the first line that has a fault."""
    try:
        rows = list(csv.reader(data.decode("utf-8-sig").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise DocumentRefused(Sentence("the list of ends is no CSV in UTF-8")) from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise DocumentRefused(
            Sentence("the list of ends does not begin with {columns}", columns=",".join(COLUMNS))
        )
    if not 1 < len(rows) <= ENDS_MAX + 1:
        raise DocumentRefused(Sentence("a list has 1 to {most} ends", most=ENDS_MAX))
    return tuple(_parsed(rows[1:], date, classes))


def _parsed(rows: list[list[str]], date: str, classes: Mapping[str, RetentionClass]) -> Iterator[ContractEnd]:
    seen: set[str] = set()
    for number, row in enumerate(rows, 2):
        fault = _fault(row, date, classes) or (
            Sentence("this policy is listed before") if row[0] in seen else ""
        )
        if fault:
            raise DocumentRefused(
                Sentence("line {line}: {fault}; no end of the list is kept", line=number, fault=fault)
            )
        seen.add(row[0])
        yield ContractEnd(*row)


def _fault(row: list[str], date: str, classes: Mapping[str, RetentionClass]) -> str:
    """Why a line is none; empty for a good one."""
    if len(row) != len(COLUMNS):
        return Sentence("not {count} columns", count=len(COLUMNS))
    policy, cls, ended = row
    if fault := key_fault(Kind.POLICY, policy):
        return fault
    counted = [code for code, given in classes.items() if given.start is Start.CONTRACT_END]
    if cls not in counted:
        return Sentence("the class is none of {classes}", classes=listed(counted))
    if ended and not is_date(ended):
        return Sentence("the end is no date YYYYMMDD")
    if ended > date:
        return Sentence("the end is after the list's date {date}", date=date)
    return ""
