"""How a command ends, a simulator's too: each line of an expected error on standard error, exit code 1.

Each command says itself which errors it expects, and makes their texts.
"""

from __future__ import annotations

import atexit
import gc
import sys
from typing import NoReturn

import click

from console.language import spoken
from console.say import say


def fail(program: str, reason: str | Exception) -> NoReturn:
    """Print every line of an error's text, or of a text, in the reader's language on standard error, each
    after the program's name, and exit with 1.
    """
    for line in spoken(reason).split("\n"):
        say(f"{program}: {line}", err=True)
    sys.exit(1)


def run(command: click.Command) -> None:
    """Run a command. Exits with 2 after a wrong call and 130 after Ctrl-C; raises what the command raises."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)


def run_to_end(program: str, command: click.Command, expected: tuple[type[Exception], ...]) -> NoReturn:
    """Run a command and exit: with 0, as `run` does, or with 1 after an expected error."""
    leave_garbage_at_the_end()
    try:
        run(command)
    except expected as error:
        fail(program, error)
    sys.exit(0)


def leave_garbage_at_the_end() -> None:
    """Have Python not search all that is imported for garbage when it exits: that takes a fifth of the time
    of a short command, and finds nothing that the system does not take back.
    """
    atexit.register(gc.freeze)
