"""A finding: one difference between our journal and a bank's file, before it is a break.

A value only. `office.matching` makes findings of lines; `office.accounting.breaks` writes each as a row of
the table `breaks`, by the names of its columns. No statement and no rule of matching belongs here.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.rules.break_classes import BreakClass


class Finding(NamedTuple):
    """One difference, to become a break.

    `key` is ours where we have the transaction; `line` is the number of the bank's line in its file, 0 where
    the file has no line of it. `direction` is C (collection) or P (payout). Effects and `withheld` are in
    fen. `reason` is a sentence for the clerk. `bank_code`, `bank_policy` and `bank_due` hold what the bank's
    line names where it names another than ours. `hint` points at other breaks whose sum fits; `owner` is the
    clerk who looks after the bank's breaks.
    """

    cls: BreakClass
    key: str
    line: int
    direction: str
    code: str
    policy: str
    due: str
    ours_effect: int
    theirs_effect: int
    reason: str = ""
    withheld: int = 0
    bank_code: str = ""
    bank_policy: str = ""
    bank_due: str = ""
    hint: str = ""
    owner: str = ""

    @property
    def difference(self) -> int:
        """The amount that goes into suspense, in fen: positive for 长款, negative for 短款."""
        return self.theirs_effect - self.ours_effect + self.withheld
