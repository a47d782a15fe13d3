"""Pairs our journal's lines of a date with those of a bank's file, in one pass over both.

Pure: no SQL, no clock. Both sides come as streams in the order of their keys; only lines that do not pair are
kept. Breaks and files of earlier dates do not belong here (`office.matching.match`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from office.accounting import break_reasons
from office.accounting.finding import Finding
from office.matching.details import agree, plain
from office.matching.lines import Ours, Paired, Theirs, finding_of, pair_differs, terminal_of
from qianzhi_errors.sentence import Sentence

_ByRrn: TypeAlias = tuple[str, str, str, str]
"""An RRN, a direction, a bank's terminal, and a policy in the form in which policies are compared."""


def pair(ours: Iterable[Ours], theirs: Iterable[Theirs], *, has_policy: bool = True) -> Paired:
    """Pair two sides by key and direction, then what is left by RRN; then find the bank's repeated lines.

    The streams must be sorted in the order of Python strings: ours by key, theirs by key and line.
    `has_policy`: the bank's layout has a column for the policy. Then an RRN pairs only lines of the same
    policy, since no standard says for how long a bank's RRN is unique. Raises InvariantBroken for a stream
    that is out of order.
    """
    pairing = _Pairing(has_policy=has_policy)
    groups = _by_key(theirs)
    group = next(groups)
    previous = ""
    for our_line in ours:
        if our_line.key <= previous:
            raise InvariantBroken(
                Sentence(
                    "our line {key} comes after {previous}: out of order or twice",
                    key=our_line.key,
                    previous=previous,
                )
            )
        previous = our_line.key
        while group and group[0].key < our_line.key:
            pairing.add_only_theirs(group)
            group = next(groups, [])
        if group and group[0].key == our_line.key:
            pairing.add_both_sides(our_line, group)
            group = next(groups, [])
        else:
            pairing.add_only_ours(our_line)
    while group:
        pairing.add_only_theirs(group)
        group = next(groups, [])
    return pairing.finish()


def keys_to_look_up(paired: Paired) -> tuple[str, ...]:
    """The keys, sorted, whose effects in the bank's earlier files `resolve` needs as `earlier`."""
    reversed_lines = (line for _, line in paired.reversed_pairs)
    return tuple(sorted(line.key for line in (*paired.theirs_left, *reversed_lines)))


_MARKS_A_PACK: Final = 4096


