"""The commands `qianzhi batch hold`, `release`, `apply` and `status`: what a batch of collection holds in the
front book, and what became of it.

Each but `status` asks the process that serves, since results go through its queue. What the files hold,
ledger.files.hold_file and ledger.files.apply_file say; what is done with them, ledger.book.hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from gettext import gettext as _
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import RenderableType

from console.options import SETTINGS
from console.output import JSON, cell, show, table
from console.progress import row_progress
from fep.operator.control_client import ask
from fep.settings.config import load_settings
from ledger.book.hold import APPLY, HOLD, RELEASE, HeldBatch, answer_given, held_batches
from ledger.book.store import Store
from ledger.files.apply_file import ApplyAnswer, read_apply_answer
from ledger.files.hold_file import HoldAnswer, ReleaseAnswer, read_hold_answer, read_release_answer
from office.reports.wording import yuan

FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
ANSWER = click.option(
    "--answer",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="write the answer file here",
)


class FileStatus(NamedTuple):
    """A file of a batch, by its digest, and the answer that it was given; empty if it was not carried out."""

    digest: str
    answer: str


@click.group()
def batch() -> None:
    """Batches of collection: the dues that they hold, and their results."""


@batch.command("hold")
@FILE
@ANSWER
@SETTINGS
@JSON
def hold_command(file: Path, answer: Path | None, config: Path, as_json: bool) -> None:
    """Hold the dues of FILE for its batch: from then on no counter can collect them.

    What cannot be held is named with its reason. The same file again gets the same answer.
    """
    given = read_hold_answer(_asked(HOLD, file, answer, config))

    def lines() -> Iterator[str]:
        yield _("batch {batch} holds {lines:,} dues, {amount} yuan").format(
            batch=given.batch, lines=given.held, amount=yuan(given.amount)
        )
        yield from _not_held(given)

    show(given, lines, as_json=as_json)


@batch.command("release")
@FILE
@ANSWER
@SETTINGS
@JSON
def release_command(file: Path, answer: Path | None, config: Path, as_json: bool) -> None:
    """Let go of the dues that FILE names: anybody may collect them again.

    A line whose result is not known is let go only by a file that names the two people who decided it; they
    are written into the audit log. The bank may have taken the money all the same.
    """
    given = read_release_answer(_asked(RELEASE, file, answer, config))
    show(given, partial(_released, given), as_json=as_json)


@batch.command("apply")
@FILE
@ANSWER
@SETTINGS
@JSON
def apply_command(file: Path, answer: Path | None, config: Path, as_json: bool) -> None:
    """Apply FILE, results of a batch: what its bank has taken, what it has not, and what it has given back.

    A file that does not fit what was held is refused whole. The same file again gets the same answer.
    """
    given = read_apply_answer(_asked(APPLY, file, answer, config))
    show(given, partial(_applied, given), as_json=as_json)


@batch.command("status")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@SETTINGS
@JSON
def status_command(file: Path | None, config: Path, as_json: bool) -> None:
    """List the batches that hold dues, or say whether FILE was carried out and what it was answered."""
    store = Store(load_settings(config).node.database, lock=False)
    try:
        if file is not None:
            digest = sha256(file.read_bytes()).hexdigest()
            status = FileStatus(digest, answer_given(store, digest))
            show(status, partial(_file_status, status), as_json=as_json)
            return
        with store.reading() as connection:
            held = held_batches(connection)
    finally:
        store.close()
    show(held, lambda: _held(held), as_json=as_json)


def _asked(act: str, file: Path, answer: Path | None, config: Path) -> bytes:
    """Have the process that serves carry out a file; its answer, also written where `answer` says."""
    settings = load_settings(config)
    with row_progress() as progress:
        task = progress.add_task(_("lines"), total=None)
        advance = partial(progress.advance, task)
        given = ask(Path(settings.node.control), act, advance, path=str(file.resolve()))
    data = str(given["answer"]).encode("ascii")
    if answer is not None:
        answer.write_bytes(data)
    return data


def _not_held(given: HoldAnswer) -> Iterator[str]:
    if given.refused:
        yield _("{lines:,} lines are not held:").format(lines=len(given.refused))
    for line, why in given.refused:
        yield _("line {line}: {why}").format(line=line, why=why.value)


def _released(given: ReleaseAnswer) -> Iterator[str]:
    yield _("batch {batch}: {lines:,} dues let go, {amount} yuan").format(
        batch=given.batch, lines=given.released, amount=yuan(given.amount)
    )
    if given.left:
        yield _("{dues:,} of them have left: the core system had withdrawn them").format(dues=given.left)


def _applied(given: ApplyAnswer) -> Iterator[str]:
    yield _("batch {batch}, part {part}: {done:,} done, {amount} yuan; {failed:,} failed").format(
        batch=given.batch,
        part=given.part,
        done=given.done,
        amount=yuan(given.done_amount),
        failed=given.failed,
    )
    if given.returned:
        yield _("{lines:,} returned").format(lines=given.returned)
    if given.misfits:
        yield _("{lines:,} fit no due and are breaks with their whole amounts: lines {numbers}").format(
            lines=len(given.misfits), numbers=", ".join(map(str, given.misfits))
        )


def _file_status(status: FileStatus) -> Iterator[str]:
    if not status.answer:
        yield _("not carried out, or not to its end: give it again")
        return
    yield _("carried out; its answer begins:")
    yield status.answer.partition("\n")[0]


def _held(held: Sequence[HeldBatch]) -> Sequence[RenderableType]:
    if not held:
        return [_("no due is held")]
    dues, amount = _("dues held"), _("yuan")
    shown = table(_("batch"), _("channel"), _("date"), dues, amount, right=(dues, amount))
    for row in held:
        shown.add_row(cell(row.batch), row.channel, row.date, f"{row.lines:,}", yuan(row.amount))
    return [shown]
