"""The commands of `qianzhi customers` about notices and tasks: `notify`, `notices`, `send`, `deliveries`,
`letters`, `tasks`, `assign` and `done`.

Parses arguments, opens the senders, calls, prints. Nothing is printed of a contact but its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from console.customers_opened import Opened, opened
from console.options import CUSTOMERS_SETTINGS
from console.output import JSON, show
from console.say import say
from console.wall_clock import now_us
from customers.database.audit_log import write_record
from customers.notices import tasks
from customers.notices.dispatch import dispatch
from customers.notices.letters import Letters, make_letters, posted
from customers.notices.opening import senders_of
from customers.notices.outbox import Outbox, delivery_rows
from customers.notices.queue import NoticeWanted, notice_rows, queue
from customers.notices.tasks import Task, checked_note
from customers.notices.templates import SHIPPED, read_templates
from customers.rules.notice_states import NoticeState, Outcome
from fep.keys.keystore import read_source
from fep.operator.identity import at_keyboard
from ledger.rules.secret import Secret

_NOTICE = click.argument("notice", type=click.IntRange(min=1), required=False)
_TASK = click.argument("number", type=click.IntRange(min=1))


def outbox_of(office: Opened) -> Outbox:
    """The outbox of an opened office: its senders with their secrets, its texts and hours."""
    given = office.settings
    secrets = {
        sender.name: Secret(read_source(sender.secret).encode()) for sender in given.sender if sender.secret
    }
    return Outbox(
        office.store,
        office.keys,
        senders_of(given.sender, secrets),
        read_templates(Path(given.notices.templates or SHIPPED)),
        given.notices.quiet,
        given.notices.channels,
    )


@click.command("notify")
@click.argument("person")
@click.argument("template")
@click.option("--policy", default="", help="the policy that it is about")
@click.option("--about", required=True, help="the due or the receipt that it tells of")
@click.option("--value", "values", multiple=True, help="NAME=VALUE for each place of the template")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="its language")
@CUSTOMERS_SETTINGS
def notify_command(
    person: str, template: str, policy: str, about: str, values: tuple[str, ...], lang: str, config: Path
) -> None:
    """Queue a notice of TEMPLATE to PERSON: about one thing a person gets a template once."""
    given = dict(value.partition("=")[::2] for value in values)
    dedupe = f"desk:{person}:{template}:{about}"
    wanted = NoticeWanted(person, policy, template, lang, about, dedupe, 0, given)
    with opened(config) as office:
        by, at = at_keyboard(), now_us()
        office.settings.check_may(by, "send")
        templates = read_templates(Path(office.settings.notices.templates or SHIPPED))
        with office.store.transaction() as connection:
            queued = queue(connection, templates, wanted, at)
            if queued.is_new:
                note = f"notice {queued.notice}: {template}, {about}"
                write_record(connection, at, by, "notify", person, note)
    words = _("notice {number} is queued") if queued.is_new else _("notice {number} was there already")
    say(words.format(number=queued.notice))


@click.command("notices")
@click.option("--all", "everything", is_flag=True, help="those that were delivered, too")
@CUSTOMERS_SETTINGS
@JSON
def notices_command(everything: bool, config: Path, as_json: bool) -> None:
    """List the notices that were not delivered, and how far each has come."""
    with opened(config, write=False) as office, office.store.reading() as connection:
        rows = [
            row for row in notice_rows(connection) if everything or row.state is not NoticeState.DELIVERED
        ]

    def lines() -> Iterator[str]:
        for row in rows:
            yield f"{row.notice} {row.state} {row.template} {row.about} {row.person} {row.policy}".rstrip()

    show([row._asdict() for row in rows], lines, as_json=as_json)


@click.command("send")
@CUSTOMERS_SETTINGS
@JSON
def send_command(config: Path, as_json: bool) -> None:
    """Send the notices that are due, and ask what became of those before. Run it every few minutes."""
    with opened(config) as office:
        office.settings.check_may(at_keyboard(), "send")
        done = dispatch(outbox_of(office), now_us)

    def lines() -> Iterator[str]:
        yield _(
            "sent {sent}, refused {refused}, put off {later}, unknown {unknown}, waiting {waiting},"
            " letters {letters}, given up {given_up}"
        ).format(**done._asdict())
        yield _(
            "arrived {arrived}, silent {silent}; tasks opened {opened}, ended {ended}, escalated {escalated}"
        ).format(**done._asdict())

    show(done._asdict(), lines, as_json=as_json)


@click.command("deliveries")
@_NOTICE
@CUSTOMERS_SETTINGS
@JSON
def deliveries_command(notice: int | None, config: Path, as_json: bool) -> None:
    """List the attempts to deliver NOTICE, or all: channel, sender, contact's number, what is known."""
    with opened(config, write=False) as office, office.store.reading() as connection:
        rows = list(delivery_rows(connection, notice or 0))

    def lines() -> Iterator[str]:
        for row in rows:
            what = f"{row.notice}/{row.attempt} {row.channel} {row.sender} {row.contact} {row.state}"
            yield " ".join(filter(None, (what, row.ref, row.reason)))

    show([row._asdict() for row in rows], lines, as_json=as_json)


