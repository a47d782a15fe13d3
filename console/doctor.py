"""The command `qianzhi doctor`: what is wrong on this machine, and what mends it. Looks and prints.

What is checked, and what is good or bad, is the table of fep.doctor.checkup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path

import click
from rich.console import RenderableType

from console.language import spoken
from console.options import SETTINGS
from console.output import JSON, cell, show, table
from fep.doctor.checkup import findings
from fep.doctor.finding import CheckFinding, Verdict
from fep.doctor.machine import Machine
from qianzhi_errors.sentence import Sentence

_WORDS: Mapping[Verdict, str] = {
    Verdict.OK: Sentence("ok"),
    Verdict.WARN: Sentence("warn"),
    Verdict.BAD: Sentence("bad"),
    Verdict.SKIPPED: Sentence("skipped"),
}
_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.BAD: "red", Verdict.SKIPPED: "dim"}


@click.command("doctor")
@click.option("--strict", is_flag=True, help="a warning is an exit code of 1 too")
@SETTINGS
@JSON
def doctor_command(strict: bool, config: Path, as_json: bool) -> None:
    """Look at this machine, and say what is wrong and what mends it; exit code 1 if anything is bad."""
    results = tuple(findings(Machine(config, datetime.now(UTC).astimezone())))
    show(results, lambda: shown(results), as_json=as_json)
    counts = {verdict: sum(finding.verdict is verdict for finding in results) for verdict in Verdict}
    if counts[Verdict.BAD] or (strict and counts[Verdict.WARN]):
        raise click.ClickException(
            _("{bad} bad, {doubtful} doubtful").format(bad=counts[Verdict.BAD], doubtful=counts[Verdict.WARN])
        )


def shown(results: Sequence[CheckFinding]) -> Iterator[RenderableType]:
    """Return the findings as a table for a person."""
    check = _("check")
    rows = table("", check, _("what was found, and what to do"), whole=("", check))
    for finding in results:
        verdict = cell(_WORDS[finding.verdict])
        verdict.stylize(_STYLES[finding.verdict])
        lines = [spoken(finding.said), *([f"→ {spoken(finding.mend)}"] if finding.mend else [])]
        rows.add_row(verdict, cell(_(finding.check)), cell("\n".join(lines)))
    yield rows
