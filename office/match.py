"""Match a business date of our journal with a bank's file: every line of either side ends in one class.

Pure: no SQL, no clock, and nothing about how money leaves suspense. `pair` takes both sides once, as streams
in the order of their keys, and keeps only what did not pair. `resolve` then holds that against the breaks of
earlier dates and the bank's earlier files, and proves that it lost no line and no fen. `offers` points the
clerk at sums that fit; it decides nothing.

Effects are signed fen as the bank's clearing account sees them: a collection in effect is +amount, a payout in
effect -amount, a reversed one 0. A difference is theirs - ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from ledger.capitals import in_figures
from ledger.errors import InvariantBroken


class Class(StrEnum):
    """What is wrong with a line or a pair of lines: the values of the column breaks.class."""

    BANK_ONLY = "bank_only"
    OURS_ONLY = "ours_only"
    AMOUNT_DIFFERS = "amount_differs"
    STATE_DIFFERS = "state_differs"
    DUPLICATE = "duplicate"
    TIMING = "timing"


class Ours(NamedTuple):
    """One line on our side for the date; there is one a key at most.

    `direction` is C (collection) or P (payout). `state` at the day's end: S in effect, R reversed; U is a
    transaction of an earlier date that was undone or put back in effect today, and its `effect` is then the
    change. `near`: recorded within minutes of a cut-over of this date. `late`: an advice, which may belong to
    an earlier date, whatever its distance. Amounts and effects in fen.
    """

    key: str
    direction: str
    amount: int
    state: str
    rrn: str
    effect: int
    near: bool
    late: bool
    code: str
    policy: str
    due: str


class Theirs(NamedTuple):
    """One line of the bank's file: `line` its number there, from 1; `state` S done or R reversed; fen."""

    key: str
    line: int
    direction: str
    amount: int
    state: str
    rrn: str
    code: str
    policy: str
    due: str


class Finding(NamedTuple):
    """One difference, to become a break. The key is ours where we have the transaction; `line` is 0 where the
    bank's file has no line of it. Effects in fen; `reason` is a sentence for the clerk.
    """

    cls: Class
    key: str
    line: int
    direction: str
    code: str
    policy: str
    due: str
    ours_effect: int
    theirs_effect: int
    reason: str

    @property
    def difference(self) -> int:
        """What goes into suspense, in fen: positive for 长款, negative for 短款."""
        return self.theirs_effect - self.ours_effect


class Carried(NamedTuple):
    """An unresolved break of an earlier date (YYYYMMDD). `adjacent`: that date is the business date just
    before this one. `near`: our entry in it was recorded near the cut-over between the two. Effects in fen.
    """

    name: str
    date: str
    cls: Class
    key: str
    direction: str
    ours_effect: int
    theirs_effect: int
    adjacent: bool
    near: bool


class Closing(NamedTuple):
    """A carried break whose difference goes to zero by today's lines.

    `cls` is its class from now on: TIMING where the two sides date one event differently. The effects are
    today's changes, in fen.
    """

    name: str
    cls: Class
    ours_effect: int
    theirs_effect: int
    reason: str


class Paired(NamedTuple):
    """What `pair` found: counts of lines, pairs that agree, sums of effects in fen over all lines, findings so
    far, and what waits for `resolve`: pairs whose bank line is reversed, and lines that did not pair.

    No two lines of `theirs_left` and `reversed_pairs` have the bank's key in common.
    """

    ours: int
    theirs: int
    matched: int
    ours_effect: int
    theirs_effect: int
    findings: tuple[Finding, ...]
    reversed_pairs: tuple[tuple[Ours, Theirs], ...]
    ours_left: tuple[Ours, ...]
    theirs_left: tuple[Theirs, ...]


class Result(NamedTuple):
    """A bank's date, reconciled: counts of lines, pairs that agree, sums of effects in fen, findings by key and
    line, closings by name.
    """

    ours: int
    theirs: int
    matched: int
    ours_effect: int
    theirs_effect: int
    findings: tuple[Finding, ...]
    closings: tuple[Closing, ...]


