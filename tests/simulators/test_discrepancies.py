"""Seeded discrepancies, and the proof of the reconciliation: each is found once, as what it is, and no other.

A `Story` is what becomes of one transaction on the next day, and what must be reported of it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.files.bankline import BankLine
from ledger.rules.break_classes import BreakClass
from ledger.rules.dues import KINDS
from ledger.rules.request import key_of
from office.matching.lines import BroughtForward, Ours, Result, Theirs, effect_of
from office.matching.match import resolve
from office.matching.pairing import keys_to_look_up, pair
from simulators.days.discrepancies import Counts, Expected, Seeded, effect, seed
from tests.support.builders import BANK

TODAY, TOMORROW = "1123", "1124"
NO_HISTORY: Mapping[str, int] = {}


def key(line: BankLine) -> str:
    return key_of(BANK, line.terminal, line.sent_at, line.stan)


def direction(line: BankLine) -> str:
    return "C" if KINDS[line.code] == "premium" else "P"


def ours(line: BankLine, *, near: bool = False, late: bool = False, undone: bool = False) -> Ours:
    """Our line of the same transaction; `undone`: of an earlier date, and no longer in effect."""
    state, change = ("U", -effect(line)) if undone else (line.state, effect(line))
    about = key(line), direction(line), line.amount, state, line.rrn, change
    return Ours(*about, near, late, line.code, line.policy, line.due)


def theirs(lines: Iterable[BankLine]) -> list[Theirs]:
    """The bank's file, its lines numbered as they come, in the order of their keys."""
    return sorted(
        Theirs(
            key(line),
            number,
            direction(line),
            line.amount,
            line.state,
            line.rrn,
            line.code,
            line.policy,
            line.due,
        )
        for number, line in enumerate(lines, 1)
    )


def business(random: Random, count: int, day: str, lists_reversed: bool = True) -> list[BankLine]:
    """What a bank should send of a day: `count` transactions at a few terminals."""
    states = "SSSSR" if lists_reversed else "S"
    return [
        BankLine(
            line=number,
            terminal=f"T{random.randrange(4)}",
            branch="B1",
            sent_at=f"{day}{random.randrange(24):02d}0000",
            stan=f"{number:06d}",
            rrn=f"{day}{number:08d}",
            code=random.choice(tuple(KINDS)),
            policy=f"P{random.randrange(9)}",
            due=f"D{number}",
            amount=random.choice((1, 2, 100, 999_999_999_999, random.randrange(1, 10**8))),
            receipt="",
            state=random.choice(states),
        )
        for number in range(1, count + 1)
    ]


def reconciled(
    our_lines: Iterable[Ours],
    their_lines: Sequence[BankLine],
    carried: Iterable[BroughtForward] = (),
    history: Mapping[str, int] = NO_HISTORY,
    lists_reversed: bool = True,
) -> Result:
    paired = pair(sorted(our_lines), theirs(their_lines))
    earlier = {key: history[key] for key in keys_to_look_up(paired) if key in history}
    return resolve(paired, carried, earlier, lists_reversed)


def reported(result: Result) -> list[Expected]:
    return sorted(Expected(finding.cls, finding.key, finding.difference) for finding in result.findings)


def on_the_day(expected: Iterable[Expected]) -> list[Expected]:
    """What is reported on the day itself, while nobody can know that a line comes tomorrow."""
    return sorted(
        expectation._replace(cls=BreakClass.OURS_ONLY)
        if expectation.cls is BreakClass.TIMING
        else expectation
        for expectation in expected
    )


def test_each_class_of_discrepancy_by_the_hundred_is_found_and_no_other() -> None:
    lines = business(Random(1), 3000, TODAY)
    near = {key(line) for line in lines[::3]}
    seeded = seed(BANK, lines, near, Random(2), Counts(*[200] * 8))
    result = reconciled([ours(line, near=key(line) in near) for line in lines], seeded.lines)
    assert reported(result) == on_the_day(seeded.expected)
    assert len(result.findings) == 7 * 200
    assert result.matched == 3000 - 5 * 200


def test_the_same_seed_makes_the_same_discrepancies() -> None:
    lines = business(Random(1), 50, TODAY)
    near = [key(line) for line in lines]
    first, second = (seed(BANK, lines, near, Random(3), Counts(*[3] * 8)) for _ in range(2))
    assert first == second


def test_nothing_is_put_in_unasked() -> None:
    lines = business(Random(1), 50, TODAY)
    seeded = seed(BANK, lines, (), Random(3), Counts())
    assert (sorted(seeded.lines), seeded.tomorrow, seeded.expected) == (lines, (), ())


