"""Matches the lines that pairing left with earlier dates, so that every line ends in exactly one place.

Pure: no SQL, no clock, and nothing about how money leaves suspense. `resolve` compares the lines left with
the breaks of earlier dates and the bank's earlier files, and proves that no line and no fen is lost. Before
it, `office.matching.pairing.pair` reads both sides once, as streams; after it,
`office.matching.match_candidates` points at sums that fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ledger.errors import InvariantBroken
from ledger.rules.amount_in_words import in_figures
from ledger.rules.break_classes import BreakClass
from office.accounting import break_reasons
from office.accounting.finding import Finding
from office.matching.details import agree
from office.matching.lines import (
    BroughtForward,
    Closing,
    LateReversal,
    Ours,
    Paired,
    Result,
    Theirs,
    finding_of,
    pair_differs,
)
from qianzhi_errors.sentence import Sentence


def resolve(
    paired: Paired,
    brought_forward: Iterable[BroughtForward],
    earlier: Mapping[str, int],
    lists_reversed: bool,
    late: Iterable[LateReversal] = (),
) -> Result:
    """Match the lines left with the breaks of earlier dates and give every line its class.

    `brought_forward` are breaks of earlier dates. `earlier` maps the keys of `keys_to_look_up` to the effect,
    in fen, that the bank's earlier files have of them; a missing key counts 0. `lists_reversed`: the bank's
    files also list reversed transactions. `late` are the reversals that we refused today as too late. Raises
    InvariantBroken if a line is lost or counted twice, or if the findings do not explain the difference.
    """
    day_match = _DayMatch(brought_forward, earlier, lists_reversed, late)
    for our_line, line in paired.reversed_pairs:
        day_match.place_reversed_pair(our_line, line)
    lines = {line.key: line for line in paired.theirs_left}
    for our_line in paired.ours_left:
        if our_line.state != "U":
            day_match.place_only_ours(our_line)
        elif day_match.place_late_change(our_line, lines.get(our_line.key)):
            del lines[our_line.key]
    for line in lines.values():
        day_match.place_only_theirs(line)
    day_match.add_refused_reversals()
    return day_match.result(paired)


class _DayMatch:
    """The lines left of a date, placed one after the other; it counts them and collects the findings."""

    def __init__(
        self,
        brought_forward: Iterable[BroughtForward],
        earlier: Mapping[str, int],
        lists_reversed: bool,
        late: Iterable[LateReversal],
    ) -> None:
        self._brought_forward: dict[str, list[BroughtForward]] = defaultdict(list)
        self._withheld: dict[str, list[BroughtForward]] = defaultdict(list)
        for earlier_break in sorted(brought_forward, key=lambda row: (row.date, row.name)):
            by_key = self._withheld if earlier_break.withheld else self._brought_forward
            by_key[earlier_break.key].append(earlier_break)
        self._late = {reversal.original: reversal for reversal in late}
        self._late_by_own_key = {reversal.key: reversal for reversal in late}
        self._earlier = earlier
        self._taken_back: set[str] = set()
        self._lists_reversed = lists_reversed
        self._ours = self._theirs = self._matched = 0
        self._findings: list[Finding] = []
        self._closings: list[Closing] = []

    def place_reversed_pair(self, our_line: Ours, line: Theirs) -> None:
        """Place a pair whose bank line is reversed; it also takes back what earlier files had of its key."""
        self._count_placed(ours=1, theirs=1)
        change = self._change(line)
        self._taken_back.add(line.key)
        if self._close_ended(line, 0, change, break_reasons.THEIRS_REVERSED_SINCE):
            change = 0
        if our_line.state == "R" and our_line.amount == line.amount and change == 0 and agree(our_line, line):
            self._matched += 1
        else:
            self._findings.append(pair_differs(our_line, line, change))

    def place_late_change(self, our_line: Ours, line: Theirs | None) -> bool:
        """Place a late change of ours: a transaction of an earlier date taken out of effect, or put back.

        Returns whether the bank's line of the key was placed with it.
        """
        is_open = self._withholding_changed(our_line)
        if (
            line is not None
            and line.direction == our_line.direction
            and self._both_changed(our_line, line, is_open=is_open)
        ):
            self._count_placed(ours=1, theirs=1)
            return True
        self._count_placed(ours=1)
        if not self._close_ended(our_line, our_line.effect, 0, break_reasons.OURS_CHANGED_SINCE):
            reason = break_reasons.OURS_CHANGED
            self._findings.append(
                finding_of(BreakClass.STATE_DIFFERS, our_line, 0, our_line.effect, 0, reason)
            )
        return False

    def place_only_ours(self, our_line: Ours) -> None:
        """Place a line of ours that the bank's file does not have."""
        self._count_placed(ours=1)
        same = self._same_event(BreakClass.BANK_ONLY, our_line, our_line.effect)
        for candidate in same:
            if our_line.late or (candidate.adjacent and our_line.near):
                reason = break_reasons.THEIRS_EARLIER.format(date=candidate.date)
                self._add_closing(candidate, BreakClass.TIMING, our_line.effect, 0, reason)
                return
        if our_line.state == "R" and not self._lists_reversed:
            self._matched += 1
            return
        reason = break_reasons.ONLY_OURS + self._see_also(our_line.key, same)
        self._findings.append(finding_of(BreakClass.OURS_ONLY, our_line, 0, our_line.effect, 0, reason))

    def place_only_theirs(self, line: Theirs) -> None:
        """Place a line of the bank's file that we do not have."""
        self._count_placed(theirs=1)
        if self._is_of_late_reversal(line):
            return
        before = self._earlier.get(line.key, 0)
        change = self._change(line)
        if line.state == "R" and before != 0:
            if not self._close_ended(line, 0, change, break_reasons.THEIRS_REVERSED_SINCE):
                reason = break_reasons.THEIRS_REVERSED_EARLIER
                self._findings.append(
                    finding_of(
                        BreakClass.STATE_DIFFERS,
                        line,
                        line.line,
                        0,
                        change,
                        reason + self._see_also(line.key),
                    )
                )
            return
        same = self._same_event(BreakClass.OURS_ONLY, line, change)
        for candidate in same:
            if candidate.adjacent and candidate.near:
                reason = break_reasons.OURS_EARLIER.format(date=candidate.date)
                self._add_closing(candidate, BreakClass.TIMING, 0, change, reason)
                return
        cls, reason = BreakClass.BANK_ONLY, break_reasons.ONLY_THEIRS
        if before != 0:
            cls, reason = BreakClass.DUPLICATE, break_reasons.IN_EARLIER_FILE
        reason += self._see_also(line.key, same)
        self._findings.append(finding_of(cls, line, line.line, 0, change, reason))

    def add_refused_reversals(self) -> None:
        """Make findings of the reversals refused as too late that the bank's file does not mention.

        Both sides have the original in effect, but the bank asked to reverse it: its money is withheld.
        """
        for late in self._late.values():
            self._findings.append(self._late_finding(late, 0, 0, break_reasons.REFUSED_LATE))

    def result(self, paired: Paired) -> Result:
        """The result of the date. Raises InvariantBroken if a line or a fen is lost or counted twice."""
        self._check_lines(paired)
        lines = (*paired.theirs_left, *(line for _, line in paired.reversed_pairs))
        ended = {line.key for line in lines if line.state == "R"}
        taken_back = -sum(self._earlier.get(key, 0) for key in ended)
        result = Result(
            paired.ours,
            paired.theirs,
            paired.matched + self._matched,
            paired.ours_effect,
            paired.theirs_effect + taken_back,
            tuple(sorted((*paired.findings, *self._findings), key=lambda row: (row.key, row.line, row.cls))),
            tuple(sorted(self._closings)),
        )
        explained = sum(finding.theirs_effect - finding.ours_effect for finding in result.findings)
        explained += sum(closing.theirs_effect - closing.ours_effect for closing in result.closings)
        difference = result.theirs_effect - result.ours_effect
        if difference != explained:
            raise InvariantBroken(
                Sentence(
                    "the effects differ by {difference} fen, findings explain {explained}",
                    difference=difference,
                    explained=explained,
                )
            )
        return result

    def _check_lines(self, paired: Paired) -> None:
        """Raise InvariantBroken unless each line was placed exactly once."""
        with_ours = sum(finding.cls is not BreakClass.DUPLICATE for finding in paired.findings)
        ours = paired.matched + with_ours + self._ours
        theirs = paired.matched + len(paired.findings) + self._theirs
        if (ours, theirs) != (paired.ours, paired.theirs):
            raise InvariantBroken(
                Sentence(
                    "{lines} lines of ours and {bank_lines} of theirs came, {ours} and {theirs} were placed",
                    lines=paired.ours,
                    bank_lines=paired.theirs,
                    ours=ours,
                    theirs=theirs,
                )
            )

    def _count_placed(self, ours: int = 0, theirs: int = 0) -> None:
        """Count lines of each side as placed; `_check_lines` holds the sums against what came."""
        self._ours += ours
        self._theirs += theirs

    def _change(self, line: Theirs) -> int:
        """The change, in fen, that a bank's line makes: its effect if done; if reversed, minus what earlier
        files have of its key, but only once for each key.
        """
        if line.state == "S" or line.key in self._taken_back:
            return line.effect
        return -self._earlier.get(line.key, 0)

    def _withholding_changed(self, our_line: Ours) -> bool:
        """Apply a late change of ours to what was withheld of the transaction; returns whether anything was.

        A break on which nobody has decided is closed, since nothing is withheld any more. A decision of two
        people is not undone: then the change is withheld by a finding of its own.
        """
        earlier_breaks = self._withheld.get(our_line.key, [])
        for earlier_break in earlier_breaks:
            if not earlier_break.is_decided and earlier_break.withheld == -our_line.effect:
                earlier_breaks.remove(earlier_break)
                reason = break_reasons.NOTHING_WITHHELD
                self._closings.append(
                    Closing(earlier_break.name, earlier_break.cls, our_line.effect, our_line.effect, reason)
                )
                return True
        if not earlier_breaks and not our_line.is_exception:
            return False
        reason = break_reasons.WITHHELD_CHANGED + self._see_also(our_line.key)
        cls = BreakClass.EXCEPTION_ADVICE if our_line.is_exception else BreakClass.DETAILS_DIFFER
        self._findings.append(finding_of(cls, our_line, 0, 0, 0, reason)._replace(withheld=our_line.effect))
        return True

    def _is_of_late_reversal(self, line: Theirs) -> bool:
        """Place the bank's line as that of a reversal which we refused as too late; returns whether it is.

        Such a line lists the original in the state that the bank gives it now, or the reversal itself.
        """
        late = self._late_by_own_key.get(line.key)
        if late is None:
            late = self._late.get(line.key)
            if late is None or late.direction != line.direction or (line.state == "S") == (late.effect != 0):
                return False
        if self._late.pop(late.original, None) is None:
            return False
        reason = break_reasons.REFUSED_LATE_IN_FILE
        self._findings.append(self._late_finding(late, line.line, self._change(line), reason))
        return True

    def _late_finding(self, late: LateReversal, number: int, change: int, reason: str) -> Finding:
        """The finding on a refused reversal; `number` is the bank's line or 0, `change` its effect in fen.
        `reason` is a pattern with a place for the amount.

        If no line of the bank changes it, the effect is withheld, unless an undecided break of the
        transaction has it in suspense already.
        """
        earlier_breaks = self._brought_forward.get(late.original, []) + self._withheld.get(late.original, [])
        is_elsewhere = not all(earlier_break.is_decided for earlier_break in earlier_breaks)
        withheld = 0 if change or is_elsewhere else late.effect
        text = reason.format(amount=in_figures(late.amount)) + self._see_also(late.original)
        details = late.original, number, late.direction, late.code, late.policy, late.due
        return Finding(BreakClass.LATE_REVERSAL, *details, 0, change, text, withheld)

    def _both_changed(self, our_line: Ours, line: Theirs, *, is_open: bool) -> bool:
        """Place our late change and the bank's line together if they say the same or end a break together.

        Returns whether it did. `is_open`: a break about what is withheld has changed with it. Then details
        are not compared, since that break is about them.
        """
        change = self._change(line)
        if line.state == "R" and change != our_line.effect:
            return self._close_ended(our_line, our_line.effect, change, break_reasons.BOTH_CHANGED_SINCE)
        repeats = line.state == "S" and self._earlier.get(line.key, 0) != 0
        if repeats or change != our_line.effect or self._ended_by(our_line, our_line.effect, 0):
            return False
        if is_open or agree(our_line, line):
            self._matched += 1
        else:
            self._findings.append(pair_differs(our_line, line, change))
        return True

    def _ended_by(self, line: Ours | Theirs, ours_change: int, theirs_change: int) -> BroughtForward | None:
        """The first break brought forward with the line's key whose difference becomes zero by these changes
        (fen), or None.
        """
        if ours_change == theirs_change:
            return None
        for earlier_break in self._brought_forward.get(line.key, ()):
            after = earlier_break.theirs_effect + theirs_change - earlier_break.ours_effect - ours_change
            if earlier_break.direction == line.direction and after == 0:
                return earlier_break
        return None

    def _close_ended(self, line: Ours | Theirs, ours_change: int, theirs_change: int, reason: str) -> bool:
        """Close the break brought forward that these changes (fen) end, under its own class; returns whether
        there is one.
        """
        ended = self._ended_by(line, ours_change, theirs_change)
        if ended is not None:
            self._add_closing(ended, ended.cls, ours_change, theirs_change, reason)
        return ended is not None

    def _add_closing(
        self, ended: BroughtForward, cls: BreakClass, ours_change: int, theirs_change: int, reason: str
    ) -> None:
        """Close a break brought forward, so that no other line ends it too."""
        self._brought_forward[ended.key].remove(ended)
        self._closings.append(Closing(ended.name, cls, ours_change, theirs_change, reason))

    def _same_event(self, cls: BreakClass, line: Ours | Theirs, effect: int) -> list[BroughtForward]:
        """The breaks brought forward in which one side has alone what the other has today."""
        effects = (effect, 0) if cls is BreakClass.OURS_ONLY else (0, effect)
        return [
            earlier_break
            for earlier_break in self._brought_forward.get(line.key, ())
            if (earlier_break.cls, earlier_break.direction) == (cls, line.direction)
            and (earlier_break.ours_effect, earlier_break.theirs_effect) == effects
            and agree(earlier_break, line)
        ]

    def _see_also(self, key: str, same: Sequence[BroughtForward] = ()) -> str:
        """A note for the clerk that names a break of the key, or nothing if there is none: one that fits
        except for its date, or else any.
        """
        if same:
            return f"; {break_reasons.SAME_KEY.format(name=same[0].name, date=same[0].date)}"
        others = self._brought_forward.get(key) or self._withheld.get(key)
        if not others:
            return ""
        return f"; {break_reasons.SEE_ALSO.format(name=others[0].name, date=others[0].date)}"
