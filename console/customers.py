"""The commands `qianzhi customers`: persons loaded and shown, restricted and shredded by two people, their
keys held in escrow and wrapped anew, the audit. How they are reached and served: console.customers_service;
notices and tasks: console.customers_notices.

Parses arguments, opens the database and the keys, calls, prints. The person who acts is the one at the
keyboard; what that person may do, `customers.decisions` and `customers.look_up` say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from console import audit_log
from console.customers_notices import COMMANDS as NOTICE_COMMANDS
from console.customers_opened import opened
from console.customers_service import SERVICE_COMMANDS
from console.inside_keys import PERSONS
from console.language import spoken
from console.options import CUSTOMERS_SETTINGS
from console.output import JSON, show
from console.say import say
from console.term import term
from customers import decisions, escrow, install, look_up, master
from customers.audit import audit
from customers.database.schema import audit_log as audit_table
from customers.decisions import Desk
from customers.evidence import Evidence
from customers.load import load
from customers.load_file import parse
from customers.load_service import Loader
from customers.look_up import Shown
from customers.proposals import Proposal, listing
from customers.rules.contact_states import ContactState
from customers.rules.states import Act, PersonState, ProposalState
from customers.sealing import KEY_BYTES, SecretKey
from fep.keys.key_provider import open_keystore
from fep.keys.keys import KeyKind, generated
from fep.operator.identity import at_keyboard
from ledger.book.audit_log import read_audit_log
from ledger.rules.escaping import escaped
from office.reports.wording import Words

_NEXT: Final = f"{PERSONS}-next"
"""The name in the keystore of a master key while the persons' keys are being wrapped under it."""
_PERSON_STATES: Final[Mapping[PersonState, Words]] = MappingProxyType(
    {
        PersonState.ACTIVE: Words("正常", "Active"),
        PersonState.RESTRICTED: Words("限制处理", "Restricted"),
        PersonState.SHREDDED: Words("密钥已销毁", "Shredded"),
    }
)
_PROPOSAL_STATES: Final[Mapping[ProposalState, Words]] = MappingProxyType(
    {
        ProposalState.PROPOSED: Words("已提议", "Proposed"),
        ProposalState.APPROVED: Words("已复核", "Approved"),
        ProposalState.REJECTED: Words("已驳回", "Rejected"),
        ProposalState.WITHDRAWN: Words("已撤回", "Withdrawn"),
        ProposalState.DONE: Words("已执行", "Done"),
    }
)
_CONTACT_STATES: Final[Mapping[ContactState, Words]] = MappingProxyType(
    {
        ContactState.UNVERIFIED: Words("未核实", "Unverified"),
        ContactState.GOOD: Words("有效", "Good"),
        ContactState.BOUNCING: Words("投递失败", "Bouncing"),
        ContactState.DEAD: Words("失效", "Dead"),
        ContactState.REPLACED: Words("已更换", "Replaced"),
    }
)
_REASON = click.option("--reason", required=True, help="why; it is kept, so name nobody in it")


@click.group()
def customers() -> None:
    """Persons under names that mean nothing: loaded, looked up, restricted, forgotten by two people."""


@customers.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
def init_command(folder: Path) -> None:
    """Write settings into FOLDER; the keys come next: qianzhi keys create --config FOLDER/customers.toml."""
    say(_("wrote {path}").format(path=install.install(folder)))


@customers.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@CUSTOMERS_SETTINGS
@JSON
def load_command(file: Path, config: Path, as_json: bool) -> None:
    """Load FILE, the core system's persons and their holdings, whole or not at all, and once."""
    with opened(config) as office:
        loaded = load(Loader(office.desk, office.keys, os.urandom, at_keyboard()), parse(file.read_bytes()))

    def lines() -> Iterator[str]:
        yield _("load {number} of {date}: {persons} persons, {holdings} holdings, {ended} ended").format(
            **loaded._asdict()
        )
        yield _("new: {new_persons} persons, {new_holdings} holdings; {renamed} renamed").format(
            **loaded._asdict()
        )
        yield _(
            "new: {new_contacts} of {contacts} contacts, {new_serving} of {serving} servings, {new_consents}"
            " of {consents} consents; {replaced_contacts} contacts replaced, {agents} rows of agents"
        ).format(**loaded.service._asdict())
        if loaded.service.left_out:
            yield _("{count} rows left out: nobody has their document").format(count=loaded.service.left_out)

    show(loaded, lines, as_json=as_json)


