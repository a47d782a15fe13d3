"""Draws states, or packages, and the arrows between them, as SVG: boxes in a column, arcs at its sides.

Arrows down are at the right, arrows up at the left; one that leads back to its own box is a line in it.
One layout for all figures, so nothing is placed by hand and a new state draws itself. What is drawn does not
belong here (`tests.docs.made`).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

ROW, BOX_WIDTH, BOX_HEIGHT, MARGIN = 92, 230, 58, 14
REACH, REACH_A_ROW = 34, 44
LETTER, LINE = 7, 16
"""Width of a letter and height of a line at the font's size, in px; wide enough for any sans-serif."""
LINK_GAP = 9
"""How far below the middle of a box its arrows leave, and above it they arrive."""


class Arrow(NamedTuple):
    """From one box to another, with what makes it happen."""

    start: str
    end: str
    words: str = ""


class Figure(NamedTuple):
    """What a figure shows: boxes from top to bottom, each with a line below its name, and arrows."""

    title: str
    boxes: tuple[tuple[str, str], ...]
    arrows: tuple[Arrow, ...]


class _Label(NamedTuple):
    """Where a label's text begins (or ends, at the left), and its middle."""

    x: int
    y: int
    words: str
    at_left: bool

    def overlaps(self, other: _Label) -> bool:
        """Whether the two would cover each other."""
        first, second = self.span(), other.span()
        apart = first[1] <= second[0] or second[1] <= first[0] or abs(self.y - other.y) >= LINE
        return not apart

    def span(self) -> tuple[int, int]:
        """Where it begins and ends, from left to right."""
        width = LETTER * len(self.words)
        return (self.x - width, self.x) if self.at_left else (self.x, self.x + width)


def merged(arrows: Iterable[Arrow]) -> tuple[Arrow, ...]:
    """One arrow for all that lead from one box to another, their words in order."""
    words: dict[tuple[str, str], list[str]] = {}
    for arrow in arrows:
        words.setdefault((arrow.start, arrow.end), []).append(arrow.words)
    return tuple(Arrow(start, end, ", ".join(filter(None, labels))) for (start, end), labels in words.items())


def draw(figure: Figure) -> str:
    """The figure as SVG. Raises KeyError for an arrow to or from no box."""
    rows = {name: place for place, (name, _) in enumerate(figure.boxes)}
    notes = {name: [note] if note else [] for name, note in figure.boxes}
    arcs: list[tuple[int, int, str]] = []
    for arrow in merged(figure.arrows):
        start, end = rows[arrow.start], rows[arrow.end]
        if start == end:
            notes[arrow.start].append(f"stays at: {arrow.words}")
        else:
            arcs.append((start, end, arrow.words))
    labels = _labels(arcs)
    spans = [label.span() for label in labels]
    left = max([0, *(-begin for begin, _ in spans)]) + MARGIN
    right = max([BOX_WIDTH, *(end for _, end in spans)]) - BOX_WIDTH + MARGIN
    width, height = left + BOX_WIDTH + right, ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-left} 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(figure.title)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="#456"/></marker></defs>',
        f'<rect x="{-left}" width="{width}" height="{height}" fill="#fff"/>',
        *(_arc(start, end) for start, end, _ in arcs),
        *(_box(rows[name], name, notes[name]) for name in rows),
        *(_text(label) for label in labels if label.words),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _middle(row: int) -> int:
    return row * ROW + ROW // 2


def _reach(rows: int) -> int:
    """How far an arc over so many rows goes out at its side."""
    return (REACH + REACH_A_ROW * abs(rows)) * 3 // 4


def _labels(arcs: Iterable[tuple[int, int, str]]) -> list[_Label]:
    """A place for each arc's words: at the arc's outmost point, moved down where another one is already."""
    placed: list[_Label] = []
    for start, end, words in arcs:
        at_left, reach = end < start, _reach(end - start)
        x = -reach - 5 if at_left else BOX_WIDTH + reach + 5
        label = _Label(x, (_middle(start) + _middle(end)) // 2, words, at_left)
        while words and any(label.overlaps(other) for other in placed):
            label = label._replace(y=label.y + LINE)
        placed.append(label)
    return placed


def _arc(start: int, end: int) -> str:
    edge = 0 if end < start else BOX_WIDTH
    out = _reach(end - start) * 4 // 3 * (-1 if end < start else 1)
    inward = LINK_GAP if end > start else -LINK_GAP
    leaves, arrives = _middle(start) + inward, _middle(end) - inward
    return (
        f'<path d="M{edge} {leaves}C{edge + out} {leaves} {edge + out} {arrives} {edge} {arrives}" '
        'fill="none" stroke="#456" marker-end="url(#tip)"/>'
    )


def _box(row: int, name: str, notes: list[str]) -> str:
    top = _middle(row) - BOX_HEIGHT // 2
    lines = [(name, ' font-weight="bold" font-size="13"'), *((note, "") for note in notes)]
    first = _middle(row) - (len(lines) - 1) * LINE // 2
    texts = [
        f'<text x="{BOX_WIDTH // 2}" y="{first + number * LINE}" text-anchor="middle" '
        f'dominant-baseline="central" fill="#123"{style}>{escape(words)}</text>'
        for number, (words, style) in enumerate(lines)
    ]
    frame = (
        f'<rect x="0" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
        'fill="#eef3f8" stroke="#456"/>'
    )
    return frame + "".join(texts)


def _text(label: _Label) -> str:
    anchor = ' text-anchor="end"' if label.at_left else ""
    return (
        f'<text x="{label.x}" y="{label.y}"{anchor} dominant-baseline="central" fill="#123" stroke="#fff" '
        f'stroke-width="4" paint-order="stroke">{escape(label.words)}</text>'
    )
