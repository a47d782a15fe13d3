"""The figures of a close for monitoring, in Prometheus' text format: for a collector that reads text files.

The office runs once and ends, so nobody can scrape it; it leaves a file instead. A few SELECTs and text; who
writes the file, and when, is the command's business. Names and labels are a contract with
deploy/prometheus/qianzhi-office.rules.yml and docs/office-alerts.md. Nothing of a customer comes in here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from ledger.rules.beijing import BEIJING
from office.accounting.bank_dates import awaited, waiting_holds
from office.accounting.break_states import BreakState
from office.bank_close import StepResult, WaitCause
from office.config import Settings
from office.database.schema import breaks, days

_MICROSECONDS: Final = 1_000_000
_HOUR_US: Final = 3_600_000_000
CLOSE_FAILED: Final = "qianzhi_office_close_failed"
METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "qianzhi_office_close_timestamp_seconds": "When the last close ended that did not fail.",
        CLOSE_FAILED: "1 if the last close failed.",
        "qianzhi_office_file_due_timestamp_seconds": "When the oldest missing file was due; 0 for none.",
        "qianzhi_office_files_refused": "Files that are there and were not taken.",
        "qianzhi_office_dates_held": "Dates held for too many breaks.",
        "qianzhi_office_dates_without_file": "Dates closed without a file that has not come yet.",
        "qianzhi_office_other_contents": "Files of a name that was taken, with other contents.",
        "qianzhi_office_left_names": "Names in the folder that were not taken.",
        "qianzhi_office_breaks": "Breaks that are not closed.",
        "qianzhi_office_oldest_break_timestamp_seconds": "The date of the oldest of these; 0 for none.",
        "qianzhi_office_unposted_days": "Closed business days that are not posted whole.",
        "qianzhi_office_receipts_wait": "1 if receipts wait for a key that may sign them.",
        "qianzhi_office_disk_free_bytes": "Bytes free.",
        "qianzhi_office_disk_size_bytes": "Bytes altogether.",
    }
)
"""Each metric with its help."""


class Disk(NamedTuple):
    """The room on the disk of a folder, called `place`, in bytes."""

    place: str
    free: int
    size: int


class CloseRun(NamedTuple):
    """What a close came to besides the books: its end (microseconds since 1970-01-01 UTC), its results, how
    many names were left in the folder and how many of these have other contents, and the disks.
    """

    ended_at: int
    results: Sequence[StepResult]
    left: int
    other_contents: int
    disks: Sequence[Disk]


Sample = tuple[str, Mapping[str, str], float]
"""A metric's name, its labels and its value."""


def close_metrics(connection: Connection, settings: Settings, run: CloseRun) -> str:
    """The text of the file after a close that did not fail."""
    return _text([*_of_run(run), *_of_banks(connection, settings, run.results)])


def failed_metrics(before: str) -> str:
    """The text after a close that failed: as before, but for that."""
    line = f"{CLOSE_FAILED} 1"
    changed, count = re.subn(rf"^{CLOSE_FAILED} .*$", line, before, flags=re.MULTILINE)
    return changed if count else _text([(CLOSE_FAILED, {}, 1)])


def _of_run(run: CloseRun) -> Iterator[Sample]:
    yield "qianzhi_office_close_timestamp_seconds", {}, run.ended_at // _MICROSECONDS
    yield CLOSE_FAILED, {}, 0
    yield "qianzhi_office_left_names", {}, run.left
    yield "qianzhi_office_other_contents", {}, run.other_contents
    waits = any(result.cause is WaitCause.KEY for result in run.results)
    yield "qianzhi_office_receipts_wait", {}, int(waits)
    for disk in run.disks:
        yield "qianzhi_office_disk_free_bytes", {"place": disk.place}, disk.free
        yield "qianzhi_office_disk_size_bytes", {"place": disk.place}, disk.size


def _of_banks(connection: Connection, settings: Settings, results: Sequence[StepResult]) -> Iterator[Sample]:
    """The figures by bank; each bank of the settings has each of them."""
    rows = connection.execute(select(days.c.date, days.c.state, days.c.closed_at)).all()
    closed_at = {row.date: row.closed_at for row in rows}
    yield "qianzhi_office_unposted_days", {}, sum(row.state == "closed" for row in rows)
    refused = Counter(result.bank for result in results if result.cause is WaitCause.REFUSED)
    held = Counter(row.bank for row in waiting_holds(connection))
    without = Counter(row.bank for row in awaited(connection))
    open_breaks, oldest = _breaks(connection)
    for bank in settings.bank:
        label = {"bank": bank.code}
        missing = [
            closed_at[result.date]
            for result in results
            if (result.bank, result.cause) == (bank.code, WaitCause.MISSING)
        ]
        due = (min(missing) + bank.file_hours * _HOUR_US) // _MICROSECONDS if missing else 0
        yield "qianzhi_office_file_due_timestamp_seconds", label, due
        yield "qianzhi_office_files_refused", label, refused[bank.code]
        yield "qianzhi_office_dates_held", label, held[bank.code]
        yield "qianzhi_office_dates_without_file", label, without[bank.code]
        yield "qianzhi_office_breaks", label, open_breaks[bank.code]
        date = oldest.get(bank.code, "")
        yield "qianzhi_office_oldest_break_timestamp_seconds", label, _begin(date) if date else 0


def _breaks(connection: Connection) -> tuple[Counter[str], dict[str, str]]:
    """By bank: the number of breaks that are not closed, and the date of the oldest."""
    query = select(breaks.c.bank, func.count(), func.min(breaks.c.date)).group_by(breaks.c.bank)
    rows = connection.execute(query.where(breaks.c.state != BreakState.CLOSED.value)).all()
    return Counter({row[0]: row[1] for row in rows}), {row[0]: row[2] for row in rows}


def _begin(date: str) -> int:
    """When a date (YYYYMMDD) begins in Beijing, in seconds since 1970-01-01 UTC."""
    return int(datetime.strptime(date, "%Y%m%d").replace(tzinfo=BEIJING).timestamp())


def _text(samples: Sequence[Sample]) -> str:
    """The samples in Prometheus' text format, each metric's together and under its help."""
    lines: list[str] = []
    for name in dict.fromkeys(sample[0] for sample in samples):
        lines += [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge"]
        for of_name, labels, value in samples:
            if of_name == name:
                inner = ",".join(f'{label}="{text}"' for label, text in labels.items())
                lines.append(f"{name}{{{inner}}} {value}" if inner else f"{name} {value}")
    return "\n".join(lines) + "\n"
