"""The command `qianzhi audit`: everything added up again from the journal, by code of its own.

Parses arguments, opens databases, calls, prints. What is looked at, office.audit says.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from gettext import gettext as _
from pathlib import Path

import click

from console import settings_place
from console.closing import chart_of, opened
from console.help_text import closed, spread
from console.language import spoken
from console.options import OFFICE_SETTINGS
from console.output import JSON, padded, show
from console.progress import step_progress
from fep.keys.key_provider import KeyProvider
from fep.settings.config import load_settings as load_front_settings
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers
from office.accounting import chart
from office.audit.dues import DuesFile
from office.audit.evidence import Stated
from office.audit.run import Audit, audit, audit_dues
from office.config import load_settings


@click.command("audit")
@click.option("--without-front", is_flag=True, help="look at the office's database only")
@click.option(
    "--expect",
    multiple=True,
    metavar="DIGEST",
    help="a digest, or an act's hash, that an earlier audit printed: it must be found again; may be repeated",
)
@click.option(
    "--dues",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="hold the front book's dues against this file that was loaded, and look at nothing else; give all"
    " of them; it needs the front's keystore",
)
@settings_place.option("front-config", settings_place.FRONT, "the machine's settings, for --dues")
@OFFICE_SETTINGS
@JSON
def audit_command(
    without_front: bool,
    expect: tuple[str, ...],
    dues: tuple[Path, ...],
    front_config: Path,
    config: Path,
    as_json: bool,
) -> None:
    """Add everything up again from the journal, by other code; exit code 1 if anything does not hold.

    Prints one digest over everything, and the last acts' hashes: keep them elsewhere.
    """
    if dues:
        _audit_dues(front_config, dues, as_json=as_json)
        return
    settings = load_settings(config)
    books = chart_of(settings)
    clerks = frozenset(clerk.name for clerk in settings.clerk)
    stated = Stated(settings.office.seal_key, chart.lines_of(books), clerks)
    front = None if without_front else Store(settings.office.front, lock=False, by_index=False)
    try:
        with opened(settings, write=False) as store, step_progress() as advance:
            result = audit(store, front, stated, advance, expect)
    finally:
        if front is not None:
            front.close()
    _show_audit(result, as_json=as_json)


def _audit_dues(config: Path, paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Compare the book of a front-end machine with files of dues; its keystore is read, no office is."""
    settings = load_front_settings(config)
    masked = KeyProvider(settings.keystore).front_key.identity
    front = Store(settings.node.database, lock=False, by_index=False)
    try:
        with ExitStack() as opened, step_progress() as advance:
            files = [DuesFile(path.name, opened.enter_context(path.open("rb"))) for path in paths]
            result = audit_dues(front, files, masked, advance)
    finally:
        front.close()
    _show_audit(result, as_json=as_json)


def _show_audit(result: Audit, *, as_json: bool) -> None:
    """Print what an audit found. Raises ClickException where anything does not hold."""
    show(
        {
            "verdicts": result.verdicts,
            "failings": [tuple(map(_masked, failing)) for failing in result.failings],
            "kept": result.kept,
        },
        lambda: audit_lines(result),
        as_json=as_json,
    )
    if result.failings:
        count = len(result.failings)
        raise click.ClickException(
            _("{count} findings: change nothing, and find out why").format(count=count)
        )


def _masked(value: object) -> object:
    return masked_numbers(value) if isinstance(value, str) else value


_COLUMNS = 80
"""As wide as a terminal is at least; the lines of an audit are kept within it."""


def audit_lines(result: Audit) -> Iterator[str]:
    """An audit as a person reads it: a verdict on each invariant, the findings, what to keep elsewhere."""
    for verdict in result.verdicts:
        if result.kept is None and not verdict.checked:
            continue  # a part of the audit says nothing of the rest
        mark = _("fails") if verdict.failings else _("holds") if verdict.rows else _("not in the data")
        yield f"{verdict.invariant:2} {padded(verdict.name, 49)} {padded(mark, 15)} {verdict.rows:>10,}"
        if verdict.not_in_data and not verdict.rows:
            yield _wrapped(verdict.not_in_data)
    for failing in result.failings:
        words = _("{subject}: {what}").format(subject=spoken(failing.subject), what=spoken(failing.what))
        yield masked_numbers(f"   {failing.invariant}: {words}")
    if result.kept is not None:
        for side in result.kept.sides:
            yield f"{padded(side.name, 6)} {padded(_('digest'), 7)} {side.digest}"
            yield f"{padded(side.name, 6)} {_('act {number} has hash').format(number=side.act)}"
            yield f"{'':<6}         {side.record_hash}"
        yield f"{padded(_('all'), 6)} {padded(_('digest'), 7)} {result.kept.digest}"
        yield _("keep this last digest elsewhere, and the acts' hashes")
    if not result.failings:
        yield _("the audit found nothing")


def _wrapped(text: str) -> str:
    """Return lines of a text in the reader's language, indented."""
    lines = textwrap.fill(spread(spoken(text)), _COLUMNS, initial_indent="   ", subsequent_indent="   ")
    return closed(lines)
