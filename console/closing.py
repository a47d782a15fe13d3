"""The back office as a command opens it: its database, its chart of accounts, and a close of the day.

`closing` is the composition root of the close: the two databases, the banks' day files, the clock and the
person at the keyboard come together here. What a close does, office.close says.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path

import click

from console import dayfiles
from console.inside_keys import RECEIPT, inside_secret
from console.language import spoken
from console.options import OFFICE_SETTINGS
from console.progress import step_progress
from console.say import say
from console.term import term
from console.wall_clock import now_us
from fep.keys.keys import KeyKind
from fep.operator.identity import at_keyboard
from ledger.book.store import Store
from ledger.files.archived import write as write_archived
from ledger.files.open_breaks_file import write as write_open_breaks
from ledger.files.settings import embedded_file
from office import close
from office.accounting import chart
from office.bank_close import StepResult
from office.close_metrics import CloseRun, Disk, close_metrics, failed_metrics
from office.config import Settings, load_settings
from office.database.audit_log import recorded
from office.errors import FileRefused
from office.intake.archived import archived_days
from office.left_files import LeftFile, known_files, left_files
from office.receipts.sign import Signing
from office.reports.outstanding import outstanding
from office.reports.wording import CLOSE_STEPS
from qianzhi_errors.sentence import Sentence
from receipts.signature import Signer


@contextmanager
def opened(settings: Settings, *, write: bool = True) -> Iterator[Store]:
    """Open the office's database, and close it in any case. With `write` its writer lock is taken."""
    store = Store(settings.office.database, lock=write, by_index=False)
    try:
        yield store
    finally:
        store.close()


def chart_of(settings: Settings) -> chart.Chart:
    """The office's chart of accounts: the file that its settings name, or the shipped one."""
    path = settings.office.chart
    return chart.parse(Path(path).read_text(encoding="utf-8"), path) if path else chart.shipped()


def receipt_signing(settings: Settings) -> Callable[[], Signing] | None:
    """Return what opens the office's key of receipts, under the insurer's name; None where its settings have
    no [receipts].
    """
    receipts, keystore = settings.receipts, settings.keystore
    if receipts is None or keystore is None:
        return None
    return lambda: Signing(
        receipts.insurer, Signer(inside_secret(keystore, RECEIPT, KeyKind.ED25519).reveal())
    )


@contextmanager
def closing(config: Path, act: str) -> Iterator[close.Close]:
    """Open the close of the office that these settings describe; write down the act, and who has it done.

    After the block the front's files are left: the open breaks, and the days that may be retired.
    """
    settings = load_settings(config)
    front = Store(settings.office.front, lock=False, by_index=False)
    books, day_file = chart_of(settings), dayfiles.opener(settings, now_us)
    try:
        with opened(settings) as office, step_progress() as bar:

            def advance(step: str, rows: int) -> None:
                bar(term(CLOSE_STEPS.get(step), step), rows)

            close.prepare(office, books, now_us(), at_keyboard())
            with recorded(office, now_us, at_keyboard(), act):
                signing = receipt_signing(settings)
                yield close.Close(office, front, settings, books, now_us, day_file, advance, signing)
            _leave_files(office, settings)
    finally:
        front.close()


def _leave_files(office: Store, settings: Settings) -> None:
    """Leave the files that the front reads, each whole or not at all: the figures of the open breaks, for its
    status page, and the days that it may retire.
    """
    files: list[tuple[str, bytes]] = []
    with office.reading(snapshot=True) as connection:
        if settings.office.figures:
            files.append((settings.office.figures, write_open_breaks(outstanding(connection, now_us()))))
        if settings.office.archived:
            files.append((settings.office.archived, write_archived(archived_days(connection))))
    for name, content in files:
        path = Path(name)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(content)
        fresh.replace(path)


@contextmanager
def metrics_file(name: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that leaves a text for monitoring in the file `name`, whole or not at all; it does
    nothing if the name is empty. If the block raises, the file says that the close failed.
    """
    path = Path(name)

    def leave(text: str) -> None:
        if name:
            fresh = path.with_name(f".{path.name}.new")  # a collector reads whatever ends in .prom
            fresh.write_text(text, encoding="utf-8")
            fresh.chmod(0o644)  # it is read under another login
            fresh.replace(path)

    try:
        yield leave
    except BaseException:
        leave(failed_metrics(path.read_text(encoding="utf-8") if name and path.exists() else ""))
        raise


def disks(settings: Settings) -> Iterator[Disk]:
    """The room where the office's files are: its database's disk if it is embedded, the banks' files' and the
    reports'. A folder that is not there has none.
    """
    given = settings.office
    folders = {"files": Path(given.files), "reports": Path(given.reports)}
    if database := embedded_file(given.database):
        folders["database"] = database.parent
    for place, folder in sorted(folders.items()):
        if folder.exists():
            usage = shutil.disk_usage(folder)
            yield Disk(place, usage.free, usage.total)


def files_left(settings: Settings, office: Store) -> tuple[LeftFile, ...]:
    """What lies in the folder of the banks' files and was not taken, each with the reason."""
    try:
        entries = dayfiles.listed(settings)
    except FileRefused as error:
        return (LeftFile("", Sentence("{reason}", reason=error)),)
    with office.reading() as connection:
        known = known_files(connection, (bank.code for bank in settings.bank))
    return tuple(left_files(entries, known, dayfiles.digest_of(settings)))


@click.command("close")
@OFFICE_SETTINGS
def close_command(config: Path) -> None:
    """Do all of the close that can be done now: pull, take files, reconcile, post. Run it again at will.

    The exit code is 3 if a step waits, such as for a bank's file, and 1 if one failed.
    """
    settings = load_settings(config)
    results: list[StepResult] = []
    with metrics_file(settings.office.metrics) as leave:
        with closing(config, "close") as at_close:
            for step in at_close.run():
                print_step(step)
                results.append(step)
        with opened(settings, write=False) as office:
            left = files_left(settings, office)
            other = sum(row.is_other for row in left)
            run = CloseRun(now_us(), results, len(left), other, tuple(disks(settings)))
            with office.reading(snapshot=True) as connection:
                leave(close_metrics(connection, settings, run))
    waiting = sum(result.waiting for result in results)
    for row in left:
        words = _("left {name}: {reason}") if row.name else _("left: {reason}")
        say(words.format(name=row.name, reason=spoken(row.reason)))
    if waiting:
        raise StepsWait(
            _("{waiting} steps wait; run it again when what they wait for is there").format(waiting=waiting)
        )


class StepsWait(click.ClickException):
    """A close did what it could, and some steps wait: nothing has failed."""

    exit_code = 3


def print_step(step: StepResult) -> None:
    """Print one step of a close: its date, bank and name, and whether it is done or waits."""
    words = _("waits: {text}") if step.waiting else _("done: {text}")
    name = term(CLOSE_STEPS[step.step], step.step)
    parts = step.date, step.bank, name, words.format(text=spoken(step.text))
    say(" ".join(filter(None, parts)))
