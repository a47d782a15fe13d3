"""The pages of docs/, and the places in them that are made from the code.

A made place stands between `<!-- made: NAME -->` and `<!-- end -->`, so that a page reads the same on a
forge as on the site. What is made, `tests.docs.made` says; nothing is made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
_PLACE = re.compile(r"(<!-- made: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> tuple[Path, ...]:
    """All pages of docs/, by name."""
    return tuple(sorted(DOCS.rglob("*.md")))


def made_places(text: str) -> tuple[str, ...]:
    """The names of a page's made places, in order."""
    return tuple(match[2] for match in _PLACE.finditer(text))


def filled(text: str, made: Mapping[str, str]) -> str:
    """The page with its made places as they must be. Raises KeyError for a place that nothing makes."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{made[found[2]].strip()}\n\n{found[3]}", text)


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Level and text of each heading outside code blocks."""
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and (heading := re.fullmatch(r"(#+) (.*)", line)):
            yield len(heading[1]), heading[2]


def sections(text: str, level: int) -> dict[str, str]:
    """The text below each heading of a level, up to the next of that level or above it."""
    anchors: dict[str, list[str]] = {}
    current: list[str] = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else re.fullmatch(r"(#+) (.*)", line)
        if heading and len(heading[1]) == level:
            current = anchors.setdefault(heading[2], [])
        elif heading and len(heading[1]) < level:
            current = []
        else:
            current.append(line)
    return {name: "\n".join(lines) for name, lines in anchors.items()}
