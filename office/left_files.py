"""What lies in the folder of the banks' day files and was not taken, each with the reason.

Rules on names and kinds, and one look into the tables for what is known. No file is read here: the caller
lists the folder, and computes a digest where one is asked for. No name is shown raw: it may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from ledger.rules.day import DayState, is_date
from ledger.rules.masking import masked_numbers
from office.accounting.bank_dates import without_file
from office.database.schema import bank_files, days
from qianzhi_errors.sentence import Sentence

LISTED_MAX: Final = 50
"""So many files are named in one close; a folder full of others gives a short list."""
_NAME_LENGTH_MAX: Final = 80
_MEANT: Final = re.compile(r"\W*([0-9]{1,11})[\W_]*([0-9]{8})[\W_]*(?:(?:txt|csv|dat)[\W_]*)?", re.I)
"""A name that a person would know for a day file's: other case, other signs, blanks, another ending."""
_NAME: Final = re.compile(r"([0-9]{1,11})\.([0-9]{8})\.txt")
_MICROSECONDS: Final = 1_000_000


class FolderEntry(NamedTuple):
    """One name in the folder: `kind` is file, folder, link or other; `changed_at` is when the file or its
    name was last changed, in microseconds since 1970-01-01 UTC.
    """

    name: str
    kind: str
    size: int
    changed_at: int


class TakenFile(NamedTuple):
    """A file that was taken: its digest (SHA-256, hex), and when (microseconds since 1970-01-01 UTC)."""

    digest: str
    taken_at: int


class Known(NamedTuple):
    """What the office knows: its banks' codes, the state of each closed day, the files taken by bank and
    date, and the banks' dates that were closed without a file.
    """

    banks: tuple[str, ...]
    days: Mapping[str, str]
    taken: Mapping[tuple[str, str], TakenFile]
    without: frozenset[tuple[str, str]]


class LeftFile(NamedTuple):
    """A name that was left in the folder, as it may be shown, and why. `is_other`: it has other contents than
    the file of this name that was taken.
    """

    name: str
    reason: Sentence
    is_other: bool = False


def known_files(connection: Connection, banks: Iterable[str]) -> Known:
    """Read what the office knows."""
    files = connection.execute(
        select(bank_files.c.bank, bank_files.c.date, bank_files.c.digest, bank_files.c.taken_at)
    )
    states = connection.execute(select(days.c.date, days.c.state))
    return Known(
        tuple(banks),
        {row.date: row.state for row in states},
        {(row.bank, row.date): TakenFile(row.digest, row.taken_at) for row in files},
        frozenset(without_file(connection)),
    )


def left_files(
    entries: Iterable[FolderEntry], known: Known, digest_of: Callable[[str], str]
) -> Iterator[LeftFile]:
    """Yield each name that is not a day file to be taken now or taken before as it is, in order; at most
    LISTED_MAX, then one that counts the others.

    `digest_of` returns the SHA-256 (hex) of a file by its name, or an empty text if it cannot be read; it is
    called only for a file that changed after it was taken.
    """
    left = 0
    for entry in sorted(entries):
        found = _left(entry, known, digest_of)
        if found is None:
            continue
        left += 1
        if left <= LISTED_MAX:
            yield found
    if left > LISTED_MAX:
        yield LeftFile(
            "", Sentence("{count} more names that are no day files to be taken", count=left - LISTED_MAX)
        )


def _left(entry: FolderEntry, known: Known, digest_of: Callable[[str], str]) -> LeftFile | None:
    name = shown(entry.name)
    match = _NAME.fullmatch(entry.name)
    if match is None or match[1] not in known.banks:
        return LeftFile(name, _misnamed(entry, known))
    bank, date = match.groups()
    if not is_date(date):
        return LeftFile(name, Sentence("its date is none of the calendar"))
    if entry.kind != "file":
        return LeftFile(name, Sentence("is {kind}, and no plain file", kind=_KINDS[entry.kind]))
    taken = known.taken.get((bank, date))
    if taken is not None:
        return _changed(entry, name, taken, digest_of)
    state = known.days.get(date)
    if state is None:
        return LeftFile(name, _of_no_day(date, known))
    if state != DayState.CLOSED.value and (bank, date) not in known.without:
        return LeftFile(name, Sentence("its business day was posted without this bank"))
    return None


_KINDS: Final = {
    "folder": Sentence("a folder"),
    "link": Sentence("a link"),
    "other": Sentence("a pipe, socket or device"),
}


def _misnamed(entry: FolderEntry, known: Known) -> Sentence:
    """Why a name is none of a known bank's day file."""
    if entry.kind != "file":
        return Sentence("is {kind}, and no day file", kind=_KINDS[entry.kind])
    meant = _MEANT.fullmatch(entry.name)
    by_number = {bank.zfill(11): bank for bank in known.banks}
    if meant is None:
        return Sentence("is not named <bank>.<date>.txt")
    bank = by_number.get(meant[1].zfill(11))
    if bank is None:
        return Sentence("is of a bank that the settings have not")
    return Sentence("is to be named {bank}.{date}.txt", bank=bank, date=meant[2])


def _of_no_day(date: str, known: Known) -> Sentence:
    newest = max(known.days, default="")
    if date > newest:
        return Sentence("its business day is not closed yet, or is none")
    return Sentence("the office has no such business day")


def _changed(
    entry: FolderEntry, name: str, taken: TakenFile, digest_of: Callable[[str], str]
) -> LeftFile | None:
    """A file of this name was taken: say so if it has other contents now."""
    if entry.changed_at <= taken.taken_at:
        return None
    digest = digest_of(entry.name)
    if digest == taken.digest:
        return None
    reason = Sentence(
        "another file of this name was taken: digest {taken}…, this one is {now};"
        " what was taken stands, and a correction is for the next file or for two people",
        taken=taken.digest[:12],
        now=f"{digest[:12]}…" if digest else Sentence("unreadable"),
    )
    return LeftFile(name, reason, is_other=True)


def shown(name: str) -> str:
    """The name as it may be shown: what cannot be printed is escaped, numbers of a person are masked, and a
    long one is cut.
    """
    text = "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in name
    )
    text = masked_numbers(text)
    return text if len(text) <= _NAME_LENGTH_MAX else f"{text[:_NAME_LENGTH_MAX]}…"


def is_still(changed_at: int, now_us: int, still_seconds: int) -> bool:
    """Whether a file has not been changed for so long; both moments are microseconds since 1970-01-01 UTC."""
    return now_us - changed_at >= still_seconds * _MICROSECONDS
