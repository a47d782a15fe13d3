"""The commands `qianzhi collection`: dues taken, batches planned, the front's answers, returns, what waits.

Parses arguments, opens the database and the keys, calls, prints. The person who acts is the one at the
keyboard; what that person may do, `collection.desk` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from gettext import gettext as _
from pathlib import Path

import click

from collection import answers, day_file, dues, install, plan, releases
from collection.approval import take_hold_answer
from collection.database.schema import audit_log as audit_table
from collection.errors import FileRefused
from collection.plan import Chosen, PlannedBatch
from collection.releases import Proposal, take_release_answer
from collection.report import Report, report
from collection.results import take_results_answer
from console import audit_log
from console.collection_batches import FILE, batch_group, say_written
from console.collection_form import form_group
from console.collection_mandates import mandate_group
from console.collection_opened import (
    COLLECTION_SETTINGS,
    codes_of_channel,
    form_of_channel,
    opened,
    write_private,
)
from console.collection_remind import receipts_without_notice, remind_command
from console.collection_wording import BATCH_STATES, LEFT_OUT, MANDATE_STATES
from console.options import DATE
from console.output import JSON, show
from console.say import say
from console.term import term
from ledger.book.audit_log import read_audit_log
from ledger.files.bookfile import parse
from qianzhi_errors.sentence import Sentence


@click.group()
def collection() -> None:
    """Collection away from the counter: mandates, batches for a bank, their answers, returns."""


@collection.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
def init_command(folder: Path) -> None:
    """Write settings into FOLDER; the keys come next: qianzhi keys create --config FOLDER/collection.toml."""
    say(_("wrote {path}").format(path=install.install(folder)))


@collection.group("dues")
def dues_group() -> None:
    """The dues that may be collected."""


@dues_group.command("take")
@click.argument("file", type=FILE)
@COLLECTION_SETTINGS
@JSON
def take_command(file: Path, config: Path, as_json: bool) -> None:
    """Take the premiums of FILE, the dues of the day as the front loads them; whole, and once."""
    with opened(config) as desk:
        taken = dues.take(desk, parse(file.read_bytes()))
    show(
        taken._asdict(),
        lambda: [_("{date}: {dues} dues, {withdrawn} withdrawn").format(**taken._asdict())],
        as_json=as_json,
    )


@collection.command("plan")
@click.option("--date", type=DATE, default="", help="the day of collection; today if not given")
@click.option("--channel", default="", help="this channel only, by its code")
@click.option("--dry-run", is_flag=True, help="show what would be planned, and write nothing")
@COLLECTION_SETTINGS
@JSON
def plan_command(date: str, channel: str, dry_run: bool, config: Path, as_json: bool) -> None:
    """Plan batches: the dues whose day it is, by mandates in force; writes their hold files for the front."""
    chosen: list[Chosen] = []
    made: list[PlannedBatch] = []
    with opened(config) as desk:
        settings = desk.settings
        for one in [settings.channel_of(channel)] if channel else settings.channel:
            with desk.store.reading() as connection:
                chosen.append(plan.choose(desk, connection, one, date or desk.today))
            if not dry_run:
                form = form_of_channel(settings, one.code)
                made += plan.plan(desk, one, date or desk.today, form.lines_max * form.files_max)
        paths = [write_private(settings, batch.file_name, batch.hold_file) for batch in made]

    def text() -> Iterator[str]:
        for row in chosen:
            yield _("{channel}: {lines} lines, {amount} fen").format(
                channel=row.channel, lines=len(row.lines), amount=row.amount
            )
            for reason, count in row.left_out.items():
                yield f"  {term(LEFT_OUT[reason], reason)}: {count}"
        for batch, path in zip(made, paths, strict=True):
            yield _("{batch}: {lines} lines, {amount} fen; wrote {path}").format(
                batch=batch.batch, lines=batch.lines, amount=batch.amount, path=path
            )

    values = {
        "channels": [
            {
                "channel": row.channel,
                "lines": len(row.lines),
                "amount": row.amount,
                "left_out": {str(reason): count for reason, count in row.left_out.items()},
            }
            for row in chosen
        ],
        "batches": [
            {"batch": batch.batch, "lines": batch.lines, "amount": batch.amount, "hold_file": str(path)}
            for batch, path in zip(made, paths, strict=True)
        ],
    }
    show(values, text, as_json=as_json)


@collection.command("accept")
@click.argument("file", type=FILE)
@COLLECTION_SETTINGS
def accept_command(file: Path, config: Path) -> None:
    """Take FILE, the front's answer to a hold file, a file of outcomes or of release."""
    content = file.read_bytes()
    kind = content.partition(b"|")[0]
    with opened(config) as desk:
        if kind == b"HELD":
            batch = take_hold_answer(desk, file.name, content)
            say(
                _("{batch}: {state}").format(
                    batch=batch.batch, state=term(BATCH_STATES[batch.state], batch.state)
                )
            )
        elif kind == b"APPLIED":
            batch = take_results_answer(desk, file.name, content)
            say(
                _("{batch}: {state}").format(
                    batch=batch.batch, state=term(BATCH_STATES[batch.state], batch.state)
                )
            )
        elif kind == b"RELEASED":
            released = take_release_answer(desk, file.name, content)
            say(
                _("{batch}: {lines} lines released, {amount} fen").format(
                    batch=released.batch, lines=released.released, amount=released.amount
                )
            )
        else:
            raise FileRefused(Sentence("no answer of the front: it begins with HELD, APPLIED or RELEASED"))


@collection.group("returns")
def returns_group() -> None:
    """What banks took back after a success."""


