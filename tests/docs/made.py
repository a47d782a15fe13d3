"""All that is made from the code for the pages: places in them, and figures.

`python -m tests.docs` writes it. What a place or a figure says is made by `tests.docs.tables`, `.interface`,
`.worked` and `.drawn`; here they are only put where they belong.
"""

from __future__ import annotations

from pathlib import Path

from tests.docs import batches, drawn, interface, tables, worked
from tests.docs.pages import DOCS, filled, made_places, pages

FIGURES = DOCS / "figures"


def places() -> dict[str, str]:
    """Name of every made place -> its text."""
    return {**tables.made(), **interface.made(), **worked.made(), **batches.made()}


def wanted() -> dict[Path, str]:
    """Every file that has something made in it, as it must be."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    made = places()
    found = {page: filled(text, made) for page, text in texts.items() if made_places(text)}
    return found | {FIGURES / name: svg for name, svg in drawn.figures().items()}


def stale() -> dict[Path, str]:
    """Of these files those that are not as they must be."""
    return {
        path: text
        for path, text in wanted().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
