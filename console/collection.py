"""The commands `qianzhi collection`: settings, and who did what; the groups of mandates and batches.

Parses arguments, opens the database and the keys, calls, prints. The person who acts is the one at the
keyboard; what that person may do, `collection.desk` says.
"""

from __future__ import annotations

from functools import partial
from gettext import gettext as _
from pathlib import Path

import click

from collection import install
from collection.database.schema import audit_log as audit_table
from console import audit_log
from console.collection_form import form_group
from console.collection_mandates import mandate_group
from console.collection_opened import COLLECTION_SETTINGS, opened
from console.output import JSON
from console.say import say
from ledger.book.audit_log import read_audit_log


@click.group()
def collection() -> None:
    """Collection away from the counter: mandates, batches for a bank, their answers, returns."""


@collection.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
def init_command(folder: Path) -> None:
    """Write settings into FOLDER; the keys come next: qianzhi keys create --config FOLDER/collection.toml."""
    say(_("wrote {path}").format(path=install.install(folder)))


@collection.command("audit-log")
@audit_log.VERIFY
@COLLECTION_SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who did what with which mandate, batch or file, when and why."""
    with opened(config, write=False) as desk:
        read = partial(read_audit_log, table=audit_table)
        audit_log.show(desk.store, read, verify=verify, as_json=as_json)


collection.add_command(form_group)
collection.add_command(mandate_group)
