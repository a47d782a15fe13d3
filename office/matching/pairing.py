"""Pair our journal's lines of a date with those of a bank's file, in one pass over both.

Pure: no SQL, no clock. Both sides come as streams in the order of their keys; only what did not pair is kept.
What earlier dates have to say about a line does not belong here (`office.matching.match`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from office.accounting.finding import Finding
from office.matching.details import agree, plain
from office.matching.lines import Ours, Paired, Theirs, finding_of, pair_differs, terminal_of

_ByRrn: TypeAlias = tuple[str, str, str, str]
"""An RRN, a direction, a bank's terminal, and a policy as it is compared."""


def pair(ours: Iterable[Ours], theirs: Iterable[Theirs], *, has_policy: bool = True) -> Paired:
    """Pair two sides: by key and direction, then what is left by RRN; then name the bank's repeated lines.

    Both are used as they come: ours by key, theirs by key and line, in the order of Python strings.
    `has_policy` tells that the bank's lines have a column for the policy: an RRN, of which nobody says how
    long it stays the only one, then pairs lines of one policy only. Raises InvariantBroken where the order is
    another.
    """
    pairing = _Pairing(has_policy=has_policy)
    groups = _by_key(theirs)
    group = next(groups)
    previous = ""
    for one in ours:
        if one.key <= previous:
            raise InvariantBroken(f"our line {one.key} comes after {previous}: out of order or twice")
        previous = one.key
        while group and group[0].key < one.key:
            pairing.bank_has(group)
            group = next(groups, [])
        if group and group[0].key == one.key:
            pairing.both_have(one, group)
            group = next(groups, [])
        else:
            pairing.we_have(one)
    while group:
        pairing.bank_has(group)
        group = next(groups, [])
    return pairing.finish()


def keys_to_look_up(paired: Paired) -> tuple[str, ...]:
    """The bank's keys of which `resolve` must be told what the bank's earlier files hold, in order."""
    reversed_lines = (line for _, line in paired.reversed_pairs)
    return tuple(sorted(line.key for line in (*paired.theirs_left, *reversed_lines)))


_MARKS_A_PACK: Final = 4096


class _PairedMarks:
    """The terminal, policy, RRN, direction and amount of every pair, exactly: joined to a few long strings,
    since a million short ones in a set would take more memory than all the rest.
    """

    def __init__(self) -> None:
        self._packs: list[str] = []
        self._loose: list[str] = []

    def add(self, mark: str) -> None:
        self._loose.append(mark)
        if len(self._loose) == _MARKS_A_PACK:
            self._packs.append("\n".join(self._loose))
            self._loose.clear()

    def among(self, marks: set[str]) -> set[str]:
        """Those of `marks` that were added."""
        found = marks.intersection(self._loose)
        for pack in self._packs if marks else ():
            found |= marks.intersection(pack.split("\n"))
        return found


