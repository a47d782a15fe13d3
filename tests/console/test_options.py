"""A date on the command line is a date of the calendar, or nothing is done."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from console.main import cli
from console.options import DATE
from deploy.manual import leaves

DATED = (
    ("day", "cutover"),
    ("book", "sample"),
    ("office", "balance"),
    ("office", "export", "refused"),
    ("office", "statement", "settle"),
    ("recon", "show"),
    ("recon", "report"),
    ("archive", "intake"),
    ("collection", "plan"),
    ("collection", "remind"),
)


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, with the words after `qianzhi` that lead to it."""
    for command, context in leaves(cli, click.Context(cli)):
        yield tuple(context.command_path.split()), command


@pytest.mark.parametrize("command", DATED, ids=" ".join)
@pytest.mark.parametrize("date", ["nonsense", "20261324", "20260229", "2026-11-24", "4111111111111111"])
def test_what_is_no_date_is_refused_and_not_repeated(command: tuple[str, ...], date: str) -> None:
    done = CliRunner().invoke(cli, [*command, "--date", date])
    assert (done.exit_code, date in done.output) == (2, False)
    assert "is no date, written YYYYMMDD" in done.output


def test_every_date_is_checked() -> None:
    """Whoever adds an option of this name takes the type with it."""
    dated = {
        (*path, flag): option.type
        for path, command in commands()
        for option in command.params
        for flag in option.opts
        if flag == "--date"
    }
    assert set(dated) == {(*command, "--date") for command in DATED}
    assert set(dated.values()) == {DATE}


def test_no_command_takes_a_persons_name_from_who_types_it() -> None:
    flags = {flag for _, command in commands() for option in command.params for flag in option.opts}
    assert flags.isdisjoint({"--by", "--user", "--person", "--as"})
    assert "--note" in flags
