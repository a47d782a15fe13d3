"""The command `qianzhi trace`: all that is known of a transaction, by any of its keys. Reads and prints.

ledger.rules.trace explains the journal's entries, office.reports.trace adds what the office knows. Nothing is
changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import RenderableType

from console.options import SETTINGS
from console.output import JSON, show
from fep.settings.config import load_settings
from ledger.book import lookup
from ledger.book.audit_log import AuditRecord
from ledger.book.schema import audit_log, journal
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers
from ledger.rules.trace import NOT_KEPT, TracedEntry, trace
from office.config import load_settings as load_office_settings
from office.database.schema import entries as office_entries
from office.reports.trace import OfficeTrace, office_trace
from office.reports.wording import yuan


class Trace(NamedTuple):
    """All that is known of a transaction. `source` names the journal that was read; `dues` maps a due to its
    state now; `acts`, a key of --json, are the
    front's audit records of these business dates.
    """

    source: str
    transactions: tuple[TracedEntry, ...]
    dues: dict[str, str]
    acts: tuple[AuditRecord, ...]
    office: OfficeTrace | None
    note: str


@click.command("trace")
@click.argument("key")
@click.option(
    "--office",
    type=click.Path(path_type=Path),
    help="the office's settings: shows what the office knows too, and serves where the front is not here",
)
@SETTINGS
@JSON
def trace_command(key: str, office: Path | None, config: Path, as_json: bool) -> None:
    """Tell all that is known of a transaction, by any of its keys.

    KEY is BANK/TERMINAL/[YYYY]MMDDhhmmss/STAN, a receipt or authorization number, an RRN, a due, a policy, or
    CHAIN:POSITION in the journal.
    """
    if not key.strip():  # which every entry without a due, or a policy, would have
        raise click.BadParameter("give a key that is not empty", param_hint="KEY")
    trace = _traced(key.strip(), config, office)
    if not trace.transactions:
        raise click.ClickException(f"nothing in the {trace.source} has this key: see qianzhi trace --help")
    show(trace, lambda: _lines(trace), as_json=as_json)


def _traced(key: str, config: Path, office: Path | None) -> Trace:
    if config.exists() or office is None:
        store = Store(load_settings(config).node.database, lock=False)
        source, table = "front book's journal", journal
    else:
        store = Store(load_office_settings(office).office.database, lock=False, by_index=False)
        source, table = "office's copy of the journal", office_entries
    try:
        with store.reading(snapshot=True) as connection:
            story, _ = lookup.read_related(connection, table, key)
            at_front = table is journal
            dates = {entry.business_date for entry in story}
            records = lookup.records_on(connection, audit_log, dates) if at_front and dates else ()
            states = {
                masked_numbers(due): lookup.due_state(connection, due)
                for due in sorted({entry.due for entry in story if entry.due})
                if at_front
            }
    finally:
        store.close()
    at_office = None
    if office is not None and story:
        keys = {entry.key for entry in story}
        at_office = _at_office(office, keys, {(entry.bank, entry.business_date) for entry in story})
    return Trace(source, trace(story), states, records, at_office, NOT_KEPT)


def _at_office(office: Path, keys: set[str], days: set[tuple[str, str]]) -> OfficeTrace:
    store = Store(load_office_settings(office).office.database, lock=False, by_index=False)
    try:
        with store.reading(snapshot=True) as connection:
            return office_trace(connection, keys, days)
    finally:
        store.close()


def _moment(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).astimezone().isoformat(" ", "seconds")


def _lines(trace: Trace) -> Iterator[RenderableType]:
    for entry in trace.transactions:
        yield from _entry_lines(entry)
        yield ""
    for due, state in trace.dues.items():
        yield f"due {due}: {state or 'not in the book'}"
    for record in trace.acts:
        yield _record_line("front", record)
    if trace.office is not None:
        yield from _office_lines(trace.office)
    yield f"from the {trace.source}; {trace.note}"


def _entry_lines(entry: TracedEntry) -> Iterator[str]:
    yield f"{entry.place}  {entry.kind}  {entry.key}"
    yield f"  what       {entry.what}, {yuan(entry.amount)} yuan"
    yield f"  decision   {entry.response} {entry.meaning}{f': {entry.reason}' if entry.reason else ''}"
    yield f"  standing   {entry.standing}; business date {entry.business_date}"
    yield f"  recorded   {_moment(entry.recorded_at)}"
    for label, value in (("policy", entry.policy), ("due", entry.due), ("receipt", entry.receipt)):
        if value:
            yield f"  {label:<10} {value}"
    if entry.exception_code:
        yield f"  exception  {entry.exception_code}"
    for link in entry.links:
        place = f" ({link.place})" if link.place else ", not in the journal"
        yield f"  link       {link.how} {link.key}{place}"
    for label, fields in (("request", entry.request), ("answer", entry.answer)):
        if fields:
            rest = " ".join(f"{name}={value}" for name, value in fields.items() if name != "MTI")
            yield f"  {label:<10} {fields.get('MTI', '')} {rest}"


def _record_line(side: str, record: AuditRecord) -> str:
    words = " ".join(filter(None, (record.act, record.subject, record.note)))
    return masked_numbers(f"{side}'s act {record.number}, {_moment(record.at)}, by {record.by}: {words}")


def _office_lines(office: OfficeTrace) -> Iterator[str]:
    for line in office.lines:
        state = "done" if line.state == "S" else "reversed"
        yield f"bank {line.bank}'s file of {line.date}, line {line.line}: {state}, {yuan(line.amount)} yuan"
    if not office.lines:
        yield "no bank's file has it"
    for row in office.breaks:
        end = f" {row.resolution}" if row.resolution else ""
        yield f"break {row.name}: {row.cls}, {yuan(row.difference)} yuan, {row.state}{end}"
        yield f"  {row.reason}"
        for event in row.history:
            states = f"{event.from_state or 'new'} → {event.to_state}"
            yield masked_numbers(f"  {_moment(event.at)} {states} by {event.by} {event.note}".rstrip())
    for posting in office.postings:
        yield f"posting {posting.name}: {posting.description}"
        for leg in posting.legs:
            side = "debit" if leg.amount > 0 else "credit"
            yield f"  {leg.account:<10} {side:<6} {yuan(abs(leg.amount)):>16}"
    for record in office.acts:
        yield _record_line("office", record)
