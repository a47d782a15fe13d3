"""The values that matching takes and gives: lines of either side, breaks carried from day to day, results.

Plain tuples, because millions are made, and what one or two lines say by themselves. How lines are brought
together, `office.matching.pairing` and `office.matching.match` say.

Effects are signed fen as the bank's clearing account sees them: a collection in effect is +amount, a payout
in effect -amount, a reversed one 0. What is *withheld* is an effect of ours that no product's account takes
before two people have decided on its break. A difference is theirs - ours + withheld.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.rules.amount_in_words import in_figures
from ledger.rules.break_classes import BreakClass
from office.accounting.finding import Finding
from office.matching.details import differing, in_words


class Ours(NamedTuple):
    """One line on our side for the date; there is one a key at most.

    `direction` is C (collection) or P (payout). `state` at the day's end: S in effect, R reversed; U is a
    transaction of an earlier date that was undone or put back in effect today, and its `effect` is then the
    change. `near`: recorded within minutes of a cut-over of this date. `late`: an advice, which may belong to
    an earlier date, whatever its distance. `is_exception`: an advice that did not fit the book; its money is
    withheld by a break of its own. Amounts and effects in fen.
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
    is_exception: bool = False


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

    @property
    def effect(self) -> int:
        """The line's own effect, in fen."""
        return effect_of(self.direction, self.state, self.amount)


class BroughtForward(NamedTuple):
    """A break of an earlier date (YYYYMMDD): one on which nobody has decided, or, where `is_decided`, one
    that has `withheld` something. `adjacent`: that date is the business date just before this one. `near`:
    our entry in it was recorded near the cut-over between the two. Effects and `withheld` in fen.
    """

    name: str
    date: str
    cls: BreakClass
    key: str
    direction: str
    ours_effect: int
    theirs_effect: int
    adjacent: bool
    near: bool
    code: str = ""
    policy: str = ""
    due: str = ""
    withheld: int = 0
    is_decided: bool = False


class LateReversal(NamedTuple):
    """A reversal that we refused on this date because its original is too old: the bank wants it undone, and
    it stands. `key` is the reversal's own; the rest is of the collection or payout, `original`, that is in
    question, and `effect` what it has in our journal (fen); 0 where it is a cancel that was to be reversed.
    """

    key: str
    original: str
    direction: str
    amount: int
    effect: int
    code: str
    policy: str
    due: str


class Closing(NamedTuple):
    """A carried break whose difference goes to zero by today's lines.

    `cls` is its class from now on: TIMING where the two sides date one event differently. The effects are
    today's changes, in fen; they are equal where it ends because nothing is withheld any more.
    """

    name: str
    cls: BreakClass
    ours_effect: int
    theirs_effect: int
    reason: str


class Paired(NamedTuple):
    """What pairing found: counts of lines, pairs that agree, sums of effects in fen over all lines, findings
    so far, and what waits for `resolve`: pairs whose bank line is reversed, and lines that did not pair.

    Each line of `theirs_left` has a key that no other of them has, nor the bank's line of any pair. In
    `reversed_pairs` a key that the bank repeats may come again by another RRN: after the pair by that key.
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
    """A bank's date, reconciled: counts of lines, pairs that agree, sums of effects in fen, findings by key
    and line, closings by name.
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


def finding_of(
    cls: BreakClass, line: Ours | Theirs, number: int, ours_effect: int, theirs_effect: int, reason: str
) -> Finding:
    """The finding on `line`, where `number` is its line in the bank's file, or 0; effects in fen."""
    about = line.key, number, line.direction, line.code, line.policy, line.due
    return Finding(cls, *about, ours_effect, theirs_effect, reason)


def terminal_of(key: str) -> str:
    """The bank and the terminal in a key of ledger.rules.request.key_of."""
    return key.rpartition("/")[0].rpartition("/")[0]


def pair_differs(one: Ours, line: Theirs, theirs_effect: int) -> Finding:
    """The finding on two lines that are one transaction and do not agree; the bank's effect in fen.

    Where amount and state agree, both sides have the money and not for the same: no account of ours may take
    it before two people have said for what it is. The money of an exception advice is withheld already.
    """
    cls, withheld = BreakClass.STATE_DIFFERS, 0
    others = differing(one, line)
    other = in_words(others) if others else ""
    if one.amount != line.amount:
        cls = BreakClass.AMOUNT_DIFFERS
        reason = f"our amount is {in_figures(one.amount)}, the bank's {in_figures(line.amount)}"
    elif one.state in (line.state, "U") and one.effect == theirs_effect:
        cls, reason, other = BreakClass.DETAILS_DIFFER, other, ""
        withheld = 0 if one.is_exception else one.effect
    elif line.state == "S":
        reason = "we have it reversed, the bank has it done"
    elif one.state == "S":
        reason = "we have it done, the bank has it reversed"
    else:
        reason = "reversed on both sides, but an earlier file of the bank had it done"
    reason += f"; {other}" if other else ""
    if one.key != line.key:
        reason += f"; found by its RRN, the bank's key is {line.key}"
    found = finding_of(cls, one, line.line, one.effect, theirs_effect, reason)
    named = {f"bank_{name}": getattr(line, name) for name in others}
    return found._replace(withheld=withheld, **named)
