"""`make demo`: a whole business day with three banks, and at its end every fen accounted for.

Starts the real machine as a process, lets simulated banks work over real sockets, cuts over in full flow,
leaves bank files with discrepancies in them, closes the day at the office, takes a bank's statement of
account, hands the day to the core system, and holds everything against what was put in. The exit code is 0
only if all of it agrees.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from console.wall_clock import now_us
from fep.operator.identity import at_keyboard
from fep.process.reactor import react
from fep.settings.config import Bank as BankEntry
from fep.settings.config import Settings, load_settings
from fep.setup.install import install
from ledger.book.store import Store
from ledger.files import bankfile, bookfile, layout, sample
from ledger.files.bookline import DueLine
from ledger.rules.amount_in_words import in_figures
from ledger.rules.break_classes import BreakClass
from office.accounting import breaks, chart, decisions
from office.accounting.break_states import Break
from office.accounting.decisions import Decision, Desk
from office.config import Settings as OfficeSettings
from office.config import load_settings as load_office_settings
from office.errors import SamePerson
from office.exports.write import MANIFEST
from office.reports.wording import yuan
from protocol.message import Message
from qianzhi_errors import QianzhiError
from simulators.bank import Bank, together
from simulators.beliefs import State
from simulators.days import dayfile
from simulators.days.archiving import ArchiveFailure, archive_day, load_persons, verify_receipt
from simulators.days.collecting import BatchDay, CollectingFailure, front_settings, mandated
from simulators.days.comparison import Key, Recorded, crossed, differences, read_journal
from simulators.days.counterparts import acceptance, statement
from simulators.days.customers import Customers
from simulators.days.discrepancies import Counts, effect, seed
from simulators.processes import ProcessError, qianzhi, serving
from simulators.profile import profile_of

DATE = "20260930"
"""The eve of the National Day holiday: the next business date is more than a week away."""
POLICIES = 10_000
DUES_A_BANK = 1_200
CUT_OVER_AFTER = 2_000
"""Customers served, at all banks together, when the cut-over comes."""
LINKS_A_BANK = 4
AT_ONCE = 24
SEED = 20_261_124
DISCREPANCIES = Counts(
    bank_only=4, ours_only=6, amount_differs=3, state_differs=3, details_differ=3, duplicate=3, renumbered=5
)
ACCOUNT = "6222000012345678"
INSURER = "EXAMPLE"
"""The insurer's account with the first bank."""
MISSING, FEE = 10_000, 2_000
"""In fen: what of the day's money the first bank's statement lacks, and what the bank took for itself."""
FOLDER = Path("var/demo")
INTERRUPTED = 130
"""The exit code where a signal ends it."""
MAKER, CHECKER, OTHER_CHECKER = "li", "wang", "zhao"


class DemoFailure(QianzhiError):
    """A result of the demo is not as it must be; the text says which."""


@dataclass(slots=True)
class Stage:
    """Everything that the demo works with."""

    reactor: Any
    console: Console
    settings: Settings
    config: Path
    office_config: Path
    office: OfficeSettings
    book: bookfile.Book
    banks: list[Customers] = field(default_factory=list)
    next_date: str = ""
    owed: dict[str, int] = field(default_factory=dict)
    """By bank, what it owes for the closed day by its own file, in fen."""
    customers_config: Path = FOLDER / "customers" / "customers.toml"


