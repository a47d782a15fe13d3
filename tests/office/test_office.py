"""The office's texts are true: the example comes out as told, and each package names all of its modules."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import ModuleType

import pytest

import office
from ledger.files import layout
from ledger.files.bankfile import read
from ledger.rules.request import key_of
from office import accounting, audit, database, intake, matching, reports
from office.accounting.chart import shipped
from office.accounting.posting import day_posting
from office.matching.lines import Ours, Result, Theirs
from office.matching.match import resolve
from office.matching.pairing import pair

BANK, DATE = "01020000", "20261124"
TEXT = " ".join((office.__doc__ or "").split())


def example() -> Result:
    """The file of the example against a journal that has its first line only."""
    file = "".join(
        f"{line}\n" for line in re.findall(r"^    ([HDT]\|.+)$", office.__doc__ or "", re.MULTILINE)
    )
    theirs = []
    for line in read(layout.load("standard"), io.BytesIO(file.encode()), BANK, DATE):
        key = key_of(BANK, line.terminal, line.sent_at, line.stan)
        details = line.code, line.policy, line.due
        theirs.append(Theirs(key, line.line, "C", line.amount, line.state, line.rrn, *details))
    first = theirs[0]
    amounts = first.amount, "S", first.rrn, first.effect
    ours = Ours(first.key, "C", *amounts, False, False, first.code, first.policy, first.due)
    return resolve(pair([ours], theirs), (), {}, lists_reversed=True)


def test_the_example_finds_the_line_that_only_the_bank_has() -> None:
    result = example()
    (finding,) = result.findings
    assert (result.matched, finding.cls, finding.line, finding.difference) == (1, "bank_only", 3, 8000)
    assert f"`{finding.key}`, direction {finding.direction}, amount {finding.theirs_effect}" in TEXT
    assert (
        f'class `{finding.cls}`, line {finding.line}, our effect 0, theirs 8000, "{finding.reason}"' in TEXT
    )
    assert f"theirs {result.theirs_effect} - ours {result.ours_effect} = {finding.difference}" in TEXT


def test_the_example_is_posted_to_the_accounts_of_the_shipped_chart() -> None:
    result = example()
    differences = [finding.difference for finding in result.findings]
    ours = {"500000": result.ours_effect}
    posting = day_posting(shipped(), BANK, DATE, ours, result.theirs_effect, differences)
    assert posting is not None
    assert f"`{posting.posting}`" in TEXT
    assert [(leg.account, leg.amount) for leg in posting.legs] == [
        ("122101", 20000),
        ("1122", -12000),
        ("224101", -8000),
    ]
    assert "122101 clearing +20000, 1122 premiums due -12000, 224101 overages in suspense -8000" in TEXT


@pytest.mark.parametrize(
    "package",
    [office, accounting, audit, database, intake, matching, reports],
    ids=lambda package: package.__name__,
)
def test_a_package_names_all_of_its_modules(package: ModuleType) -> None:
    modules = {file.stem for file in Path(str(package.__file__)).parent.glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"[a-z_]+", package.__doc__ or ""))
