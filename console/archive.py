"""The commands `qianzhi archive`: take in, seal, show how far it has come.

Parses arguments, calls, prints. Look-ups are in console.archive_find, copies in console.archive_copies, what
two people decide in console.archive_decide. What is done, `archive` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click

from archive.audit import audit
from archive.catalogue import copies, parcels, proposals, volumes
from archive.catalogue.ends import end_lists_taken
from archive.catalogue.schema import audit_log as audit_table
from archive.config import load_settings
from archive.images import remove_surplus
from archive.install import install
from archive.intake.documents import gather_documents, waiting_lists
from archive.intake.ends import EndsTaken, take_ends, waiting_ends
from archive.intake.gather import gather_office
from archive.intake.office_day import posted_dates_of
from archive.intake.take import TakenIn, take_in
from archive.keeping import remove_destroyed
from archive.log.note import public_half
from archive.parcel import DOCUMENTS, OFFICE
from archive.rules.retention import shipped
from archive.rules.states import ParcelState, VolumeState
from archive.rules.wording import COPY_STATES, PARCEL_STATES, VOLUME_STATES
from console import audit_log, settings_place
from console.archive_copies import (
    check_command,
    fetch_command,
    image_command,
    lend_command,
    parity_command,
    rebuild_command,
    restore_command,
    return_command,
    shelve_command,
    verify_command,
    write_command,
)
from console.archive_decide import (
    approve_command,
    destroy_command,
    hold_command,
    reject_command,
    release_command,
)
from console.archive_find import find_command, get_command, prove_command
from console.archive_opened import (
    ARCHIVE_SETTINGS,
    customers_book,
    keys_of_policies,
    office_books,
    opened,
    places_of,
    sealing,
    seed_of,
)
from console.archive_retire import migrate_command, retire_command
from console.archive_witness import checkpoint_command, cosign_command
from console.inside_keys import create, inside_keys
from console.language import spoken
from console.options import DATE
from console.output import JSON, show, table
from console.say import say
from console.term import term
from console.wall_clock import now_us, today
from ledger.book.audit_log import read_audit_log

OFFICE_CLASS = "Z30"
"""The retention class of what a business date has: vouchers, journal, bank files, day seals."""
DOCUMENT_CLASS = "B?"
"""That of a policy's documents: the core's lists of ends say for each policy when its years begin."""
MEGABYTE = 1_000_000


@click.group()
def archive() -> None:
    """The archive: closed days on write-once volumes, found exactly, proved, and kept for decades."""


@archive.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@settings_place.option("office-config", settings_place.OFFICE, "the office's settings file")
@click.option(
    "--customers-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="the customers' settings file, for the persons' keys  [default: no name is taken]",
)
def init_command(folder: Path, office_config: Path, customers_config: Path | None) -> None:
    """Write an archive's settings and keys into FOLDER."""
    path = install(folder, office_config, customers_config)
    say(_("wrote {path}").format(path=path))
    keys = inside_keys(path)
    if keys is not None:
        create(keys)
    with opened(load_settings(path)):
        pass


class DatesWait(click.ClickException):
    """An intake did what it could, and some dates wait: nothing has failed."""

    exit_code = 3


