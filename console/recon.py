"""The commands of reconciliation: `qianzhi recon run`, `show`, `propose`, `approve`, `reject`, `withdraw`,
`post` and `report`.

A person decides here, by words on the command line and under the name of the login; that two people are
needed, office.accounting.decisions says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from gettext import gettext as _
from pathlib import Path

import click
from rich.table import Table

from console.closing import chart_of, close_command, closing, opened, print_step
from console.handed_out import make_folder, write
from console.language import chinese, speaks_chinese, spoken
from console.options import DATE, OFFICE_SETTINGS
from console.output import JSON, cell, here, show, table
from console.say import say
from console.term import term
from console.wall_clock import now_us, today
from fep.operator.identity import at_keyboard
from ledger.rules.masking import masked_numbers
from office import close
from office.accounting import breaks, decisions
from office.accounting.books import BalanceScope, trial_balance
from office.accounting.break_reasons import reason_of
from office.accounting.break_states import Break, BreakState
from office.accounting.date_decisions import is_date_name
from office.accounting.decisions import Decision, Desk
from office.config import load_settings
from office.reports import extract, report
from office.reports.date_lines import DateLine, date_lines
from office.reports.wording import BREAK_STATES, CLASSES, Reader, yuan
from qianzhi_errors.sentence import listed

_BREAK_FIELDS = tuple("class" if name == "cls" else name for name in Break._fields)
_NOTE = click.option("--note", default="", help="why")


@click.group()
def recon() -> None:
    """Reconciliation with the banks."""


recon.add_command(close_command, "run")


@recon.command("show")
@click.option("--bank", default="")
@click.option("--date", type=DATE, default="")
@click.option("--all", "everything", is_flag=True, help="closed breaks too")
@OFFICE_SETTINGS
@JSON
def show_command(bank: str, date: str, everything: bool, config: Path, as_json: bool) -> None:
    """List the breaks: each with its reason, age, owner and state; before them the banks' dates that are held
    or were closed without a file.
    """
    states = () if everything else tuple(state for state in BreakState if state != "closed")
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        rows = breaks.listing(connection, bank, date, states)
        dates = [row for row in date_lines(connection) if bank in ("", row.bank) and date in ("", row.date)]
    on = today()
    people = (breaks_table(dates, rows, on), _("{count} breaks").format(count=len(rows)))
    objects: list[object] = [row._asdict() for row in dates]
    objects += [_as_object(row, on) for row in rows]
    show(objects, lambda: people if dates or rows else people[1:], as_json=as_json)


def _as_object(row: Break, on: str) -> dict[str, object]:
    """A break as JSON shows it on a date (YYYYMMDD): its fields, masked, and its age in days."""
    values = (masked_numbers(value) if isinstance(value, str) else value for value in row)
    return {**dict(zip(_BREAK_FIELDS, values, strict=True)), "age_days": breaks.age_days(row, on)}


def breaks_table(dates: Sequence[DateLine], rows: Sequence[Break], on: str) -> Table:
    """A line for each bank's date and each break, whose ages are those on a date (YYYYMMDD)."""
    name, amount = _("break"), _("yuan")
    lines = table(name, amount, _("class, state, age, owner, policy: reason"), right=(amount,), whole=(name,))
    for date in dates:
        lines.add_row(cell(date.name), "", cell(date.text))
    for row in rows:
        lines.add_row(cell(row.name), cell(yuan(row.difference)), cell(break_text(row, on)))
    return lines


def break_text(row: Break, on: str) -> str:
    """What is said of a break beside its name and its difference, with its age on a date (YYYYMMDD)."""
    people = _(" by {person}").format(person=row.proposed_by) if row.proposed_by else ""
    decided = f" {row.resolution}{people}" if row.resolution else ""
    whose = f"{row.owner} {row.policy}" if row.owner else row.policy
    hint = f" [{spoken(reason_of(row.hint))}]" if row.hint else ""
    cls = term(CLASSES[row.cls].name, row.cls)
    state = term(BREAK_STATES.get(row.state), row.state)
    text = _("{cls}, {state}, {days} d, {whose}: {reason}").format(
        cls=cls,
        state=f"{state}{decided}",
        days=breaks.age_days(row, on),
        whose=whose,
        reason=spoken(reason_of(row.reason)),
    )
    return masked_numbers(f"{text}{_bank_line(row)}{_even(row)}{hint}")


def _even(row: Break) -> str:
    """What ends a break without a difference in money that nobody has proposed an end for; or nothing."""
    if row.difference or row.state not in (BreakState.OPEN, BreakState.SUSPENSE):
        return ""
    return _("; it has no difference in money: looked into, it ends as no_money")


