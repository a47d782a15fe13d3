"""Match a business date of our journal with a bank's file: every line of either side ends in one class.

Pure: no SQL, no clock, and nothing about how money leaves suspense. `pair` (office.matching.pairing) takes
both sides once, as streams; `resolve` holds what is left against the breaks of earlier dates and the bank's
earlier files, and proves that it lost no line and no fen; `offers` (office.matching.match_candidates) points
at sums that fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ledger.errors import InvariantBroken
from ledger.rules.amount_in_words import in_figures
from ledger.rules.break_classes import BreakClass
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


def resolve(
    paired: Paired,
    brought_forward: Iterable[BroughtForward],
    earlier: Mapping[str, int],
    lists_reversed: bool,
    late: Iterable[LateReversal] = (),
) -> Result:
    """Hold what is left against the breaks of earlier dates, and give every line its class.

    `earlier` maps a key to the effect, in fen, that this bank's earlier files leave of it, for the keys of
    `keys_to_look_up`; one that is not there counts 0. `lists_reversed`: this bank's files also list what was
    reversed. `late` are the reversals that we refused today as too late. Raises InvariantBroken where a line
    is lost or counted twice, or the effects do not balance.
    """
    settling = _Settling(brought_forward, earlier, lists_reversed, late)
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
    settling.refused_too_late()
    return settling.result(paired)


class _Settling:
    """The lines left of a date, as far as they have been given their classes."""

    def __init__(
        self,
        brought_forward: Iterable[BroughtForward],
        earlier: Mapping[str, int],
        lists_reversed: bool,
        late: Iterable[LateReversal],
    ) -> None:
        self._brought_forward: dict[str, list[BroughtForward]] = defaultdict(list)
        self._withheld: dict[str, list[BroughtForward]] = defaultdict(list)
        for one in sorted(brought_forward, key=lambda one: (one.date, one.name)):
            (self._withheld if one.withheld else self._brought_forward)[one.key].append(one)
        self._late = {one.original: one for one in late}
        self._late_by_own_key = {one.key: one for one in late}
        self._earlier = earlier
        self._taken_back: set[str] = set()
        self._lists_reversed = lists_reversed
        self._ours = self._theirs = self._matched = 0
        self._findings: list[Finding] = []
        self._closings: list[Closing] = []

    def reversed_pair(self, one: Ours, line: Theirs) -> None:
        """Place a pair whose bank line is reversed, and with it what earlier files had of it."""
        self._place(ours=1, theirs=1)
        change = self._change(line)
        self._taken_back.add(line.key)
        if self._close(line, 0, change, "the bank has reversed it since"):
            change = 0
        if one.state == "R" and one.amount == line.amount and change == 0 and agree(one, line):
            self._matched += 1
        else:
            self._findings.append(pair_differs(one, line, change))

    def undone_late(self, one: Ours, line: Theirs | None) -> bool:
        """Place a late undoing (or putting back) of ours; tell whether the bank's line went with it."""
        is_open = self._withholding_changed(one)
        if (
            line is not None
            and line.direction == one.direction
            and self._both_changed(one, line, is_open=is_open)
        ):
            self._place(ours=1, theirs=1)
            return True
        self._place(ours=1)
        if not self._close(one, one.effect, 0, "its state changed on our side since"):
            reason = "its state changed with us after its date, and the bank's file does not say so"
            self._findings.append(finding_of(BreakClass.STATE_DIFFERS, one, 0, one.effect, 0, reason))
        return False

    def we_have(self, one: Ours) -> None:
        """Place a line that the bank's file does not have."""
        self._place(ours=1)
        same = self._same_event(BreakClass.BANK_ONLY, one, one.effect)
        for candidate in same:
            if one.late or (candidate.adjacent and one.near):
                reason = f"the bank dated it {candidate.date}, we a later date"
                self._end(candidate, BreakClass.TIMING, one.effect, 0, reason)
                return
        if one.state == "R" and not self._lists_reversed:
            self._matched += 1
            return
        reason = "we have it, the bank's file does not" + self._see(one.key, same)
        self._findings.append(finding_of(BreakClass.OURS_ONLY, one, 0, one.effect, 0, reason))

    def bank_has(self, line: Theirs) -> None:
        """Place a line of the bank's file that we do not have."""
        self._place(theirs=1)
        if self._is_of_late_reversal(line):
            return
        before = self._earlier.get(line.key, 0)
        change = self._change(line)
        if line.state == "R" and before != 0:
            if not self._close(line, 0, change, "the bank has reversed it since"):
                reason = "the bank reversed what an earlier file of it has, and we did not today"
                self._findings.append(
                    finding_of(
                        BreakClass.STATE_DIFFERS, line, line.line, 0, change, reason + self._see(line.key)
                    )
                )
            return
        same = self._same_event(BreakClass.OURS_ONLY, line, change)
        for candidate in same:
            if candidate.adjacent and candidate.near:
                reason = f"we dated it {candidate.date}, the bank a later date"
                self._end(candidate, BreakClass.TIMING, 0, change, reason)
                return
        cls, reason = BreakClass.BANK_ONLY, "the bank's file has it, we do not"
        if before != 0:
            cls, reason = BreakClass.DUPLICATE, "an earlier file of this bank has it already"
        reason += self._see(line.key, same)
        self._findings.append(finding_of(cls, line, line.line, 0, change, reason))

    def refused_too_late(self) -> None:
        """Name the reversals that we refused as too late and of which the bank's file says nothing.

        Both sides have the original in effect, and the bank has asked to undo it: its money is withheld.
        """
        for late in self._late.values():
            reason = "the bank asked to reverse it, and we refused as too late"
            self._findings.append(self._late_finding(late, 0, 0, reason))

    def result(self, paired: Paired) -> Result:
        """Everything together, once it is certain that no line and no fen went astray."""
        self._count_lines(paired)
        lines = (*paired.theirs_left, *(line for _, line in paired.reversed_pairs))
        ended = {line.key for line in lines if line.state == "R"}
        taken_back = -sum(self._earlier.get(key, 0) for key in ended)
        result = Result(
            paired.ours,
            paired.theirs,
            paired.matched + self._matched,
            paired.ours_effect,
            paired.theirs_effect + taken_back,
            tuple(sorted((*paired.findings, *self._findings), key=lambda one: (one.key, one.line, one.cls))),
            tuple(sorted(self._closings)),
        )
        explained = sum(one.theirs_effect - one.ours_effect for one in result.findings)
        explained += sum(one.theirs_effect - one.ours_effect for one in result.closings)
        difference = result.theirs_effect - result.ours_effect
        if difference != explained:
            raise InvariantBroken(f"the effects differ by {difference} fen, findings explain {explained}")
        return result

    def _count_lines(self, paired: Paired) -> None:
        """Check that each line went to exactly one place."""
        with_ours = sum(finding.cls is not BreakClass.DUPLICATE for finding in paired.findings)
        ours = paired.matched + with_ours + self._ours
        theirs = paired.matched + len(paired.findings) + self._theirs
        if (ours, theirs) != (paired.ours, paired.theirs):
            came = f"{paired.ours} lines of ours and {paired.theirs} of theirs"
            raise InvariantBroken(f"{came} came, {ours} and {theirs} were placed")

    def _place(self, ours: int = 0, theirs: int = 0) -> None:
        self._ours += ours
        self._theirs += theirs

    def _change(self, line: Theirs) -> int:
        """What a line changes: its effect, or, reversed, the end of what earlier files had of it: once."""
        if line.state == "S" or line.key in self._taken_back:
            return line.effect
        return -self._earlier.get(line.key, 0)

    def _withholding_changed(self, one: Ours) -> bool:
        """Take what was withheld of a transaction along with a late change of it; tell whether anything was.

        A break on which nobody has decided ends, since nothing is withheld any more. What two people have
        decided stands, so a change after it is withheld by itself, for a decision of its own.
        """
        breaks = self._withheld.get(one.key, [])
        for brought_forward in breaks:
            if not brought_forward.is_decided and brought_forward.withheld == -one.effect:
                breaks.remove(brought_forward)
                reason = "it was reversed on our side since, and nothing is withheld any more"
                self._closings.append(
                    Closing(brought_forward.name, brought_forward.cls, one.effect, one.effect, reason)
                )
                return True
        if not breaks and not one.is_exception:
            return False
        reason = "what was withheld of it has changed since with us" + self._see(one.key)
        cls = BreakClass.EXCEPTION_ADVICE if one.is_exception else BreakClass.DETAILS_DIFFER
        self._findings.append(finding_of(cls, one, 0, 0, 0, reason)._replace(withheld=one.effect))
        return True

    def _is_of_late_reversal(self, line: Theirs) -> bool:
        """Take the bank's line as that of a reversal which we refused as too late, if it is one: it lists the
        original as the bank now has it, or the reversal itself.
        """
        late = self._late_by_own_key.get(line.key)
        if late is None:
            late = self._late.get(line.key)
            if late is None or late.direction != line.direction or (line.state == "S") == (late.effect != 0):
                return False
        if self._late.pop(late.original, None) is None:
            return False
        reason = "the bank asked to reverse it, we refused as too late, and its file has it all the same"
        self._findings.append(self._late_finding(late, line.line, self._change(line), reason))
        return True

    def _late_finding(self, late: LateReversal, number: int, change: int, reason: str) -> Finding:
        """The finding on a refused reversal. What no line of the bank's changes is withheld, unless a break
        of the transaction on which nobody has decided has it in suspense already.
        """
        others = self._brought_forward.get(late.original, []) + self._withheld.get(late.original, [])
        is_elsewhere = not all(one.is_decided for one in others)
        withheld = 0 if change or is_elsewhere else late.effect
        told = f"{reason}: {in_figures(late.amount)}{self._see(late.original)}"
        about = late.original, number, late.direction, late.code, late.policy, late.due
        return Finding(BreakClass.LATE_REVERSAL, *about, 0, change, told, withheld)

    def _both_changed(self, one: Ours, line: Theirs, *, is_open: bool) -> bool:
        """Whether the bank's line says what our late change says, or ends a difference together with it.

        `is_open` tells that a break about what is withheld has changed with it: then the details of the two
        are not compared, since they are what that break is about.
        """
        change = self._change(line)
        if line.state == "R" and change != one.effect:
            return self._close(one, one.effect, change, "its state changed since, and both sides agree now")
        repeats = line.state == "S" and self._earlier.get(line.key, 0) != 0
        if repeats or change != one.effect or self._ended_by(one, one.effect, 0):
            return False
        if is_open or agree(one, line):
            self._matched += 1
        else:
            self._findings.append(pair_differs(one, line, change))
        return True

    def _ended_by(self, line: Ours | Theirs, ours_change: int, theirs_change: int) -> BroughtForward | None:
        """The first carried break of the line's key whose difference these changes bring to zero."""
        if ours_change == theirs_change:
            return None
        for one in self._brought_forward.get(line.key, ()):
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

    def _end(
        self, ended: BroughtForward, cls: BreakClass, ours_change: int, theirs_change: int, reason: str
    ) -> None:
        self._brought_forward[ended.key].remove(ended)
        self._closings.append(Closing(ended.name, cls, ours_change, theirs_change, reason))

    def _same_event(self, cls: BreakClass, line: Ours | Theirs, effect: int) -> list[BroughtForward]:
        """The carried breaks in which one side alone has what the other has today."""
        effects = (effect, 0) if cls is BreakClass.OURS_ONLY else (0, effect)
        return [
            one
            for one in self._brought_forward.get(line.key, ())
            if (one.cls, one.direction) == (cls, line.direction)
            and (one.ours_effect, one.theirs_effect) == effects
            and agree(one, line)
        ]

    def _see(self, key: str, same: Sequence[BroughtForward] = ()) -> str:
        """Name the carried break that a clerk should look at: one that fits but for the window, or any."""
        if same:
            return f"; same key in break {same[0].name} of {same[0].date}: offered, not taken"
        others = self._brought_forward.get(key) or self._withheld.get(key)
        return f"; see also break {others[0].name} of {others[0].date}" if others else ""