@returns_group.command("take")
@click.argument("channel")
@click.argument("file", type=FILE)
@COLLECTION_SETTINGS
@JSON
def returns_command(channel: str, file: Path, config: Path, as_json: bool) -> None:
    """Take FILE, the returns of CHANNEL, whole or not at all, and once; then: batch apply of each batch."""
    with opened(config) as desk:
        form = form_of_channel(desk.settings, channel)
        codes = codes_of_channel(desk.settings, channel)
        taken = answers.take_returns(desk, channel, file.name, file.read_bytes(), form, codes)

    def text() -> Iterator[str]:
        yield _("{lines} returns, {amount} fen").format(lines=taken.lines, amount=taken.amount)
        yield from taken.batches

    show(taken._asdict(), text, as_json=as_json)


@collection.command("dayfile")
@click.argument("channel")
@click.argument("date", type=DATE)
@COLLECTION_SETTINGS
def dayfile_command(channel: str, date: str, config: Path) -> None:
    """Write the day file of CHANNEL for the office: what its bank charged in the books of DATE, which the
    front has closed.
    """
    with opened(config) as desk:
        say_written(desk, [day_file.write(desk, desk.settings.channel_of(channel), date)])


@collection.command("proposals")
@click.option("--all", "everything", is_flag=True, help="those that are decided too")
@COLLECTION_SETTINGS
@JSON
def proposals_command(everything: bool, config: Path, as_json: bool) -> None:
    """List the forced releases that wait for another person."""
    with opened(config, write=False) as desk, desk.store.reading() as connection:
        rows = releases.listing(connection, everything=everything)
    show([row._asdict() for row in rows], lambda: map(_proposal_line, rows), as_json=as_json)


@collection.command("approve")
@click.argument("number", type=click.IntRange(min=1))
@COLLECTION_SETTINGS
def approve_command(number: int, config: Path) -> None:
    """Approve another person's proposal NUMBER of a forced release; writes the file for the front."""
    with opened(config) as desk:
        row, release = releases.approve(desk, number)
        say_written(desk, [release])
    say(_proposal_line(row))


@collection.command("reject")
@click.argument("number", type=click.IntRange(min=1))
@COLLECTION_SETTINGS
def reject_command(number: int, config: Path) -> None:
    """Reject another person's proposal NUMBER of a forced release."""
    with opened(config) as desk:
        row = releases.reject(desk, number)
    say(_proposal_line(row))


@collection.command("calendar")
@click.option("--from", "first", type=DATE, default="", help="from this date; today if not given")
@click.option("--to", "last", type=DATE, default="", help="until this date; without an end if not given")
@COLLECTION_SETTINGS
@JSON
def calendar_command(first: str, last: str, config: Path, as_json: bool) -> None:
    """List on which dates open dues will be tried, as customers are told beforehand."""
    with opened(config, write=False) as desk, desk.store.reading() as connection:
        rows = tuple(plan.calendar_of(connection, first or desk.today, last or "99991231"))

    def text() -> Iterator[str]:
        for row in rows:
            yield _("{date} {due} {policy}: attempt {attempt}, {amount} fen").format(**row._asdict())

    show([row._asdict() for row in rows], text, as_json=as_json)


@collection.command("report")
@COLLECTION_SETTINGS
@JSON
def report_command(config: Path, as_json: bool) -> None:
    """Show what waits: batches without an answer, lines without an outcome, what people must decide."""
    with opened(config, write=False) as desk, desk.store.reading(snapshot=True) as connection:
        found = report(connection, desk.settings, desk.at)
        untold = receipts_without_notice(desk)
    values = {**found._asdict(), "batches": [row._asdict() for row in found.batches], "untold": untold}
    show(values, lambda: _report_lines(found, untold), as_json=as_json)


def _report_lines(found: Report, untold: int) -> Iterator[str]:
    yield _("{dues} open dues; {held} held in batches, {amount} fen").format(
        dues=found.open_dues, held=found.held, amount=found.held_amount
    )
    yield _("{unknown} unknown{since}; {released} released by two people; {misfits} misfits").format(
        unknown=found.unknown,
        since=_(" since {date}").format(date=found.unknown_since) if found.unknown_since else "",
        released=found.released,
        misfits=found.misfits,
    )
    for state, count in found.mandates.items():
        words = next(words for known, words in MANDATE_STATES.items() if known == state)
        yield _("mandates {state}: {count}").format(state=term(words, state), count=count)
    if found.proposals:
        yield _("{count} proposals wait for another person").format(count=found.proposals)
    if untold:
        yield _("{count} receipts without a notice: qianzhi collection remind").format(count=untold)
    for row in found.batches:
        state = term(BATCH_STATES[row.state], row.state)
        late = _("; the answer is overdue since {due}").format(due=row.answer_due) if row.overdue else ""
        yield _("{batch} {state} {channel} {date}: {lines} lines, {amount} fen{late}").format(
            **{**row._asdict(), "state": state, "late": late}
        )


def _proposal_line(row: Proposal) -> str:
    decided = f" ({row.decided_by})" if row.decided_by else ""
    return _("{number} {batch} {lines} lines, {state}{decided}, {person}: {reason}").format(
        number=row.number,
        batch=row.batch,
        lines=len(row.lines),
        state=row.state,
        decided=decided,
        person=row.proposed_by,
        reason=row.reason,
    )


@collection.command("audit-log")
@audit_log.VERIFY
@COLLECTION_SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who did what with which mandate, batch or file, when and why."""
    with opened(config, write=False) as desk:
        read = partial(read_audit_log, table=audit_table)
        audit_log.show(desk.store, read, verify=verify, as_json=as_json)


for _command in (mandate_group, batch_group, form_group, remind_command):
    collection.add_command(_command)