@archive.command("intake")
@click.option(
    "--date",
    type=DATE,
    default="",
    help="the business date, again if it is complete  [default: all that wait]",
)
@ARCHIVE_SETTINGS
@JSON
def intake_command(date: str, config: Path, as_json: bool) -> None:
    """Take in posted dates of the office, and of the inbox documents and ends of contracts.

    Exit code 3 if a date waits for a piece.
    """
    settings = load_settings(config)
    taken: list[TakenIn] = []
    with opened(settings) as store, office_books(settings) as books, customers_book(settings) as customers:
        keys_of, staging = keys_of_policies(customers), places_of(settings).staging
        with store.reading() as connection:
            done = {(p.source, p.date) for p in parcels.read_parcels(connection) if p.digest}
        posted = posted_dates_of(books.office)
        dates = (date,) if date else tuple(each for each in posted if (OFFICE, each) not in done)
        for each in dates:
            gather = partial(gather_office, settings.archive.name, each, books, keys_of)
            taken.append(take_in(store, staging, each, OFFICE, OFFICE_CLASS, gather, now_us()))
        inbox = Path(settings.archive.inbox)
        for each in waiting_lists(inbox):
            if (date and each == date) or (not date and (DOCUMENTS, each) not in done):
                documents = partial(gather_documents, settings.archive.name, each, inbox, keys_of)
                taken.append(take_in(store, staging, each, DOCUMENTS, DOCUMENT_CLASS, documents, now_us()))
        with store.reading() as connection:
            lists = {row.listed for row in end_lists_taken(connection)}
        wanted = [each for each in waiting_ends(inbox) if (each == date if date else each not in lists)]
        ends = [take_ends(store, inbox, each, shipped(), now_us()) for each in wanted]
    figures = {"parcels": taken, "ends": ends}
    show(figures, lambda: (*_taken_lines(taken, ends), *_ends_lines(ends)), as_json=as_json)
    waiting = sum(bool(row.missing) for row in taken)
    if waiting:
        raise DatesWait(
            _("{dates} dates wait; run it again when what they wait for is there").format(dates=waiting)
        )


def _ends_lines(ends: list[EndsTaken]) -> Iterator[str]:
    for row in ends:
        yield _("ends of {date}: {policies} policies").format(date=row.listed, policies=row.policies)
        for volume, after in row.volumes.items():
            words = (
                _("may be destroyed after {date}").format(date=after)
                if after
                else _("is kept: a contract goes on")
            )
            yield _("  {volume} {words}").format(volume=volume, words=words)


def _taken_lines(taken: list[TakenIn], ends: list[EndsTaken]) -> Iterator[str]:
    for row in taken:
        if row.missing:
            yield _("{date} {source} waits:").format(date=row.date, source=row.source)
            for piece in row.missing:
                yield _("  {piece}: {reason}").format(piece=piece.piece, reason=spoken(piece.reason))
        else:
            words = _("complete as before") if row.again else _("complete")
            yield _("{date} {source} {words}: {items} files, {bytes:,} bytes; digest {digest}").format(
                date=row.date,
                source=row.source,
                words=words,
                items=row.items,
                bytes=row.bytes,
                digest=row.digest,
            )
    if not taken and not ends:
        yield _("nothing waits to be taken in")


@archive.command("seal")
@click.option("--now", is_flag=True, help="also what does not fill a volume")
@ARCHIVE_SETTINGS
@JSON
def seal_command(now: bool, config: Path, as_json: bool) -> None:
    """Seal what fills a volume: its image is written, read again and compared before it counts.

    Before, the oldest images leave the disk that the settings have no room for and whose copies are shelved.
    """
    settings = load_settings(config)
    given, here = settings.archive, places_of(settings)
    with opened(settings) as store:
        remove_destroyed(store, here)
        gone = remove_surplus(store, here, given.keep_images, given.copies, now_us(), given.check_days)
        sealed = tuple(sealing(settings, store).run(now_us(), now=now))
    figures = {"images_removed": [volume.volume for volume in gone], "sealed": sealed}
    show(figures, lambda: (*map(_removed_line, gone), *_sealed_lines(sealed)), as_json=as_json)


def _removed_line(volume: volumes.Volume) -> str:
    return _("the image of {volume} left the disk: its copies are on their shelves").format(
        volume=volume.volume
    )


def _sealed_lines(sealed: tuple[volumes.Volume, ...]) -> Iterator[str]:
    for volume in sealed:
        yield _(
            "{volume} is sealed: {first} to {last}, {files} files, {bytes:,} bytes; image read again"
        ).format(
            volume=volume.volume,
            first=volume.first_date,
            last=volume.last_date,
            files=volume.files,
            bytes=volume.image_bytes,
        )
        yield _("  manifest {manifest}").format(manifest=volume.manifest)
    if not sealed:
        yield _("no volume is full; --now seals what there is")


