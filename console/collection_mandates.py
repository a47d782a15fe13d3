"""The commands `qianzhi collection mandate`: what payers signed, entered and ended.

Parses arguments, opens the database and the keys, calls, prints. An account comes from a question that does
not show what is typed, or from standard input, and never from the command line, which every user of the host
can read. What may be done, `collection.mandates` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Final

import click

from collection import mandate_end, mandate_file, mandates
from collection.batches import WrittenFile
from collection.desk import Desk
from collection.kept_files import digest_of
from collection.mandates import Account, Evidence, Mandate, Wanted
from collection.rules.mandate import AccountKind, Period, Purpose, SignedBy
from collection.rules.states import MandateState
from console.collection_batches import say_written
from console.collection_opened import COLLECTION_SETTINGS, REASON, opened, write_private
from console.collection_wording import MANDATE_STATES
from console.options import DATE
from console.output import JSON, show
from console.say import say
from console.term import term

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_EVIDENCE = click.option(
    "--evidence", type=_FILE, required=True, help="the signed form or the bank's message: its digest is kept"
)
_SIGNED_BY = click.option(
    "--signed-by",
    type=click.Choice([str(road) for road in SignedBy]),
    default=str(SignedBy.PAPER),
    show_default=True,
    help="the road by which it was signed",
)


@click.group("mandate")
def mandate_group() -> None:
    """What payers signed, so that their dues are collected without asking again."""


@mandate_group.command("add")
@click.argument("policy")
@click.option("--channel", required=True, help="the channel's code")
@click.option("--bank", required=True, help="the code of the payer's bank, as the channel's files have it")
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in AccountKind]),
    default=str(AccountKind.DEBIT),
    show_default=True,
    help="the kind of the account",
)
@click.option(
    "--purpose",
    type=click.Choice([str(purpose) for purpose in Purpose]),
    default=str(Purpose.PREMIUM),
    show_default=True,
    help="what may be collected",
)
@click.option(
    "--limit-fen", type=click.IntRange(min=0), default=0, help="the most of one collection; 0: any amount"
)
@click.option(
    "--period",
    type=click.Choice([str(period) for period in Period]),
    default=str(Period.ANY),
    show_default=True,
    help="how often",
)
@click.option("--valid-from", type=DATE, default="", help="from which date; today if not given")
@click.option("--valid-to", type=DATE, default="", help="until which date; without an end if not given")
@COLLECTION_SETTINGS
@JSON
def add_command(config: Path, as_json: bool, policy: str, **given: str | int) -> None:
    """Enter a mandate of POLICY's payer as a draft; the account is asked for, and not shown."""
    account = Account(
        click.prompt(_("account number (not shown)"), hide_input=True).strip(),
        click.prompt(_("name of the account's holder")).strip(),
    )
    with opened(config) as desk:
        wanted = Wanted(
            policy,
            Purpose(str(given["purpose"])),
            str(given["channel"]),
            str(given["bank"]),
            AccountKind(str(given["kind"])),
            int(given["limit_fen"]),
            Period(str(given["period"])),
            str(given["valid_from"]) or desk.today,
            str(given["valid_to"]),
            account,
        )
        _show((mandates.add(desk, wanted),), as_json=as_json)


@mandate_group.command("sign")
@click.argument("mandate")
@_EVIDENCE
@_SIGNED_BY
@COLLECTION_SETTINGS
@JSON
def sign_command(mandate: str, evidence: Path, signed_by: str, config: Path, as_json: bool) -> None:
    """Note that the payer signed MANDATE: it is active, or its bank is to agree."""
    proof = Evidence(digest_of(evidence.read_bytes()), SignedBy(signed_by))
    with opened(config) as desk:
        _show((mandates.sign(desk, mandate, proof),), as_json=as_json)


