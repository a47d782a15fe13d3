"""Runs the whole crash matrix and writes docs/crash-matrix.md: `python -m tests.crash.matrix`.

Lists the cells, plays them in processes of their own, and puts what came of them into a page. What a cell
does, tests.crash.scene, tests.crash.closing and tests.crash.sealing say.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from simulators.cluster.postgresql import bundled
from tests.crash import sealing
from tests.crash.closing import play_close, undisturbed
from tests.crash.forked import ROOT
from tests.crash.points import (
    ANSWERING_EARLY,
    BEFORE_COMMIT,
    COMMIT_POINTS,
    LEFT,
    NOT_SYNCING,
    POINTS,
    Fault,
    Kind,
    Part,
    impossible,
)
from tests.crash.scene import TORN_DISKS, Cell, play

PAGE = ROOT / "docs" / "crash-matrix.md"
KEPT = ROOT / "var" / "crash-matrix.json"
CONTROLS = (
    (NOT_SYNCING, LEFT, Fault.POWER),
    (ANSWERING_EARLY, BEFORE_COMMIT, Fault.KILL),
    (ANSWERING_EARLY, BEFORE_COMMIT, Fault.POWER),
)
"""Cells with a cheat: each must be found to disagree."""


class Outcome(NamedTuple):
    """A cell that was played, what was found wrong, and how long it took."""

    cell: Cell
    wrong: tuple[str, ...]
    seconds: float


def trade_cells(kind: Kind, seed: int) -> Iterator[Cell]:
    """The front-end machine's way, and its cut-over."""
    for fault in Fault:
        for point in POINTS:
            if not impossible(kind, Part.TRADE, point.name, fault):
                yield Cell(kind, point.name, fault, seed=seed)
                if fault is Fault.POWER:
                    yield Cell(kind, point.name, fault, torn=True, seed=seed)
        for name in COMMIT_POINTS:
            if not impossible(kind, Part.CUTOVER, name, fault):
                yield Cell(kind, name, fault, Part.CUTOVER, seed=seed)


def close_cells(kind: Kind, seed: int) -> Iterator[Cell]:
    """Each transaction of the office's close."""
    for nth in range(1, len(undisturbed(kind).steps) + 1):
        for fault in Fault:
            for name in COMMIT_POINTS:
                if not impossible(kind, Part.CLOSE, name, fault):
                    yield Cell(kind, name, fault, Part.CLOSE, nth, seed=seed)


def sealing_cells(kind: Kind, seed: int) -> Iterator[Cell]:
    """Each durable step of sealing a volume; what is on the disk no database decides, so on SQLite only."""
    if kind is Kind.SQLITE:
        for point in sealing.POINTS:
            yield Cell(kind, point, Fault.KILL, Part.SEALING, seed=seed)


def control_cells(kind: Kind, seed: int) -> Iterator[Cell]:
    """The negative controls."""
    for cheat, point, fault in CONTROLS:
        yield Cell(kind, point, fault, cheat=cheat, seed=seed)


def _play_sealing(cell: Cell) -> list[str]:
    return sealing.play_sealing(sealing.template(), sealing.undisturbed(), cell.point)


_PLAYS = {Part.CLOSE: play_close, Part.SEALING: _play_sealing}


def played(cell: Cell) -> Outcome:
    """Play one cell. Whatever goes wrong in it is an outcome, so that the others are played all the same."""
    begun = time.monotonic()
    try:
        wrong = _PLAYS.get(cell.part, play)(cell)
    except Exception as error:
        wrong = [f"the cell failed: {type(error).__name__}: {error}"]
    return Outcome(cell, tuple(wrong), time.monotonic() - begun)


def play_all(cells: Sequence[Cell], processes: int) -> list[Outcome]:
    """Play the cells, so many at a time, telling of each as it ends."""
    outcomes = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        for number, outcome in enumerate(pool.map(played, cells), 1):
            wording = "; ".join(outcome.wrong)[:200] or "agree"
            sys.stderr.write(
                f"{number}/{len(cells)} {outcome.seconds:.1f} s {_name(outcome.cell)}: {wording}\n"
            )
            outcomes.append(outcome)
    return outcomes


def _name(cell: Cell) -> str:
    words = [cell.kind.value, cell.part.value, cell.cheat, cell.point, cell.fault.value]
    return ", ".join([*filter(None, words), *(["torn"] if cell.torn else []), str(cell.nth)])


def as_it_should_be(outcome: Outcome) -> bool:
    """Whether a cell agrees, or its cheat was caught."""
    return bool(outcome.wrong) == bool(outcome.cell.cheat)


