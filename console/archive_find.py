"""The commands `qianzhi archive find`, `get` and `prove`: look up, read, and prove.

Parses arguments, calls, prints. Each reading is written into the chained record of accesses before a byte is
shown. What is personal is shown to whoever the customers' rules let look at the person, and nobody else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from archive.catalogue.acts import write_access
from archive.catalogue.fetches import request_fetch
from archive.config import Settings, load_settings
from archive.lookup import Found, Item, Lookup, Read, parse_item
from archive.proving import prove
from archive.rules.wording import VOLUME_STATES
from archive.sealed_line import label_of, open_line
from archive.volume.index import LIMIT, Kind
from console.archive_opened import ARCHIVE_SETTINGS, customers_book, opened, places_of, seed_of
from console.language import spoken
from console.options import DATE
from console.output import JSON, show
from console.say import say
from console.term import term
from console.wall_clock import now_us
from customers.book import Book
from customers.rules.person import is_person
from customers.rules.states import PersonState
from fep.operator.identity import at_keyboard
from ledger.book.store import Store
from ledger.rules.identity import document

REASON = click.option("--reason", default="", help="why it is read; needed for what is personal")
MEDIUM = click.option(
    "--from",
    "media",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="read it from here first: an image, a mounted disc, or a drive",
)


class ItemType(click.ParamType[Item]):
    """The name of a record, as `qianzhi archive find` prints it."""

    name = "ITEM"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Item:
        """Return the item; raises NoSuchItem, whose text says what an item is."""
        del param, ctx
        return parse_item(str(value))


class FetchNeeded(click.ClickException):
    """No medium with the volume is at hand: it is to be fetched, and nothing has failed."""

    exit_code = 3


@click.command("find")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("value")
@click.option(
    "--from", "from_date", type=DATE, default="", help="from this business date  [default: the first]"
)
@click.option("--to", "to_date", type=DATE, default="", help="up to and with this one  [default: the last]")
@click.option(
    "--limit", type=click.IntRange(1, LIMIT), default=100, show_default=True, help="so many records at most"
)
@ARCHIVE_SETTINGS
@JSON
def find_command(
    kind: str, value: str, from_date: str, to_date: str, limit: int, config: Path, as_json: bool
) -> None:
    """Find records by VALUE: a policy, receipt, transaction key, due, person, or a document's SHA-256.

    A person is given by name in the customers' book, or by an identity number, which is written nowhere.
    """
    settings = load_settings(config)
    with opened(settings, write=False) as store:
        key = _person(settings, value) if kind == Kind.PERSON else value
        found = Lookup(store, places_of(settings)).find(Kind(kind), key, limit, from_date, to_date)
    show(found, lambda: _found_lines(found), as_json=as_json)
    if found.faults or not found.records:
        raise SystemExit(1)


def _person(settings: Settings, value: str) -> str:
    """The person's name; of an identity number the person whom the customers' book has with it."""
    if is_person(value):
        return value
    with customers_book(settings) as book:
        return (book.person_by_document(document(value)) if book else None) or ""


def _found_lines(found: Found) -> Iterator[str]:
    for record in found.records:
        where = _("at hand") if record.at_hand else (", ".join(record.places) or _("no copy is known"))
        yield _("{item}  {date}  {path}, {length} bytes; {state}, {where}").format(
            item=record.item,
            date=record.date,
            path=record.path,
            length=record.length,
            state=term(VOLUME_STATES[record.state], record.state.value),
            where=where,
        )
    for fault in found.faults:
        yield _("not served: {fault}").format(fault=spoken(fault))
    if found.more:
        yield _("there are more: narrow it with --from and --to, or give --limit")
    if not found.records:
        yield _("nothing is found")


@click.command("get")
@click.argument("item", type=ItemType())
@click.option("--open", "opens", is_flag=True, help="open a line of the sealed layer with its person's key")
@REASON
@MEDIUM
@ARCHIVE_SETTINGS
def get_command(item: Item, opens: bool, reason: str, media: tuple[Path, ...], config: Path) -> None:
    """Print a record as it was sealed; exit code 3 if its volume has to be fetched first."""
    settings = load_settings(config)
    with opened(settings) as store:
        read = _read(store, settings, item, reason, media, opens=opens)
    for fault in read.faults:
        say(_("not served from here: {fault}").format(fault=spoken(fault)), err=True)
    sys.stdout.buffer.write(read.data + b"\n")
    sys.stdout.buffer.flush()


def _read(
    store: Store, settings: Settings, item: Item, reason: str, media: tuple[Path, ...], *, opens: bool
) -> Read:
    """Write down the access, and read the item."""
    lookup = Lookup(store, places_of(settings))
    file = lookup.file_of(item)
    is_personal = file.path.startswith("sealed/")
    if is_personal and not reason:
        raise click.UsageError(_("it is personal: give a --reason"))
    with store.transaction() as connection:
        write_access(connection, now_us(), at_keyboard(), "open" if opens else "get", str(item), reason)
    read = lookup.read(item, media)
    if read is None:
        with store.transaction() as connection:
            request_fetch(connection, item.volume, at_keyboard(), now_us())
        raise FetchNeeded(fetch_words(lookup, item.volume))
    if not (is_personal and opens):
        return read
    with customers_book(settings) as book:
        return read._replace(data=_opened(lookup, settings, book, item, read))


def fetch_words(lookup: Lookup, volume: str) -> str:
    """Which medium is to be fetched, and from where."""
    places = lookup.places_of_copies(volume)
    where = ", ".join(f"{copy.copy} ({copy.place})" for copy in places) or _("no copy is known")
    return _("{volume} is not at hand; fetch it: {where}").format(volume=volume, where=where)


def _opened(lookup: Lookup, settings: Settings, book: Book | None, item: Item, read: Read) -> bytes:
    """The content of a sealed line, for a person whose data may be looked at."""
    label = label_of(read.data)
    if book is None:
        raise click.UsageError(_("the archive's settings name no customers' book"))
    state = book.state_of(label.person)
    if state is not PersonState.ACTIVE:
        raise click.ClickException(
            _("{person} is {state}: qianzhi customers says who may look").format(
                person=label.person, state=state.value
            )
        )
    secret = book.key_of(label.person)
    if secret is None:
        raise click.ClickException(_("the key of {person} was destroyed").format(person=label.person))
    number = lookup.line_number(item, read.medium)
    date = read.path.partition("/")[2].partition(".")[0]
    return open_line(read.data, secret, settings.archive.name, date, number)


@click.command("prove")
@click.argument("item", type=ItemType())
@REASON
@ARCHIVE_SETTINGS
def prove_command(item: Item, reason: str, config: Path) -> None:
    """Print the proof that a record is in the sealed books: a text that anyone can check (tlog-proof)."""
    settings = load_settings(config)
    with opened(settings) as store:
        with store.transaction() as connection:
            write_access(connection, now_us(), at_keyboard(), "prove", str(item), reason)
        proof = prove(store, places_of(settings), item, settings.archive.name, seed_of(settings))
    say(str(proof).rstrip("\n"))