@pytest.mark.parametrize(
    "counts", [Counts(timing=1), Counts(ours_only=51), Counts(duplicate=26, ours_only=25)]
)
def test_more_discrepancies_than_lines_are_refused(counts: Counts) -> None:
    with pytest.raises(ValueError, match=r"[Ss]ample larger than population"):
        seed(BANK, business(Random(1), 50, TODAY), (), Random(3), counts)


def test_a_line_without_an_rrn_of_its_own_is_not_renumbered() -> None:
    lines = [line._replace(rrn=rrn) for line, rrn in zip(business(Random(1), 3, TODAY), "xx ", strict=True)]
    lines[2] = lines[2]._replace(rrn="")
    with pytest.raises(ValueError, match=r"[Ss]ample larger than population"):
        seed(BANK, lines, (), Random(3), Counts(renumbered=1))


@dataclass
class NextDay:
    """The two sides' lines of the next day, and what must be reported then: findings, and breaks that end,
    by key.
    """

    ours: list[Ours] = field(default_factory=list)
    theirs: list[BankLine] = field(default_factory=list)
    findings: list[Expected] = field(default_factory=list)
    closings: list[tuple[BreakClass, str]] = field(default_factory=list)

    def nothing_wrong(self, line: BankLine, random: Random) -> None:
        """A transaction that agreed, and was in effect."""
        story = random.choice(("none", "both", "we", "bank", "again"))
        if story in ("both", "we"):
            self.ours.append(ours(line, undone=True))
        if story in ("both", "bank"):
            self.theirs.append(line._replace(state="R"))
        if story == "we":
            self.findings.append(Expected(BreakClass.STATE_DIFFERS, key(line), effect(line)))
        if story == "bank":
            self.findings.append(Expected(BreakClass.STATE_DIFFERS, key(line), -effect(line)))
        if story == "again":
            self.theirs.append(line)
            self.findings.append(Expected(BreakClass.DUPLICATE, key(line), effect(line)))

    def we_alone(self, line: BankLine, random: Random, near: bool) -> None:
        """What we have in effect, and the bank has not, or has as reversed."""
        story = random.choice(("none", "we", "both", "bank later"))
        if story in ("we", "both"):
            self.ours.append(ours(line, undone=True))
            self.closings.append((BreakClass.OURS_ONLY, key(line)))
        if story == "both":
            self.theirs.append(line._replace(state="R"))
        if story == "bank later":
            self.theirs.append(line)
            if near:
                self.closings.append((BreakClass.TIMING, key(line)))
            else:
                self.findings.append(Expected(BreakClass.BANK_ONLY, key(line), effect(line)))

    def bank_alone(self, line: BankLine, random: Random) -> None:
        """What the bank has in effect, and we have not."""
        story = random.choice(("none", "bank", "near", "advice", "later", "reversed by both"))
        if story == "bank":
            self.theirs.append(line._replace(state="R"))
            self.closings.append((BreakClass.BANK_ONLY, key(line)))
        if story in ("near", "advice"):
            self.ours.append(ours(line, near=story == "near", late=story == "advice"))
            self.closings.append((BreakClass.TIMING, key(line)))
        if story == "later":
            self.ours.append(ours(line))
            self.findings.append(Expected(BreakClass.OURS_ONLY, key(line), -effect(line)))
        if story == "reversed by both":
            reversed_line = line._replace(state="R")
            self.ours.append(ours(reversed_line, near=True))
            self.theirs.append(reversed_line)
            self.closings.append((BreakClass.BANK_ONLY, key(line)))

    def states_differ(self, line: BankLine, random: Random) -> None:
        """One side has it in effect, the other reversed: it is settled where the first reverses it too."""
        if random.choice((True, False)):
            return
        self.closings.append((BreakClass.STATE_DIFFERS, key(line)))
        if line.state == "S":
            self.ours.append(ours(line, undone=True))
        else:
            self.theirs.append(line)

    def details_differ(self, line: BankLine, sent: BankLine, random: Random) -> None:
        """What both have, and not for the same: where we reverse it, nothing is at stake any more."""
        story = random.choice(("none", "both", "we", "bank"))
        if line.state != "S":
            return
        if story in ("both", "we"):
            self.ours.append(ours(line, undone=True))
            self.closings.append((BreakClass.DETAILS_DIFFER, key(line)))
        if story in ("both", "bank"):
            self.theirs.append(sent._replace(state="R"))
        if story in ("bank", "we"):
            change = effect(line) if story == "we" else -effect(line)
            self.findings.append(Expected(BreakClass.STATE_DIFFERS, key(line), change))

    def amounts_differ(self, line: BankLine, sent: BankLine, random: Random) -> None:
        """Both may reverse it, each with its own amount."""
        if line.state == "S" and random.choice((True, False)):
            self.ours.append(ours(line, undone=True))
            self.theirs.append(sent._replace(state="R"))
            self.closings.append((BreakClass.AMOUNT_DIFFERS, key(line)))