def kept(seed: int) -> dict[Cell, Outcome]:
    """What the last run found as it should be, of the same seed: a run with --again does not play these."""
    if not KEPT.exists():
        return {}
    outcomes = {}
    for cell, wrong, seconds in json.loads(KEPT.read_text(encoding="utf-8")):
        kind, point, fault, part, *rest = cell
        one = Cell(Kind(kind), point, Fault(fault), Part(part), *rest)
        outcomes[one] = Outcome(one, tuple(wrong), seconds)
    return {cell: one for cell, one in outcomes.items() if cell.seed == seed and as_it_should_be(one)}


def kinds() -> tuple[Kind, ...]:
    """The databases that there are here."""
    return tuple(kind for kind in Kind if kind is Kind.SQLITE or bundled() is not None)


# The page.


def page(outcomes: Sequence[Outcome], seed: int, played_now: int) -> str:
    """docs/crash-matrix.md."""
    cheats = [outcome for outcome in outcomes if outcome.cell.cheat]
    honest = [outcome for outcome in outcomes if not outcome.cell.cheat]
    parts = [_head(honest, cheats, seed, played_now)]
    for kind in dict.fromkeys(outcome.cell.kind for outcome in outcomes):
        of_kind = [outcome for outcome in honest if outcome.cell.kind is kind]
        parts.append(f"## {kind.value}: from bytes in to bytes out\n")
        parts.append(_table(of_kind, Part.TRADE, [point.name for point in POINTS], kind))
        parts.append(f"## {kind.value}: the cut-over's transaction\n")
        parts.append(_table(of_kind, Part.CUTOVER, list(COMMIT_POINTS), kind))
        parts.append(f"## {kind.value}: the office's close\n")
        parts.append(_steps(of_kind, kind))
        if kind is Kind.SQLITE:
            parts += [f"## {kind.value}: sealing a volume\n", _sealing(of_kind)]
    parts += ["## Negative controls\n", _controls(cheats), "## What cannot be\n", _reasons()]
    return "\n".join(parts)


def _head(honest: Sequence[Outcome], cheats: Sequence[Outcome], seed: int, played_now: int) -> str:
    agree = sum(not outcome.wrong for outcome in honest)
    caught = sum(bool(cheat.wrong) for cheat in cheats)
    is_again = played_now < len(honest) + len(cheats)
    again = f" The last run played {played_now} of them again." if is_again else ""
    where = f"{os.cpu_count()} processors, Python {platform.python_version()}"
    total = sum(outcome.seconds for outcome in (*honest, *cheats))
    return f"""# The crash matrix

This page is written by `make crash-matrix`; do not edit it.

**{agree} of {len(honest)} cells agree**; {caught} of {len(cheats)} negative controls are caught.{again}
Seed {seed}, {total:.0f} s of cells with {where},
SQLite {sqlite3.sqlite_version}, {_version()}.

Each cell runs the real `qianzhi` command on a database of its own, under a launcher that wraps its functions
from outside and stops it at the point named. There the fault happens. What ended is started again, as a
supervisor does; a simulated bank asks, repeats and reverses until it is certain of each transaction, repeats
all of them once more, and reconciles by totals. A cell *agrees* if the bank's record and the journal are the
same to the fen, every repeat got the first answer, hash chains, seals and totals hold, and the machine stops
in order. A close agrees if, run again, the office holds what an undisturbed close leaves, and the audit finds
nothing. A sealing runs in a forked process; it agrees if, run again at a later moment, images, indexes, the
log's tiles and all rows of the catalogue are those of an undisturbed sealing, and the audit finds nothing.

- **process killed**: SIGKILL, of the machine, of the office's process or of the archive's.
- **power cut**: machine and database end at once, and the files become what a disk holds that kept only what
  was synced, or (in the trade's second run) beside it sectors of 512 or 4096 bytes of the rest by chance. A
  preloaded library (`tests/crash/shim.c`) logs writes, names and syncs. On SQLite {TORN_DISKS} such disks
  more are looked at in each cell of the trade: the book is whole, and has all that the bank was told.
- **database gone and back**: PostgreSQL is stopped with `immediate`, and started before or after the machine
  goes on; on SQLite some calls end with an I/O error.
- **database gone during COMMIT**: on PostgreSQL the way to the server is cut before COMMIT arrives, or while
  the server's process stands before or after the sync of its log, and goes on only when the machine has asked
  again (at the office's close: when that has ended, or waits for what the lost COMMIT holds); on SQLite that
  sync ends with an error, done or not done.
- **disk full**: some writes end with "no space left", SQLite's own or PostgreSQL's.
- **socket reset**: the bank resets its links.
"""


