"""How a command ends, a simulator's too: each line of an expected error on standard error, exit code 1.

Which errors are expected, and what is said of them, each command says.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click


def fail(program: str, text: str) -> NoReturn:
    """Say every line of `text` under the program's name, and end with 1."""
    for line in text.splitlines():
        click.echo(f"{program}: {line}", err=True)
    sys.exit(1)


def run(command: click.Command) -> None:
    """Run a command. Ends with 2 where it was called wrongly, 130 by Ctrl-C; raises what the command does."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)


def run_to_end(program: str, command: click.Command, expected: tuple[type[Exception], ...]) -> NoReturn:
    """Run a command to its end: 0, as `run` has it, or 1 by an expected error."""
    try:
        run(command)
    except expected as error:
        fail(program, str(error))
    sys.exit(0)