def effect_of(direction: str, state: str, amount: int) -> int:
    """The effect, in fen, of a line of `amount` fen: 0 unless its state is S."""
    if state != "S":
        return 0
    return amount if direction == "C" else -amount


def pair(ours: Iterable[Ours], theirs: Iterable[Theirs]) -> Paired:
    """Pair two sides: by key and direction, then what is left by RRN; then name the bank's repeated lines.

    Both are used as they come: ours by key, theirs by key and line, in the order of Python strings. Raises
    InvariantBroken where they are not.
    """
    pairing = _Pairing()
    groups = _by_key(theirs)
    group = next(groups, [])
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


def resolve(
    paired: Paired, carried: Iterable[Carried], earlier: Mapping[str, int], lists_reversed: bool
) -> Result:
    """Hold what is left against the unresolved breaks of earlier dates, and give every line its class.

    `earlier` maps a key to the effect, in fen, that this bank's earlier files leave of it, for the keys of
    `keys_to_look_up`; one that is not there counts 0. `lists_reversed`: this bank's files also list what was
    reversed. Raises InvariantBroken where a line is lost or counted twice, or the effects do not balance.
    """
    settling = _Settling(carried, earlier, lists_reversed)
    for one, line in paired.reversed_pairs:
        settling.reversed_pair(one, line)
    lines = {line.key: line for line in paired.theirs_left}
    for one in paired.ours_left:
        if one.state != "U":
            settling.we_have(one)
        elif settling.undone_late(one, lines.get(one.key)):
            del lines[one.key]
    for line in lines.values():
        settling.bank_has(line)
    return settling.result(paired)


_MARKS_A_PACK: Final = 4096


class _PairedMarks:
    """The RRN, direction and amount of every pair, exactly: joined to a few long strings, since a million
    short ones in a set would take more memory than all the rest.
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

    def __init__(self) -> None:
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
        best = _best(one, group) if one.state != "U" else None
        if best is None:
            self.we_have(one)
            self.bank_has(group)
            return
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
            self._theirs_effect += effect_of(line.direction, line.state, line.amount)

    def _settle(self, one: Ours, line: Theirs) -> None:
        """Keep two lines as one transaction. What the bank has reversed waits: it may be in earlier files."""
        if line.rrn:
            self._paired_marks.add(_mark(line))
        if line.state == "R":
            self._reversed_pairs.append((one, line))
        elif one.state == line.state and one.amount == line.amount:
            self._matched += 1
        else:
            self._findings.append(_pair_differs(one, line, _effect(line)))

    def _pair_by_rrn(self) -> None:
        """Pair what is left and has the same RRN and direction, where there is one such on both sides."""
        ours: dict[tuple[str, str], list[Ours]] = defaultdict(list)
        theirs: dict[tuple[str, str], list[Theirs]] = defaultdict(list)
        for one in self._ours_left:
            if one.rrn and one.state != "U":
                ours[one.rrn, one.direction].append(one)
        for line in self._theirs_left:
            if line.rrn and line.key not in self._undone_keys:
                theirs[line.rrn, line.direction].append(line)
        gone: set[str | tuple[str, int]] = set()
        for named, alone in ours.items():
            group = theirs.get(named, [])
            # Lines under one key are one transaction and its repeats.
            if len(alone) > 1 or len({line.key for line in group}) != 1:
                continue
            best = _best(alone[0], group) or group[0]
            self._settle(alone[0], best)
            self._paired_keys.add(best.key)
            gone |= {alone[0].key, (best.key, best.line)}
        self._ours_left = [one for one in self._ours_left if one.key not in gone]
        self._theirs_left = [line for line in self._theirs_left if (line.key, line.line) not in gone]

    def _name_duplicates(self) -> None:
        """Of the bank's lines left, name those that repeat a pair, or a line left further up in the file."""
        keys = self._paired_keys
        marks = self._paired_marks.among({_mark(line) for line in self._theirs_left if line.rrn})
        left = []
        for line in sorted(self._theirs_left, key=lambda line: line.line):
            reason = ""
            if line.key in keys:
                reason = "the bank's file has this transaction on another line too"
            elif line.rrn and _mark(line) in marks:
                reason = "the bank's file has another line of the same RRN, direction and amount"
            if reason:
                self._findings.append(_finding(Class.DUPLICATE, line, line.line, 0, _effect(line), reason))
            else:
                left.append(line)
            keys.add(line.key)
            if line.rrn:
                marks.add(_mark(line))
        self._theirs_left = sorted(left)