def _table(outcomes: Sequence[Outcome], part: Part, names: Sequence[str], kind: Kind) -> str:
    lines = [f"| point | {' | '.join(Fault)} |", "|---" * (len(Fault) + 1) + "|"]
    for name in names:
        cells = []
        for fault in Fault:
            here = [outcome for outcome in outcomes if outcome.cell[1:4] == (name, fault, part)]
            cells.append(_cell(here) if here else _footnote(kind, part, name, fault))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(here: Sequence[Outcome]) -> str:
    if any(outcome.wrong for outcome in here):
        return f"**{sum(bool(outcome.wrong) for outcome in here)} DISAGREE**"
    return "agree" if len(here) == 1 else f"agree ({len(here)})"


def _footnote(kind: Kind, part: Part, name: str, fault: Fault) -> str:
    return f"– [{REASONS.index(impossible(kind, part, name, fault)) + 1}]"


def _all_reasons() -> tuple[str, ...]:
    every = (
        impossible(kind, part, point.name, fault)
        for kind in Kind
        for part in Part
        for point in POINTS
        for fault in Fault
    )
    return tuple(dict.fromkeys(filter(None, every)))


REASONS = _all_reasons()


def _steps(outcomes: Sequence[Outcome], kind: Kind) -> str:
    """The close: each transaction before COMMIT, in it before and after the sync, and after it."""
    steps = undisturbed(kind).steps
    faults = [fault for fault in Fault if fault is not Fault.RESET]
    lines = [f"| transaction | {' | '.join(faults)} |", "|---" * (len(faults) + 1) + "|"]
    for nth, step in enumerate(steps, 1):
        here = [
            outcome for outcome in outcomes if outcome.cell.part is Part.CLOSE and outcome.cell.nth == nth
        ]
        cells = [_cell([outcome for outcome in here if outcome.cell.fault is fault]) for fault in faults]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    note = (
        f"Struck at: {'; '.join(COMMIT_POINTS)}; the figure tells at how many. No socket reset [{_reset()}]."
    )
    return "\n".join([*lines, "", note, ""])


def _sealing(outcomes: Sequence[Outcome]) -> str:
    """The sealing: each durable step, killed before it and after it."""
    sides = [f"{Fault.KILL} {side}" for side in sealing.SIDES]
    lines = [f"| step | {' | '.join(sides)} |", "|---" * (len(sides) + 1) + "|"]
    for step in sealing.STEPS:
        points = [f"{side} {step.name}" for side in sealing.SIDES]
        cells = [_cell([outcome for outcome in outcomes if outcome.cell.point == point]) for point in points]
        lines.append(f"| {step.name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _reset() -> int:
    return REASONS.index(impossible(Kind.SQLITE, Part.CLOSE, BEFORE_COMMIT, Fault.RESET)) + 1


def _controls(cheats: Sequence[Outcome]) -> str:
    lines = ["| database | the machine | struck | fault | found |", "|---|---|---|---|---|"]
    for cheat in cheats:
        verdict = "caught" if cheat.wrong else "**NOT CAUGHT**"
        cell = cheat.cell
        lines.append(f"| {cell.kind} | {cell.cheat} | {cell.point} | {cell.fault} | {verdict} |")
    return "\n".join([*lines, ""])


def _reasons() -> str:
    notes = [f"{number}. {reason}" for number, reason in enumerate(REASONS, 1)]
    return "\n".join(
        [*notes, "", "Two faults at once are not struck; a power cut resets every socket anyway.", ""]
    )


def _version() -> str:
    folder = bundled()
    if folder is None:
        return "no PostgreSQL"
    done = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().replace("postgres (PostgreSQL)", "PostgreSQL")


def main() -> None:
    """Run what is asked for; the exit code is 0 only if every cell agrees and every control is caught."""
    parser = argparse.ArgumentParser(description="run the crash matrix and write its page")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", action="store_true", help="only what the last run found wrong")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    listed = [
        cell
        for kind in kinds()
        for cells in (trade_cells, close_cells, sealing_cells, control_cells)
        for cell in cells(kind, given.seed)
    ]
    before = kept(given.seed) if given.again else {}
    played_now = play_all([cell for cell in listed if cell not in before], given.processes)
    known = before | {outcome.cell: outcome for outcome in played_now}
    outcomes = [known[cell] for cell in listed]
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(outcomes), encoding="utf-8")
    given.page.write_text(page(outcomes, given.seed, len(played_now)), encoding="utf-8")
    sys.exit(not all(map(as_it_should_be, outcomes)))


if __name__ == "__main__":
    main()