class _Pairing:
    """Both sides as far as they have been read."""

    def __init__(self, *, has_policy: bool) -> None:
        self._has_policy = has_policy
        self._ours = self._theirs = self._matched = 0
        self._ours_effect = self._theirs_effect = 0
        self._findings: list[Finding] = []
        self._reversed_pairs: list[tuple[Ours, Theirs]] = []
        self._ours_left: list[Ours] = []
        self._theirs_left: list[Theirs] = []
        self._paired_marks = _PairedMarks()
        self._paired_keys: set[str] = set()  # the bank's, and only those that a line left over may have too
        self._undone_keys: set[str] = set()

    def both_have(self, one: Ours, group: list[Theirs]) -> None:
        """Take our line and the bank's lines under the same key."""
        if one.state == "U":
            self._undone_keys.add(one.key)
        same = [line for line in group if line.direction == one.direction] if one.state != "U" else []
        if not same:
            self.we_have(one)
            self.bank_has(group)
            return
        best = _most_like(one, same)
        self._count_ours(one)
        self._count_theirs(group)
        self._settle(one, best)
        if len(group) > 1:
            self._paired_keys.add(one.key)
            self._theirs_left += (line for line in group if line is not best)

    def we_have(self, one: Ours) -> None:
        """Take a line of ours under a key that the bank's file does not have."""
        self._count_ours(one)
        self._ours_left.append(one)

    def bank_has(self, group: list[Theirs]) -> None:
        """Take the bank's lines under a key that we do not have."""
        self._count_theirs(group)
        self._theirs_left += group

    def finish(self) -> Paired:
        """Pair by RRN, name the repeats, and return what there is."""
        self._pair_by_rrn()
        self._name_duplicates()
        return Paired(
            self._ours,
            self._theirs,
            self._matched,
            self._ours_effect,
            self._theirs_effect,
            tuple(self._findings),
            tuple(self._reversed_pairs),
            tuple(self._ours_left),
            tuple(self._theirs_left),
        )

    def _count_ours(self, one: Ours) -> None:
        self._ours += 1
        self._ours_effect += one.effect

    def _count_theirs(self, group: list[Theirs]) -> None:
        for line in group:
            self._theirs += 1
            self._theirs_effect += line.effect

    def _settle(self, one: Ours, line: Theirs) -> None:
        """Keep two lines as one transaction. What the bank has reversed waits: it may be in earlier files."""
        if line.rrn:
            self._paired_marks.add(_mark(line))
        if line.state == "R":
            self._reversed_pairs.append((one, line))
        elif one.state == line.state and one.amount == line.amount and agree(one, line):
            self._matched += 1
        else:
            self._findings.append(pair_differs(one, line, line.effect))

    def _pair_by_rrn(self) -> None:
        """Pair what is left and has the same RRN, direction, terminal and policy, where there is one such on
        both sides.
        """
        ours: dict[_ByRrn, list[Ours]] = defaultdict(list)
        theirs: dict[_ByRrn, list[Theirs]] = defaultdict(list)
        for one in self._ours_left:
            if one.rrn and one.state != "U":
                ours[self._by_rrn(one)].append(one)
        for line in self._theirs_left:
            if line.key not in self._undone_keys:
                theirs[self._by_rrn(line)].append(line)
        gone: set[str | tuple[str, int]] = set()
        for named, alone in ours.items():
            group = theirs.get(named, [])
            # Lines under one key are one transaction and its repeats.
            if len(alone) > 1 or len({line.key for line in group}) != 1:
                continue
            best = _most_like(alone[0], group)
            self._settle(alone[0], best)
            self._paired_keys.add(best.key)
            gone |= {alone[0].key, (best.key, best.line)}
        self._ours_left = [one for one in self._ours_left if one.key not in gone]
        self._theirs_left = [line for line in self._theirs_left if (line.key, line.line) not in gone]

    def _by_rrn(self, line: Ours | Theirs) -> _ByRrn:
        policy = plain(line.policy) if self._has_policy else ""
        return line.rrn, line.direction, terminal_of(line.key), policy

    def _name_duplicates(self) -> None:
        """Of the bank's lines left, name those that repeat a pair, or a line left further up in the file."""
        keys = self._paired_keys
        marks = self._paired_marks.among({_mark(line) for line in self._theirs_left})
        left = []
        for line in sorted(self._theirs_left, key=lambda line: line.line):
            reason = ""
            if line.key in keys:
                reason = "the bank's file has this transaction on another line too"
            elif _mark(line) in marks:
                reason = "the bank's file has another line of the same RRN, terminal, policy and amount"
            if reason:
                self._findings.append(
                    finding_of(BreakClass.DUPLICATE, line, line.line, 0, line.effect, reason)
                )
            else:
                left.append(line)
            keys.add(line.key)
            if line.rrn:
                marks.add(_mark(line))
        self._theirs_left = sorted(left)


def _by_key(theirs: Iterable[Theirs]) -> Iterator[list[Theirs]]:
    """The bank's lines, those of one key together; one empty list where there are none."""
    group: list[Theirs] = []
    for line in theirs:
        if group:
            last = group[-1]
            if line.key == last.key and line.line > last.line:
                group.append(line)
                continue
            if line.key <= last.key:
                raise InvariantBroken(f"the bank's line {line.line} is out of order or comes twice")
            yield group
        group = [line]
    yield group


def _most_like(one: Ours, lines: list[Theirs]) -> Theirs:
    """The first of the lines of ours' direction that has its amount, its state and its details, or, where
    none has all, as many of them in this order.
    """
    if len(lines) == 1:
        return lines[0]
    return min(
        lines,
        key=lambda line: (line.amount != one.amount, line.state != one.state, not agree(one, line)),
    )


def _mark(line: Theirs) -> str:
    """What two lines of one transaction have in common under two keys. No text of a line holds a tab."""
    return f"{line.direction}{line.amount}\t{terminal_of(line.key)}\t{line.policy}\t{line.rrn}"