@customers.command("show")
@click.argument("person", default="")
@click.option("--policy", default="", help="the persons of this policy instead")
@_REASON
@CUSTOMERS_SETTINGS
@JSON
def show_command(person: str, policy: str, reason: str, config: Path, as_json: bool) -> None:
    """Show PERSON, masked, and write down who looked and why."""
    if bool(person) is bool(policy):
        raise click.UsageError(_("give PERSON or --policy, one of them"))
    with opened(config) as office:
        asked = (office.desk, office.keys, at_keyboard())
        if policy:
            people = look_up.show_policy(*asked, policy, reason)
        else:
            people = (look_up.show_person(*asked, person, reason),)
    show(people, lambda: _shown_lines(people), as_json=as_json)


def _shown_lines(people: tuple[Shown, ...]) -> Iterator[str]:
    for row in people:
        words = (row.person, term(_PERSON_STATES[row.state], row.state), row.name, row.document_kind)
        yield " ".join(filter(None, (*words, row.document)))
        for held in row.holdings:
            until = f"-{held.to_date}" if held.to_date else "-"
            yield f"  {held.policy} {held.role} {held.from_date}{until}"
        for contact in row.contacts:
            state = term(_CONTACT_STATES[ContactState(contact.state)], contact.state)
            yield f"  {contact.number} {contact.kind} {contact.tail} {state}"
        if row.consents:
            yield "  " + _("consents: {purposes}").format(purposes=", ".join(row.consents))


@customers.command("propose")
@click.argument("act", type=click.Choice([str(act) for act in Act]))
@click.argument("person")
@_REASON
@CUSTOMERS_SETTINGS
def propose_command(act: str, person: str, reason: str, config: Path) -> None:
    """Propose ACT about PERSON; another person approves it.

    restrict: nobody looks but by two people. release: ends that. look: the proposer may look once. shred: the
    key is destroyed, for good.
    """
    with opened(config) as office:
        made = decisions.propose(office.desk, at_keyboard(), person, Act(act), reason)
    say(
        _("proposal {number}: {act} {person}; another must approve it").format(
            number=made.number, act=made.act, person=made.person
        )
    )


def _decision(decide: Callable[[Desk, str, int], Proposal]) -> Callable[[int, Path], None]:
    def command(number: int, config: Path) -> None:
        with opened(config) as office:
            row = decide(office.desk, at_keyboard(), number)
        state = term(_PROPOSAL_STATES[row.state], row.state)
        say(
            _("proposal {number}: {act} {person} is {state}").format(
                number=row.number, act=row.act, person=row.person, state=state
            )
        )

    return command


for _name, _decide, _words in (
    ("approve", decisions.approve, "Approve proposal NUMBER of another person, and carry it out."),
    ("reject", decisions.reject, "Reject proposal NUMBER of another person."),
    ("withdraw", decisions.withdraw, "Withdraw proposal NUMBER, which was not carried out."),
):
    _command = click.argument("number", type=click.IntRange(min=1))(CUSTOMERS_SETTINGS(_decision(_decide)))
    customers.command(_name, help=_words)(_command)


@customers.command("proposals")
@click.option("--all", "everything", is_flag=True, help="those that are done too")
@CUSTOMERS_SETTINGS
@JSON
def proposals_command(everything: bool, config: Path, as_json: bool) -> None:
    """List what was proposed and waits for somebody."""
    with opened(config, write=False) as office, office.store.reading() as connection:
        rows = tuple(listing(connection, everything=everything))

    def lines() -> Iterator[str]:
        for row in rows:
            state = term(_PROPOSAL_STATES[row.state], row.state)
            decided = f" ({row.decided_by})" if row.decided_by else ""
            yield f"{row.number} {row.act} {row.person} {state}{decided}, {row.proposed_by}: {row.reason}"

    show([row._asdict() for row in rows], lines, as_json=as_json)


