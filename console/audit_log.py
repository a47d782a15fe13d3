"""The command `qianzhi audit-log`: who had the front-end machine do what, and when;
and the same for the office.

Reads and prints. Nothing is written down here, and nothing decided but whether the audit log holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from console.options import SETTINGS
from console.output import JSON, plain, printable
from fep.settings.config import load_settings
from ledger.book.audit_log import AuditRecord, broken_records, read_audit_log, record_hash
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers

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
    """Print the audit log that `read` reads from a connection, and whether it holds. As JSON, an act a line:
    an audit log may be longer than memory.
    """
    last: AuditRecord | None = None

    def shown(found: Iterator[AuditRecord]) -> Iterator[AuditRecord]:
        nonlocal last
        for act in found:
            click.echo(json.dumps(plain(_masked(act)), ensure_ascii=False) if as_json else line(act))
            last = act
            yield act

    with store.reading(snapshot=True) as connection:
        broken = list(broken_records(shown(read(connection))))
    if not verify:
        return
    for place in broken:
        click.echo(f"act {place.number}: {place.reason}", err=as_json)
    if broken:
        raise click.ClickException(
            f"{len(broken)} broken links: keep the files as they are and find out who wrote to them"
        )
    tip = f"; the last one's hash is {record_hash(last)}: keep it elsewhere" if last else ""
    click.echo(f"every link holds, {last.number if last else 0} acts{tip}", err=as_json)


def _masked(act: AuditRecord) -> AuditRecord:
    return act._replace(subject=masked_numbers(act.subject), note=masked_numbers(act.note))


def line(act: AuditRecord) -> str:
    """One act, in local time. What a terminal would take for a command of its own becomes a question mark."""
    at = datetime.fromtimestamp(act.at // 1_000_000, UTC).astimezone().isoformat(timespec="seconds")
    text = " ".join(filter(None, (str(act.number), at, act.by, act.act, act.subject, act.note)))
    return printable(masked_numbers(text)).replace("\n", "?")
