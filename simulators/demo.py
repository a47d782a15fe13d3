"""`make demo`: three banks against a real front-end machine, and then both sides' books compared to the fen.

Starts the machine as a process of its own, drives it over real sockets, reads its database with statements
that share nothing with the machine's, and says by its exit code whether everything agrees. Shows; decides
nothing about money.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from fep.config import Bank as BankEntry
from fep.config import Settings, load_settings
from fep.install import install
from fep.keys import read_key_file
from ledger import bookfile, sample
from ledger.capitals import in_figures
from ledger.request import Totals
from protocol.message import Message
from simulators import dayfile
from simulators.bank import Bank, BankProfile, together
from simulators.beliefs import Belief, Record, State

POLICIES = 10_000
DUES_A_BANK = 1_200
LINKS_A_BANK = 4
AT_ONCE = 24
SEED = 20_261_124

_CONFIRMED = {
    State.DONE: "done",
    State.REVERSED: "reversed",
    State.REFUSED: "refused",
    State.NEVER_WAS: "refused",
}


@dataclass(slots=True)
class Day:
    """What one bank is going to do, and what came of it."""

    bank: Bank
    dues: Sequence[bookfile.DueLine]
    random: Random
    receipt: list[str] = field(default_factory=list)
    repeats: int = 0
    lost_answers: int = 0
    reversals_first: int = 0
    cancels: int = 0


def main() -> None:
    """Run the demo; exit code 0 only if banks and journal agree and every link of the chain holds."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="qianzhi-demo-") as folder:
        react(lambda reactor: Deferred.fromCoroutine(_demo(reactor, Path(folder), console)))


async def _demo(reactor: Any, folder: Path, console: Console) -> None:  # noqa: ANN401 - reactors have no one type
    started = time.monotonic()
    settings_path = install(folder, os.urandom, first_port=0, status_port=0)
    settings = load_settings(settings_path)
    console.print(f"[bold]Qianzhi 前置[/bold]: {POLICIES:,} policies on SQLite, three banks, three dialects")
    book = _make_book(folder)
    _qianzhi("book", "load", str(folder / "book.csv"), "--config", str(settings_path))
    with _serving(settings_path) as ports:
        days = [
            _day(reactor, entry, ports[entry.code], book, place) for place, entry in enumerate(settings.bank)
        ]
        await _work(days, console)
        balances = [await day.bank.reconcile(book.business_date[4:]) for day in days]
        for day in days:
            await day.bank.sign_off()
    verified = _qianzhi("journal", "verify", "--config", str(settings_path))
    agreed = _report(console, days, balances, settings, folder / "front.db")
    agreed = _day_files(console, days, folder, book.business_date) and agreed
    console.print(verified.stdout.strip().replace("\n", "; "))
    console.print(f"{time.monotonic() - started:.0f} s")
    if not agreed:
        console.print("[bold red]the books do not agree[/bold red]")
        raise SystemExit(1)
    console.print("[bold green]banks and journal agree line by line, to the fen[/bold green]")


def _make_book(folder: Path) -> bookfile.Book:
    date = datetime.now().astimezone().strftime("%Y%m%d")
    data = b"".join(bookfile.write(date, sample.make(Random(SEED), POLICIES, date)))
    (folder / "book.csv").write_bytes(data)
    return bookfile.parse(data)