class _Settling:
    """The lines left of a date, as far as they have been given their classes."""

    def __init__(self, carried: Iterable[Carried], earlier: Mapping[str, int], lists_reversed: bool) -> None:
        self._carried: dict[str, list[Carried]] = defaultdict(list)
        for one in sorted(carried, key=lambda one: (one.date, one.name)):
            self._carried[one.key].append(one)
        self._earlier = earlier
        self._lists_reversed = lists_reversed
        self._ours = self._theirs = self._matched = 0
        self._findings: list[Finding] = []
        self._closings: list[Closing] = []

    def reversed_pair(self, one: Ours, line: Theirs) -> None:
        """Place a pair whose bank line is reversed, and with it what earlier files had of it."""
        self._place(ours=1, theirs=1)
        change = self._change(line)
        if self._close(line, 0, change, "the bank has reversed it since"):
            change = 0
        if one.state == "R" and one.amount == line.amount and change == 0:
            self._matched += 1
        else:
            self._findings.append(_pair_differs(one, line, change))

    def undone_late(self, one: Ours, line: Theirs | None) -> bool:
        """Place a late undoing (or putting back) of ours; tell whether the bank's line went with it."""
        if line is not None and line.direction == one.direction and self._both_changed(one, line):
            self._place(ours=1, theirs=1)
            return True
        self._place(ours=1)
        if not self._close(one, one.effect, 0, "reversed on our side since"):
            reason = "its state changed with us after its date, and the bank's file does not say so"
            self._findings.append(_finding(Class.STATE_DIFFERS, one, 0, one.effect, 0, reason))
        return False

    def we_have(self, one: Ours) -> None:
        """Place a line that the bank's file does not have."""
        self._place(ours=1)
        same = self._same_event(Class.BANK_ONLY, one, one.effect)
        for break_ in same:
            if one.late or (break_.adjacent and one.near):
                reason = f"the bank dated it {break_.date}, we a later date"
                self._end(break_, Class.TIMING, one.effect, 0, reason)
                return
        if one.state == "R" and not self._lists_reversed:
            self._matched += 1
            return
        reason = "we have it, the bank's file does not" + self._see(one.key, same)
        self._findings.append(_finding(Class.OURS_ONLY, one, 0, one.effect, 0, reason))

    def bank_has(self, line: Theirs) -> None:
        """Place a line of the bank's file that we do not have."""
        self._place(theirs=1)
        before = self._earlier.get(line.key, 0)
        change = self._change(line)
        if line.state == "R" and before != 0:
            if not self._close(line, 0, change, "the bank has reversed it since"):
                reason = "the bank reversed what an earlier file of it has, and we did not today"
                self._findings.append(
                    _finding(Class.STATE_DIFFERS, line, line.line, 0, change, reason + self._see(line.key))
                )
            return
        same = self._same_event(Class.OURS_ONLY, line, change)
        for break_ in same:
            if break_.adjacent and break_.near:
                reason = f"we dated it {break_.date}, the bank a later date"
                self._end(break_, Class.TIMING, 0, change, reason)
                return
        cls, reason = Class.BANK_ONLY, "the bank's file has it, we do not"
        if before != 0:
            cls, reason = Class.DUPLICATE, "an earlier file of this bank has it already"
        reason += self._see(line.key, same)
        self._findings.append(_finding(cls, line, line.line, 0, change, reason))

    def result(self, paired: Paired) -> Result:
        """Everything together, once it is certain that no line and no fen went astray."""
        with_ours = sum(finding.cls is not Class.DUPLICATE for finding in paired.findings)
        ours = paired.matched + with_ours + self._ours
        theirs = paired.matched + len(paired.findings) + self._theirs
        if (ours, theirs) != (paired.ours, paired.theirs):
            raise InvariantBroken(
                f"{paired.ours} lines of ours and {paired.theirs} of theirs came, {ours} and {theirs} were placed"
            )
        findings = sorted((*paired.findings, *self._findings), key=lambda one: (one.key, one.line, one.cls))
        closings = sorted(self._closings)
        late = (line for line in (*paired.theirs_left, *(line for _, line in paired.reversed_pairs)))
        theirs_effect = paired.theirs_effect + sum(self._change(line) for line in late if line.state == "R")
        explained = sum(finding.difference for finding in findings)
        explained += sum(closing.theirs_effect - closing.ours_effect for closing in closings)
        if theirs_effect - paired.ours_effect != explained:
            raise InvariantBroken(
                f"the effects differ by {theirs_effect - paired.ours_effect} fen, the findings by {explained}"
            )
        return Result(
            paired.ours,
            paired.theirs,
            paired.matched + self._matched,
            paired.ours_effect,
            theirs_effect,
            tuple(findings),
            tuple(closings),
        )

    def _place(self, ours: int = 0, theirs: int = 0) -> None:
        self._ours += ours
        self._theirs += theirs

    def _change(self, line: Theirs) -> int:
        """What a line changes: its effect, or, reversed, the end of what earlier files had of it."""
        return -self._earlier.get(line.key, 0) if line.state == "R" else _effect(line)

    def _both_changed(self, one: Ours, line: Theirs) -> bool:
        """Whether the bank's line says what our late change says, or ends a difference together with it."""
        change = self._change(line)
        if line.state == "R" and change != one.effect:
            return self._close(one, one.effect, change, "its state changed since, and both sides agree now")
        repeats = line.state == "S" and self._earlier.get(line.key, 0) != 0
        if repeats or change != one.effect or self._ended_by(one, one.effect, 0):
            return False
        self._matched += 1
        return True

    def _ended_by(self, line: Ours | Theirs, ours_change: int, theirs_change: int) -> Carried | None:
        """The first carried break of the line's key whose difference these changes bring to zero."""
        if ours_change == theirs_change:
            return None
        for one in self._carried.get(line.key, ()):
            after = one.theirs_effect + theirs_change - one.ours_effect - ours_change
            if one.direction == line.direction and after == 0:
                return one
        return None

    def _close(self, line: Ours | Theirs, ours_change: int, theirs_change: int, reason: str) -> bool:
        """Close the carried break that these changes end, under its class; False if there is none."""
        ended = self._ended_by(line, ours_change, theirs_change)
        if ended is not None:
            self._end(ended, ended.cls, ours_change, theirs_change, reason)
        return ended is not None

    def _end(self, ended: Carried, cls: Class, ours_change: int, theirs_change: int, reason: str) -> None:
        self._carried[ended.key].remove(ended)
        self._closings.append(Closing(ended.name, cls, ours_change, theirs_change, reason))

    def _same_event(self, cls: Class, line: Ours | Theirs, effect: int) -> list[Carried]:
        """The carried breaks in which one side alone has what the other has today."""
        effects = (effect, 0) if cls is Class.OURS_ONLY else (0, effect)
        return [
            one
            for one in self._carried.get(line.key, ())
            if (one.cls, one.direction) == (cls, line.direction)
            and (one.ours_effect, one.theirs_effect) == effects
        ]

    def _see(self, key: str, same: Sequence[Carried] = ()) -> str:
        """Name the carried break that a clerk should look at: one that fits but for the window, or any."""
        if same:
            return f"; same key in break {same[0].name} of {same[0].date}: offered, not taken"
        others = self._carried.get(key)
        return f"; see also break {others[0].name} of {others[0].date}" if others else ""


