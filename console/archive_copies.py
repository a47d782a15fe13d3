"""The commands of the archive's copies: `write`, `verify`, `shelve`, `lend`, `return`, `check`, `parity`,
`restore`, `image`, `rebuild` and `fetch`.

Parses arguments, calls, prints. The site's command that writes a medium is run here, as a list of arguments
without a shell; what follows of it, archive.keeping says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from gettext import gettext as _
from pathlib import Path

import click

from archive import images, keeping
from archive.catalogue import copies, volumes
from archive.catalogue.acts import write_record
from archive.catalogue.copies import Check, Copy, Loan
from archive.catalogue.fetches import read_fetches
from archive.config import load_settings
from archive.keeping import Actor
from archive.log.note import public_half
from archive.rebuild import rebuild
from archive.rules.states import CopyEvent
from archive.rules.wording import COPY_STATES, VOLUME_STATES
from console.archive_opened import ARCHIVE_SETTINGS, opened, places_of, room_of, sealing, seed_of
from console.language import spoken
from console.options import DATE
from console.output import JSON, show
from console.say import say
from console.term import term
from console.wall_clock import now_us
from fep.operator.identity import at_keyboard

MEDIUM = click.option(
    "--medium",
    type=click.Choice(["disk", "bdr", "mdisc", "tape", "image"]),
    default="disk",
    show_default=True,
    help="what it is",
)
_FULL = 100
_HOURS_8 = 8 * 3600


def actor() -> Actor:
    """The person at the keyboard, now."""
    return Actor(at_keyboard(), now_us())


@click.command("write")
@click.argument("volume")
@click.option("--to", "place", required=True, help="where the copy goes: a folder, or a drive")
@MEDIUM
@ARCHIVE_SETTINGS
def write_command(volume: str, place: str, medium: str, config: Path) -> None:
    """Write a copy of VOLUME with the settings' writer, and read it again whole."""
    settings = load_settings(config)
    given = settings.archive
    with opened(settings) as store:
        here = places_of(settings)
        copy = keeping.write_copy(store, here, volume, place, medium, given.writer, run_writer, actor())
        check = keeping.verify_copy(
            store,
            keeping.medium_of(here, copy),
            copy.copy,
            actor(),
            sample_percent=_FULL,
            days=given.check_days,
        )
        with store.reading() as connection:
            state = volumes.find_volume(connection, volume).state
    _print_check(check)
    say(_("{volume} is {state}").format(volume=volume, state=term(VOLUME_STATES[state], state.value)))
    if check.errors:
        raise SystemExit(1)


