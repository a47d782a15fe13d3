"""The values that matching takes and gives: lines of either side, breaks brought forward, results.

They are plain tuples, because a date has millions. Besides them only rules about one or two lines belong
here: `pair_differs` decides the class of a pair that disagrees. `office.matching.pairing` and
`office.matching.match` bring lines together.

Effects are signed fen as the bank's clearing account sees them: a collection in effect is +amount, a payout
in effect is -amount, a reversed transaction is 0. *Withheld* is an effect of ours that no product's account
takes before two people have decided on its break. A difference is theirs - ours + withheld.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.rules.amount_in_words import in_figures
from ledger.rules.break_classes import BreakClass
from office.accounting import break_reasons
from office.accounting.finding import Finding
from office.matching.details import differing, in_words


class Ours(NamedTuple):
    """A line on our side for the date; no two have the same key. Amounts and effects are in fen.

    `direction` is C (collection) or P (payout). `state` is the state at the day's end: S in effect, R
    reversed. U is a transaction of an earlier date that was reversed, cancelled or put back into effect
    today; then `effect` is the change. `near`: recorded within minutes of a cut-over of this date. `late`: an
    advice, which may belong to any earlier date. `is_exception`: an advice that did not fit the book; a break
    of its own withholds its money.
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
    """A line of the bank's file: a view of its row in `bank_lines`, with the columns that matching needs.

    `line` is its number in the file, from 1; `state` is S (done) or R (reversed); `amount` is in fen.
    """

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
        """The effect of the line itself, in fen, whatever earlier files have."""
        return effect_of(self.direction, self.state, self.amount)


class BroughtForward(NamedTuple):
    """A break of an earlier date (YYYYMMDD) that a line of this date may end or change.

    Either nobody has decided on it, or, if `is_decided`, it has withheld something. `adjacent`: its date is
    the business date just before this one. `near`: our entry in it was recorded near the cut-over between the
    two dates. Effects and `withheld` are in fen.
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
    """A reversal that we refused on this date because its original is too old: the original stays in effect.

    `key` is the key of the reversal; `original` is the key of the collection or payout in question, and the
    other fields describe it. `effect` is what it has in our journal, in fen: 0 if the reversal was of its
    cancel.
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
    """A break brought forward whose difference becomes zero by today's lines, so that it is closed.

    `cls` is its class from now on: TIMING if the two sides dated the same event differently. The effects are
    today's changes, in fen; they are equal if it ends because nothing is withheld any more.
    """

    name: str
    cls: BreakClass
    ours_effect: int
    theirs_effect: int
    reason: str


class Paired(NamedTuple):
    """The result of pairing: numbers of lines and of pairs that agree, sums of effects in fen over all lines,
    and the findings so far. `resolve` still has to place the pairs whose bank line is reversed, and the lines
    without a pair.

    No two lines of `theirs_left` have the same key, and none has the key of a paired bank line. A key that
    the bank repeats may come twice in `reversed_pairs`, the second time paired by RRN: after the pair by key.
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
    """The result of matching a bank's date: numbers of lines and of pairs that agree, sums of effects in fen,
    the findings sorted by key, line and class, the closings sorted by name.
    """

    ours: int
    theirs: int
    matched: int
    ours_effect: int
    theirs_effect: int
    findings: tuple[Finding, ...]
    closings: tuple[Closing, ...]


def effect_of(direction: str, state: str, amount: int) -> int:
    """The effect, in fen, of a line of `amount` fen; 0 unless its state is S."""
    if state != "S":
        return 0
    return amount if direction == "C" else -amount


def finding_of(
    cls: BreakClass, line: Ours | Theirs, number: int, ours_effect: int, theirs_effect: int, reason: str
) -> Finding:
    """The finding on `line`; `number` is the line's number in the bank's file, or 0; effects in fen."""
    about = line.key, number, line.direction, line.code, line.policy, line.due
    return Finding(cls, *about, ours_effect, theirs_effect, reason)


def terminal_of(key: str) -> str:
    """The part of a key (ledger.rules.request.key_of) that names the bank and the terminal."""
    return key.rpartition("/")[0].rpartition("/")[0]


def pair_differs(our_line: Ours, line: Theirs, theirs_effect: int) -> Finding:
    """The finding on two lines of the same transaction that do not agree; `theirs_effect` is in fen.

    If amount and state agree, both sides have the money but for different things: it is withheld until two
    people have said for what it is. The money of an exception advice is withheld by its own break already.
    """
    cls, withheld = BreakClass.STATE_DIFFERS, 0
    others = differing(our_line, line)
    other = in_words(others) if others else ""
    if our_line.amount != line.amount:
        cls = BreakClass.AMOUNT_DIFFERS
        reason = break_reasons.AMOUNTS.format(
            ours=in_figures(our_line.amount), theirs=in_figures(line.amount)
        )
    elif our_line.state in (line.state, "U") and our_line.effect == theirs_effect:
        cls, reason, other = BreakClass.DETAILS_DIFFER, other, ""
        withheld = 0 if our_line.is_exception else our_line.effect
    elif line.state == "S":
        reason = break_reasons.OURS_REVERSED
    elif our_line.state == "S":
        reason = break_reasons.THEIRS_REVERSED
    else:
        reason = break_reasons.WAS_DONE
    reason += f"; {other}" if other else ""
    if our_line.key != line.key:
        reason += f"; {break_reasons.BY_RRN.format(key=line.key)}"
    finding = finding_of(cls, our_line, line.line, our_line.effect, theirs_effect, reason)
    named = {f"bank_{name}": getattr(line, name) for name in others}
    return finding._replace(withheld=withheld, **named)
