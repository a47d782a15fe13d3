"""What the doctor says of the back office."""

from __future__ import annotations

from pathlib import Path

import pytest

from fep.doctor.finding import Verdict
from fep.doctor.officecheck import on_office
from ledger.files.open_breaks_file import Figures, Outstanding, write

HOUR = 3_600_000_000
TOLD = 1_800_000_000_000_000
ROWS = (
    Outstanding("01020000", "bank_only", "20261124", 2, 500),
    Outstanding("01030000", "ours_only", "20261124", 1, 7),
)


@pytest.mark.parametrize(
    ("hours", "verdict", "said"),
    [
        (0, Verdict.OK, "the office told 0 hours ago of 3 open breaks"),
        (25, Verdict.OK, "the office told 25 hours ago of 3 open breaks"),
        (26, Verdict.WARN, "the office's last figures are 26 hours old"),
    ],
)
def test_the_age_of_the_offices_figures_tells_whether_it_closes(
    tmp_path: Path, hours: int, verdict: Verdict, said: str
) -> None:
    path = tmp_path / "breaks.json"
    path.write_bytes(write(Figures(TOLD, ROWS)))
    (observation,) = on_office(path, TOLD + hours * HOUR)
    assert (observation.verdict, observation.said) == (verdict, said)


def test_figures_that_are_not_there_or_are_none_are_told(tmp_path: Path) -> None:
    path = tmp_path / "breaks.json"
    (missing,) = on_office(path, TOLD)
    assert (missing.verdict, missing.said) == (Verdict.OK, f"no figures of the office are at {path} yet")
    path.write_bytes(b"{")
    (damaged,) = on_office(path, TOLD)
    assert (damaged.verdict, damaged.said) == (Verdict.BAD, f"the office's figures at {path}: is no JSON")
