"""How many breaks a bank's date may have before its file is held and two people are asked.

Pure. A wrong layout, or another day's file, makes a break of each line; such a mass is to be looked at before
any money of it goes into suspense. Which file is held, `office.matching.reconcile` finds out.
"""

from __future__ import annotations

from typing import NamedTuple


class Tolerance(NamedTuple):
    """What is agreed for a bank: at most `breaks_max` breaks a date, and at most `percent` in 100 lines; but
    up to `few` breaks are never too many for their percentage.
    """

    breaks_max: int = 100
    percent: int = 20
    few: int = 10

    def allowed(self, lines: int) -> int:
        """The number of breaks that a date may have; `lines` is the number of lines of its longer side."""
        return min(self.breaks_max, max(self.few, lines * self.percent // 100))
