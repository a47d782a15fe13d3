"""Match candidates: findings whose sum equals a single finding of the other side, shown to the clerk.

Pure. A candidate is only a hint, and is stored in the column `hint`: nothing here changes a class or closes
a break.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ledger.rules.break_classes import BreakClass
from office.accounting.break_reasons import ADD_UP, ADD_UP_TO_ONE
from office.accounting.finding import Finding
from office.matching.lines import terminal_of


def match_candidates(findings: Sequence[Finding]) -> dict[int, str]:
    """Return the text that names each finding's match candidate, by index in `findings`.

    A group is the lines that only one side has, of the same policy or the same terminal, in one direction. If
    the lines of a group add up to a single line that only the other side has, they and that line are
    candidates of each other. Only whole groups are added up, in time linear in the number of findings.
    """
    candidates: dict[int, str] = {}
    for many, single in (
        (BreakClass.OURS_ONLY, BreakClass.BANK_ONLY),
        (BreakClass.BANK_ONLY, BreakClass.OURS_ONLY),
    ):
        alone: dict[tuple[str, int], list[int]] = defaultdict(list)
        for index, finding in enumerate(findings):
            if finding.cls is single and finding.difference:
                alone[finding.direction, -finding.difference].append(index)
        for (direction, group), members in _groups(findings, many).items():
            total = direction, sum(findings[index].difference for index in members)
            fitting = alone.get(total)
            if fitting is None or len(members) == 1:
                continue
            count, key = len(members), findings[fitting[0]].key
            one = ADD_UP_TO_ONE.format(count=count, group=group, many=many, single=single, key=key)
            for index in members:
                candidates.setdefault(index, one)
            for index in fitting:
                candidates.setdefault(index, ADD_UP.format(count=count, group=group, many=many))
            # These have their candidate now; a later group of the same sum needs only one line to name.
            alone[total] = fitting[:1]
    return candidates


def _groups(findings: Sequence[Finding], cls: BreakClass) -> dict[tuple[str, str], list[int]]:
    """The indexes of the findings of a class that move money, by direction and by policy or terminal."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        if finding.cls is cls and finding.difference:
            if finding.policy:
                groups[finding.direction, f"policy {finding.policy}"].append(index)
            terminal = terminal_of(finding.key).partition("/")[2]
            groups[finding.direction, f"terminal {terminal}"].append(index)
    return groups