def offers(findings: Sequence[Finding]) -> dict[int, str]:
    """Hints for the clerk, by index in `findings`: where the lines that one side alone has of one policy or
    one terminal, in one direction, add up to a single line that the other side alone has.

    Sums of whole groups only, in time linear in the findings. Nothing is taken: the classes stay.
    """
    hints: dict[int, str] = {}
    for many, single in ((Class.OURS_ONLY, Class.BANK_ONLY), (Class.BANK_ONLY, Class.OURS_ONLY)):
        alone: dict[tuple[str, int], list[int]] = defaultdict(list)
        groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for index, finding in enumerate(findings):
            if finding.cls is single and finding.difference:
                alone[finding.direction, -finding.difference].append(index)
            elif finding.cls is many and finding.difference:
                if finding.policy:
                    groups["policy", finding.policy, finding.direction].append(index)
                groups["terminal", _terminal(finding.key), finding.direction].append(index)
        sums: dict[tuple[str, int], str] = {}
        for (what, name, direction), members in groups.items():
            total = direction, sum(findings[index].difference for index in members)
            fitting = alone.get(total, ())
            if not fitting or len(members) == 1:
                continue
            sums.setdefault(total, f"{len(members)} lines of {what} {name} ({many}) add up to this one")
            for index in members:
                hints.setdefault(
                    index,
                    f"the {len(members)} lines of {what} {name} ({many}) add up to one ({single}):"
                    f" {findings[fitting[0]].key}",
                )
        for total, hint in sums.items():
            for index in alone[total]:
                hints.setdefault(index, hint)
    return hints


