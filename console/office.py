"""The commands of the back office: office, recon, audit.

Parses arguments, opens databases, calls, prints. Whatever is decided here is decided by a person's words on
the command line, and in that person's name, which is the login's; the rest is the office's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from console import audit_log, dayfiles
from console.audit_entry import now_us
from console.front import today
from console.options import DATE
from console.output import JSON, show
from fep.keys.key_provider import KeyProvider, open_keystore
from fep.keys.keys import SEAL
from fep.operator.identity import at_keyboard
from fep.settings.config import load_settings as load_front_settings
from ledger.book.audit_log import read_audit_log
from ledger.book.store import Store
from ledger.files.archived import write as write_archived
from ledger.files.open_breaks_file import write as write_figures
from ledger.rules.masking import masked_numbers
from office import close
from office.accounting import breaks, chart, decisions
from office.accounting.books import TrialBalance, trial_balance
from office.accounting.breaks import Break
from office.accounting.decisions import Decision, Desk
from office.audit.dues import DuesFile
from office.audit.evidence import Stated
from office.audit.run import Audit, audit, audit_dues
from office.config import Settings, load_settings
from office.database.audit_log import recorded
from office.database.schema import audit_log as audit_table
from office.install import SampleBank, install
from office.intake.archived import archived_days
from office.reports import extract, report
from office.reports.outstanding import outstanding
from office.reports.wording import yuan

_LAYOUTS = ("standard", "fixed-gb18030", "csv-yuan")
_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("var/office/office.toml"),
    show_default=True,
    help="the office's settings file",
)
_BREAK_FIELDS = tuple("class" if name == "cls" else name for name in Break._fields)
_NOTE = click.option("--note", default="", help="why")


@contextmanager
def opened(settings: Settings, *, write: bool = True) -> Iterator[Store]:
    """The office's database, closed again in any case."""
    store = Store(settings.office.database, lock=write, by_index=False)
    try:
        yield store
    finally:
        store.close()


def chart_of(settings: Settings) -> chart.Chart:
    """The office's chart of accounts: its own, or the shipped one."""
    path = settings.office.chart
    return chart.parse(Path(path).read_text(encoding="utf-8"), path) if path else chart.shipped()


@contextmanager
def progress_shown() -> Iterator[Callable[[str, int], None]]:
    """Where to tell what is at work and how many rows went by: a line each for a person who waits."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description} {task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, rows: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.advance(tasks[what], rows)

        yield tell


@contextmanager
def closing(config: Path, act: str) -> Iterator[close.Close]:
    """The close of the office that these settings describe; who has it done is written down."""
    settings = load_settings(config)
    front = Store(settings.office.front, lock=False, by_index=False)
    books, day_file = chart_of(settings), dayfiles.opener(settings)
    try:
        with opened(settings) as office, progress_shown() as tell:
            close.prepare(office, books, now_us(), at_keyboard())
            with recorded(office, now_us, at_keyboard(), act):
                yield close.Close(office, front, settings, books, now_us, day_file, tell)
            _leave_files(office, settings)
    finally:
        front.close()


def _leave_files(office: Store, settings: Settings) -> None:
    """Leave what the front is to be told, each file whole or not at all: the open breaks' figures for its
    status page, and the days that it may retire.
    """
    told: list[tuple[str, bytes]] = []
    with office.reading(snapshot=True) as connection:
        if settings.office.figures:
            told.append((settings.office.figures, write_figures(outstanding(connection, now_us()))))
        if settings.office.archived:
            told.append((settings.office.archived, write_archived(archived_days(connection))))
    for name, content in told:
        path = Path(name)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(content)
        fresh.replace(path)


@click.group()
def office() -> None:
    """The back office: pull the journal, close the day, keep the ledger."""


@office.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--front-config", type=click.Path(path_type=Path), default=Path("var/qianzhi.toml"), show_default=True
)
def init_command(folder: Path, front_config: Path) -> None:
    """Write an office's settings into FOLDER, for the banks of a front-end machine."""
    front = load_front_settings(front_config)
    banks = tuple(
        SampleBank(bank.code, bank.name, _LAYOUTS[place % len(_LAYOUTS)])
        for place, bank in enumerate(front.bank)
    )
    public = open_keystore(front.keystore)[SEAL].check_value
    given = {
        "front": front.node.database,
        "seal_key": public,
        "figures": front.status.breaks,
        "archived": front.day.archived,
    }
    click.echo(f"wrote {install(folder, banks, **given)}")


