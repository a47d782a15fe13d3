"""The command `qianzhi collection remind`: what is due to be told goes into the customers' queue, and tasks
for staff are opened and ended.

Two databases, so each notice and task has a name and is there once, however often the command runs. What is
told and when, `collection.reminders` says; how it is sent, `qianzhi customers send`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from gettext import gettext as _
from pathlib import Path

import click

from collection.desk import Desk
from collection.handover import NOTHING, fresh, hand_over, of_payers, payers_of, untold
from collection.reminders import ends, receipts_wanted, wanted_on
from console.collection_opened import COLLECTION_SETTINGS, opened
from console.customers_opened import Opened
from console.customers_opened import opened as opened_customers
from console.options import DATE
from console.output import JSON, show
from customers.database.audit_log import write_record
from customers.notices.templates import SHIPPED, read_templates


@click.command("remind")
@click.option("--date", type=DATE, default="", help="the day whose notices are wanted; today if not given")
@click.option("--dry-run", is_flag=True, help="show what would be queued, and write nothing")
@COLLECTION_SETTINGS
@JSON
def remind_command(date: str, dry_run: bool, config: Path, as_json: bool) -> None:
    """Queue notices about dues and receipts, open and end tasks; each once, however often it runs."""
    with opened(config, write=False) as desk:
        with desk.store.reading(snapshot=True) as connection:
            wanted = wanted_on(connection, desk.settings, date or desk.today)
            ended_by = ends(connection, date or desk.today)
        with _customers(desk, write=not dry_run) as office:
            with office.store.reading() as connection:
                found = fresh(connection, wanted)
            payers = payers_of(desk.book, found)
            new, handed = of_payers(found, payers), NOTHING
            if not dry_run:
                office.settings.check_may(desk.by, "send")
                templates = read_templates(Path(office.settings.notices.templates or SHIPPED))
                with office.store.transaction() as connection:
                    handed = hand_over(connection, templates, new, payers, ended_by, desk.at)
                    words = f"{handed.new} notices; {handed.opened} tasks opened, {handed.ended} ended"
                    write_record(connection, desk.at, desk.by, "remind", "", words)
    nobody = sum(map(len, found)) - sum(map(len, new))
    values = {**handed._asdict(), "wanted": len(new.notices), "nobody": nobody}

    def lines() -> Iterator[str]:
        yield _("{wanted} wanted, {new} notices new, {receipts} of them receipts").format(**values)
        yield _("tasks: {opened} opened, {ended} ended").format(**values)
        if nobody:
            yield _("{count} of policies that nobody is known to pay").format(count=nobody)
        for row in new.notices:
            yield f"{row.about} {row.policy} {row.template}"
        for chore in new.chores:
            yield f"{_('task')} {chore.kind} {chore.policy} {chore.due_on}"
        yield from handed.refused

    rows = {"notices": [row._asdict() for row in new.notices], "tasks": [row._asdict() for row in new.chores]}
    show({**values, **rows}, lines, as_json=as_json)


def receipts_without_notice(desk: Desk) -> int:
    """How many lines that were done, and have their receipts, have no notice in the customers' queue."""
    with desk.store.reading() as connection:
        wanted = tuple(receipts_wanted(connection))
    with _customers(desk, write=False) as office, office.store.reading() as connection:
        return untold(connection, wanted)


def _customers(desk: Desk, *, write: bool) -> AbstractContextManager[Opened]:
    return opened_customers(Path(desk.settings.collection.customers), write=write)