def main() -> None:
    """Run the demo; exit code 0 only if banks, journal, office and audit agree to the fen."""
    os.environ.setdefault("COLUMNS", str(Console().width))  # what a command prints is as wide as all the rest
    os.umask(0o077)  # as the command has it: the office takes no file that others can change
    console = Console()

    async def run(reactor: Any) -> None:  # noqa: ANN401 - reactors have no one type
        try:
            await _demo(reactor, console)
        except (ArchiveFailure, CollectingFailure, DemoFailure, ProcessError) as error:
            console.print(f"[bold red]{error}[/bold red]", highlight=False)
            raise SystemExit(1) from None

    running: list[Coroutine[Any, Any, None]] = []

    def start(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - as above
        running.append(run(reactor))
        return Deferred.fromCoroutine(running[0])

    try:
        react(start, INTERRUPTED)
    finally:
        for demo in running:
            demo.close()  # where a signal ended it in its midst: the machine is not left behind


async def _demo(reactor: Any, console: Console) -> None:  # noqa: ANN401 - reactors have no one type
    started = time.monotonic()
    stage = _set_up(reactor, console)
    with serving(stage.config) as machine:
        await _trade(stage, machine.ports)
        balances = [await customers.bank.reconcile(DATE[4:]) for customers in stage.banks]
        journals = [
            read_journal(FOLDER / "front.db", customers.bank.profile.code) for customers in stage.banks
        ]
        _compare(stage, balances, journals)
        expected = _leave_files(stage, journals)
        _close(stage, expected)
        _decide(stage)
        _take_statement(stage)
        _hand_over(stage)
        unpaid = await _next_day(stage)
        await _collect_by_batch(stage, unpaid)
        for customers in stage.banks:
            await customers.bank.sign_off()
    _audit(stage)
    _verify_receipt(stage)
    _archive(stage)
    console.print(f"{time.monotonic() - started:.0f} s; books, files and reports are in {FOLDER}")
    console.print("[bold green]every fen is accounted for, every difference has a name[/bold green]")
    console.print("to see a machine at work on its status page: make live")


def _set_up(reactor: Any, console: Console) -> Stage:  # noqa: ANN401 - as above
    shutil.rmtree(FOLDER, ignore_errors=True)
    config = install(FOLDER, os.urandom, datetime.now(UTC), first_port=0, status_port=0, trial=True)
    with config.open("a", encoding="utf-8") as text_of_settings:
        text_of_settings.write(front_settings())
    office_config = FOLDER / "office" / "office.toml"
    init = ("office", "init", str(office_config.parent), "--insurer", INSURER)
    qianzhi(*init, "--front-config", str(config))
    qianzhi("keys", "create", "--config", str(office_config))
    entries = sample.make(Random(SEED), POLICIES, DATE)
    data = b"".join(bookfile.write(DATE, entries))
    (FOLDER / "book.csv").write_bytes(data)
    console.print(f"[bold]Qianzhi 前置[/bold]: {POLICIES:,} policies, three banks, business day {DATE}")
    _tell(console, qianzhi("book", "load", str(FOLDER / "book.csv"), "--config", str(config)))
    settings = load_settings(config)
    book = bookfile.parse(data)
    first = f'code = "{settings.bank[0].code}"\n'
    text = office_config.read_text(encoding="utf-8")
    office_config.write_text(text.replace(first, f'{first}account = "{ACCOUNT}"\n'), encoding="utf-8")
    office = load_office_settings(office_config)
    return Stage(reactor, console, settings, config, office_config, office, book)


def _bank(stage: Stage, entry: BankEntry, port: int) -> Bank:
    profile = replace(
        profile_of(stage.settings, entry, port),
        branches=tuple(f"BRANCH{number:09d}" for number in range(3)),
        terminals=tuple(f"T{number:07d}" for number in range(4)),
    )
    return Bank(profile, stage.reactor, lambda: datetime.now().astimezone())


async def _trade(stage: Stage, ports: dict[str, int]) -> None:
    """Serve the customers; in the middle of it cut the business day over, without holding anybody up."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = stage.console
    cutting: list[Deferred[None]] = []
    served = 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        running = []
        for place, entry in enumerate(stage.settings.bank):
            customers = Customers(_bank(stage, entry, ports[entry.code]), Random(SEED + place))
            stage.banks.append(customers)
            await customers.bank.connect(LINKS_A_BANK)
            task = progress.add_task(f"bank {entry.code}", total=DUES_A_BANK)

            def one_served(task: Any = task) -> None:  # noqa: ANN401 - rich's TaskID
                nonlocal served
                served += 1
                progress.advance(task)
                if served == CUT_OVER_AFTER:
                    cutting.append(deferToThread(_cut_over, stage))

            # Each bank has dues of its own, and a tenth that the next bank is after as well.
            first = place * (DUES_A_BANK * 9 // 10)
            waiting = iter(stage.book.dues[first : first + DUES_A_BANK])
            running += [
                Deferred.fromCoroutine(customers.counter(waiting, one_served)) for _ in range(AT_ONCE)
            ]
        await together(running)
        await cutting[0]
    console.print(f"{DATE} is closed, {stage.next_date} is open")
    console.print(
        f"{sum(bank.repeats for bank in stage.banks)} repeats,"
        f" {sum(bank.lost_answers for bank in stage.banks)} answers lost and reversed,"
        f" {sum(bank.reversals_first for bank in stage.banks)} reversals before their originals,"
        f" {sum(bank.cancels for bank in stage.banks)} cancels"
    )
    console.print(Panel.fit(stage.banks[0].receipt, title="receipt"))


def _cut_over(stage: Stage) -> None:
    """Have the day closed as a program does: what a person is told is in that person's language."""
    closed = json.loads(qianzhi("day", "cutover", "--date", DATE, "--json", "--config", str(stage.config)))
    stage.next_date = closed["next_date"]


def _compare(stage: Stage, balances: Sequence[Message], journals: Sequence[dict[Key, Recorded]]) -> None:
    """Compare the banks' records with the journal line by line, and their totals of the day with ours."""
    table = Table(title="banks and journal", box=None, padding=(0, 1, 0, 0))
    table.add_column("bank", no_wrap=True)
    for name in ("lines", "next day", "undone", "collected", "paid", "0510", "diff"):
        table.add_column(name, justify="right", no_wrap=True)
    agreed = True
    for customers, balance, journal in zip(stage.banks, balances, journals, strict=True):
        bank, record = customers.bank, customers.bank.record
        wrong = [*bank.violations, *differences(record, journal)]
        ours = record.totals(DATE[4:])
        later = sum(belief.date == stage.next_date[4:] for belief in record.beliefs.values())
        notices = [
            notice.fields.get(15)
            for link in bank.links
            for notice in link.notices
            if notice.fields[70] == "201"
        ]
        all_told = notices == [stage.next_date[4:]] * LINKS_A_BANK
        # Where the bank lost an answer before the cut-over and reversed after it, the totals must differ.
        wanted = "95" if crossed(record, journal) else "00"
        good = not wrong and all_told and balance.fields[39] == wanted and not record.undecided()
        agreed = agreed and good
        table.add_row(
            bank.profile.code,
            f"{len(record.beliefs):,}",
            f"{later:,}",
            str(ours.collections_reversed + ours.payouts_reversed),
            in_figures(ours.collected - ours.collected_reversed),
            in_figures(ours.paid - ours.paid_reversed),
            balance.fields[39],
            f"[green]{len(wrong)}[/green]" if good else f"[red]{len(wrong)}[/red]",
        )
        for line in wrong[:5]:
            stage.console.print(f"[red]{bank.profile.code} {line}[/red]")
    stage.console.print(table)
    if not agreed:
        raise DemoFailure("banks and journal do not agree")


Difference = tuple[str, str, int]
"""A break's class, key and difference in fen."""


def _leave_files(stage: Stage, journals: Sequence[dict[Key, Recorded]]) -> dict[str, list[Difference]]:
    """Write each bank's file of the closed day in its layout, with mistakes; returns what must be found."""
    expected = {}
    for place, (customers, journal) in enumerate(zip(stage.banks, journals, strict=True)):
        code, record = customers.bank.profile.code, customers.bank.record
        of_bank = layout.load(stage.office.named(code).layout)
        seeded = seed(code, tuple(dayfile.lines(record, DATE[4:])), (), Random(SEED + place), DISCREPANCIES)
        stage.owed[code] = sum(map(effect, seeded.lines))
        lines = (line._replace(line=number) for number, line in enumerate(seeded.lines, 1))
        path = Path(stage.office.office.files) / f"{code}.{DATE}.txt"
        path.write_bytes(b"".join(bankfile.write(of_bank, code, DATE, lines)))
        expected_breaks = [
            (expectation.cls.value, expectation.key, expectation.difference)
            for expectation in seeded.expected
        ]
        expected_breaks += [
            (BreakClass.OURS_ONLY.value, entry.full_key, -entry.effect)
            for _, entry in crossed(record, journal)
        ]
        expected_breaks += [
            (
                BreakClass.EXCEPTION_ADVICE.value,
                entry.full_key,
                entry.effect if entry.outcome == "done" else 0,
            )
            for entry in journal.values()
            if entry.exception_code and entry.date == DATE
        ]
        expected[code] = sorted(expected_breaks)
        stage.console.print(f"{code}: file of {len(seeded.lines):,} lines, layout {of_bank.name}")
    return expected


def _close(stage: Stage, expected: dict[str, list[Difference]]) -> None:
    """Have the office pull, take files, reconcile and post; it must find the mistakes and nothing else."""
    qianzhi("office", "close", "--config", str(stage.office_config))
    classes = [cls.value for cls in BreakClass if cls not in (BreakClass.TIMING, BreakClass.LATE_REVERSAL)]
    table = Table(title="breaks found, of those put in", box=None, padding=(0, 1, 0, 0))
    table.add_column("class")
    counts = dict[str, list[str]]((cls, []) for cls in classes)
    for code, wanted in expected.items():
        table.add_column(code, justify="right", no_wrap=True)
        reported = sorted((entry.cls, entry.key, entry.difference) for entry in _breaks(stage, code))
        by_class, put_in = Counter(entry[0] for entry in reported), Counter(entry[0] for entry in wanted)
        for cls, row in counts.items():
            row.append(f"{by_class[cls]}/{put_in[cls]}")
        if reported != wanted:
            raise DemoFailure(f"{code}: {set(reported) ^ set(wanted)} were not found, or not put in")
    for cls, row in counts.items():
        table.add_row(cls, *row)
    stage.console.print(table)


def _breaks(stage: Stage, code: str) -> tuple[Break, ...]:
    store = Store(stage.office.office.database, lock=False, by_index=False)
    try:
        with store.reading() as connection:
            return breaks.listing(connection, code, DATE)
    finally:
        store.close()


def _decide(stage: Stage) -> None:
    """Two people close what can be closed today: one proposes, another approves, never the same.

    The command takes a person's name from the login alone, and a demo has but one: so here two names that the
    settings list go to the office's own rules, below the command.
    """
    config = ("--config", str(stage.office_config))
    first, *others = [entry for bank in stage.banks for entry in _breaks(stage, bank.bank.profile.code)]
    books = chart.shipped()
    resolution = books.fitting(first.cls, first.difference)[0].name
    if at_keyboard() not in [clerk.name for clerk in stage.office.clerk]:
        refused = qianzhi("recon", "propose", first.name, resolution, *config, code=1)
        stage.console.print(f"at the keyboard: {refused.strip()}")
    store = Store(stage.office.office.database, by_index=False)
    desk = Desk(store, stage.office, now_us())
    try:
        decisions.propose(desk, CHECKER, first.name, resolution, "", books)
        stage.console.print(f"one person alone: {_refusal(desk, CHECKER, first.name)}")
        decisions.decide(desk, OTHER_CHECKER, Decision.APPROVE, first.name, "")
        for entry in others[::2]:
            resolution = books.fitting(entry.cls, entry.difference)[0].name
            decisions.propose(desk, MAKER, entry.name, resolution, "", books)
            decisions.decide(desk, CHECKER, Decision.APPROVE, entry.name, "")
    finally:
        store.close()
    decided = 1 + len(others[::2])
    qianzhi("recon", "post", *config)
    waiting = len(others) + 1 - decided
    stage.console.print(f"{decided} breaks decided by two people and posted; {waiting} stay in suspense")


def _take_statement(stage: Stage) -> None:
    """Take a statement of the first bank's account in which some of the day's money is missing; the office
    must find just that.
    """
    config = ("--config", str(stage.office_config))
    code, path = stage.banks[0].bank.profile.code, FOLDER / "statement.csv"
    owed = stage.owed[code]
    path.write_bytes(statement(ACCOUNT, stage.next_date, [(DATE, owed - MISSING)], FEE))
    qianzhi("office", "statement", "load", str(path), "--bank", code, *config)
    rows = json.loads(qianzhi("office", "statement", "show", "--json", *config))
    shown = [tuple(row[name] for name in ("bank", "date", "expected", "arrived")) for row in rows]
    if shown != [(code, DATE, owed, owed - MISSING)]:
        raise DemoFailure(f"the statement lacks {yuan(MISSING)} of {code}, and the office shows {shown}")
    stage.console.print(
        f"statement {code}: {yuan(owed)} expected, {yuan(owed - MISSING)} came, {yuan(MISSING)} missing",
        soft_wrap=True,
    )
    _tell(stage.console, qianzhi("office", "balance", *config))


def _hand_over(stage: Stage) -> None:
    """Export the closed day to the core system, and take its answer, which accepts every line."""
    config = ("--config", str(stage.office_config))
    qianzhi("office", "export", *config)
    folder = Path(stage.office.office.exports) / DATE
    manifest, answer = (folder / MANIFEST).read_bytes(), FOLDER / "answer.json"
    counts = (f"{file['lines']:,} of {file['name']}" for file in json.loads(manifest)["files"][:3])
    stage.console.print(f"to the core: {', '.join(counts)}", soft_wrap=True)
    answer.write_bytes(acceptance(manifest))
    _tell(stage.console, qianzhi("office", "export", "ack", str(answer), *config))


def _tell(console: Console, output: str) -> None:
    """Print what a command printed, as it is: its lines are made for a terminal already."""
    console.print(output.strip("\n"), highlight=False, markup=False, soft_wrap=True)


def _refusal(desk: Desk, person: str, name: str) -> str:
    """The refusal of a person who wants to approve their own proposal."""
    try:
        decisions.decide(desk, person, Decision.APPROVE, name, "")
    except SamePerson as refused:
        return str(refused)
    raise DemoFailure(f"{person} could approve what {person} had proposed: {name}")


async def _next_day(stage: Stage) -> list[DueLine]:
    """Load the next day's dues while the machine serves, and have a customer pay one of them."""
    settled = {
        belief.due
        for customers in stage.banks
        for belief in customers.bank.record.beliefs.values()
        if belief.state is State.DONE
    }
    unpaid = [due for due in stage.book.dues if due.due not in settled]
    following = sample.follow(Random(SEED), stage.book.policies, unpaid, stage.next_date)
    path = FOLDER / f"book.{stage.next_date}.csv"
    path.write_bytes(b"".join(bookfile.write(stage.next_date, following.entries, following.withdrawn)))
    output = await deferToThread(qianzhi, "book", "load", str(path), "--config", str(stage.config))
    _tell(stage.console, output)
    due = next(due for entry in following.entries for due in entry.dues if due.kind == "premium")
    paid = await stage.banks[0].bank.settle(due.code, due.policy, due.amount, due=due.due)
    if (paid.state, paid.date) != (State.DONE, stage.next_date[4:]):
        raise DemoFailure(f"a due of the next day was not collected: {paid.response} {paid.reason}")
    brought_forward = next(due for due in unpaid if due.kind == "premium" and due not in following.withdrawn)
    answer = await stage.banks[1].bank.inquire(brought_forward.policy)
    if answer.fields[39] != "00":
        raise DemoFailure("an unpaid due did not carry over")
    qianzhi("office", "close", "--config", str(stage.office_config), code=0)
    stage.console.print(f"{stage.next_date} is open: {paid.due} collected, receipt {paid.receipt}")
    new = [due for entry in following.entries for due in entry.dues if due.due != paid.due]
    old = [due for due in unpaid if due not in following.withdrawn and due.due != paid.due]
    return [due for due in (*new, *old) if due.kind == "premium"]


async def _collect_by_batch(stage: Stage, unpaid: list[DueLine]) -> None:
    """Collect dues of customers with a mandate in batches, while a customer tries to pay one at a counter."""
    tell = partial(_tell, stage.console)
    day = BatchDay(FOLDER / "collection", stage.config, stage.customers_config, tell)
    chosen = mandated(unpaid, stage.book.policies)
    wanted = {due.policy for due in (*stage.book.dues[: DUES_A_BANK * len(stage.banks)], *chosen)}
    load_persons(
        stage.customers_config.parent,
        DATE,
        [row for row in stage.book.policies if row.policy in wanted],
        tell,
    )
    day.sign(chosen, stage.book.policies, DATE)
    books = (FOLDER / "book.csv", FOLDER / f"book.{stage.next_date}.csv")
    batches, held = await deferToThread(day.hold, books)
    await day.try_at_counter(stage.banks[0].bank, next(due for due in unpaid if due.due == held.due))
    banks = await deferToThread(day.collect, batches)
    day.compare(banks, FOLDER / "front.db")
    await deferToThread(day.close_day, stage.office_config, stage.next_date)


def _audit(stage: Stage) -> None:
    """Independent code adds everything up again; any finding fails the demo."""
    config = ("--config", str(stage.office_config))
    _tell(stage.console, qianzhi("audit", *config))
    for command in (("audit-log", "--config", str(stage.config)), ("office", "audit-log", *config)):
        verdict = qianzhi(*command, "--verify").splitlines()[-1]
        stage.console.print(f"qianzhi {' '.join(command[:-2])}: {verdict}", highlight=False)
    _tell(stage.console, qianzhi("recon", "report", *config))


def _verify_receipt(stage: Stage) -> None:
    """Have a customer's receipt verified, with the insurer's public key and nothing else of ours."""
    beliefs = stage.banks[0].bank.record.beliefs.values()
    number = next(b.receipt for b in beliefs if b.state is State.DONE and b.date == DATE[4:] and b.receipt)
    verify_receipt(FOLDER, stage.office_config, number, partial(_tell, stage.console))


def _archive(stage: Stage) -> None:
    """Have the closed day archived, found, lost, made again and proved."""
    beliefs = stage.banks[0].bank.record.beliefs.values()
    paid = next(b.policy for b in beliefs if b.state is State.DONE and b.date == DATE[4:])
    tell = partial(_tell, stage.console)
    archive_day(FOLDER, stage.office_config, stage.customers_config, DATE, paid, tell)


if __name__ == "__main__":
    main()
