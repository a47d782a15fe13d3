"""The command `qianzhi collection remind`: what is due to be told goes into the customers' queue.

Two databases, so each notice has a name and is queued once, however often the command runs. What is told and
when, `collection.reminders` says; how it is sent, `qianzhi customers send`.
"""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from collection.reminders import Reminder, reminders_on
from console import customers_opened
from console.collection_opened import COLLECTION_SETTINGS, opened
from console.options import DATE
from console.output import JSON, show
from customers.database.audit_log import write_record
from customers.notices.queue import NoticeWanted, queue
from customers.notices.tasks import TaskWanted, open_task
from customers.notices.templates import SHIPPED, read_templates
from customers.rules.notice_states import TaskKind


@click.command("remind")
@click.option("--date", type=DATE, default="", help="the day whose notices are wanted; today if not given")
@click.option("--dry-run", is_flag=True, help="show what would be queued, and write nothing")
@COLLECTION_SETTINGS
@JSON
def remind_command(date: str, dry_run: bool, config: Path, as_json: bool) -> None:
    """Queue the day's notices about dues, and open its tasks for staff; each once, however often it runs."""
    with opened(config, write=False) as desk:
        with desk.store.reading() as connection:
            wanted = tuple(reminders_on(connection, desk.settings, date or desk.today))
        people = {policy: desk.book.person_of(policy) for policy in {row.policy for row in wanted}}
        by, at, customers = desk.by, desk.at, Path(desk.settings.collection.customers)
    told = tuple(row for row in wanted if people[row.policy])
    new = 0
    if not dry_run:
        with customers_opened.opened(customers) as office:
            office.settings.check_may(by, "send")
            templates = read_templates(Path(office.settings.notices.templates or SHIPPED))
            with office.store.transaction() as connection:
                for row in told:
                    person = people[row.policy] or ""
                    if row.template is None:
                        open_task(connection, _task(row, person), at)
                    else:
                        new += queue(connection, templates, _notice(row, person), at).is_new
                write_record(connection, at, by, "remind", "", f"{new} notices of collection")

    def lines() -> Iterator[str]:
        yield _("{wanted} wanted, {new} notices new").format(wanted=len(told), new=new)
        for row in told:
            yield f"{row.about} {row.policy} {row.template or _('task')}"

    values = {"wanted": [row._asdict() for row in told], "new": new}
    show(values, lines, as_json=as_json)


def _notice(row: Reminder, person: str) -> NoticeWanted:
    dedupe = f"dunning:{row.about}"
    return NoticeWanted(person, row.policy, str(row.template), "zh", row.about, dedupe, 0, row.values)


def _task(row: Reminder, person: str) -> TaskWanted:
    return TaskWanted(TaskKind.LAPSING, row.policy, person, row.due_on, f"due {row.due}")
