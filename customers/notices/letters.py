"""Letters to print: the notices that no other way is left for, as one list and one file of pages a day.

The deliveries of a day's letters are written as unknown first, so that a crash anywhere is followed by the
same letters. Names and addresses stand in these two files, which their owner alone may read, and nowhere else
in clear; whoever has posted the letters destroys them. A letter that was posted counts as delivered, and
proves nothing about its address.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from fpdf import FPDF
from fpdf.enums import WrapMode
from sqlalchemy import Connection, select

from customers.book import read_person
from customers.contacts import contacts_of, value_of
from customers.contacts import find as find_contact
from customers.database.notice_tables import deliveries, notices
from customers.errors import NoticeRefused
from customers.keys import Keys, key_of_row, key_rows
from customers.load import place_of
from customers.notices.dispatch import decision_of, ordered
from customers.notices.outbox import (
    DELIVERIES,
    Delivery,
    Outbox,
    begin,
    delivery_of,
    follow,
    move,
    refused,
)
from customers.notices.queue import NOTICES, find, notice_of
from customers.notices.templates import written
from customers.rules.notice_states import Channel, DeliveryState, NoticeState, NoticeStep
from customers.rules.sending import Print, day_of
from customers.rules.states import PersonState
from customers.sealing import opened, parse
from ledger.files.private_file import write_private
from ledger.rules.beijing import beijing
from ledger.rules.day import hyphenated
from qianzhi_errors.sentence import Sentence
from receipts.pdf import FAMILY, add_font

SENDER: Final = "letters"
"""The sender of a letter's delivery; its reason is the day's list."""
LETTERS_MAX: Final = 1000
"""So many letters a day: the rest goes on the next."""
_COLUMNS: Final = ("letter", "notice", "name", "address", "subject")
_MARGIN, _LINE, _WINDOW = 72, 20, 240
_SIZE, _HEAD = 11, 14


class Letter(NamedTuple):
    """A letter with all that is printed; only the two files get it."""

    place: int
    notice: int
    name: str
    address: str
    subject: str
    text: str

    def __repr__(self) -> str:
        """Name the notice, never the person."""
        return f"Letter({self.notice})"


class Letters(NamedTuple):
    """A day's list: its name, how many letters, and the two files; no files where there are no letters."""

    batch: str
    letters: int
    files: tuple[Path, ...]


def make_letters(outbox: Outbox, folder: Path, font: Path, at: int) -> Letters:
    """Write the letters of this day in Beijing, once a day; those of a list that was not finished are written
    again. Raises FontUnusable and OSError, after which it is called again.
    """
    with outbox.store.transaction() as connection:
        waiting = _rows(connection, DeliveryState.UNKNOWN)
        if not waiting and not _has_list(connection, _batch(at)):
            _begin_list(connection, outbox, at)
            waiting = _rows(connection, DeliveryState.UNKNOWN)
        letters = _letters(connection, outbox, waiting, at)
    batch = waiting[0].reason if waiting else _batch(at)
    if not letters:
        return Letters(batch, 0, ())
    files = (folder.joinpath(f"{batch}.csv"), folder.joinpath(f"{batch}.pdf"))
    write_private(files[1], _pages(letters, batch, font, waiting[0].sent_at))
    write_private(files[0], _list(letters))
    with outbox.store.transaction() as connection:
        for row in _rows(connection, DeliveryState.UNKNOWN):
            follow(connection, row, NoticeStep.ACCEPT, at, ref=f"{batch}/{row.notice}", report_at=0)
            move(connection, find(connection, row.notice), NoticeStep.ACCEPT, at)
    return Letters(batch, len(letters), files)


def posted(connection: Connection, batch: str, at: int) -> int:
    """Write down that the letters of a list were posted, and return how many. Raises NoticeRefused."""
    rows = [row for row in _rows(connection, DeliveryState.ACCEPTED) if row.reason == batch]
    if not rows:
        raise NoticeRefused(Sentence("there is no list of letters {batch} to be posted", batch=batch))
    for row in rows:
        follow(connection, row, NoticeStep.ARRIVE, at)
        move(connection, find(connection, row.notice), NoticeStep.ARRIVE, at)
    return len(rows)