@office.command("close")
@_CONFIG
def close_command(config: Path) -> None:
    """Do all of the close that can be done now: pull, take files, reconcile, post. Run it again at will."""
    with closing(config, "close") as at_close:
        waiting = [told for told in map(_say, at_close.run()) if told.waiting]
    if waiting:
        raise click.ClickException(
            f"{len(waiting)} steps wait; run it again when what they wait for is there"
        )


def _say(told: close.StepResult) -> close.StepResult:
    mark = "waits" if told.waiting else "done"
    click.echo(" ".join(part for part in (told.date, told.bank, told.step, f"{mark}: {told.text}") if part))
    return told


@office.command("status")
@_CONFIG
@JSON
def status_command(config: Path, as_json: bool) -> None:
    """Say how far each business day has come, and what lies in suspense."""
    settings = load_settings(config)
    with opened(settings, write=False) as store, store.reading() as connection:
        days = tuple(close.read_office_days(connection))
        waiting = [one for one in breaks.listing(connection) if one.state != breaks.BreakState.CLOSED]

    def lines() -> Iterator[str]:
        for row in days:
            yield f"{row.date} {row.state}: {row.entries} entries, root {row.root}"
        yield f"{len(waiting)} breaks are not closed"

    show({"days": days, "open_breaks": len(waiting)}, lines, as_json=as_json)


@office.command("audit-log")
@audit_log.VERIFY
@_CONFIG
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who had the office do what, and when."""
    with opened(load_settings(config), write=False) as store:
        audit_log.show(store, partial(read_audit_log, table=audit_table), verify=verify, as_json=as_json)


@office.command("balance")
@click.option("--date", type=DATE, default="", help="up to and with this business date  [default: all]")
@_CONFIG
@JSON
def balance_command(date: str, config: Path, as_json: bool) -> None:
    """Print the trial balance."""
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        found = trial_balance(connection, date)
    show(found, lambda: [balance_table(found)], as_json=as_json)


def balance_table(balance: TrialBalance) -> Table:
    """A trial balance for a terminal."""
    table = Table(title="科目余额表 trial balance", box=None, padding=(0, 1, 0, 0))
    for name in ("account", "name"):
        table.add_column(name, no_wrap=name == "account")
    for name in ("debit", "credit", "balance"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in balance.rows:
        chinese, _, english = row.name.partition(" ")
        table.add_row(row.account, f"{chinese}\n{english}", *map(yuan, (row.debit, row.credit, row.balance)))
    return table


@click.group()
def recon() -> None:
    """Reconciliation with the banks."""


recon.add_command(close_command, "run")


@recon.command("show")
@click.option("--bank", default="")
@click.option("--date", type=DATE, default="")
@click.option("--all", "everything", is_flag=True, help="closed breaks too")
@_CONFIG
@JSON
def show_command(bank: str, date: str, everything: bool, config: Path, as_json: bool) -> None:
    """List the breaks: each with its reason, age, owner and state."""
    states = () if everything else tuple(state for state in breaks.BreakState if state != "closed")
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        found = breaks.listing(connection, bank, date, states)
    on = today()
    listed = [
        {**dict(zip(_BREAK_FIELDS, map(_concealed, one), strict=True)), "age_days": breaks.age_days(one, on)}
        for one in found
    ]
    lines = [*(break_line(one, on) for one in found), f"{len(found)} breaks"]
    show(listed, lambda: lines, as_json=as_json)


def _concealed(value: object) -> object:
    return masked_numbers(value) if isinstance(value, str) else value


def break_line(one: Break, on: str) -> str:
    """A break in one line."""
    people = f" by {one.proposed_by}" if one.proposed_by else ""
    decided = f" {one.resolution}{people}" if one.resolution else ""
    owner = f" {one.owner}" if one.owner else ""
    hint = f" [{one.hint}]" if one.hint else ""
    age = breaks.age_days(one, on)
    return masked_numbers(
        f"{one.name} {one.cls} {yuan(one.difference)} {one.state}{decided},"
        f" {age} d,{owner} {one.policy}: {one.reason}{_others(one)}{hint}"
    )


def _others(one: Break) -> str:
    """What the bank's line names where it names another, in brackets."""
    names = ("policy", one.bank_policy), ("due", one.bank_due), ("DE 3", one.bank_code)
    named = ", ".join(f"{words} {value}" for words, value in names if value)
    return f" (the bank's {named})" if named else ""


