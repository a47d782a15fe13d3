"""The crash matrix: some of its cells, its negative controls, its page. `make crash-matrix` plays all."""

from __future__ import annotations

import re

import pytest

from simulators.cluster.postgresql import bundled
from tests.crash.closing import play_close
from tests.crash.control import compiler
from tests.crash.matrix import CONTROLS, PAGE, REASONS, Outcome, control_cells, page, trade_cells
from tests.crash.points import (
    AFTER_COMMIT,
    ANSWERING_EARLY,
    BEFORE_COMMIT,
    LEFT,
    NOT_SYNCED,
    NOT_SYNCING,
    NUMBERS,
    POINTS,
    SYNCED,
    Fault,
    Kind,
    Part,
    impossible,
)
from tests.crash.scene import Cell, play
from tests.crash.sealing import STEPS

pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler here: set CC")
needs_postgresql = pytest.mark.skipif(bundled() is None, reason="no PostgreSQL is brought along here")

SOME = (
    Cell(Kind.SQLITE, "offered", Fault.RESET),
    Cell(Kind.SQLITE, AFTER_COMMIT, Fault.KILL),
    Cell(Kind.SQLITE, LEFT, Fault.POWER),
    Cell(Kind.SQLITE, NOT_SYNCED, Fault.LOST),
    Cell(Kind.SQLITE, "decided", Fault.FULL),
    Cell(Kind.SQLITE, SYNCED, Fault.POWER, Part.CUTOVER),
)
ON_POSTGRESQL = (
    Cell(Kind.POSTGRESQL, NOT_SYNCED, Fault.LOST),
    Cell(Kind.POSTGRESQL, AFTER_COMMIT, Fault.POWER),
)


def name(cell: Cell) -> str:
    return ", ".join([cell.kind.value, cell.part.value, cell.point, cell.fault.value])


@pytest.mark.parametrize("cell", SOME, ids=name)
def test_bank_and_journal_agree_after(cell: Cell) -> None:
    assert play(cell) == []


@needs_postgresql
@pytest.mark.parametrize("cell", ON_POSTGRESQL, ids=name)
def test_bank_and_journal_agree_on_postgresql_after(cell: Cell) -> None:
    assert play(cell) == []


@pytest.mark.parametrize(
    "cell",
    [
        Cell(Kind.SQLITE, SYNCED, Fault.POWER, Part.CLOSE, 3),
        Cell(Kind.SQLITE, BEFORE_COMMIT, Fault.KILL, Part.CLOSE, 4),
    ],
    ids=name,
)
def test_a_close_run_again_ends_in_the_same_after(cell: Cell) -> None:
    assert play_close(cell) == []


def test_a_machine_that_does_not_sync_is_caught() -> None:
    assert play(Cell(Kind.SQLITE, LEFT, Fault.POWER, cheat=NOT_SYNCING)) != []


def test_a_machine_that_answers_before_commit_is_caught() -> None:
    assert play(Cell(Kind.SQLITE, BEFORE_COMMIT, Fault.KILL, cheat=ANSWERING_EARLY)) != []


def test_every_cell_is_played_or_has_its_reason() -> None:
    for kind in Kind:
        played = {(cell.point, cell.fault) for cell in trade_cells(kind, 1) if cell.part is Part.TRADE}
        every = {(point.name, fault) for point in POINTS for fault in Fault}
        without = {cell for cell in every if impossible(kind, Part.TRADE, *cell)}
        assert (played | without, played & without) == (every, set())
        assert {cheat for cheat, *_ in CONTROLS} == {cell.cheat for cell in control_cells(kind, 1)}


def test_each_point_has_a_number_of_its_own() -> None:
    assert sorted(NUMBERS.values()) == list(range(1, len(POINTS) + 1))


def rows(text: str, heading: str) -> list[str]:
    """The first column of the table below a heading."""
    table = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (.+?) \|", table, re.MULTILINE)


def test_the_page_is_of_this_matrix_and_found_nothing() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in Kind:
        assert rows(text, f"{kind.value}: from bytes in to bytes out") == ["point", *NUMBERS]
    assert rows(text, "SQLite: sealing a volume") == ["step", *(step.name for step in STEPS)]
    assert [word for word in ("DISAGREE", "NOT CAUGHT") if word in text] == []
    assert [reason for reason in REASONS if reason not in text] == []
    assert f"{len(CONTROLS) * len(Kind)} of {len(CONTROLS) * len(Kind)} negative controls" in text


def test_a_cell_that_disagrees_and_a_control_that_is_not_caught_stand_on_the_page() -> None:
    cells = [*trade_cells(Kind.SQLITE, 1), *control_cells(Kind.SQLITE, 1)]
    wrong = Cell(Kind.SQLITE, "framed", Fault.KILL)
    outcomes = [Outcome(cell, ("lost",) if cell == wrong else (), 1.0) for cell in cells]
    text = page(outcomes, 1, len(outcomes))
    assert (text.count("**1 DISAGREE**"), text.count("**NOT CAUGHT**")) == (1, len(CONTROLS))
    assert "| framed | **1 DISAGREE** |" in text
