"""Hints for the clerk: groups of breaks whose sum makes one break of the other side.

Pure. Offered, never taken: nothing here changes a class or closes anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ledger.rules.break_classes import BreakClass
from office.accounting.finding import Finding
from office.matching.lines import terminal_of


def offers(findings: Sequence[Finding]) -> dict[int, str]:
    """Hints for the clerk, by index in `findings`: where the lines that one side alone has of one policy or
    one terminal, in one direction, add up to a single line that the other side alone has.

    Sums of whole groups only, in time linear in the findings. Nothing is taken: the classes stay.
    """
    hints: dict[int, str] = {}
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
            lines = f"{len(members)} lines of {group} ({many})"
            for index in members:
                hints.setdefault(index, f"the {lines} add up to one ({single}): {findings[fitting[0]].key}")
            for index in fitting:
                hints.setdefault(index, f"{lines} add up to this one")
            # They have their hint; a later group of the same sum needs no more than one to name.
            alone[total] = fitting[:1]
    return hints


def _groups(findings: Sequence[Finding], cls: BreakClass) -> dict[tuple[str, str], list[int]]:
    """The findings of a class that move money, by direction and what they have in common."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        if finding.cls is cls and finding.difference:
            if finding.policy:
                groups[finding.direction, f"policy {finding.policy}"].append(index)
            terminal = terminal_of(finding.key).partition("/")[2]
            groups[finding.direction, f"terminal {terminal}"].append(index)
    return groups
