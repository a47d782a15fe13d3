"""The commands `qianzhi customers` about how customers are reached and served: contacts that they change and
clerks mark, files to and from the core system, consents, policies that nobody serves.

Parses arguments, opens the database and the keys, calls, prints; joined to the others in console.customers.
What is done, `customers` says. A contact is typed, and never stands among a command's arguments, where other
users of the machine could read it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from console.customers_opened import Opened, opened
from console.options import CUSTOMERS_SETTINGS
from console.output import JSON, show
from console.say import say
from customers import consents
from customers.change_file import parse_answers
from customers.changes import Asked, mark_by_clerk, request_change, take_answers, write_file
from customers.load_service import Loader
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import Outcome, Purpose
from customers.serving import orphans
from fep.operator.identity import at_keyboard
from ledger.files.private_file import write_private

_SOURCES = [str(source) for source in Source if source is not Source.CORE]
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("orphans")
@CUSTOMERS_SETTINGS
@JSON
def orphans_command(config: Path, as_json: bool) -> None:
    """List the policies that no agent serves, with who served them last and until when."""
    with opened(config, write=False) as office, office.store.reading() as connection:
        rows = tuple(orphans(connection))

    def lines() -> Iterator[str]:
        for row in rows:
            yield " ".join(filter(None, row))

    show([row._asdict() for row in rows], lines, as_json=as_json)


@click.command("change")
@click.argument("person")
@click.argument("kind", type=click.Choice([str(kind) for kind in ContactKind]))
@click.option(
    "--source", type=click.Choice(_SOURCES), default=str(Source.STAFF), help="from where the request came"
)
@CUSTOMERS_SETTINGS
def change_command(person: str, kind: str, source: str, config: Path) -> None:
    """Write down which contact PERSON wants to be reached by instead; it is typed, or comes by a pipe.

    It is used once the core system has said yes: qianzhi customers changes.
    """
    say(_("the new contact") + ": ", err=True, nl=False)
    value = sys.stdin.readline().strip()
    asked = Asked(person, ContactKind(kind), value, Source(source))
    with opened(config) as office:
        number = request_change(_loader(office), asked)
    say(_("change {number}: it waits for the core system").format(number=number))


@click.command("changes")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@CUSTOMERS_SETTINGS
def changes_command(file: Path, config: Path) -> None:
    """Write the changes that the core system has not answered into FILE, with contacts in clear.

    Given again it has them again, under the same numbers.
    """
    with opened(config) as office:
        sent = write_file(_loader(office))
    write_private(file, sent.data)
    say(_("wrote {path}: {count} changes").format(path=file, count=sent.changes))


@click.command("answers")
@click.argument("file", type=_FILE)
@CUSTOMERS_SETTINGS
@JSON
def answers_command(file: Path, config: Path, as_json: bool) -> None:
    """Take FILE, the core system's answers to changes, whole or not at all."""
    with opened(config) as office:
        taken = take_answers(_loader(office), parse_answers(file.read_bytes()))

    def lines() -> Iterator[str]:
        yield _(
            "{done} done, {declined} declined; {known} known already, {dropped} of nobody any more"
        ).format(**taken._asdict())

    show(taken, lines, as_json=as_json)


@click.command("mark")
@click.argument("person")
@click.argument("contact", type=click.IntRange(min=1))
@click.argument("outcome", type=click.Choice([str(outcome) for outcome in Outcome]))
@CUSTOMERS_SETTINGS
def mark_command(person: str, contact: int, outcome: str, config: Path) -> None:
    """Write down what a clerk has learned of a CONTACT of PERSON: whether it reaches the person."""
    with opened(config) as office:
        state = mark_by_clerk(_loader(office), contact, Outcome(outcome), person)
    say(_("contact {number} is {state}").format(number=contact, state=state))


@click.command("consent")
@click.argument("act", type=click.Choice([consents.GRANT, consents.REVOKE]))
@click.argument("person")
@click.argument("purpose", type=click.Choice([str(purpose) for purpose in Purpose]))
@click.option("--evidence", type=_FILE, required=True, help="the signed form, or the recorded call")
@CUSTOMERS_SETTINGS
def consent_command(act: str, person: str, purpose: str, evidence: Path, config: Path) -> None:
    """Write down that PERSON grants or revokes the consent for PURPOSE, with the digest of the evidence."""
    digest = hashlib.sha256(evidence.read_bytes()).hexdigest()
    change = consents.grant if act == consents.GRANT else consents.revoke
    with opened(config) as office:
        number = change(office.desk, at_keyboard(), person, Purpose(purpose), digest)
    say(_("consent {number}: {act} {purpose}").format(number=number, act=act, purpose=purpose))


def _loader(office: Opened) -> Loader:
    return Loader(office.desk, office.keys, os.urandom, at_keyboard())


SERVICE_COMMANDS = (
    orphans_command,
    change_command,
    changes_command,
    answers_command,
    mark_command,
    consent_command,
)
"""The commands of this module."""
