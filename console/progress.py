"""Progress bars on standard error, for a person who waits; nothing where standard error is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn

from console.language import spoken


def row_progress() -> Progress:
    """A bar over the rows of one file."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def step_progress() -> Iterator[Callable[[str, int], None]]:
    """Yield a function of a step's name and a number of rows that adds these rows to the step's line."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description} {task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def advance(step: str, rows: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(spoken(step), total=None)
            bar.advance(tasks[step], rows)

        yield advance
