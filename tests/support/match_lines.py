"""Lines of either side, breaks of earlier dates, and what matching makes of them: every part defaulted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ledger.rules.break_classes import BreakClass
from office.matching.lines import BroughtForward, Ours, Result, Theirs, effect_of
from office.matching.match import resolve
from office.matching.pairing import pair

KEY = "00001020000/T1/1124235959/000001"
RENUMBERED = "00001020000/T1/1124235959/000002"
"""Another key of the same terminal."""


def ours(key: str = KEY, state: str = "S", amount: int = 100, direction: str = "C", **given: object) -> Ours:
    effect = effect_of(direction, state, amount)
    line = Ours(key, direction, amount, state, "R1", effect, False, False, "500000", "P1", "D1")
    return line._replace(**given)  # type: ignore[arg-type]


def undone(key: str = KEY, amount: int = 100, effect: int = -100, **given: object) -> Ours:
    return ours(key, "U", amount, effect=effect, late=True, **given)  # type: ignore[arg-type]


def theirs(
    key: str = KEY, line: int = 1, state: str = "S", amount: int = 100, direction: str = "C", rrn: str = "R1"
) -> Theirs:
    return Theirs(key, line, direction, amount, state, rrn, "500000", "P1", "D1")


def brought_forward(
    cls: BreakClass,
    ours_effect: int = 0,
    theirs_effect: int = 0,
    adjacent: bool = True,
    near: bool = True,
    direction: str = "C",
) -> BroughtForward:
    return BroughtForward("B1", "20261123", cls, KEY, direction, ours_effect, theirs_effect, adjacent, near)


def matched(
    our_lines: Iterable[Ours] = (),
    their_lines: Iterable[Theirs] = (),
    breaks: Iterable[BroughtForward] = (),
    earlier: Mapping[str, int] | None = None,
    lists_reversed: bool = True,
) -> Result:
    return resolve(pair(our_lines, their_lines), breaks, earlier or {}, lists_reversed)


def findings_of(result: Result) -> list[tuple[str, str, int, int, int]]:
    return [(row.cls, row.key, row.line, row.ours_effect, row.theirs_effect) for row in result.findings]


def closed(result: Result) -> list[tuple[str, str, int, int]]:
    return [closing[:4] for closing in result.closings]
