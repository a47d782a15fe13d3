"""The command `qianzhi trace`: all that is known of a transaction, by any of its keys. Reads and prints.

ledger.rules.trace explains the journal's entries, office.reports.trace adds what the office knows. Nothing is
changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import Final, NamedTuple

import click
from rich.cells import set_cell_size
from rich.console import RenderableType

from console.language import spoken
from console.options import SETTINGS
from console.output import JSON, show
from console.term import term
from fep.settings.config import load_settings
from ledger.book import lookup
from ledger.book.audit_log import AuditRecord
from ledger.book.schema import audit_log, journal
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers
from ledger.rules.trace import NOT_KEPT, TracedEntry, trace
from ledger.rules.view import DueState
from office.accounting.break_reasons import note_of, reason_of
from office.config import load_settings as load_office_settings
from office.database.schema import entries as office_entries
from office.reports.trace import OfficeTrace, TracedBreak, office_trace
from office.reports.wording import BREAK_STATES, CLASSES, yuan
from qianzhi_errors.sentence import Sentence, phrase, rewritten

_LABEL_COLUMNS: Final = 10
_SIDE_COLUMNS: Final = 6
_FRONTS_ACT: Final = phrase("front's act {number}, {moment}, by {by}: {words}")
_OFFICES_ACT: Final = phrase("office's act {number}, {moment}, by {by}: {words}")
_DUES: Final[Mapping[str, str]] = {
    DueState.OPEN: phrase("due {due}: open"),
    DueState.SETTLED: phrase("due {due}: settled"),
    DueState.LAPSED: phrase("due {due}: lapsed"),
    DueState.WITHDRAWN: phrase("due {due}: withdrawn"),
    "": phrase("due {due}: not in the book"),
}
"""A due by its state in the front book; empty where there is none."""


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
        raise click.BadParameter(_("give a key that is not empty"), param_hint="KEY")
    trace = _traced(key.strip(), config, office)
    if not trace.transactions:
        nothing = Sentence(
            "nothing in the {source} has this key: see qianzhi trace --help", source=trace.source
        )
        raise click.ClickException(spoken(nothing))
    show(trace, lambda: _lines(trace), as_json=as_json)


def _traced(key: str, config: Path, office: Path | None) -> Trace:
    if config.exists() or office is None:
        store = Store(load_settings(config).node.database, lock=False)
        source, table = Sentence("front book's journal"), journal
    else:
        store = Store(load_office_settings(office).office.database, lock=False, by_index=False)
        source, table = Sentence("office's copy of the journal"), office_entries
    try:
        with store.reading(snapshot=True) as connection:
            story, _is_whole = lookup.read_related(connection, table, key)
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
        yield Sentence(_DUES[state], due=due)
    for record in trace.acts:
        yield _record_line(_FRONTS_ACT, record)
    if trace.office is not None:
        yield from _office_lines(trace.office)
    yield Sentence("from the {source}; {note}", source=trace.source, note=trace.note)


def _entry_lines(entry: TracedEntry) -> Iterator[str]:
    yield f"{entry.place}  {spoken(entry.kind)}  {entry.key}"
    yield _row(_("what"), Sentence("{what}, {amount} yuan", what=entry.what, amount=yuan(entry.amount)))
    yield _row(_("decision"), _decision(entry))
    yield _row(
        _("standing"),
        Sentence("{standing}; business date {date}", standing=entry.standing, date=entry.business_date),
    )
    yield _row(_("recorded"), _moment(entry.recorded_at))
    for label, value in (
        (_("policy"), entry.policy),
        (_("due"), entry.due),
        (_("receipt"), entry.receipt),
        (_("exception"), entry.exception_code),
    ):
        if value:
            yield _row(label, value)
    for link in entry.links:
        place = f" ({link.place})" if link.place else _(", not in the journal")
        yield _row(_("link"), f"{spoken(link.how)} {link.key}{place}")
    for label, fields in ((_("request"), entry.request), (_("answer"), entry.answer)):
        if fields:
            rest = " ".join(f"{name}={value}" for name, value in fields.items() if name != "MTI")
            yield _row(label, f"{fields.get('MTI', '')} {rest}")


def _row(label: str, text: str) -> str:
    """A line with its label in ten columns of a terminal, which two Chinese characters fill by four."""
    return f"  {set_cell_size(label, _LABEL_COLUMNS)} {spoken(text)}"


def _decision(entry: TracedEntry) -> str:
    decision = Sentence("{response} {meaning}", response=entry.response, meaning=entry.meaning)
    return (
        Sentence("{decision}: {reason}", decision=decision, reason=entry.reason) if entry.reason else decision
    )


def _record_line(pattern: str, record: AuditRecord) -> str:
    words = " ".join(filter(None, (record.act, record.subject, record.note)))
    line = Sentence(pattern, number=record.number, moment=_moment(record.at), by=record.by, words=words)
    return rewritten(line, masked_numbers)


def _office_lines(office: OfficeTrace) -> Iterator[str]:
    for line in office.lines:
        yield Sentence(
            "bank {bank}'s file of {date}, line {line}: {state}, {amount} yuan",
            bank=line.bank,
            date=line.date,
            line=line.line,
            state=Sentence("done") if line.state == "S" else Sentence("reversed"),
            amount=yuan(line.amount),
        )
    if not office.lines:
        yield Sentence("no bank's file has it")
    for row in office.breaks:
        yield from _break_lines(row)
    for posting in office.postings:
        yield Sentence("posting {name}: {description}", name=posting.name, description=posting.description)
        for leg in posting.legs:
            side = set_cell_size(_("debit") if leg.amount > 0 else _("credit"), _SIDE_COLUMNS)
            yield f"  {leg.account:<10} {side} {yuan(abs(leg.amount)):>16}"
    for record in office.acts:
        yield _record_line(_OFFICES_ACT, record)


def _break_lines(row: TracedBreak) -> Iterator[str]:
    end = f" {row.resolution}" if row.resolution else ""
    yield Sentence(
        "break {name}: {cls}, {amount} yuan, {state}",
        name=row.name,
        cls=term(CLASSES[row.cls].name, row.cls),
        amount=yuan(row.difference),
        state=f"{_state_name(row.state)}{end}",
    )
    yield f"  {spoken(reason_of(row.reason))}"
    for event in row.history:
        states = f"{_state_name(event.from_state) or _('new')} → {_state_name(event.to_state)}"
        line = Sentence(
            "{moment} {states} by {by} {note}",
            moment=_moment(event.at),
            states=states,
            by=event.by,
            note=note_of(event.note),
        )
        yield masked_numbers(f"  {spoken(line)}".rstrip())


def _state_name(state: str | None) -> str:
    return term(BREAK_STATES.get(state), state) if state else ""