@recon.command("propose")
@click.argument("name")
@click.argument("resolution")
@_NOTE
@_CONFIG
def propose_command(name: str, resolution: str, note: str, config: Path) -> None:
    """Propose how break NAME is to end: RESOLUTION is one of the chart's, such as bank_corrects.

    It is proposed by who is logged in.
    """
    settings = load_settings(config)
    with opened(settings) as store:
        desk = Desk(store, settings, now_us())
        done = decisions.propose(desk, at_keyboard(), name, resolution, note, chart_of(settings))
    click.echo(f"{done.name}: {done.resolution} proposed by {done.proposed_by}; another must approve it")


def _decision(decision: Decision, words: str) -> Callable[..., None]:
    def decide(name: str, note: str, config: Path) -> None:
        settings, by = load_settings(config), at_keyboard()
        with opened(settings) as store:
            decisions.decide(Desk(store, settings, now_us()), by, decision, name, note)
        click.echo(f"{name} {words} by {by}")

    return decide


for _decided, _words, _help in (
    (Decision.APPROVE, "approved", "Approve what was proposed for break NAME; never by who proposed it."),
    (Decision.REJECT, "rejected", "Reject what was proposed for break NAME; it stays in suspense."),
    (Decision.WITHDRAW, "withdrawn", "Take back what was proposed for break NAME."),
):
    _command = click.command(_decided.value, help=_help)(
        click.argument("name")(_NOTE(_CONFIG(_decision(_decided, _words))))
    )
    recon.add_command(_command)


@recon.command("post")
@_CONFIG
def post_command(config: Path) -> None:
    """Post what two people have approved."""
    with closing(config, "post") as at_close:
        _say(at_close.post_decisions())


@recon.command("report")
@click.option("--date", type=DATE, default="", help="the business date  [default: the last one posted]")
@_CONFIG
def report_command(date: str, config: Path) -> None:
    """Write a date's reports: a page a bank, an overview and the trial balance, as HTML and CSV."""
    settings = load_settings(config)
    folder = Path(settings.office.reports)
    folder.mkdir(parents=True, exist_ok=True)
    day, chart_here = today(), chart_of(settings)
    with opened(settings, write=False) as store, store.reading(snapshot=True) as connection:
        date = date or close.last_posted(connection)
        names = {bank.code: bank.name for bank in settings.bank}
        found = extract.overview(connection, date, names, day, chart_here)
        balance = trial_balance(connection, date)
    linked = {one.bank: f"{date}.{one.bank}.html" for one in found.reports}
    pages = {
        "overview.html": report.overview_as_html(found, linked).encode(),
        "overview.csv": report.overview_as_csv(found),
        "balance.html": report.balance_as_html(balance, date, day).encode(),
        "balance.csv": report.balance_as_csv(balance, date),
    }
    for one in found.reports:
        pages[f"{one.bank}.html"] = report.as_html(one).encode()
        pages[f"{one.bank}.csv"] = report.as_csv(one)
    for name, page in pages.items():
        (folder / f"{date}.{name}").write_bytes(page)
    click.echo(f"wrote {len(pages)} files; open {folder / f'{date}.overview.html'}")