class _PairedMarks:
    """The marks (terminal, policy, RRN, direction, amount) of all pairs, stored exactly.

    They are joined into strings of 4,096 marks each: a set of a million short strings would take more memory
    than everything else here.
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
        added = marks.intersection(self._loose)
        for pack in self._packs if marks else ():
            added |= marks.intersection(pack.split("\n"))
        return added


class _Pairing:
    """The pairing of both sides as far as they have been read."""

    def __init__(self, *, has_policy: bool) -> None:
        self._has_policy = has_policy
        self._ours = self._theirs = self._matched = 0
        self._ours_effect = self._theirs_effect = 0
        self._findings: list[Finding] = []
        self._reversed_pairs: list[tuple[Ours, Theirs]] = []
        self._ours_left: list[Ours] = []
        self._theirs_left: list[Theirs] = []
        self._paired_marks = _PairedMarks()
        self._paired_keys: set[str] = set()  # the bank's, but only keys that a line left may have too
        self._undone_keys: set[str] = set()

    def add_both_sides(self, our_line: Ours, group: list[Theirs]) -> None:
        """Add our line and the bank's lines with the same key: the most similar line is its pair."""
        if our_line.state == "U":
            self._undone_keys.add(our_line.key)
        same = (
            [line for line in group if line.direction == our_line.direction] if our_line.state != "U" else []
        )
        if not same:
            self.add_only_ours(our_line)
            self.add_only_theirs(group)
            return
        best = _most_like(our_line, same)
        self._count_ours(our_line)
        self._count_theirs(group)
        self._add_pair(our_line, best)
        if len(group) > 1:
            self._paired_keys.add(our_line.key)
            self._theirs_left += (line for line in group if line is not best)

    def add_only_ours(self, our_line: Ours) -> None:
        """Add our line with a key that the bank's file does not have."""
        self._count_ours(our_line)
        self._ours_left.append(our_line)

    def add_only_theirs(self, group: list[Theirs]) -> None:
        """Add the bank's lines with a key that we do not have."""
        self._count_theirs(group)
        self._theirs_left += group

    def finish(self) -> Paired:
        """Pair by RRN, find the repeats, and return the result."""
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

    def _count_ours(self, our_line: Ours) -> None:
        self._ours += 1
        self._ours_effect += our_line.effect

    def _count_theirs(self, group: list[Theirs]) -> None:
        for line in group:
            self._theirs += 1
            self._theirs_effect += line.effect

    def _add_pair(self, our_line: Ours, line: Theirs) -> None:
        """Add two lines as one transaction. A bank line in state R waits for `resolve`: an earlier file may
        have it as done.
        """
        if line.rrn:
            self._paired_marks.add(_mark(line))
        if line.state == "R":
            self._reversed_pairs.append((our_line, line))
        elif our_line.state == line.state and our_line.amount == line.amount and agree(our_line, line):
            self._matched += 1
        else:
            self._findings.append(pair_differs(our_line, line, line.effect))

    def _pair_by_rrn(self) -> None:
        """Pair lines left with the same RRN, direction, terminal and policy, if each side has only one
        transaction with them.
        """
        ours: dict[_ByRrn, list[Ours]] = defaultdict(list)
        theirs: dict[_ByRrn, list[Theirs]] = defaultdict(list)
        for our_line in self._ours_left:
            if our_line.rrn and our_line.state != "U":
                ours[self._by_rrn(our_line)].append(our_line)
        for line in self._theirs_left:
            if line.key not in self._undone_keys:
                theirs[self._by_rrn(line)].append(line)
        paired: set[str | tuple[str, int]] = set()
        for mark, our_lines in ours.items():
            group = theirs.get(mark, [])
            # The bank's lines with one key are one transaction and its repeats.
            if len(our_lines) > 1 or len({line.key for line in group}) != 1:
                continue
            our_line = our_lines[0]
            best = _most_like(our_line, group)
            self._add_pair(our_line, best)
            self._paired_keys.add(best.key)
            paired |= {our_line.key, (best.key, best.line)}
        self._ours_left = [our_line for our_line in self._ours_left if our_line.key not in paired]
        self._theirs_left = [line for line in self._theirs_left if (line.key, line.line) not in paired]

    def _by_rrn(self, line: Ours | Theirs) -> _ByRrn:
        policy = plain(line.policy) if self._has_policy else ""
        return line.rrn, line.direction, terminal_of(line.key), policy

    def _name_duplicates(self) -> None:
        """Make findings of the bank's lines left that repeat a pair, or a line further up in the file."""
        keys = self._paired_keys
        marks = self._paired_marks.among({_mark(line) for line in self._theirs_left})
        left = []
        for line in sorted(self._theirs_left, key=lambda line: line.line):
            reason = ""
            if line.key in keys:
                reason = break_reasons.ON_ANOTHER_LINE
            elif _mark(line) in marks:
                reason = break_reasons.ALIKE
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
    """Yield the bank's lines in groups of the same key; a single empty group if there are no lines.

    Raises InvariantBroken for lines that are out of order.
    """
    group: list[Theirs] = []
    for line in theirs:
        if group:
            last = group[-1]
            if line.key == last.key and line.line > last.line:
                group.append(line)
                continue
            if line.key <= last.key:
                raise InvariantBroken(
                    Sentence("the bank's line {line} is out of order or comes twice", line=line.line)
                )
            yield group
        group = [line]
    yield group


def _most_like(our_line: Ours, lines: list[Theirs]) -> Theirs:
    """The line most similar to ours: first by the same amount, then the same state, then details that agree;
    of equal lines the first.
    """
    if len(lines) == 1:
        return lines[0]
    return min(
        lines,
        key=lambda line: (
            line.amount != our_line.amount,
            line.state != our_line.state,
            not agree(our_line, line),
        ),
    )


def _mark(line: Theirs) -> str:
    """What two lines of a transaction share even if their keys differ. No text of a line holds a tab."""
    return f"{line.direction}{line.amount}\t{terminal_of(line.key)}\t{line.policy}\t{line.rrn}"