def run_writer(arguments: Sequence[str]) -> str:
    """Run the writer; returns why it failed, or an empty text."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, check=False, timeout=_HOURS_8, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit code {done.returncode}")


@click.command("verify")
@click.argument("copy")
@click.option("--sample", is_flag=True, help="only the settings' share of its files, others each time")
@click.option(
    "--from",
    "medium",
    type=click.Path(exists=True, path_type=Path),
    help="where it is now: an image, a mounted disc, or a drive  [default: its place]",
)
@ARCHIVE_SETTINGS
@JSON
def verify_command(copy: str, sample: bool, medium: Path | None, config: Path, as_json: bool) -> None:
    """Read a COPY again and compare every file; exit code 1 if one is not what was sealed."""
    settings = load_settings(config)
    with opened(settings) as store:
        with store.reading() as connection:
            known = copies.find_copy(connection, copy)
        place = medium or keeping.medium_of(places_of(settings), known)
        percent = settings.archive.sample_percent if sample else _FULL
        days = settings.archive.check_days
        check = keeping.verify_copy(store, place, copy, actor(), sample_percent=percent, days=days)
    show(check, lambda: check_lines(check), as_json=as_json)
    if check.errors:
        raise SystemExit(1)


def _print_check(check: Check) -> None:
    for line in check_lines(check):
        say(line)


def check_lines(check: Check) -> Iterator[str]:
    """The lines that say what was found of a copy."""
    for fault in filter(None, check.result.split("; ")):
        yield _("{copy}: {fault}").format(copy=check.copy, fault=spoken(fault))
    words = _("is what was sealed") if not check.errors else _("is suspect, and not trusted any more")
    yield _("{copy} {words}: {files} files read").format(copy=check.copy, words=words, files=check.files)


@click.command("shelve")
@click.argument("copy")
@click.argument("place")
@ARCHIVE_SETTINGS
def shelve_command(copy: str, place: str, config: Path) -> None:
    """Write down that a verified COPY is at PLACE: a building and a shelf."""
    with opened(load_settings(config)) as store, store.transaction() as connection:
        moved = copies.put_at(connection, copies.find_copy(connection, copy), place)
        write_record(connection, now_us(), at_keyboard(), "shelve", copy, place)
    say(copy_line(moved))


@click.command("lend")
@click.argument("copy")
@click.argument("to")
@click.option("--until", type=DATE, required=True, help="the date on which it is due back")
@ARCHIVE_SETTINGS
def lend_command(copy: str, to: str, until: str, config: Path) -> None:
    """Write down that a shelved COPY is lent TO somebody."""
    with opened(load_settings(config)) as store, store.transaction() as connection:
        loan = Loan(copy, to, now_us(), at_keyboard(), until)
        copies.lend(connection, copies.find_copy(connection, copy), loan)
        write_record(connection, loan.at, loan.by, "lend", copy, to)
        lent = copies.find_copy(connection, copy)
    say(copy_line(lent))


@click.command("return")
@click.argument("copy")
@click.argument("place")
@ARCHIVE_SETTINGS
def return_command(copy: str, place: str, config: Path) -> None:
    """Write down that a lent COPY is back, at PLACE."""
    with opened(load_settings(config)) as store, store.transaction() as connection:
        known = copies.find_copy(connection, copy)
        back = copies.move_copy(connection, known, CopyEvent.RETURN, place=place)._replace(place=place)
        write_record(connection, now_us(), at_keyboard(), "return", copy, place)
    say(copy_line(back))


def copy_line(copy: Copy) -> str:
    """The line that says how a copy is, and where."""
    return _("{copy} is {state}, {place}").format(
        copy=copy.copy, state=term(COPY_STATES[copy.state], copy.state.value), place=copy.place
    )


@click.command("check")
@ARCHIVE_SETTINGS
@JSON
def check_command(config: Path, as_json: bool) -> None:
    """List the copies that are to be read again, the longest not read first."""
    settings = load_settings(config)
    with opened(settings) as store, store.transaction() as connection:
        at, days = now_us(), settings.archive.check_days
        copies.mark_due(connection, at, days)
        due = copies.due_copies(connection, at, days)
    lines = [
        _("{copy} at {place}: qianzhi archive verify {copy}").format(copy=c.copy, place=c.place) for c in due
    ]
    show(due, lambda: lines or [_("no copy is due for a check")], as_json=as_json)


@click.command("parity")
@ARCHIVE_SETTINGS
def parity_command(config: Path) -> None:
    """Make the parity volume of the oldest volumes that have none, as many as a set has."""
    settings = load_settings(config)
    with opened(settings) as store:
        made = sealing(settings, store).make_parity(now_us())
        with store.reading() as connection:
            members = [v.volume for v in volumes.read_volumes(connection) if v.set_of == made.volume]
    say(_("{volume} is the parity of {members}").format(volume=made.volume, members=", ".join(members)))


@click.command("restore")
@click.argument("volume")
@click.option(
    "--from",
    "media",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="an image of another volume of the set, named VOLUME.iso; may be repeated  [default: the archive's]",
)
@ARCHIVE_SETTINGS
def restore_command(volume: str, media: tuple[Path, ...], config: Path) -> None:
    """Make the image of a lost VOLUME again of the others of its set, and compare it with what was sealed."""
    settings = load_settings(config)
    given = {path.stem: path for path in media}
    with opened(settings) as store:
        with store.reading() as connection:
            parity = volumes.find_volume(connection, volume).set_of
        keeping.restore(store, places_of(settings), volume, given, given.get(parity), actor())
    say(_("{volume} is made again, bit for bit").format(volume=volume))


@click.command("image")
@click.argument("volume")
@click.option(
    "--from",
    "media",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="a copy: an image, a mounted disc, a folder, or a drive  [default: the copies that are at hand]",
)
@ARCHIVE_SETTINGS
def image_command(volume: str, media: tuple[Path, ...], config: Path) -> None:
    """Make the image of a sealed VOLUME again of a copy, and compare it with what was sealed."""
    settings = load_settings(config)
    with opened(settings) as store:
        medium = images.make_again(store, places_of(settings), volume, media, room_of, actor())
    if medium is None:
        say(_("{volume} is there, and is what was sealed").format(volume=volume))
    else:
        say(_("{volume} is made again of {medium}, byte for byte").format(volume=volume, medium=medium))


@click.command("rebuild")
@ARCHIVE_SETTINGS
def rebuild_command(config: Path) -> None:
    """Fill an empty catalogue, the indexes and the log again from the images in the archive's folder."""
    settings = load_settings(config)
    with opened(settings) as store:
        here = places_of(settings)
        key = public_half(settings.archive.name, seed_of(settings))
        made = rebuild(store, here, sorted(here.images.glob("*.iso")), key, actor())
        sealing(settings, store).tidy()
    say(
        _("{volumes} volumes and {parcels} parcels are in the catalogue again").format(
            volumes=len(made.volumes), parcels=made.parcels
        )
    )


@click.command("fetch")
@ARCHIVE_SETTINGS
@JSON
def fetch_command(config: Path, as_json: bool) -> None:
    """List the volumes that were asked for and are not at hand, with where their copies are."""
    settings = load_settings(config)
    with opened(settings, write=False) as store, store.reading() as connection:
        here = places_of(settings)
        wanted = [fetch for fetch in read_fetches(connection) if not here.image(fetch.volume).exists()]
        where = {f.volume: copies.held_copies(connection, f.volume) for f in wanted}
    lines = [
        _("{volume}, for {person}: {where}").format(
            volume=fetch.volume,
            person=fetch.by,
            where=", ".join(f"{c.copy} ({c.place})" for c in where[fetch.volume]) or _("no copy is known"),
        )
        for fetch in wanted
    ]
    show(wanted, lambda: lines or [_("no volume waits to be fetched")], as_json=as_json)
