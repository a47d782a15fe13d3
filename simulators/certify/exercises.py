"""What a bank can practise: one policy for each provocation, and the book that holds them.

Data only. `scheduler` does what a provocation asks; `watch` has the rules that the bank must keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ledger.files import bookfile
from ledger.files.bookfile import PolicyDues
from ledger.files.bookline import DueLine
from ledger.rules.dues import KINDS, Policy
from simulators.certify.dues import BENEFICIARY


class Provocation(StrEnum):
    """What happens to a transaction on the policy that asks for it."""

    NOTHING = "nothing"
    SILENCE = "silence"
    DEAFNESS = "deafness"
    DELAY = "delay"
    CUT = "cut"
    LOSS = "loss"
    BUSY = "busy"
    CLOSING = "closing"
    FORGERY = "forgery"
    ECHO = "echo"
    CUTOVER = "cutover"
    CHECK_VALUE = "check value"
    ADVICE = "advice"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Exercise:
    """A policy, its one due, and what is done when the bank acts on it."""

    provocation: Provocation
    policy: str
    amount: int
    does: str
    does_en: str
    code: str = "500000"
    state: str = "active"

    @property
    def due(self) -> DueLine:
        """The due; its date is left open."""
        kind = KINDS[self.code]
        beneficiary = BENEFICIARY if kind == "benefit" else ""
        return DueLine(f"{self.policy}-D", self.policy, self.code, kind, "", self.amount, beneficiary)


EXERCISES: Final = (
    Exercise(Provocation.NOTHING, "PRACT-01", 201, "照常应答", "Answered as it should be"),
    Exercise(
        Provocation.NOTHING, "PRACT-02", 202, "给付，照常应答", "A payout, answered as it should be", "261000"
    ),
    Exercise(Provocation.SILENCE, "PRACT-03", 203, "交易无应答", "Done, and never answered"),
    Exercise(
        Provocation.DEAFNESS,
        "PRACT-04",
        204,
        "交易及前两次冲正无应答",
        "Done, and never answered; nor are the first two of its reversals",
    ),
    Exercise(Provocation.DELAY, "PRACT-05", 205, "应答迟到", "Done, and answered too late"),
    Exercise(Provocation.CUT, "PRACT-06", 206, "应答中断线", "Done, and the link cut within the answer"),
    Exercise(
        Provocation.LOSS, "PRACT-07", 207, "请求未到即断线", "The link cut before the request has arrived"
    ),
    Exercise(Provocation.BUSY, "PRACT-08", 208, "应答91", "Not done, and answered 91"),
    Exercise(Provocation.CLOSING, "PRACT-09", 209, "应答90", "Not done, and answered 90, as at the cut-over"),
    Exercise(Provocation.FORGERY, "PRACT-10", 210, "应答的MAC错误", "Done, and answered under a wrong MAC"),
    Exercise(Provocation.ECHO, "PRACT-11", 211, "应答后发线路测试", "Answered; then an echo from our side"),
    Exercise(
        Provocation.CHECK_VALUE,
        "PRACT-12",
        212,
        "应答后，下一个密钥的校验值错误",
        "Answered; the next key that the bank asks for comes with a wrong check value",
    ),
    Exercise(
        Provocation.ADVICE,
        "PRACT-13",
        213,
        "首次通知（0220）无应答",
        "For an advice (0220): taken, and the first of its answers lost",
    ),
    Exercise(
        Provocation.REFUSAL,
        "PRACT-14",
        214,
        "保单失效，应答12",
        "A lapsed policy: refused with 12",
        state="lapsed",
    ),
    Exercise(
        Provocation.CUTOVER, "PRACT-15", 215, "应答后日切", "Answered; then the business day is cut over"
    ),
)
"""In the order in which one would practise them: the cut-over last."""


def exercise_on(policy: str) -> Exercise | None:
    """The exercise that a policy is for."""
    return next((exercise for exercise in EXERCISES if exercise.policy == policy), None)


def write(date: str) -> bytes:
    """The book of the exercises, of a business date YYYYMMDD."""
    entries = (
        PolicyDues(Policy(exercise.policy, exercise.state, "练习"), (exercise.due._replace(due_date=date),))
        for exercise in EXERCISES
    )
    return b"".join(bookfile.write(date, entries))
