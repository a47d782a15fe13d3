"""The manual page of a command, made from click's own help, so that the two cannot differ.

Text in, text out: no file is read or written, and no command is described here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

import click

CONTEXT = MappingProxyType({"terminal_width": 80, "max_content_width": 80})


def escaped(text: str) -> str:
    r"""Return a text escaped for roff: no line is taken for a request, no `\` or `-` for another character.

    man(7): "-" is a hyphen, and "\-" the minus that a person copies into a shell.
    """
    shown = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in shown.split("\n"))


def leaves(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield every command that is no group, with its context, in the order of its help."""
    if not isinstance(command, click.Group):
        yield command, context
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from leaves(below, click.Context(below, info_name=name, parent=context))


def manual(command: click.Command, name: str, version: str, day: datetime, files: Mapping[str, str]) -> str:
    """Return the page in man(7) of `command`, called `name`, at `version`, made on `day`; `files` maps each
    file
    to its purpose.
    """
    context = click.Context(command, info_name=name, **CONTEXT)
    summary = (command.help or "").partition("\n")[0].rstrip(".")
    parts = [
        f'.TH {name.upper()} 1 {day:%Y-%m-%d} "{name} {version}"',
        *(".SH NAME", f"{name} \\- {escaped(summary)}"),
        *(".SH SYNOPSIS", f".B {escaped(name)}", "[OPTIONS] COMMAND [ARGS]..."),
        ".SH COMMANDS",
    ]
    for leaf, at in leaves(command, context):
        parts += _command(leaf, at)
    parts += [".SH FILES", *_entries(files.items())]
    parts += [
        ".SH EXIT STATUS",
        "0 if all went well; 1 for what stands on standard error, with what to do; 2 for a wrong call.",
    ]
    return "\n".join(parts) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f'.SS "{escaped(context.command_path)} {escaped(pieces)}"'
    for paragraph in (command.help or "").strip().split("\n\n"):
        yield escaped(" ".join(paragraph.split()))
        yield ".PP"
    options = (
        option
        for option in command.get_params(context)
        if isinstance(option, click.Option) and option.name != "help"
    )
    records = (option.get_help_record(context) for option in options)
    yield from _entries(record for record in records if record)


def _entries(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in pairs:
        yield from (".TP", f".B {escaped(term)}", escaped(text))
