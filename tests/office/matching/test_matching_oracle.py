"""Matching against an oracle: the same rules said again in the slowest and plainest way, on arbitrary dates.

Nothing of the fast code is used by the oracle but its tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.rules.break_classes import BreakClass
from office.matching.lines import BroughtForward, LateReversal, Ours, Result, Theirs, effect_of
from office.matching.match import resolve
from office.matching.pairing import keys_to_look_up, pair

pytestmark = pytest.mark.slow


class Date(NamedTuple):
    """A date as matching is given it."""

    ours: list[Ours]
    theirs: list[Theirs]
    brought_forward: list[BroughtForward]
    earlier: dict[str, int]
    lists_reversed: bool
    has_policy: bool
    late: list[LateReversal]


class Judged(NamedTuple):
    """What the oracle makes of a date: findings as (class, key, line, effects, withheld), closings, and a
    count.
    """

    findings: list[tuple[str, str, int, int, int, int]]
    closings: list[tuple[str, str, int, int]]
    matched: int


def name(given: str) -> str:
    return given.replace(" ", "").lower()


def same_details(first: Ours | Theirs | BroughtForward, other: Ours | Theirs | BroughtForward) -> bool:
    if first.code and other.code and first.code != other.code:
        return False
    pairs = (first.policy, other.policy), (first.due, other.due)
    return not any(name(left) and name(right) and name(left) != name(right) for left, right in pairs)


def place(key: str) -> str:
    return "/".join(key.split("/")[:-2])


class Oracle:
    """Takes a date apart, one line against all others."""

    def __init__(self, date: Date) -> None:
        brought_forward = sorted(date.brought_forward, key=lambda row: (row.date, row.name))
        self.breaks = [row for row in brought_forward if not row.withheld]
        self.withheld = [row for row in brought_forward if row.withheld]
        self.earlier, self.lists_reversed = date.earlier, date.lists_reversed
        self.has_policy, self.refused = date.has_policy, list(date.late)
        self.judged = Judged([], [], 0)

    def judge(self, our_lines: Sequence[Ours], their_lines: Sequence[Theirs]) -> Judged:
        mine, yours = list(our_lines), sorted(their_lines, key=lambda line: line.line)
        pairs = self.by_key(mine, yours) + self.by_rrn(mine, yours)
        rest = self.without_repeats(pairs, yours)
        for our_line, line in pairs:
            if line.state == "S" or not self.earlier.get(line.key):
                self.compare(our_line, line, effect_of(line.direction, line.state, line.amount))
        ended: list[str] = []
        for our_line, line in pairs:
            if line.state == "R" and self.earlier.get(line.key):
                back = 0 if line.key in ended else -self.earlier[line.key]
                ended.append(line.key)
                self.compare(our_line, line, 0 if self.ends(line, 0, back) else back)
        for our_line in mine:
            if our_line.state == "U":
                self.late(our_line, rest)
            else:
                self.mine_alone(our_line)
        for line in sorted(rest):
            if not self.late_reversal(line):
                self.yours_alone(line)
        for late in self.refused:
            self.find("late_reversal", late.original, 0, 0, 0, self.withheld_of(late, 0))
        findings, closings, count = self.judged
        return Judged(sorted(findings), sorted(closings), count)

    def by_key(self, mine: list[Ours], yours: list[Theirs]) -> list[tuple[Ours, Theirs]]:
        pairs = []
        for same_amount, same_state, alike in product((True, False), repeat=3):
            for our_line in list(mine):
                for line in list(yours):
                    fits = our_line.state != "U" and (our_line.key, our_line.direction) == (
                        line.key,
                        line.direction,
                    )
                    fits = fits and (our_line.amount == line.amount) == same_amount
                    fits = fits and same_details(our_line, line) == alike
                    if fits and (our_line.state == line.state) == same_state and our_line in mine:
                        pairs.append((our_line, line))
                        mine.remove(our_line)
                        yours.remove(line)
        return pairs

    def by_rrn(self, mine: list[Ours], yours: list[Theirs]) -> list[tuple[Ours, Theirs]]:
        undone_keys = [our_line.key for our_line in mine if our_line.state == "U"]

        def mark(line: Ours | Theirs) -> tuple[str, ...]:
            policy = name(line.policy) if self.has_policy else ""
            return line.rrn, line.direction, place(line.key), policy

        pairs = []
        for our_line in [our_line for our_line in mine if our_line.state != "U" and our_line.rrn]:
            twins = [other for other in mine if other.state != "U" and mark(other) == mark(our_line)]
            mates = [line for line in yours if mark(line) == mark(our_line) and line.key not in undone_keys]
            if len(twins) == 1 and mates and all(line.key == mates[0].key for line in mates):
                rank = [
                    next((n for n, line in enumerate(mates) if good(our_line, line)), None)
                    for good in (
                        lambda a, b: (a.amount, a.state) == (b.amount, b.state) and same_details(a, b),
                        lambda a, b: (a.amount, a.state) == (b.amount, b.state),
                        lambda a, b: a.amount == b.amount and same_details(a, b),
                        lambda a, b: a.amount == b.amount,
                        lambda a, b: a.state == b.state and same_details(a, b),
                        lambda a, b: a.state == b.state,
                        same_details,
                        lambda a, b: True,
                    )
                ]
                pairs.append((our_line, mates[next(n for n in rank if n is not None)]))
        for our_line, line in pairs:
            mine.remove(our_line)
            yours.remove(line)
        return pairs

    def without_repeats(self, pairs: list[tuple[Ours, Theirs]], yours: list[Theirs]) -> list[Theirs]:
        rest = []
        for number, line in enumerate(yours):
            others = [other for _, other in pairs] + yours[:number]
            repeats = any(
                line.key == other.key
                or (
                    line.rrn != ""
                    and (line.rrn, line.direction, line.amount) == (other.rrn, other.direction, other.amount)
                    and (place(line.key), line.policy) == (place(other.key), other.policy)
                )
                for other in others
            )
            if repeats:
                effect = effect_of(line.direction, line.state, line.amount)
                self.find("duplicate", line.key, line.line, 0, effect)
            else:
                rest.append(line)
        return rest

    def find(
        self, cls: str, key: str, number: int, our_effect: int, their_effect: int, withheld: int = 0
    ) -> None:
        self.judged.findings.append((cls, key, number, our_effect, their_effect, withheld))

    def agree(self) -> None:
        self.judged = self.judged._replace(matched=self.judged.matched + 1)

    def compare(self, our_line: Ours, line: Theirs, their_effect: int) -> None:
        if our_line.amount != line.amount:
            self.find("amount_differs", our_line.key, line.line, our_line.effect, their_effect)
        elif our_line.state not in (line.state, "U") or their_effect != our_line.effect:
            self.find("state_differs", our_line.key, line.line, our_line.effect, their_effect)
        elif not same_details(our_line, line):
            withheld = 0 if our_line.is_exception else our_line.effect
            self.find("details_differ", our_line.key, line.line, our_line.effect, their_effect, withheld)
        else:
            self.agree()

    def ending(self, line: Ours | Theirs, our_change: int, their_change: int) -> list[BroughtForward]:
        return [
            earlier_break
            for earlier_break in self.breaks
            if (earlier_break.key, earlier_break.direction) == (line.key, line.direction)
            and earlier_break.theirs_effect != earlier_break.ours_effect
            and earlier_break.theirs_effect + their_change == earlier_break.ours_effect + our_change
        ]

    def ends(self, line: Ours | Theirs, our_change: int, their_change: int) -> bool:
        for earlier_break in self.ending(line, our_change, their_change)[:1]:
            self.breaks.remove(earlier_break)
            self.judged.closings.append((earlier_break.name, earlier_break.cls, our_change, their_change))
            return True
        return False

    def changes_withheld(self, our_line: Ours) -> bool:
        held = [other for other in self.withheld if other.key == our_line.key]
        for other in held:
            if not other.is_decided and other.withheld + our_line.effect == 0:
                self.withheld.remove(other)
                self.judged.closings.append((other.name, other.cls, our_line.effect, our_line.effect))
                return True
        if held or our_line.is_exception:
            self.find(
                "exception_advice" if our_line.is_exception else "details_differ",
                our_line.key,
                0,
                0,
                0,
                our_line.effect,
            )
        return bool(held) or our_line.is_exception

    def withheld_of(self, late: LateReversal, change: int) -> int:
        breaks = [row for row in [*self.breaks, *self.withheld] if row.key == late.original]
        elsewhere = any(not row.is_decided for row in breaks)
        return 0 if change or elsewhere else late.effect

    def late_reversal(self, line: Theirs) -> bool:
        for late in self.refused:
            listed = late.original == line.key and late.direction == line.direction
            listed = listed and line.state == ("R" if late.effect else "S")
            if late.key == line.key or listed:
                change = effect_of(line.direction, line.state, line.amount)
                change -= self.earlier.get(line.key, 0) if line.state == "R" else 0
                withheld = self.withheld_of(late, change)
                self.find("late_reversal", late.original, line.line, 0, change, withheld)
                self.refused.remove(late)
                return True
        return False

    def late(self, our_line: Ours, rest: list[Theirs]) -> None:
        is_open = self.changes_withheld(our_line)
        for line in [
            line for line in rest if (line.key, line.direction) == (our_line.key, our_line.direction)
        ]:
            before = self.earlier.get(line.key, 0)
            if (
                line.state == "R"
                and -before != our_line.effect
                and self.ends(our_line, our_line.effect, -before)
            ):
                rest.remove(line)
                return
            reversed_too = line.state == "R" and -before == our_line.effect
            back_too = line.state == "S" and not before and effect_of(line.direction, "S", line.amount)
            same = reversed_too or (back_too and back_too == our_line.effect)
            if same and not self.ending(our_line, our_line.effect, 0):
                rest.remove(line)
                if is_open or same_details(our_line, line):
                    self.agree()
                else:
                    self.compare(our_line, line, our_line.effect)
                return
        if not self.ends(our_line, our_line.effect, 0):
            self.find("state_differs", our_line.key, 0, our_line.effect, 0)

    def timing(
        self, cls: BreakClass, line: Ours | Theirs, effects: tuple[int, int], late: bool, near: bool
    ) -> bool:
        for earlier_break in self.breaks:
            same = earlier_break.cls is cls and (earlier_break.key, earlier_break.direction) == (
                line.key,
                line.direction,
            )
            same = same and same_details(earlier_break, line)
            near_it = near if cls is BreakClass.BANK_ONLY else earlier_break.near
            if (
                same
                and (earlier_break.theirs_effect, earlier_break.ours_effect) == effects
                and (late or (earlier_break.adjacent and near_it))
            ):
                self.breaks.remove(earlier_break)
                self.judged.closings.append((earlier_break.name, "timing", *effects))
                return True
        return False

    def mine_alone(self, our_line: Ours) -> None:
        if self.timing(BreakClass.BANK_ONLY, our_line, (our_line.effect, 0), our_line.late, our_line.near):
            return
        if our_line.state == "R" and not self.lists_reversed:
            self.agree()
        else:
            self.find("ours_only", our_line.key, 0, our_line.effect, 0)

    def yours_alone(self, line: Theirs) -> None:
        before = self.earlier.get(line.key, 0)
        effect = effect_of(line.direction, line.state, line.amount)
        if line.state == "R" and before:
            if not self.ends(line, 0, -before):
                self.find("state_differs", line.key, line.line, 0, -before)
        elif not self.timing(BreakClass.OURS_ONLY, line, (0, effect), False, False):
            self.find("duplicate" if before else "bank_only", line.key, line.line, 0, effect)


KEYS = st.sampled_from(["T/1/a", "T/1/b", "T/1/c", "U/1/d"])
OWN = ("T/1/r", "T/1/s")
"""The keys of reversals."""
CODES = st.sampled_from("5556")
POLICIES = st.sampled_from(["P", "P", "P", "Q", ""])
DUES = st.sampled_from(["D", "D", "D", "E", ""])
DIRECTIONS = st.sampled_from("CCCP")
AMOUNTS = st.integers(1, 2)
STATES = st.sampled_from("SSR")
RRNS = st.sampled_from(["", "1", "2"])
EFFECTS = st.integers(-2, 2)


@st.composite
def days(draw: st.DrawFn) -> Date:
    """A date of few keys, so that everything collides with everything."""
    has_policy = draw(st.booleans())
    spelt = st.sampled_from(["P", "P", "p", " P", "Q", ""]) if has_policy else st.just("")
    our_lines = []
    for key in sorted(draw(st.sets(KEYS))):
        direction, amount, state = draw(DIRECTIONS), draw(AMOUNTS), draw(st.sampled_from("SSRU"))
        effect = effect_of(direction, state, amount)
        if state == "U":
            effect = draw(st.sampled_from([1, -1])) * amount
        near, late = draw(st.booleans()), draw(st.booleans())
        about = draw(CODES), draw(POLICIES), draw(DUES), draw(st.integers(0, 5)) == 0
        our_lines.append(Ours(key, direction, amount, state, draw(RRNS), effect, near, late, *about))
    their_lines = [
        Theirs(
            draw(KEYS | st.sampled_from(OWN)),
            line,
            draw(DIRECTIONS),
            draw(AMOUNTS),
            draw(STATES),
            draw(RRNS),
            draw(CODES),
            draw(spelt),
            draw(DUES),
        )
        for line in range(1, draw(st.integers(0, 7)) + 1)
    ]
    breaks = [
        BroughtForward(
            f"B{number}",
            draw(st.sampled_from(["20261120", "20261123"])),
            draw(st.sampled_from([BreakClass.BANK_ONLY, BreakClass.OURS_ONLY, *BreakClass])),
            draw(KEYS),
            draw(DIRECTIONS),
            draw(EFFECTS) * draw(st.integers(0, 1)),
            draw(EFFECTS) * draw(st.integers(0, 1)),
            draw(st.booleans()),
            draw(st.booleans()),
            draw(CODES),
            draw(POLICIES),
            draw(DUES),
            *draw(st.sampled_from([(0, False), (0, False), (1, False), (2, True), (-1, True)])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    earlier = draw(st.dictionaries(KEYS, EFFECTS))
    asked = draw(st.dictionaries(KEYS, st.tuples(DIRECTIONS, AMOUNTS, st.sampled_from("SR")), max_size=2))
    late = [
        LateReversal(OWN[number], key, direction, amount, effect_of(direction, state, amount), "5", "P", "D")
        for number, (key, (direction, amount, state)) in enumerate(asked.items())
    ]
    return Date(our_lines, sorted(their_lines), breaks, earlier, draw(st.booleans()), has_policy, late)


def judged_by_match(date: Date) -> Result:
    paired = pair(iter(date.ours), iter(date.theirs), has_policy=date.has_policy)
    return resolve(paired, date.brought_forward, date.earlier, date.lists_reversed, date.late)


@settings(max_examples=500, deadline=None)
@given(days(), st.integers(0, 1000))
def test_any_date_is_judged_as_the_slow_oracle_judges_it(date: Date, shuffle: int) -> None:
    result = judged_by_match(date)
    findings = [
        (row.cls, row.key, row.line, row.ours_effect, row.theirs_effect, row.withheld)
        for row in result.findings
    ]
    judged = Oracle(date).judge(date.ours, date.theirs)
    assert (sorted(findings), [row[:4] for row in result.closings], result.matched) == judged
    shuffled = Random(shuffle).sample(date.brought_forward, len(date.brought_forward))
    assert judged_by_match(date._replace(brought_forward=shuffled)) == result
    # The key of any other line cannot matter.
    looked_up = keys_to_look_up(pair(date.ours, date.theirs, has_policy=date.has_policy))
    asked = {key: date.earlier.get(key, 0) for key in looked_up}
    assert judged_by_match(date._replace(earlier=asked)) == result


@settings(max_examples=500, deadline=None)
@given(days())
def test_every_line_is_in_one_place_and_the_effects_balance(date: Date) -> None:
    result = judged_by_match(date)
    numbers = [row.line for row in result.findings if row.line]
    assert len(numbers) == len(set(numbers))
    assert len(result.findings) == len({(row.key, row.line, row.cls) for row in result.findings})
    assert len(result.closings) == len({row.name for row in result.closings})
    assert (result.ours, result.theirs) == (len(date.ours), len(date.theirs))
    assert result.ours_effect == sum(row.effect for row in date.ours)
    explained = sum(row.difference - row.withheld for row in result.findings)
    explained += sum(row.theirs_effect - row.ours_effect for row in result.closings)
    assert result.theirs_effect - result.ours_effect == explained