@customers.command("escrow")
@CUSTOMERS_SETTINGS
def escrow_command(config: Path) -> None:
    """Write a list of all persons' keys, sealed for the two holders of the settings."""
    with opened(config) as office:
        made = escrow.make_list(office.desk, office.keys, at_keyboard())
        folder = Path(office.settings.customers.escrow)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"keys-{made.number:06}.txt"
    path.write_text(made.text, encoding="utf-8")
    say(_("wrote {path}: {keys} keys").format(path=path, keys=made.keys))


@customers.command("open-escrow")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("key", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="a file that is not there yet")
def open_escrow_command(file: Path, key: Path, output: Path) -> None:
    """Open one layer of a list of keys with a holder's private KEY, in PEM; needs no settings.

    The second holder's layer is opened first, and what comes of it by the first holder: that is the list.
    """
    layer = escrow.parse_layer(file.read_bytes())
    plain = escrow.opened_layer(layer, escrow.private_key(key.read_bytes()))
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(plain)
    say(_("wrote {path}: layer {layer} of 2 is open").format(path=output, layer=layer.layer))


@customers.command("rewrap")
@CUSTOMERS_SETTINGS
def rewrap_command(config: Path) -> None:
    """Wrap all persons' keys under a fresh master key, and end the one before it.

    After that no copy of the database made before opens any more; copies of the keystore made before are to
    be destroyed. Killed anywhere, it is run again.
    """
    with opened(config) as office:
        office.settings.check_may(at_keyboard(), "rewrap")
        keystore = open_keystore(office.settings.keystore)
        if _NEXT not in keystore:
            keystore.put(_NEXT, generated(KeyKind.AES, KEY_BYTES, os.urandom), os.urandom)
        new = SecretKey(keystore[_NEXT].secret.reveal())
        count = master.rewrap(office.desk, at_keyboard(), office.keys.master, new, os.urandom)
        keystore.put(PERSONS, keystore[_NEXT], os.urandom, replace=True)
        keystore.remove(_NEXT, os.urandom)
    say(
        _("{count} keys wrapped anew, under the master key with check value {check_value}").format(
            count=count, check_value=new.check_value
        )
    )
    say(_("destroy the copies of the keystore that were made before: no older backup is opened without one"))


@customers.command("audit")
@CUSTOMERS_SETTINGS
@JSON
def audit_command(config: Path, as_json: bool) -> None:
    """Hold the database against its audit log; exit code 1 if anything does not hold."""
    with (
        opened(config, write=False) as office,
        office.store.reading(snapshot=True) as connection,
    ):
        folder = Path(office.settings.customers.certificates)
        audited = audit(Evidence(connection, office.keys, folder))

    def lines() -> Iterator[str]:
        yield _(
            "{persons} persons, {shredded} of them shredded; {holdings} holdings, {contacts} contacts,"
            " {loads} loads, {proposals} proposals, {records} records"
        ).format(**audited._asdict())
        for failing in audited.failings:
            yield escaped(f"{failing.subject}: {spoken(failing.reason)}")

    show(audited, lines, as_json=as_json)
    if audited.failings:
        raise click.ClickException(_("{count} findings").format(count=len(audited.failings)))


@customers.command("audit-log")
@audit_log.VERIFY
@CUSTOMERS_SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who did what with which person, when and why."""
    with opened(config, write=False) as office:
        read = partial(read_audit_log, table=audit_table)
        audit_log.show(office.store, read, verify=verify, as_json=as_json)


for _joined in (*SERVICE_COMMANDS, *NOTICE_COMMANDS):
    customers.add_command(_joined)
