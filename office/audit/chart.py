"""The charts of accounts that were ever in force, read from the books' own lines: which accounts a posting
may have. Which one held when, the audit log says.

Reading only. A chart's line is a name and a value; `end <resolution> <class> <sign>` gives the account to
which a break's difference goes, or `product` for that of its processing code as the bank has it, or
`our_product` for that of ours.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import select

from office.audit.audit_records import office_records
from office.audit.evidence import Checked, Evidence, Failing, Outcome
from office.database.schema import accounts, chart_lines

_SIGNS: Final = {1: "+", -1: "-", 0: "0"}


class Account(NamedTuple):
    """An account as the table of accounts has it."""

    name: str
    kind: str
    normal: str


class Chart(NamedTuple):
    """One chart, by its lines."""

    lines: Mapping[str, str]

    def at(self, name: str) -> str:
        """The account, or the word, under a name; where there is none, a text that is no account."""
        return self.lines.get(name, f"none ({name})")

    def suspense(self, difference: int) -> str:
        """The account on which a difference in fen lies."""
        return self.at("long" if difference > 0 else "short")

    def counter(self, resolution: str, cls: str, codes: tuple[str, str], difference: int) -> str:
        """The account that takes a break's difference, in fen, when it is settled so; `codes` are the
        processing codes of our journal and of the bank's line, empty where that is ours.
        """
        sign = _SIGNS[(difference > 0) - (difference < 0)]
        account = self.at(f"end {resolution} {cls} {sign}")
        if account == "product":
            return self.at(f"product {codes[1] or codes[0]}")
        return self.at(f"product {codes[0]}") if account == "our_product" else account

    def bank_of(self, account: str, bank: str) -> str:
        """The bank that a leg on an account of that bank's posting names."""
        return bank if self.lines.get(f"by_bank {account}") == "1" else ""

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Every account of the chart, by code."""
        codes = [name.removeprefix("kind ") for name in self.lines if name.startswith("kind ")]
        return {
            code: Account(*(self.at(f"{part} {code}") for part in ("name", "kind", "normal")))
            for code in codes
        }


class Charts(NamedTuple):
    """The charts in the order of the acts that put them in force; the first act's number is 0 where none was
    found, and the chart then the one of the settings.
    """

    since: tuple[int, ...]
    charts: tuple[Chart, ...]

    def in_force(self, act: int) -> Chart:
        """The chart that held when an act of this number was done."""
        return self.charts[max(bisect_right(self.since, act) - 1, 0)]


def charts_of(evidence: Evidence) -> Charts:
    """The charts of the books, by the acts that put them in force."""
    held = _held(evidence)
    found = [
        (one.number, Chart(held[int(one.subject)]))
        for one in office_records(evidence)
        if one.act == "chart" and one.subject.isdigit() and int(one.subject) in held
    ]
    if not found:
        return Charts((0,), (Chart(evidence.stated.chart),))
    return Charts(tuple(number for number, _ in found), tuple(chart for _, chart in found))


def _held(evidence: Evidence) -> dict[int, dict[str, str]]:
    held: dict[int, dict[str, str]] = {}
    for row in evidence.office.execute(select(chart_lines)):
        held.setdefault(row.chart, {})[row.name] = row.value
    return held


def charts(evidence: Evidence) -> Outcome:
    """Invariant 7: each chart is as it was put in force, the last one is that of the settings, and the table
    of accounts is what the charts say.
    """
    held = _held(evidence)
    said = {one.subject: one.note for one in office_records(evidence) if one.act == "chart"}
    kept = {str(number): f"{len(lines)} lines; rows {_digest(lines)}" for number, lines in held.items()}
    for name in sorted(kept.keys() | said.keys()):
        if kept.get(name) != said.get(name):
            yield Failing(7, f"chart {name}", "is not as the audit log says that it was put in force")
    last = held[max(held)] if held else {}
    for name in sorted(last.keys() | evidence.stated.chart.keys()):
        if held and last.get(name) != evidence.stated.chart.get(name):
            yield Failing(7, f"chart {max(held)}", f"its line {name!r} is not that of the settings' chart")
    known: dict[str, Account] = {}
    for number in sorted(held):
        known |= Chart(held[number]).accounts
    rows = evidence.office.execute(select(accounts)).all()
    listed = {row.account: Account(row.name, row.kind, row.normal) for row in rows}
    for code in sorted(known.keys() | listed.keys()):
        if known.get(code) != listed.get(code):
            yield Failing(7, f"account {code}", "is not as the chart has it")
    yield Checked(7, "lines of the charts of accounts", sum(map(len, held.values())))
    yield Checked(7, "accounts, held against the charts", len(rows))


def _digest(lines: Mapping[str, str]) -> str:
    rows = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in sorted(lines.items()))
    return hashlib.sha256("".join(f"{row}\n" for row in rows).encode()).hexdigest()
