"""The command `qianzhi audit-log`, and what it shares with `qianzhi office audit-log`: show an audit log.

Reads and prints. Whether the chain of hashes holds, ledger.book.audit_log says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click

from console.options import SETTINGS
from console.output import JSON, as_json_text
from console.say import say
from fep.settings.config import load_settings
from ledger.book.audit_log import AuditRecord, broken_records, read_audit_log, record_hash
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.rules.escaping import escaped
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence

VERIFY = click.option("--verify", is_flag=True, help="prove the chain; exit code 1 if it does not hold")


@click.command("audit-log")
@VERIFY
@SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who had the machine do what, and when."""
    store = Store(load_settings(config).node.database, lock=False)
    try:
        show(store, partial(read_audit_log, table=audit_log), verify=verify, as_json=as_json)
    finally:
        store.close()


def show(
    store: Store, read: Callable[[Any], Iterator[AuditRecord]], *, verify: bool, as_json: bool = False
) -> None:
    """Print the records that `read` yields from a connection; with `verify`, whether their chain holds too.

    As JSON, a record a line, because an audit log may be longer than memory. Raises ClickException where the
    chain does not hold.
    """
    last: AuditRecord | None = None

    def shown(records: Iterator[AuditRecord]) -> Iterator[AuditRecord]:
        nonlocal last
        for record in records:
            say(as_json_text(_masked(record)) if as_json else line(record))
            last = record
            yield record

    with store.reading(snapshot=True) as connection:
        broken = list(broken_records(shown(read(connection))))
    if not verify:
        return
    for link in broken:
        say(Sentence("act {number}: {reason}", number=link.number, reason=link.reason), err=as_json)
    if broken:
        raise click.ClickException(
            _("{broken} broken links: keep the files as they are and find out who wrote to them").format(
                broken=len(broken)
            )
        )
    tip = (
        _("; the last one's hash is {hash}: keep it elsewhere").format(hash=record_hash(last)) if last else ""
    )
    say(
        _("every link holds, {number} acts{tip}").format(number=last.number if last else 0, tip=tip),
        err=as_json,
    )


def _masked(record: AuditRecord) -> AuditRecord:
    return record._replace(subject=masked_numbers(record.subject), note=masked_numbers(record.note))


def line(record: AuditRecord) -> str:
    """Return a record in one line, in local time."""
    at = datetime.fromtimestamp(record.at // 1_000_000, UTC).astimezone().isoformat(timespec="seconds")
    text = " ".join(
        filter(None, (str(record.number), at, record.by, record.act, record.subject, record.note))
    )
    return escaped(masked_numbers(text))