@mandate_group.command("resume")
@click.argument("mandate")
@_EVIDENCE
@_SIGNED_BY
@COLLECTION_SETTINGS
@JSON
def resume_command(mandate: str, evidence: Path, signed_by: str, config: Path, as_json: bool) -> None:
    """Make suspended MANDATE active again, by new evidence of the payer's will."""
    proof = Evidence(digest_of(evidence.read_bytes()), SignedBy(signed_by))
    with opened(config) as desk:
        _show((mandates.resume(desk, mandate, proof),), as_json=as_json)


def _ending(
    end: Callable[[Desk, str, str], tuple[Mandate, list[WrittenFile]]],
) -> Callable[[str, str, Path], None]:
    def command(mandate: str, reason: str, config: Path) -> None:
        with opened(config) as desk:
            row, releases = end(desk, mandate, reason)
            say_written(desk, releases)
        _show((row,), as_json=False)

    return command


for _name, _end, _words in (
    (
        "suspend",
        mandate_end.suspend,
        "Suspend active MANDATE: nothing is collected by it until it is resumed.",
    ),
    ("cancel", mandate_end.cancel, "End MANDATE, because its payer says so."),
):
    _command = click.argument("mandate")(REASON(COLLECTION_SETTINGS(_ending(_end))))
    mandate_group.command(_name, help=_words)(_command)


@mandate_group.command("refuse")
@click.argument("mandate")
@REASON
@COLLECTION_SETTINGS
@JSON
def refuse_command(mandate: str, reason: str, config: Path, as_json: bool) -> None:
    """Note that the payer's bank refused MANDATE."""
    with opened(config) as desk:
        _show((mandates.refuse(desk, mandate, reason),), as_json=as_json)


@mandate_group.command("agree")
@click.argument("mandate")
@COLLECTION_SETTINGS
@JSON
def agree_command(mandate: str, config: Path, as_json: bool) -> None:
    """Note that the payer's bank agreed to MANDATE: it is active."""
    with opened(config) as desk:
        _show((mandates.agree(desk, mandate),), as_json=as_json)


@mandate_group.command("import")
@click.argument("file", type=_FILE)
@COLLECTION_SETTINGS
@JSON
def import_command(file: Path, config: Path, as_json: bool) -> None:
    """Enter the signed mandates of FILE, all of them or none, and the same file once."""
    content = file.read_bytes()
    rows = mandate_file.read(content)
    with opened(config) as desk:
        _show(mandates.add_signed(desk, rows, file.name, content), as_json=as_json)


@mandate_group.command("export")
@click.argument("channel")
@COLLECTION_SETTINGS
def export_command(channel: str, config: Path) -> None:
    """Write the file by which the bank of CHANNEL is asked to agree to what payers signed.

    It has accounts in clear: it is for the bank alone, and is readable by this user only.
    """
    with opened(config) as desk:
        sent = mandates.send(desk, channel)
        path = write_private(desk.settings, f"mandates-{channel}-{desk.today}.csv", mandate_file.write(sent))
    say(_("wrote {path}: {count} mandates").format(path=path, count=len(sent)))


@mandate_group.command("list")
@click.option("--policy", default="", help="those of this policy only")
@click.option("--state", type=click.Choice([str(state) for state in MandateState]), help="only in this state")
@COLLECTION_SETTINGS
@JSON
def list_command(policy: str, state: str | None, config: Path, as_json: bool) -> None:
    """List mandates, with the last digits of their accounts."""
    with opened(config, write=False) as desk, desk.store.reading() as connection:
        rows = mandates.listing(connection, policy=policy, state=state or "")
    _show(rows, as_json=as_json)


def _show(rows: tuple[Mandate, ...], *, as_json: bool) -> None:
    def lines() -> Iterator[str]:
        for row in rows:
            state = term(MANDATE_STATES[row.state], row.state)
            until = f"-{row.valid_to}"
            yield (
                f"{row.mandate} {state} {row.policy} {row.purpose} {row.channel} {row.kind} *{row.tail}"
                f" {row.valid_from}{until}"
            )

    show([row._asdict() for row in rows], lines, as_json=as_json)
