"""The commands `qianzhi collection batch`: a batch from its approval to its end.

Parses arguments, opens the database, the keys and the channel's form, calls, prints, and writes the files
that are for the front or for the bank. What may be done, `collection` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Final

import click

from collection import answers, approval, batches, releases, results, sending
from collection.batches import Batch, Line, WrittenFile
from collection.desk import Desk
from collection.rules.states import LineState
from console.collection_opened import (
    COLLECTION_SETTINGS,
    REASON,
    codes_of_channel,
    form_of_channel,
    opened,
    write_private,
)
from console.collection_wording import BATCH_STATES, LINE_STATES
from console.output import JSON, show
from console.say import say
from console.term import term

FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_PART = click.option(
    "--part", type=click.IntRange(min=0), default=0, help="the number of the request file; 0: all of them"
)


@click.group("batch")
def batch_group() -> None:
    """Batches: files of dues that a bank is asked to collect, and what became of them."""


@batch_group.command("list")
@click.option("--all", "everything", is_flag=True, help="those at their end too")
@COLLECTION_SETTINGS
@JSON
def list_command(everything: bool, config: Path, as_json: bool) -> None:
    """List the batches that are not at their end."""
    with opened(config, write=False) as desk, desk.store.reading() as connection:
        rows = batches.listing(connection, everything=everything)
    show([row._asdict() for row in rows], lambda: map(_batch_line, rows), as_json=as_json)


@batch_group.command("show")
@click.argument("batch")
@COLLECTION_SETTINGS
@JSON
def show_command(batch: str, config: Path, as_json: bool) -> None:
    """Show BATCH and each of its lines."""
    with opened(config, write=False) as desk, desk.store.reading() as connection:
        row = batches.find(connection, batch)
        lines = batches.lines_of(connection, batch)

    def text() -> Iterator[str]:
        yield _batch_line(row)
        yield from map(_line_line, lines)

    values = {**row._asdict(), "lines": [line._asdict() for line in lines]}
    show(values, text, as_json=as_json)


@batch_group.command("approve")
@click.argument("batch")
@COLLECTION_SETTINGS
def approve_command(batch: str, config: Path) -> None:
    """Approve BATCH, which another person planned and of which the front holds what it could.

    Lines whose mandate has ended, and those that the channel's form cannot say, are left out. All that are
    left out are listed, each with its reason.
    """
    with opened(config) as desk:
        form = form_of_channel(desk.settings, _channel_of(desk, batch))
        row, release = approval.approve(desk, batch, form)
        say_written(desk, [release] if release else [])
        with desk.store.reading() as connection:
            left_out = batches.lines_of(connection, batch, LineState.DROPPED)
    say(_batch_line(row))
    for line in left_out:
        say(_line_line(line))


@batch_group.command("recall")
@click.argument("batch")
@click.argument("line", type=click.IntRange(min=1))
@REASON
@COLLECTION_SETTINGS
def recall_command(batch: str, line: int, reason: str, config: Path) -> None:
    """Take LINE out of BATCH, which was not sent; writes the file by which the front lets its due go."""
    with opened(config) as desk:
        row, release = approval.recall(desk, batch, line, reason)
        say_written(desk, [release])
    say(_batch_line(row))


@batch_group.command("cancel")
@click.argument("batch")
@REASON
@COLLECTION_SETTINGS
def cancel_command(batch: str, reason: str, config: Path) -> None:
    """Cancel BATCH, which was not sent; writes the file by which the front lets all its dues go."""
    with opened(config) as desk:
        row, release = approval.cancel(desk, batch, reason)
        say_written(desk, [release])
    say(_batch_line(row))


@batch_group.command("write")
@click.argument("batch")
@COLLECTION_SETTINGS
def write_command(batch: str, config: Path) -> None:
    """Write the request files of approved BATCH, in its channel's form.

    They have accounts in clear: they are for the bank alone, and are readable by this user only.
    """
    with opened(config) as desk:
        form = form_of_channel(desk.settings, _channel_of(desk, batch))
        row, written = sending.write_request(desk, batch, form)
        say_written(desk, written)
    say(_batch_line(row))


@batch_group.command("accept")
@click.argument("batch")
@click.argument("code")
@_PART
@COLLECTION_SETTINGS
def accept_command(batch: str, code: str, part: int, config: Path) -> None:
    """Take the bank's CODE for a request file of BATCH as a whole.

    What the code means, the channel's table says: accepted; not received, so that the same file is sent
    again; refused whole, so that its lines are released; or nobody is sure: then ask the bank, and all stays
    held.
    """
    with opened(config) as desk:
        outcome = codes_of_channel(desk.settings, _channel_of(desk, batch)).file(code)
        row, release = sending.take_file_code(desk, batch, code, outcome, part)
        say_written(desk, [release] if release else [])
    say(_("code {code}: {outcome}").format(code=code, outcome=outcome))
    say(_batch_line(row))


@batch_group.command("answer")
@click.argument("batch")
@click.argument("file", type=FILE)
@COLLECTION_SETTINGS
@JSON
def answer_command(batch: str, file: Path, config: Path, as_json: bool) -> None:
    """Take FILE, the bank's answer to BATCH, whole or not at all, and once.

    What it does not say, and what it says by a code that no table knows, is unknown: no clock ends that.
    """
    with opened(config) as desk:
        channel = _channel_of(desk, batch)
        form, codes = form_of_channel(desk.settings, channel), codes_of_channel(desk.settings, channel)
        taken = answers.take_answer(desk, batch, file.name, file.read_bytes(), form, codes)
        paths = [write_private(desk.settings, *taken.release)] if taken.release else []

    def text() -> Iterator[str]:
        yield _("{done} done, {amount} fen; {failed} failed; {unknown} unknown").format(
            done=taken.done, amount=taken.done_amount, failed=taken.failed, unknown=taken.unknown
        )
        for code in taken.unmapped:
            yield _("code {code}: no table knows it, and its lines stay held").format(code=code)
        yield from (_("wrote {path}").format(path=path) for path in paths)
        yield _batch_line(taken.batch)

    values = {**taken._asdict(), "batch": taken.batch._asdict(), "release": [str(path) for path in paths]}
    show(values, text, as_json=as_json)


@batch_group.command("apply")
@click.argument("batch")
@COLLECTION_SETTINGS
def apply_command(batch: str, config: Path) -> None:
    """Write the next file of BATCH's outcomes for the front; the last one again until it is answered."""
    with opened(config) as desk:
        row, written = results.write_results(desk, batch)
        say_written(desk, [written])
    say(_batch_line(row))