def next_day(lines: Sequence[BankLine], seeded: Seeded, near: set[str], random: Random) -> NextDay:
    """Go on with the stories of a day: those of the discrepancies, and those of what agreed."""
    by_key = {key(line): line for line in lines}
    sent = {key(line): line for line in seeded.lines}
    day = NextDay()
    for cls, name, _ in seeded.expected:
        if cls is BreakClass.TIMING:
            day.closings.append((BreakClass.TIMING, name))
        elif cls is BreakClass.OURS_ONLY and by_key[name].state == "S":
            day.we_alone(by_key[name], random, name in near)
        elif cls is BreakClass.BANK_ONLY:
            day.bank_alone(sent[name], random)
        elif cls is BreakClass.STATE_DIFFERS:
            day.states_differ(by_key[name], random)
        elif cls is BreakClass.DETAILS_DIFFER:
            day.details_differ(by_key[name], sent[name], random)
        elif cls is BreakClass.AMOUNT_DIFFERS:
            day.amounts_differ(by_key[name], sent[name], random)
    touched = {expectation.key for expectation in seeded.expected}
    for name in sorted(sent.keys() & by_key.keys() - touched):
        if by_key[name].state == "S":
            day.nothing_wrong(by_key[name], random)
    day.theirs += seeded.tomorrow
    return day


def carried_over(result: Result, near: set[str]) -> list[BroughtForward]:
    """The breaks of a day as the next one sees them, each named by its key and its line."""
    return [
        BroughtForward(
            f"{finding.key} {finding.line}",
            "20261123",
            finding.cls,
            finding.key,
            finding.direction,
            finding.ours_effect,
            finding.theirs_effect,
            adjacent=True,
            near=finding.key in near,
            code=finding.code,
            policy=finding.policy,
            due=finding.due,
            withheld=finding.withheld,
        )
        for finding in result.findings
    ]


COUNTS = st.builds(Counts, *[st.integers(0, 6)] * 8)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), COUNTS, COUNTS, st.booleans(), st.integers(0, 60))
def test_over_two_days_each_discrepancy_is_found_once_as_what_it_is_and_ends_as_it_must(
    number: int, counts: Counts, counts_tomorrow: Counts, lists_reversed: bool, more: int
) -> None:
    random = Random(number)
    lines = business(random, sum(counts) + more, TODAY, lists_reversed)
    near = {key(line) for line in random.sample(lines, counts.timing + more // 2)}
    seeded = seed(BANK, lines, near, random, counts)
    our_lines = [ours(line, near=key(line) in near) for line in lines]
    if not lists_reversed:  # what the bank does not list
        hidden = business(random, more, "1122", lists_reversed=True)
        our_lines += [ours(line._replace(state="R")) for line in hidden]
    first = reconciled(our_lines, seeded.lines, lists_reversed=lists_reversed)
    assert (reported(first), first.closings) == (on_the_day(seeded.expected), ())

    lines_tomorrow = business(random, sum(counts_tomorrow) + more, TOMORROW, lists_reversed)
    near_tomorrow = {key(line) for line in lines_tomorrow}
    seeded_tomorrow = seed(BANK, lines_tomorrow, near_tomorrow, random, counts_tomorrow)
    day = next_day(lines, seeded, near, random)
    history: dict[str, int] = {}
    for line in seeded.lines:
        history[key(line)] = history.get(key(line), 0) + effect(line)
    file = random.sample([*seeded_tomorrow.lines, *day.theirs], len(seeded_tomorrow.lines) + len(day.theirs))
    our_lines = [*day.ours, *(ours(line, near=True) for line in lines_tomorrow)]
    carried = carried_over(first, near)
    second = reconciled(our_lines, file, carried, history, lists_reversed)
    assert reported(second) == sorted([*on_the_day(seeded_tomorrow.expected), *day.findings])
    ended = [(closing.cls, closing.name.rpartition(" ")[0]) for closing in second.closings]
    assert sorted(ended) == sorted(day.closings)


@given(st.integers(0, 2**32), COUNTS)
def test_what_is_expected_is_what_the_two_sides_effects_differ_by(number: int, counts: Counts) -> None:
    random = Random(number)
    lines = business(random, sum(counts) + 1, TODAY)
    seeded = seed(BANK, lines, {key(line) for line in lines}, random, counts)
    expected = sum(
        expectation.difference
        for expectation in seeded.expected
        if expectation.cls is not BreakClass.DETAILS_DIFFER
    )
    assert sum(map(effect, seeded.lines)) - sum(map(effect, lines)) == expected
    assert [effect_of(direction(line), line.state, line.amount) for line in lines] == list(map(effect, lines))
    assert (
        len({key(line) for line in (*seeded.lines, *seeded.tomorrow)})
        == len(seeded.lines) + len(seeded.tomorrow) - counts.duplicate
    )