def _qianzhi(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `qianzhi` command; a failure ends the demo with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "console.main", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"qianzhi {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done


@contextmanager
def _serving(settings_path: Path) -> Iterator[dict[str, int]]:
    """The machine as a process; yields the banks' ports. Stopped by SIGTERM, which must end it with code
    0.
    """
    log = settings_path.with_name("serve.log")
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "console.main", "serve", str(settings_path)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield _ports(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
    if code:
        raise SystemExit(f"the machine ended with code {code}:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _ports(process: subprocess.Popen[str], log: Path) -> dict[str, int]:
    ports: dict[str, int] = {}
    if process.stdout is not None:
        for line in process.stdout:
            found = re.match(r"bank (\d+) \S+:(\d+) ", line)
            if found:
                ports[found[1]] = int(found[2])
            if line.startswith("status "):
                return ports
    raise SystemExit(f"the machine did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _day(reactor: Any, entry: BankEntry, port: int, book: bookfile.Book, place: int) -> Day:  # noqa: ANN401 - as above
    profile = BankProfile(
        entry.code,
        entry.host,
        port,
        entry.framing,
        entry.dialect,
        entry.mac,
        read_key_file(Path(entry.zmk_file), (16, 24, 32)),
        branches=tuple(f"BRANCH{number:09d}" for number in range(3)),
        terminals=tuple(f"T{number:07d}" for number in range(4)),
    )
    bank = Bank(profile, reactor, lambda: datetime.now().astimezone())
    # Each bank has dues of its own, and a tenth that the next bank is after as well.
    width = DUES_A_BANK * 9 // 10
    dues = book.dues[place * width : place * width + DUES_A_BANK]
    return Day(bank, dues, Random(SEED + place))


async def _work(days: Sequence[Day], console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        running = []
        for day in days:
            await day.bank.connect(LINKS_A_BANK)
            task = progress.add_task(f"bank {day.bank.profile.code}", total=len(day.dues))
            waiting = iter(day.dues)
            running += [
                Deferred.fromCoroutine(_counter(day, waiting, lambda task=task: progress.advance(task)))
                for _ in range(AT_ONCE)
            ]
        await together(running)


async def _counter(day: Day, waiting: Iterator[bookfile.DueLine], done: Callable[[], None]) -> None:
    """One counter serves one customer after the other."""
    for due in waiting:
        await _choose(day, due)
        done()


def _choose(day: Day, due: bookfile.DueLine) -> Coroutine[Any, Any, None]:
    """What happens to this customer: mostly the usual, and every trouble often enough."""
    draw = day.random.randrange(100)
    for share, act in _ACTS:
        if draw < share:
            return act(day, due)
    return _usual(day, due)


async def _usual(day: Day, due: bookfile.DueLine) -> None:
    await day.bank.inquire(due.policy)
    await _note_receipt(day, await _settle(day, due))


async def _repeated(day: Day, due: bookfile.DueLine) -> None:
    """The bank sends everything twice, once as a repeat."""
    first = await _settle(day, due)
    again = await day.bank.carry_out(first, due.beneficiary, repeat=True)
    day.repeats += 1
    if (first.response, first.receipt, first.authorization) != (
        again.response,
        again.receipt,
        again.authorization,
    ):
        raise SystemExit(f"a repeat of {first.key} was answered otherwise than the first")


async def _answer_lost(day: Day, due: bookfile.DueLine) -> None:
    """The answer never reaches the bank, which reverses; then the customer pays again."""
    await day.bank.carry_out(_prepared(day, due), due.beneficiary, lose=True)
    day.lost_answers += 1
    await _settle(day, due)


async def _reversal_first(day: Day, due: bookfile.DueLine) -> None:
    """The reversal overtakes its original, which must then have no effect."""
    belief = await day.bank.reverse(_prepared(day, due))
    await day.bank.carry_out(belief, due.beneficiary)
    day.reversals_first += 1


async def _cancelled(day: Day, due: bookfile.DueLine) -> None:
    belief = await _settle(day, due)
    if belief.state is State.DONE:
        await day.bank.cancel(belief)
        day.cancels += 1


async def _wrong_amount(day: Day, due: bookfile.DueLine) -> None:
    await day.bank.settle(due.code, due.policy, due.amount + 1, due=due.due, identity=due.beneficiary)


async def _advised(day: Day, due: bookfile.DueLine) -> None:
    """The bank took the money while its link was down, and tells afterwards."""
    await day.bank.settle(
        due.code, due.policy, due.amount, due=due.due, identity=due.beneficiary, advice=True
    )


_ACTS: tuple[tuple[int, Callable[[Day, bookfile.DueLine], Coroutine[Any, Any, None]]], ...] = (
    (12, _repeated),
    (20, _answer_lost),
    (26, _reversal_first),
    (31, _cancelled),
    (34, _wrong_amount),
    (37, _advised),
)
"""What a customer's visit turns into, by cumulated per cent; the rest is the usual."""


def _prepared(day: Day, due: bookfile.DueLine) -> Belief:
    return day.bank.prepare(due.code, due.policy, due.amount, due=due.due)


async def _settle(day: Day, due: bookfile.DueLine) -> Belief:
    return await day.bank.carry_out(_prepared(day, due), due.beneficiary)


async def _note_receipt(day: Day, belief: Belief) -> None:
    """Keep one receipt to show, asked for again as a teller would."""
    if not day.receipt and belief.receipt:
        answer = await day.bank.receipt(belief.receipt)
        day.receipt.append(answer.fields[62])


@dataclass(frozen=True, slots=True)
class Recorded:
    """One transaction as the journal has it."""

    outcome: str
    amount: int
    receipt: str


def _read_journal(database: Path, bank: str) -> dict[tuple[str, str, str], Recorded]:
    """The journal's final states, from its entries alone: what was approved, and what an effective entry
    undid.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT key, kind, terminal, sent_at, stan, response, amount, coalesce(receipt, ''),"
            " original, turn"
            " FROM journal WHERE bank = ?",
            (bank,),
        ).fetchall()
    undone = {row[8] for row in rows if row[1] in ("cancel", "reversal") and row[9] is not None}
    found = {}
    for key, kind, terminal, sent_at, stan, response, amount, receipt, _, _ in rows:
        if kind != "reversal":
            outcome = "refused" if response != "00" else "reversed" if key in undone else "done"
            found[terminal, sent_at, stan] = Recorded(outcome, amount, receipt)
    return found


def _differences(record: Record, journal: dict[tuple[str, str, str], Recorded]) -> list[str]:
    """Every line that the two sides do not hold alike."""
    found = [f"{'/'.join(key)}: only in the journal" for key in journal.keys() - record.beliefs.keys()]
    for key, belief in record.beliefs.items():
        entry = journal.get(key)
        if entry is None:
            found.append(f"{'/'.join(key)}: only the bank has it")
        elif entry.outcome != _CONFIRMED.get(belief.state):
            found.append(f"{'/'.join(key)}: bank {belief.state}, journal {entry.outcome}")
        elif entry.amount != belief.amount or (belief.receipt and belief.receipt != entry.receipt):
            found.append(f"{'/'.join(key)}: amount or receipt differs")
    return found


def _journal_totals(record: Record, journal: dict[tuple[str, str, str], Recorded]) -> Totals:
    """The totals that the journal's own lines give, with the bank's processing codes."""
    counted = Record(record.bank)
    for key, entry in journal.items():
        state = {"done": State.DONE, "reversed": State.REVERSED}.get(entry.outcome, State.REFUSED)
        belief = record.beliefs[key]
        counted.keep(Belief(*(getattr(belief, name) for name in _OWN_FIELDS), entry.amount, state))
    return counted.totals()


_OWN_FIELDS = ("mti", "code", "terminal", "branch", "sent_at", "stan", "rrn", "policy", "due")


def _day_files(console: Console, days: Sequence[Day], folder: Path, date: str) -> bool:
    """Write each bank's day file; whether each has a line for every transaction that took effect."""
    counts = []
    for day in days:
        path = folder / f"{day.bank.profile.code}.{date}.txt"
        path.write_bytes(b"".join(dayfile.write(day.bank.record, date)))
        counts.append(sum(line.startswith("D|") for line in path.read_text(encoding="utf-8").splitlines()))
    totals = [day.bank.record.totals() for day in days]
    console.print(f"day files: {', '.join(f'{count:,} lines' for count in counts)}")
    return counts == [total.collections + total.payouts for total in totals]


def _report(
    console: Console, days: Sequence[Day], balances: Sequence[Message], settings: Settings, database: Path
) -> bool:
    """Print the table and a receipt; whether everything agrees."""
    table = Table(title="banks and journal", box=None, padding=(0, 1, 0, 0))
    table.add_column("bank", no_wrap=True)
    for name in ("lines", "undone", "collected", "paid", "journal net", "0510", "diff"):
        table.add_column(name, justify="right", no_wrap=True)
    agreed = True
    for day, balance, entry in zip(days, balances, settings.bank, strict=True):
        record = day.bank.record
        journal = _read_journal(database, entry.code)
        differences = _differences(record, journal)
        ours, theirs = record.totals(), Totals() if differences else _journal_totals(record, journal)
        good = (
            not differences
            and ours == theirs
            and balance.fields[66] == "1"
            and not record.undecided()
            and not day.bank.violations
        )
        agreed = agreed and good
        table.add_row(
            entry.code,
            f"{len(record.beliefs):,}",
            str(ours.collections_reversed + ours.payouts_reversed),
            in_figures(ours.collected - ours.collected_reversed),
            in_figures(ours.paid - ours.paid_reversed),
            f"{'-' if theirs.net < 0 else ''}{in_figures(abs(theirs.net))}",
            balance.fields[39],
            f"[green]{len(differences)}[/green]" if good else f"[red]{len(differences)}[/red]",
        )
        for difference in (*day.bank.violations[:5], *differences[:5]):
            console.print(f"[red]{entry.code} {difference}[/red]")
    console.print(table)
    for entry in settings.bank:
        console.print(f"{entry.code}: {entry.dialect}, {entry.framing}, {entry.mac}")
    console.print(
        f"{sum(day.repeats for day in days)} repeats,"
        f" {sum(day.lost_answers for day in days)} answers lost and reversed,"
        f" {sum(day.reversals_first for day in days)} reversals before their originals,"
        f" {sum(day.cancels for day in days)} cancels"
    )
    console.print(Panel.fit(days[0].receipt[0], title="receipt"))
    return agreed


if __name__ == "__main__":
    main()