@batch_group.command("settle")
@click.argument("batch")
@click.argument("fen", type=click.IntRange(min=0))
@click.option(
    "--fee-fen", type=click.IntRange(min=0), default=0, help="what the bank kept for itself, in fen"
)
@COLLECTION_SETTINGS
def settle_command(batch: str, fen: int, fee_fen: int, config: Path) -> None:
    """Note that the bank paid FEN for BATCH, before its fee: what was done and not returned."""
    with opened(config) as desk:
        row = results.settle(desk, batch, fen, fee_fen)
    say(_batch_line(row))


@batch_group.command("release")
@click.argument("batch")
@click.argument("lines", type=click.IntRange(min=1), nargs=-1)
@click.option("--force", is_flag=True, required=True, help="without an outcome: another person approves")
@REASON
@COLLECTION_SETTINGS
def release_command(batch: str, lines: tuple[int, ...], force: bool, reason: str, config: Path) -> None:
    """Propose to let LINES of BATCH go though nobody knows their outcome; without LINES, all such lines.

    Another person approves: qianzhi collection approve NUMBER. If the bank took the money all the same and
    the customer pays at a counter, the one of the two is a misfit, which the day's breaks show.
    """
    del force  # a flag that nobody gives by chance
    with opened(config) as desk:
        proposed = releases.propose(desk, batch, lines, reason)
    say(
        _("proposal {number}: release {lines} lines of {batch}; another must approve it").format(
            number=proposed.number, lines=len(proposed.lines), batch=proposed.batch
        )
    )


def _simple(step: Callable[[Desk, str], Batch]) -> Callable[[str, Path], None]:
    def command(batch: str, config: Path) -> None:
        with opened(config) as desk:
            row = step(desk, batch)
        say(_batch_line(row))

    return command


for _name, _step, _words in (
    ("sent", sending.mark_sent, "Note that the bank was given the files of BATCH: it cannot be called back."),
    ("close", results.close, "Close settled BATCH, of which no line is open."),
):
    batch_group.command(_name, help=_words)(click.argument("batch")(COLLECTION_SETTINGS(_simple(_step))))


def say_written(desk: Desk, written: Iterable[WrittenFile]) -> None:
    """Write files into the folder of files, and say where each is."""
    for file in written:
        say(_("wrote {path}").format(path=write_private(desk.settings, *file)))


def _channel_of(desk: Desk, batch: str) -> str:
    with desk.store.reading() as connection:
        return batches.find(connection, batch).channel


def _batch_line(row: Batch) -> str:
    state = term(BATCH_STATES[row.state], row.state)
    return _("{batch} {state} {channel} {date}: {lines} lines, {amount} fen").format(
        batch=row.batch, state=state, channel=row.channel, date=row.date, lines=row.lines, amount=row.amount
    )


def _line_line(row: Line) -> str:
    state = term(LINE_STATES[row.state], row.state)
    said = " ".join(filter(None, (row.code, row.klass, row.value_date, row.receipt)))
    said = row.text if row.state is LineState.DROPPED else said
    return f"  {row.line} {row.due} {row.policy} {row.mandate} {row.amount} {state} {said}".rstrip()
