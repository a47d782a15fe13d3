"""How a command of the simulators ends in an expected error: each line said on standard error, exit code 1.

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