def _bank_line(row: Break) -> str:
    """The policy, due and code of the bank's line where they differ from ours, in brackets; or nothing."""
    names = (_("policy"), row.bank_policy), (_("due"), row.bank_due), ("DE 3", row.bank_code)
    named = listed([f"{words} {value}" for words, value in names if value])
    return _(" (the bank's {lines})").format(lines=spoken(named)) if named else ""


@recon.command("propose")
@click.argument("name")
@click.argument("resolution")
@_NOTE
@OFFICE_SETTINGS
def propose_command(name: str, resolution: str, note: str, config: Path) -> None:
    """Propose how break NAME is to end: RESOLUTION is one of the chart's, such as bank_corrects.

    NAME may be a bank's date too, D<date>-<bank>: without_file closes it without the bank's file, let_through
    takes a file that is held; both need a --note. It is proposed by who is logged in.
    """
    settings, by = load_settings(config), at_keyboard()
    with opened(settings) as store:
        desk = Desk(store, settings, now_us())
        if is_date_name(name):
            decisions.propose_for_date(desk, by, name, resolution, note)
        else:
            decisions.propose(desk, by, name, resolution, note, chart_of(settings))
    say(
        _("{name}: {resolution} proposed by {by}; another must approve it").format(
            name=name, resolution=resolution, by=by
        )
    )


def _decision(decision: Decision) -> Callable[..., None]:
    def decide(name: str, note: str, config: Path) -> None:
        settings, by = load_settings(config), at_keyboard()
        with opened(settings) as store:
            decide_it = decisions.decide_for_date if is_date_name(name) else decisions.decide
            decide_it(Desk(store, settings, now_us()), by, decision, name, note)
        words = {
            Decision.APPROVE: _("{name} approved by {by}"),
            Decision.REJECT: _("{name} rejected by {by}"),
            Decision.WITHDRAW: _("{name} withdrawn by {by}"),
        }
        say(words[decision].format(name=name, by=by))

    return decide


for _decided, _help in (
    (
        Decision.APPROVE,
        "Approve what was proposed for break or date NAME, but not by its proposer.",
    ),
    (Decision.REJECT, "Reject what was proposed for break or date NAME; it stays as it was."),
    (Decision.WITHDRAW, "Take back what was proposed for break or date NAME."),
):
    _command = click.command(_decided.value, help=_help)(
        click.argument("name")(_NOTE(OFFICE_SETTINGS(_decision(_decided))))
    )
    recon.add_command(_command)


@recon.command("post")
@OFFICE_SETTINGS
def post_command(config: Path) -> None:
    """Post what two people have approved."""
    with closing(config, "post") as at_close:
        print_step(at_close.post_decisions())


@recon.command("report")
@click.option("--date", type=DATE, default="", help="the business date  [default: the last one posted]")
@OFFICE_SETTINGS
def report_command(date: str, config: Path) -> None:
    """Write a date's reports: a page a bank, an overview and the trial balance, as HTML and CSV.

    The pages are in both languages, the tables in the reader's: for a program, give --lang en.
    """
    settings = load_settings(config)
    folder = Path(settings.office.reports)
    make_folder(folder)
    day, chart_here = today(), chart_of(settings)
    with opened(settings, write=False) as store, store.reading(snapshot=True) as connection:
        date = date or close.last_posted(connection)
        names = {bank.code: bank.name for bank in settings.bank}
        overview = extract.overview(connection, date, names, day, chart_here)
        balance = trial_balance(connection, BalanceScope(to_date=date))
    reader = Reader(_, speaks_chinese())
    linked = {of_bank.bank: f"{date}.{of_bank.bank}.html" for of_bank in overview.reports}
    pages = {
        "overview.html": report.overview_as_html(overview, linked).encode(),
        "overview.csv": report.overview_as_csv(overview, reader),
        "balance.html": report.balance_as_html(balance, date, day).encode(),
        "balance.csv": report.balance_as_csv(balance, date, reader),
    }
    for of_bank in overview.reports:
        pages[f"{of_bank.bank}.html"] = report.as_html(of_bank, chinese()).encode()
        pages[f"{of_bank.bank}.csv"] = report.as_csv(of_bank, reader)
    for name, page in pages.items():
        write(folder / f"{date}.{name}", page)
    opened_first = here(folder / f"{date}.overview.html")
    say(_("wrote {pages} files; open {path}").format(pages=len(pages), path=opened_first))
