"""The commands on the day's dues: `qianzhi book load`, `retire` and `sample`.

Each asks the process that serves; where none does, it works on the book itself. What a file of dues may hold,
ledger.files.bookfile says; how it is loaded, ledger.book.load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from gettext import gettext as _
from pathlib import Path
from random import Random

import click

from console.audit_entry import refusals
from console.language import spoken
from console.options import DATE, SETTINGS
from console.output import JSON, show
from console.progress import row_progress
from console.say import say
from console.unserved import unserved_book
from console.wall_clock import now_us, today
from fep.day.retirement import first_known, read_archived
from fep.keys.key_provider import KeyProvider
from fep.operator.audit_trail import LOAD, clock_word
from fep.operator.control_client import NotServing, ask
from fep.settings.config import Settings, load_settings
from ledger.book.load import Loaded, load_book
from ledger.book.retire import RETIRE, Retired, RetireRefused, retire
from ledger.files import bookfile, sample
from ledger.files.leftout import lines_of
from ledger.rules.beijing import beijing
from office.reports.wording import yuan
from qianzhi_errors.sentence import Sentence, listed


@click.group()
def book() -> None:
    """The day's dues."""


@book.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--without", metavar="LINES", default="", help="leave out rows with a fault, as 17,203-205")
@SETTINGS
@JSON
def load_command(file: Path, without: str, config: Path, as_json: bool) -> None:
    """Load FILE, the day's dues, whole or not at all, and open its business day.

    Rows with a fault are left out if two people name the same lines of the same file; the first is refused,
    and written down.
    """
    loaded = load_dues(load_settings(config), file, without)
    show(loaded, lambda: loaded_lines(loaded), as_json=as_json)


@book.command("retire")
@SETTINGS
@JSON
def retire_command(config: Path, as_json: bool) -> None:
    """Forget the entries of the days that the office has archived and whose keys are past their window.

    The oldest day first, while the machine serves or not. The day itself stays, with its seal.
    """
    settings = load_settings(config)
    try:
        retired = Retired(**ask(Path(settings.node.control), RETIRE))
    except NotServing:
        retired = _retire_here(settings)

    def lines() -> Iterator[str]:
        if retired.entries or retired.dates:
            dates = listed(retired.dates) or Sentence("the rest of a day")
            yield Sentence("retired {dates}: {entries} entries", dates=dates, entries=retired.entries)
        yield Sentence("no further day: {waits}", waits=retired.waits)

    show(retired, lines, as_json=as_json)


@book.command("sample")
@click.argument("policies", type=click.IntRange(min=1))
@click.option("--output", type=click.Path(path_type=Path), default=Path("book.csv"), show_default=True)
@click.option("--date", type=DATE, default=None, help="the business date  [default: today]")
@click.option("--seed", default=1, show_default=True)
def sample_command(policies: int, output: Path, date: str | None, seed: int) -> None:
    """Write a credible book of POLICIES policies; the persons in it do not exist."""
    try:
        write_sample(output, policies, seed, date or today())
    except ValueError as error:
        raise click.BadParameter(spoken(error)) from error
    say(_("wrote {path}").format(path=output))


def write_sample(path: Path, policies: int, seed: int, date: str) -> None:
    """Write a made-up file of dues for a business date (YYYYMMDD). Raises ValueError for a wrong date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = sample.make(Random(seed), policies, date)
    with path.open("wb") as file, row_progress() as progress:
        task = progress.add_task(_("sample"), total=policies)
        for line in bookfile.write(date, entries):
            file.write(line)
            progress.advance(task)


def load_dues(settings: Settings, path: Path, without: str = "") -> Loaded:
    """Load a file of dues, through the process that serves if one does; `without` names lines to leave out.

    Raises FepError or LedgerError with what is wrong.
    """
    with row_progress() as progress:
        task = progress.add_task(_("load"), total=None)
        advance = partial(progress.advance, task)
        try:
            arguments = {"path": str(path.resolve()), "without": without}
            loaded = ask(Path(settings.node.control), "load", advance, **arguments)
        except NotServing:
            return _load_here(settings, path, without, advance)
    return Loaded(**loaded)


def loaded_lines(loaded: Loaded) -> Iterator[str]:
    """What a load did, in lines for a person."""
    yield _("business day {date} has its dues: {policies:,} policies, {dues:,} dues,").format(
        date=loaded.date, policies=loaded.policies, dues=loaded.dues
    )
    yield _("{premium} yuan to collect, {benefit} yuan to pay").format(
        premium=yuan(loaded.premium), benefit=yuan(loaded.benefit)
    )
    if loaded.withdrawn or loaded.withdrawn_late or loaded.lapsed:
        yield _("{withdrawn} dues withdrawn, {lapsed} lapsed with their policies").format(
            withdrawn=loaded.withdrawn, lapsed=loaded.lapsed
        )
    if loaded.withdrawn_late:
        yield _("{dues} dues were settled before they could be withdrawn: look at them").format(
            dues=loaded.withdrawn_late
        )
    if loaded.withdrawn_held or loaded.lapsed_held:
        yield _(
            "{withdrawn} dues withdrawn and {lapsed} lapsed are held by batches: they leave when let go"
        ).format(withdrawn=loaded.withdrawn_held, lapsed=loaded.lapsed_held)
    if loaded.left_out:
        rows = spoken(loaded.left_out).splitlines()
        yield _("{rows} rows were left out: tell the core system").format(rows=len(rows))
        yield from rows


def _load_here(settings: Settings, path: Path, without: str, advance: Callable[[int], None]) -> Loaded:
    """Load into a book that no process serves."""
    front_key = KeyProvider(settings.keystore).front_key
    with (
        unserved_book(settings, front_key.check_value) as (store, _),
        refusals(store, LOAD) as by,
        path.open("rb") as stream,
        bookfile.opened(stream, lines_of(without)) as parsed,
    ):
        return load_book(store, parsed, front_key.identity, now_us(), advance, by=by)


def _retire_here(settings: Settings) -> Retired:
    """Retire days of a book that no process serves."""
    front_key = KeyProvider(settings.keystore).front_key
    with unserved_book(settings, front_key.check_value) as (store, front), refusals(store, RETIRE) as by:
        fault = clock_word(store, settings.node.name).fault
        if fault:
            raise RetireRefused(
                Sentence("{fault}: nothing is retired before qianzhi clock accept", fault=fault)
            )
        current = front.day()
        first = first_known(
            beijing(now_us()).date(), current.date if current else "", settings.limits.key_days
        )
        return retire(store, read_archived(settings.day.archived), first, now_us, by=by)