@click.command("letters")
@click.option("--posted", "batch", default="", help="the list whose letters were posted")
@CUSTOMERS_SETTINGS
@JSON
def letters_command(batch: str, config: Path, as_json: bool) -> None:
    """Write this day's letters to print, a list and a file of pages; or say that a list was posted."""
    with opened(config) as office:
        by, at = at_keyboard(), now_us()
        office.settings.check_may(by, "send")
        if batch:
            with office.store.transaction() as connection:
                count = posted(connection, batch, at)
                write_record(connection, at, by, "posted", batch, f"{count} letters")
            made = Letters(batch, count, ())
        else:
            given = office.settings.notices
            made = make_letters(outbox_of(office), Path(given.letters), Path(given.font), at)
            if made.letters:
                with office.store.transaction() as connection:
                    write_record(connection, at, by, "letters", made.batch, f"{made.letters} letters")

    def lines() -> Iterator[str]:
        yield _("list {batch}: {letters} letters").format(batch=made.batch, letters=made.letters)
        yield from map(str, made.files)

    show({**made._asdict(), "files": list(map(str, made.files))}, lines, as_json=as_json)


@click.command("tasks")
@click.option("--owner", default="", help="only those of this person")
@click.option("--all", "everything", is_flag=True, help="those that are done too")
@CUSTOMERS_SETTINGS
@JSON
def tasks_command(owner: str, everything: bool, config: Path, as_json: bool) -> None:
    """List what staff have to do, the most pressing first."""
    with opened(config, write=False) as office, office.store.reading() as connection:
        rows = list(tasks.listing(connection, owner=owner, everything=everything))
    show([row._asdict() for row in rows], lambda: map(_task_line, rows), as_json=as_json)


@click.command("assign")
@_TASK
@click.option("--to", "owner", default="", help="who gets it; without it whoever gives the command")
@CUSTOMERS_SETTINGS
def assign_command(number: int, owner: str, config: Path) -> None:
    """Take task NUMBER, or give it to somebody; after 14 days it is open again."""
    with opened(config) as office:
        by, at = at_keyboard(), now_us()
        office.settings.check_may(by, "tasks")
        office.settings.check_may(owner or by, "tasks")
        with office.store.transaction() as connection:
            task = tasks.assign(connection, number, owner or by, by, at)
            write_record(connection, at, by, "assign", *_record(task))
    say(_task_line(task))


@click.command("done")
@_TASK
@click.argument("outcome", type=click.Choice([str(outcome) for outcome in Outcome]))
@click.option("--note", default="", help="what else is to be kept; no name, phone or address")
@CUSTOMERS_SETTINGS
def done_command(number: int, outcome: str, note: str, config: Path) -> None:
    """Say what came of task NUMBER, which is yours: OUTCOME."""
    with opened(config) as office:
        by, at = at_keyboard(), now_us()
        office.settings.check_may(by, "tasks")
        with office.store.transaction() as connection:
            task = tasks.finish(connection, number, Outcome(outcome), by, at, checked_note(note))
            write_record(connection, at, by, "done", *_record(task))
    say(_task_line(task))


def _record(task: Task) -> tuple[str, str]:
    """What the audit log says of a task: the policy or the person, and a note."""
    note = " ".join(filter(None, (f"task {task.task}: {task.kind}", task.owner, task.outcome)))
    return task.policy or task.person, note


def _task_line(task: Task) -> str:
    about = task.policy or task.person
    again = f"!{task.escalated}" if task.escalated else ""
    parts = (f"{task.task}", task.state, again, task.kind, about, task.due_on, task.owner)
    return " ".join(filter(None, (*parts, task.outcome, task.note)))


COMMANDS = (
    notify_command,
    notices_command,
    send_command,
    deliveries_command,
    letters_command,
    tasks_command,
    assign_command,
    done_command,
)
"""What this module brings to `qianzhi customers`."""
