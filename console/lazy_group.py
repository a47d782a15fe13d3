"""A click group whose commands are imported only when one of them is called.

The group knows each command's name, where its code is, and its summary. Help, completion and the list of
commands need no more than that, so they import no command. Importing all commands takes more than a second of
CPU, and a shell's completion asks at each key.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from console.help_text import WideContext, translated


class CommandPlace(NamedTuple):
    """One command of a lazy group: its name, its code as `module:attribute`, and the first sentence of its
    help, which click shortens to the width of the terminal.
    """

    name: str
    code: str
    summary: str

    @property
    def module(self) -> str:
        """The module that holds the command."""
        return self.code.partition(":")[0]


class LazyGroup(click.Group):
    """Commands by their places. `commands` holds a listed command for each, which cannot do anything."""

    context_class = WideContext

    def __init__(
        self,
        name: str | None = None,
        *,
        places: Sequence[CommandPlace],
        **options: Any,  # noqa: ANN401 - of click.Group, with its types
    ) -> None:
        """Take the commands' places; `options` are those of click.Group."""
        self._places = {place.name: place for place in places}
        listed = [click.Command(place.name, help=place.summary) for place in places]
        self._listing = click.Group(name, commands=listed)
        super().__init__(name, commands=listed, **options)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None where the group has none of this name."""
        del ctx
        place = self._places.get(cmd_name)
        return None if place is None else translated(imported(place))

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help in the reader's language."""
        click.Group.format_help(translated(self), ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands of `--help` from the summaries."""
        translated(self._listing).format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command from the list, and the group's own options as click does."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        listed = translated(self._listing).commands
        items = [CompletionItem(name, help=listed[name].get_short_help_str()) for name in names]
        return items + click.Command.shell_complete(self, ctx, incomplete)


def imported(place: CommandPlace) -> click.Command:
    """Import the module of a command and return the command. Raises TypeError where the code is none."""
    with _uncollected():
        module = import_module(place.module)
    command = getattr(module, place.code.partition(":")[2])
    if not isinstance(command, click.Command):
        raise TypeError(f"{place.code} is no command")
    return command


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: what is imported stays, and is searched over and over as it grows."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