@archive.command("status")
@ARCHIVE_SETTINGS
@JSON
def status_command(config: Path, as_json: bool) -> None:
    """Say how far each parcel and volume has come, where the copies are, and what is due."""
    settings = load_settings(config)
    with opened(settings, write=False) as store, store.reading() as connection:
        figures: dict[str, Any] = {
            "parcels": [p for p in parcels.read_parcels(connection) if p.state is not ParcelState.SEALED],
            "volumes": volumes.read_volumes(connection),
            "copies": copies.copies_of(connection),
            "due": copies.due_copies(connection, now_us(), settings.archive.check_days),
            "out_of_time": _out_of_time(volumes.read_volumes(connection), today()),
            "holds": proposals.open_holds(connection),
            "proposals": [p for p in proposals.read_proposals(connection) if not p.decision],
        }
    show(figures, lambda: _status_lines(figures), as_json=as_json)


def _out_of_time(known: tuple[volumes.Volume, ...], date: str) -> list[volumes.Volume]:
    """The volumes that their class keeps no longer."""
    return [
        volume
        for volume in known
        if volume.state is not VolumeState.DESTROYED and volume.destroy_after and volume.destroy_after < date
    ]


def _status_lines(figures: dict[str, Any]) -> Iterator[Any]:
    for parcel in figures["parcels"]:
        yield _("{date} {source}: {state}").format(
            date=parcel.date,
            source=parcel.source,
            state=term(PARCEL_STATES[parcel.state], parcel.state.value),
        )
    rows = table(
        _("volume"), _("class"), _("dates"), _("state"), _("copies"), _("MB"), right=(_("copies"), _("MB"))
    )
    for volume in figures["volumes"]:
        here = sum(copy.volume == volume.volume for copy in figures["copies"])
        dates = f"{volume.first_date} {volume.last_date}"
        size = f"{volume.image_bytes // MEGABYTE:,}"
        state = term(VOLUME_STATES[volume.state], volume.state.value)
        rows.add_row(volume.volume, volume.cls, dates, state, str(here), size)
    if figures["volumes"]:
        yield rows
    for copy in figures["copies"]:
        yield _("{copy} is {state}, {place}").format(
            copy=copy.copy, state=term(COPY_STATES[copy.state], copy.state.value), place=copy.place
        )
    for copy in figures["due"]:
        yield _("{copy} is due for a check").format(copy=copy.copy)
    for volume in figures["out_of_time"]:
        yield _("{volume} is kept no longer since {date}: qianzhi archive destroy").format(
            volume=volume.volume, date=volume.destroy_after
        )
    for hold in figures["holds"]:
        yield _("{volume} is held ({hold}): {reason}").format(
            volume=hold.subject, hold=hold.hold, reason=hold.reason
        )
    for proposal in figures["proposals"]:
        yield _("proposal {number}: {act} {subject}, by {person}").format(
            number=proposal.proposal, act=proposal.act.value, subject=proposal.subject, person=proposal.by
        )


@archive.command("audit")
@ARCHIVE_SETTINGS
@JSON
def audit_command(config: Path, as_json: bool) -> None:
    """Check every note, the log, its witnesses, both records, and that no day was left out."""
    settings = load_settings(config)
    key, witnesses = public_half(settings.archive.name, seed_of(settings)), settings.archive.witnesses
    with opened(settings, write=False) as store, office_books(settings) as books:
        posted = posted_dates_of(books.office)
        with store.reading(snapshot=True) as connection:
            found = tuple(audit(connection, places_of(settings), key, witnesses, posted, today()))
            count = len(volumes.read_volumes(connection))
    lines = [_("{subject}: {what}").format(subject=row.subject, what=spoken(row.what)) for row in found]
    lines.append(_("{volumes} volumes, {findings} findings").format(volumes=count, findings=len(found)))
    show(found, lambda: lines, as_json=as_json)
    if found:
        raise SystemExit(1)


@archive.command("audit-log")
@audit_log.VERIFY
@ARCHIVE_SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List what was done with the archive's volumes, by whom and when."""
    with opened(load_settings(config), write=False) as store:
        audit_log.show(store, partial(read_audit_log, table=audit_table), verify=verify, as_json=as_json)


for _command in (
    *(find_command, get_command, prove_command, fetch_command),
    *(write_command, verify_command, shelve_command, lend_command, return_command, check_command),
    *(parity_command, restore_command, image_command, rebuild_command),
    *(retire_command, migrate_command),
    *(checkpoint_command, cosign_command),
    *(hold_command, release_command, destroy_command, approve_command, reject_command),
):
    archive.add_command(_command)
