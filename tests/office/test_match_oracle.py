"""Matching against an oracle: the same rules said again in the slowest and plainest way, on arbitrary dates.

Nothing of the fast code is used by the oracle but its tuples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from office.match import Carried, Class, Ours, Result, Theirs, effect_of, keys_to_look_up, pair, resolve

Date = tuple[list[Ours], list[Theirs], list[Carried], dict[str, int], bool]


class Judged(NamedTuple):
    """What the oracle makes of a date: findings as (class, key, line, effects), closings, and a count."""

    findings: list[tuple[str, str, int, int, int]]
    closings: list[tuple[str, str, int, int]]
    matched: int


class Oracle:
    """Takes a date apart, one line against all others."""

    def __init__(self, breaks: Sequence[Carried], earlier: Mapping[str, int], lists_reversed: bool) -> None:
        self.breaks = sorted(breaks, key=lambda one: (one.date, one.name))
        self.earlier, self.lists_reversed = earlier, lists_reversed
        self.judged = Judged([], [], 0)

    def judge(self, our_lines: Sequence[Ours], their_lines: Sequence[Theirs]) -> Judged:
        mine, yours = list(our_lines), sorted(their_lines, key=lambda line: line.line)
        pairs = self.by_key(mine, yours) + self.by_rrn(mine, yours)
        rest = self.without_repeats(pairs, yours)
        for one, line in pairs:
            if line.state == "S" or not self.earlier.get(line.key):
                self.compare(one, line, effect_of(line.direction, line.state, line.amount))
        ended: list[str] = []
        for one, line in pairs:
            if line.state == "R" and self.earlier.get(line.key):
                back = 0 if line.key in ended else -self.earlier[line.key]
                ended.append(line.key)
                self.compare(one, line, 0 if self.ends(line, 0, back) else back)
        for one in mine:
            if one.state == "U":
                self.late(one, rest)
            else:
                self.mine_alone(one)
        for line in sorted(rest):
            self.yours_alone(line)
        findings, closings, count = self.judged
        return Judged(sorted(findings, key=lambda one: one[1:3]), sorted(closings), count)

    def by_key(self, mine: list[Ours], yours: list[Theirs]) -> list[tuple[Ours, Theirs]]:
        pairs = []
        for same_amount, same_state in ((True, True), (True, False), (False, True), (False, False)):
            for one in list(mine):
                for line in list(yours):
                    fits = one.state != "U" and (one.key, one.direction) == (line.key, line.direction)
                    fits = fits and (one.amount == line.amount) == same_amount
                    if fits and (one.state == line.state) == same_state and one in mine:
                        pairs.append((one, line))
                        mine.remove(one)
                        yours.remove(line)
        return pairs

    def by_rrn(self, mine: list[Ours], yours: list[Theirs]) -> list[tuple[Ours, Theirs]]:
        undone_keys = [one.key for one in mine if one.state == "U"]
        pairs = []
        for one in [one for one in mine if one.state != "U" and one.rrn]:
            twins = [
                two
                for two in mine
                if two.state != "U" and (two.rrn, two.direction) == (one.rrn, one.direction)
            ]
            mates = [
                line
                for line in yours
                if (line.rrn, line.direction) == (one.rrn, one.direction) and line.key not in undone_keys
            ]
            if len(twins) == 1 and mates and all(line.key == mates[0].key for line in mates):
                rank = [
                    next((n for n, line in enumerate(mates) if good(one, line)), None)
                    for good in (
                        lambda a, b: (a.amount, a.state) == (b.amount, b.state),
                        lambda a, b: a.amount == b.amount,
                        lambda a, b: a.state == b.state,
                        lambda a, b: True,
                    )
                ]
                pairs.append((one, mates[next(n for n in rank if n is not None)]))
        for one, line in pairs:
            mine.remove(one)
            yours.remove(line)
        return pairs

    def without_repeats(self, pairs: list[tuple[Ours, Theirs]], yours: list[Theirs]) -> list[Theirs]:
        rest = []
        for place, line in enumerate(yours):
            others = [other for _, other in pairs] + yours[:place]
            repeats = any(
                line.key == other.key
                or (
                    line.rrn != ""
                    and (line.rrn, line.direction, line.amount) == (other.rrn, other.direction, other.amount)
                )
                for other in others
            )
            if repeats:
                self.find("duplicate", line, line.line, 0, effect_of(line.direction, line.state, line.amount))
            else:
                rest.append(line)
        return rest

    def find(self, cls: str, line: Ours | Theirs, number: int, our_effect: int, their_effect: int) -> None:
        self.judged.findings.append((cls, line.key, number, our_effect, their_effect))

    def agree(self) -> None:
        self.judged = self.judged._replace(matched=self.judged.matched + 1)

    def compare(self, one: Ours, line: Theirs, their_effect: int) -> None:
        if one.amount != line.amount:
            self.find("amount_differs", one, line.line, one.effect, their_effect)
        elif one.state != line.state or their_effect != one.effect:
            self.find("state_differs", one, line.line, one.effect, their_effect)
        else:
            self.agree()

    def ending(self, line: Ours | Theirs, our_change: int, their_change: int) -> list[Carried]:
        return [
            one
            for one in self.breaks
            if (one.key, one.direction) == (line.key, line.direction)
            and one.theirs_effect != one.ours_effect
            and one.theirs_effect + their_change == one.ours_effect + our_change
        ]

    def ends(self, line: Ours | Theirs, our_change: int, their_change: int) -> bool:
        for one in self.ending(line, our_change, their_change)[:1]:
            self.breaks.remove(one)
            self.judged.closings.append((one.name, one.cls, our_change, their_change))
            return True
        return False

    def late(self, one: Ours, rest: list[Theirs]) -> None:
        for line in [line for line in rest if (line.key, line.direction) == (one.key, one.direction)]:
            before = self.earlier.get(line.key, 0)
            if line.state == "R" and -before != one.effect and self.ends(one, one.effect, -before):
                rest.remove(line)
                return
            reversed_too = line.state == "R" and -before == one.effect
            back_too = line.state == "S" and not before and effect_of(line.direction, "S", line.amount)
            same = reversed_too or (back_too and back_too == one.effect)
            if same and not self.ending(one, one.effect, 0):
                rest.remove(line)
                self.agree()
                return
        if not self.ends(one, one.effect, 0):
            self.find("state_differs", one, 0, one.effect, 0)

    def timing(
        self, cls: Class, line: Ours | Theirs, effects: tuple[int, int], late: bool, near: bool
    ) -> bool:
        for one in self.breaks:
            same = one.cls is cls and (one.key, one.direction) == (line.key, line.direction)
            near_it = near if cls is Class.BANK_ONLY else one.near
            if (
                same
                and (one.theirs_effect, one.ours_effect) == effects
                and (late or (one.adjacent and near_it))
            ):
                self.breaks.remove(one)
                self.judged.closings.append((one.name, "timing", *effects))
                return True
        return False

    def mine_alone(self, one: Ours) -> None:
        if self.timing(Class.BANK_ONLY, one, (one.effect, 0), one.late, one.near):
            return
        if one.state == "R" and not self.lists_reversed:
            self.agree()
        else:
            self.find("ours_only", one, 0, one.effect, 0)

    def yours_alone(self, line: Theirs) -> None:
        before = self.earlier.get(line.key, 0)
        effect = effect_of(line.direction, line.state, line.amount)
        if line.state == "R" and before:
            if not self.ends(line, 0, -before):
                self.find("state_differs", line, line.line, 0, -before)
        elif not self.timing(Class.OURS_ONLY, line, (0, effect), False, False):
            self.find("duplicate" if before else "bank_only", line, line.line, 0, effect)


KEYS = st.sampled_from("abcd")
DIRECTIONS = st.sampled_from("CCCP")
AMOUNTS = st.integers(1, 2)
STATES = st.sampled_from("SSR")
RRNS = st.sampled_from(["", "1", "2"])
EFFECTS = st.integers(-2, 2)


@st.composite
def days(draw: st.DrawFn) -> Date:
    """A date of few keys, so that everything collides with everything."""
    our_lines = []
    for key in sorted(draw(st.sets(KEYS))):
        direction, amount, state = draw(DIRECTIONS), draw(AMOUNTS), draw(st.sampled_from("SSRU"))
        effect = effect_of(direction, state, amount)
        if state == "U":
            effect = draw(st.sampled_from([1, -1])) * amount
        near, late = draw(st.booleans()), draw(st.booleans())
        our_lines.append(Ours(key, direction, amount, state, draw(RRNS), effect, near, late, "", "", ""))
    their_lines = [
        Theirs(draw(KEYS), line, draw(DIRECTIONS), draw(AMOUNTS), draw(STATES), draw(RRNS), "", "", "")
        for line in range(1, draw(st.integers(0, 7)) + 1)
    ]
    breaks = [
        Carried(
            f"B{number}",
            draw(st.sampled_from(["20261120", "20261123"])),
            draw(st.sampled_from([Class.BANK_ONLY, Class.OURS_ONLY, *Class])),
            draw(KEYS),
            draw(DIRECTIONS),
            draw(EFFECTS) * draw(st.integers(0, 1)),
            draw(EFFECTS) * draw(st.integers(0, 1)),
            draw(st.booleans()),
            draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    earlier = draw(st.dictionaries(KEYS, EFFECTS))
    return our_lines, sorted(their_lines), breaks, earlier, draw(st.booleans())


def judged_by_match(date: Date) -> Result:
    our_lines, their_lines, breaks, earlier, lists_reversed = date
    return resolve(pair(iter(our_lines), iter(their_lines)), breaks, earlier, lists_reversed)


@settings(max_examples=1500, deadline=None)
@given(days(), st.integers(0, 1000))
def test_any_date_is_judged_as_the_slow_oracle_judges_it(date: Date, shuffle: int) -> None:
    our_lines, their_lines, breaks, earlier, lists_reversed = date
    result = judged_by_match(date)
    found = [(one.cls, one.key, one.line, one.ours_effect, one.theirs_effect) for one in result.findings]
    judged = Oracle(breaks, earlier, lists_reversed).judge(our_lines, their_lines)
    assert (found, [one[:4] for one in result.closings], result.matched) == judged
    shuffled = Random(shuffle).sample(breaks, len(breaks))
    assert judged_by_match((our_lines, their_lines, shuffled, earlier, lists_reversed)) == result
    # The key of any other line cannot matter.
    asked = {key: earlier.get(key, 0) for key in keys_to_look_up(pair(our_lines, their_lines))}
    assert judged_by_match((our_lines, their_lines, breaks, asked, lists_reversed)) == result


@settings(max_examples=500, deadline=None)
@given(days())
def test_every_line_is_in_one_place_and_the_effects_balance(date: Date) -> None:
    our_lines, their_lines, *_ = date
    result = judged_by_match(date)
    numbers = [one.line for one in result.findings if one.line]
    assert len(numbers) == len(set(numbers))
    assert len(result.findings) == len({(one.key, one.line) for one in result.findings})
    assert len(result.closings) == len({one.name for one in result.closings})
    assert (result.ours, result.theirs) == (len(our_lines), len(their_lines))
    assert result.ours_effect == sum(one.effect for one in our_lines)
    explained = sum(one.difference for one in result.findings)
    explained += sum(one.theirs_effect - one.ours_effect for one in result.closings)
    assert result.theirs_effect - result.ours_effect == explained
