"""Invariant 7, the charts of accounts: all charts that were ever in force, read from the books' own lines. A
chart says which accounts a posting may have; the audit log says from when a chart was in force.

A line of a chart is a name and a value. The line `end <resolution> <class> <sign>` gives the account that
takes the difference of a break that ends so: `product` means the account of the bank's processing code,
`our_product` that of our processing code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import select

from office.audit.audit_records import office_records
from office.audit.evidence import Checked, Evidence, Failing, Results
from office.audit.row_digests import rows_digest
from office.database.schema import accounts, chart_lines
from qianzhi_errors.sentence import Sentence

_SIGNS: Final = {1: "+", -1: "-", 0: "0"}


class ChartAccount(NamedTuple):
    """An account: its name in both languages, its kind and its normal side."""

    name: str
    kind: str
    normal: str


class ChartLines(NamedTuple):
    """One chart, as its lines: values by names."""

    lines: Mapping[str, str]

    def at(self, name: str) -> str:
        """The value under a name, an account or a word; a text that is no account if there is no such
        line.
        """
        return self.lines.get(name, f"none ({name})")

    def suspense(self, difference: int) -> str:
        """The suspense account of a difference in fen, not 0."""
        return self.at("long" if difference > 0 else "short")

    def counter(self, resolution: str, cls: str, codes: tuple[str, str], difference: int) -> str:
        """The account that takes the difference (fen) of a break of class `cls` that ends by a resolution.
        `codes` are the processing codes of our journal and of the bank's line; the second is empty if it is
        the same.
        """
        sign = _SIGNS[(difference > 0) - (difference < 0)]
        account = self.at(f"end {resolution} {cls} {sign}")
        if account == "product":
            return self.at(f"product {codes[1] or codes[0]}")
        return self.at(f"product {codes[0]}") if account == "our_product" else account

    def bank_of(self, account: str, bank: str) -> str:
        """The bank that a leg on an account names in a posting of `bank`; empty if the account is not by
        bank.
        """
        return bank if self.lines.get(f"by_bank {account}") == "1" else ""

    @property
    def accounts(self) -> Mapping[str, ChartAccount]:
        """The accounts of the chart, by code."""
        codes = [name.removeprefix("kind ") for name in self.lines if name.startswith("kind ")]
        return {
            code: ChartAccount(*(self.at(f"{part} {code}") for part in ("name", "kind", "normal")))
            for code in codes
        }


class ChartHistory(NamedTuple):
    """The charts, and the numbers of the audit records that put them in force, in order. If there is no such
    record, the only chart is that of the settings, since number 0.
    """

    since: tuple[int, ...]
    charts: tuple[ChartLines, ...]

    def in_force(self, number: int) -> ChartLines:
        """The chart that was in force when the audit record of this number was written."""
        return self.charts[max(bisect_right(self.since, number) - 1, 0)]


def charts_of(evidence: Evidence) -> ChartHistory:
    """The charts of the books, by the audit records that put them in force."""
    stored = _stored_charts(evidence)
    installed = [
        (record.number, ChartLines(stored[int(record.subject)]))
        for record in office_records(evidence)
        if record.act == "chart" and record.subject.isdigit() and int(record.subject) in stored
    ]
    if not installed:
        return ChartHistory((0,), (ChartLines(evidence.stated.chart),))
    return ChartHistory(tuple(number for number, _ in installed), tuple(chart for _, chart in installed))


def _stored_charts(evidence: Evidence) -> dict[int, dict[str, str]]:
    """The lines of every chart in the books, by the chart's number."""
    stored: dict[int, dict[str, str]] = {}
    for row in evidence.office.execute(select(chart_lines)):
        stored.setdefault(row.chart, {})[row.name] = row.value
    return stored


def charts(evidence: Evidence) -> Results:
    """Invariant 7: each chart is as it was put in force, the last one is that of the settings, and the table
    of accounts agrees with the charts.
    """
    stored = _stored_charts(evidence)
    logged = {record.subject: record.note for record in office_records(evidence) if record.act == "chart"}
    noted = {
        str(number): f"{len(lines)} lines; rows {rows_digest(sorted(lines.items()))}"
        for number, lines in stored.items()
    }
    for name in sorted(noted.keys() | logged.keys()):
        if noted.get(name) != logged.get(name):
            yield Failing(
                7,
                Sentence("chart {name}", name=name),
                Sentence("is not as the audit log says that it was put in force"),
            )
    last = stored[max(stored)] if stored else {}
    for name in sorted(last.keys() | evidence.stated.chart.keys()):
        if stored and last.get(name) != evidence.stated.chart.get(name):
            yield Failing(
                7,
                Sentence("chart {name}", name=max(stored)),
                Sentence("its line {name!r} is not that of the settings' chart", name=name),
            )
    charted: dict[str, ChartAccount] = {}
    for number in sorted(stored):
        charted |= ChartLines(stored[number]).accounts
    rows = evidence.office.execute(select(accounts)).all()
    listed = {row.account: ChartAccount(row.name, row.kind, row.normal) for row in rows}
    for code in sorted(charted.keys() | listed.keys()):
        if charted.get(code) != listed.get(code):
            yield Failing(7, Sentence("account {code}", code=code), Sentence("is not as the chart has it"))
    yield Checked(7, "lines of the charts of accounts", sum(map(len, stored.values())))
    yield Checked(7, "accounts, held against the charts", len(rows))