@click.command("audit")
@click.option("--without-front", is_flag=True, help="look at the office's database only")
@click.option(
    "--expect",
    multiple=True,
    metavar="DIGEST",
    help="a digest, or an act's hash, that an earlier audit printed: it must be found again; may be repeated",
)
@click.option(
    "--dues",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="hold the front book's dues against this file that was loaded, and look at nothing else; give all"
    " of them; it needs the front's keystore",
)
@click.option(
    "--front-config",
    type=click.Path(path_type=Path),
    default=Path("var/qianzhi.toml"),
    show_default=True,
    help="the machine's settings, for --dues",
)
@_CONFIG
@JSON
def audit_command(
    without_front: bool,
    expect: tuple[str, ...],
    dues: tuple[Path, ...],
    front_config: Path,
    config: Path,
    as_json: bool,
) -> None:
    """Add everything up again from the journal, by other code; exit code 1 if anything does not hold.

    Prints one digest over everything, and the last acts' hashes: keep them elsewhere.
    """
    if dues:
        _audit_dues(front_config, dues, as_json=as_json)
        return
    settings = load_settings(config)
    books = chart_of(settings)
    clerks = frozenset(clerk.name for clerk in settings.clerk)
    stated = Stated(settings.office.seal_key, chart.lines_of(books), clerks)
    front = None if without_front else Store(settings.office.front, lock=False, by_index=False)
    try:
        with opened(settings, write=False) as store, progress_shown() as tell:
            done = audit(store, front, stated, tell, expect)
    finally:
        if front is not None:
            front.close()
    _show_audit(done, as_json=as_json)


def _audit_dues(config: Path, paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Hold the book of a front-end machine against files, with the key of its keystore and nothing of an
    office's.
    """
    settings = load_front_settings(config)
    conceal = KeyProvider(settings.keystore).front_key.identity
    front = Store(settings.node.database, lock=False, by_index=False)
    try:
        with ExitStack() as opened, progress_shown() as tell:
            files = [DuesFile(path.name, opened.enter_context(path.open("rb"))) for path in paths]
            done = audit_dues(front, files, conceal, tell)
    finally:
        front.close()
    _show_audit(done, as_json=as_json)


def _show_audit(done: Audit, *, as_json: bool) -> None:
    """Print what an audit found. Raises ClickException where anything does not hold."""
    show(
        {
            "verdicts": done.verdicts,
            "failings": [tuple(map(_concealed, one)) for one in done.failings],
            "kept": done.kept,
        },
        lambda: _audited(done),
        as_json=as_json,
    )
    if done.failings:
        raise click.ClickException(f"{len(done.failings)} findings: change nothing, and find out why")


def _audited(done: Audit) -> Iterator[str]:
    for verdict in done.verdicts:
        if done.kept is None and not verdict.checked:
            continue  # a part of the audit says nothing of the rest
        mark = "fails" if verdict.failings else "holds" if verdict.rows else "not in the data"
        note = f" ({verdict.not_in_data})" if verdict.not_in_data and not verdict.rows else ""
        yield f"{verdict.invariant:2} {verdict.name}: {mark}, {verdict.rows:,} rows looked at{note}"
    for failing in done.failings:
        yield masked_numbers(f"   {failing.invariant}: {failing.subject}: {failing.what}")
    if done.kept is not None:
        for side in done.kept.sides:
            yield f"{side.name}: digest {side.digest}, act {side.act} has hash {side.record_hash}"
        yield f"digest of everything {done.kept.digest}: keep it elsewhere, and the acts' hashes"
    if not done.failings:
        yield "the audit found nothing"


COMMANDS: tuple[click.Command, ...] = (office, recon, audit_command)
