"""Prints a line on standard output or standard error: what a terminal would obey is shown as an escape, and a
Sentence is in the reader's language.

Every command that prints prints through here, or through `console.output`. What is printed is the commands'
own business.
"""

from __future__ import annotations

import click

from console.language import spoken
from ledger.rules.escaping import escaped


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print lines, on standard error with `err`, and a line feed after them unless `nl` is False."""
    click.echo(escaped(spoken(text), lines=True), err=err, nl=nl)