def _batch(at: int) -> str:
    return f"L{day_of(at)}"


def _rows(connection: Connection, state: DeliveryState) -> list[Delivery]:
    query = DELIVERIES.where(deliveries.c.sender == SENDER, deliveries.c.state == state.value)
    return [delivery_of(row) for row in connection.execute(query)]


def _has_list(connection: Connection, batch: str) -> bool:
    query = select(deliveries.c.notice).where(deliveries.c.sender == SENDER, deliveries.c.reason == batch)
    return connection.execute(query.limit(1)).first() is not None


def _begin_list(connection: Connection, outbox: Outbox, at: int) -> None:
    """Begin a delivery for each notice that is to be printed now."""
    due = NOTICES.where(notices.c.state == NoticeState.QUEUED.value, notices.c.not_before <= at)
    begun = 0
    for notice in [notice_of(row) for row in connection.execute(due)]:
        reaches = ordered(outbox, contacts_of(connection, notice.person))
        if begun == LETTERS_MAX or not any(reach.channel is Channel.POST for reach in reaches):
            continue
        decision = decision_of(connection, outbox, notice, reaches, at)
        if isinstance(decision, Print):
            contact = find_contact(connection, decision.reach.contact)
            begin(connection, notice, contact, SENDER, at, note=_batch(at))
            begun += 1


def _letters(connection: Connection, outbox: Outbox, rows: Sequence[Delivery], at: int) -> tuple[Letter, ...]:
    """The letters of deliveries; one to a person who was restricted since is not written."""
    letters: list[Letter] = []
    for row in rows:
        notice = find(connection, row.notice)
        person = read_person(connection, row.person)
        if person.state is not PersonState.ACTIVE:
            refused(connection, row, "restricted", at, is_of_contact=False)
            continue
        texts = written(outbox.templates[notice.template], notice.lang, notice.values, Channel.POST)
        address = value_of(connection, outbox.keys, find_contact(connection, row.contact))
        name = _name(connection, outbox.keys, row.person, person.name_sealed)
        letters.append(Letter(len(letters) + 1, row.notice, name, address, *texts))
    return tuple(letters)


def _name(connection: Connection, keys: Keys, person: str, sealed: str) -> str:
    key = key_of_row(keys.master, key_rows(connection, [person])[person])
    return opened(key, parse(sealed), place_of(person, "name")).decode()


def _list(letters: Sequence[Letter]) -> bytes:
    """The list as CSV, for who prints and posts."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    lines.writerows(letter[: len(_COLUMNS)] for letter in letters)
    return text.getvalue().encode()


def _pages(letters: Sequence[Letter], batch: str, font: Path, at: int) -> bytes:
    """The letters as pages, one each, with the address where an envelope's window is."""
    pages = FPDF(unit="pt", format="A4")
    pages.set_margin(_MARGIN)
    pages.set_auto_page_break(auto=True, margin=_MARGIN)
    pages.set_creation_date(beijing(at))
    pages.set_title(batch)
    add_font(pages, font)
    for letter in letters:
        pages.add_page()
        pages.set_font(FAMILY, size=_SIZE)
        for line in (letter.address, letter.name):
            _write(pages, line, _WINDOW)
        pages.ln(4 * _LINE)
        _write(pages, f"{hyphenated(day_of(at))}  {batch}/{letter.place}")
        pages.ln(_LINE)
        pages.set_font(FAMILY, size=_HEAD)
        _write(pages, letter.subject)
        pages.ln(_LINE)
        pages.set_font(FAMILY, size=_SIZE)
        _write(pages, letter.text.strip())
    return bytes(pages.output())


def _write(pages: FPDF, text: str, width: int = 0) -> None:
    """Write a paragraph; what follows stands below it."""
    pages.multi_cell(width, _LINE, text, align="L", wrapmode=WrapMode.CHAR, new_x="LMARGIN", new_y="NEXT")