def _by_key(theirs: Iterable[Theirs]) -> Iterator[list[Theirs]]:
    """The bank's lines, those of one key together."""
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
    if group:
        yield group


def _best(one: Ours, group: list[Theirs]) -> Theirs | None:
    """The line most like ours: of its amount and state, if there is one; never of another direction."""
    if len(group) == 1:
        return group[0] if group[0].direction == one.direction else None
    same = [line for line in group if line.direction == one.direction]
    return min(same, key=lambda line: (line.amount != one.amount, line.state != one.state), default=None)


def _effect(line: Theirs) -> int:
    return effect_of(line.direction, line.state, line.amount)


def _mark(line: Theirs) -> str:
    return f"{line.direction}{line.amount} {line.rrn}"


def _terminal(key: str) -> str:
    """The terminal in a key of ledger.request.key_of."""
    return key.partition("/")[2].rpartition("/")[0].rpartition("/")[0]


def _finding(
    cls: Class, line: Ours | Theirs, number: int, ours_effect: int, theirs_effect: int, reason: str
) -> Finding:
    about = line.key, number, line.direction, line.code, line.policy, line.due
    return Finding(cls, *about, ours_effect, theirs_effect, reason)


def _pair_differs(one: Ours, line: Theirs, theirs_effect: int) -> Finding:
    """The finding on two lines that are one transaction and do not agree."""
    cls = Class.STATE_DIFFERS
    if one.amount != line.amount:
        cls = Class.AMOUNT_DIFFERS
        reason = f"our amount is {in_figures(one.amount)}, the bank's {in_figures(line.amount)}"
    elif line.state == "S":
        reason = "we have it reversed, the bank has it done"
    elif one.state == "S":
        reason = "we have it done, the bank has it reversed"
    else:
        reason = "reversed on both sides, but an earlier file of the bank had it done"
    if one.key != line.key:
        reason += f"; found by its RRN, the bank's key is {line.key}"
    return _finding(cls, one, line.line, one.effect, theirs_effect, reason)
