"""The command `qianzhi doctor`: what is wrong on this machine, and what mends it. Looks and prints.

What is checked, and what is good or bad, is the table of fep.doctor.checkup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import RenderableType

from console.options import SETTINGS
from console.output import JSON, cell, show, table
from fep.doctor.checkup import Machine, findings
from fep.doctor.finding import CheckFinding, Verdict

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
        raise click.ClickException(f"{counts[Verdict.BAD]} bad, {counts[Verdict.WARN]} doubtful")


def shown(results: Sequence[CheckFinding]) -> Iterator[RenderableType]:
    """Return the findings as a table for a person."""
    rows = table("", "check", "what was found, and what to do", whole=("", "check"))
    for finding in results:
        verdict = cell(finding.verdict)
        verdict.stylize(_STYLES[finding.verdict])
        mend = f"\n→ {finding.mend}" if finding.mend else ""
        rows.add_row(verdict, cell(finding.check), cell(f"{finding.said}{mend}"))
    yield rows
