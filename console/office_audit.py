"""The command `qianzhi office audit`: every audit whose settings are there, one after the other.

Each audit is a command of its own, with its own settings, keys and login, since its records may be on another
machine. This one runs those that it finds here, and says of each what came of it. What is looked at, each
package's own audit says.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from gettext import gettext as _
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from console import settings_place
from console.language import spoken
from console.output import JSON, as_json_text
from console.say import say
from console.settings_place import Place
from qianzhi_errors import QianzhiError


class AuditPlace(NamedTuple):
    """One audit: the command as people type it, where its settings are, and its code, `module:attribute`."""

    command: str
    settings: Place
    code: str


AUDITS: Final = (
    AuditPlace("audit", settings_place.OFFICE, "console.audit:audit_command"),
    AuditPlace("customers audit", settings_place.CUSTOMERS, "console.customers:audit_command"),
    AuditPlace("archive audit", settings_place.ARCHIVE, "console.archive:audit_command"),
)


class Audited(NamedTuple):
    """What came of one audit: its command, its settings, whether these are there, why it did not hold (empty
    where it did), and with --json what it printed.
    """

    command: str
    config: Path
    configured: bool
    fault: str
    result: Any


@click.command("audit")
@JSON
@click.pass_context
def audit_command(context: click.Context, as_json: bool) -> None:
    """Run every audit whose settings are here: books, persons, archive; exit code 1 if one fails."""
    done = [_audited(context, audit, as_json=as_json) for audit in AUDITS]
    if as_json:
        say(as_json_text(done, indent=2))
    else:
        for row in done:
            say(_line(row))
    failed = [row.command for row in done if row.fault]
    if failed or not any(row.configured for row in done):
        raise SystemExit(1)


def _audited(context: click.Context, audit: AuditPlace, *, as_json: bool) -> Audited:
    """Run one audit, with what it prints kept back where it is JSON."""
    config = audit.settings.find()
    if not config.exists():
        return Audited(audit.command, config, False, "", None)
    if not as_json:
        say(_("qianzhi {command}, {config}").format(command=audit.command, config=config))
        return Audited(audit.command, config, True, _fault(context, audit, config, as_json=False), None)
    with redirect_stdout(io.StringIO()) as printed:
        fault = _fault(context, audit, config, as_json=True)
    text = printed.getvalue()
    return Audited(audit.command, config, True, fault, json.loads(text) if text else None)


def _fault(context: click.Context, audit: AuditPlace, config: Path, *, as_json: bool) -> str:
    """Run an audit; returns why it did not hold or could not be run, or an empty text."""
    module, _colon, attribute = audit.code.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    try:
        context.invoke(command, config=config, as_json=as_json)
    except click.ClickException as error:
        return error.format_message()
    except QianzhiError as error:
        return spoken(str(error))
    except SystemExit as end:
        return _("it does not hold") if end.code else ""
    return ""


def _line(row: Audited) -> str:
    if not row.configured:
        return _("{command}: not here, no settings at {config}").format(
            command=row.command, config=row.config
        )
    if row.fault:
        return _("{command}: {fault}").format(command=row.command, fault=row.fault)
    return _("{command}: everything holds").format(command=row.command)
