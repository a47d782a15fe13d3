"""Writes the entries of a business date out of the office's book: a file a chain, and the sealed layer.

Each line is the JSON array that the next entry's `previous` is the hash of, with the holder's digest in place
of name and salt. Name and salt go under the key of the person who holds the policy. The chain is computed
again while it is written: what the office's audit would refuse is refused here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection

from archive.errors import IntakeRefused
from archive.intake.pieces import NAMED_MAX, MissingPiece, write_parts
from archive.sealed_line import POLICIES_AT_ONCE, KeysOfPolicies, PersonKey, seal
from archive.volume.writing import make_folder, written
from customers.sealing import Label
from ledger.book.journal import select_entries
from ledger.rules.entry import GENESIS, Entry, entry_hash, forgotten
from ledger.rules.seal import ChainEnd
from office.database.bulk import stream
from office.database.schema import entries
from office.intake.frontday import entry_at
from qianzhi_errors.sentence import Sentence

HOLDER: Final = "holder"
_SALT: Final = Entry._fields.index("salt")


def entry_line(entry: Entry) -> bytes:
    """The JSON array under the entry's hash, in UTF-8 and without a line end."""
    fields = list(forgotten(entry))
    del fields[_SALT]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


class JournalDay:
    """The entries of one date on their way into a parcel. `without_person` are the policies whose holder
    nobody knows; while there are any, the date waits. A date of any size is held POLICIES_AT_ONCE entries at
    a time: each line is in its file before the next ones are read.
    """

    def __init__(self, archive: str, date: str, folder: Path, keys_of: KeysOfPolicies) -> None:
        self._archive = archive
        self._date = date
        self._folder = folder
        self._keys_of = keys_of
        self._sealed = 0
        self.without_person: set[str] = set()

    def write(self, office: Connection, ends: Sequence[ChainEnd]) -> None:
        """Write the date's entries of every chain, up to the ends that its seal names. Raises IntakeRefused
        where the chain does not hold.
        """
        sealed = self._folder.joinpath("sealed", f"{self._date}.jsonl")
        make_folder(sealed.parent)
        with written(sealed) as layer:
            for end in sorted(ends):
                self._write_chain(office, end, layer)

    def missing(self) -> Iterator[MissingPiece]:
        """Yield a missing piece for each policy without a person, up to NAMED_MAX."""
        for policy in sorted(self.without_person)[:NAMED_MAX]:
            yield MissingPiece(
                f"person of {policy}",
                Sentence("nobody is known to hold policy {policy}: load the customers' file", policy=policy),
            )

    def _write_chain(self, office: Connection, end: ChainEnd, layer: IO[bytes]) -> None:
        query = (
            select_entries(entries)
            .where(entries.c.chain == end.chain, entries.c.business_date == self._date)
            .order_by(entries.c.position)
        )
        path = self._folder.joinpath("data", self._date, f"entries-{end.chain}.jsonl")
        with closing(stream(office, query)) as rows:
            first = next(rows, None)
            if first is None:
                return
            begin = Entry._make(first)
            before = entry_at(office, end.chain, begin.position - 1)
            at = ChainEnd(end.chain, begin.position - 1, entry_hash(before) if before else GENESIS)
            entries_of_date = chain((begin,), map(Entry._make, rows))
            write_parts(path, self._lines(entries_of_date, at, end, layer))

    def _lines(
        self, given: Iterator[Entry], at: ChainEnd, end: ChainEnd, layer: IO[bytes]
    ) -> Iterator[bytes]:
        """Yield the line of each entry, its holder sealed in `layer`; raises IntakeRefused unless they
        lead from `at` to `end`.
        """
        position, tip = at.position, at.tip
        while some := tuple(islice(given, POLICIES_AT_ONCE)):
            keys = self._keys_of(sorted({entry.policy for entry in some if entry.holder}))
            for entry in some:
                if entry.position != position + 1 or entry.previous != tip:
                    self._refuse(entry.chain, position + 1)
                line = entry_line(entry)
                position, tip = entry.position, hashlib.sha256(line).hexdigest()
                self._seal_holder(entry, keys, layer)
                yield line + b"\n"
        if (position, tip) != (end.position, end.tip):
            self._refuse(end.chain, position)

    def _refuse(self, chain: int, position: int) -> None:
        raise IntakeRefused(
            Sentence(
                "{date}: entry {position} of chain {chain} does not lead to the day's seal",
                date=self._date,
                position=position,
                chain=chain,
            )
        )

    def _seal_holder(self, entry: Entry, keys: Mapping[str, PersonKey], layer: IO[bytes]) -> None:
        """Put name and salt under the key of the person who holds the policy; nothing for one forgotten."""
        if not entry.holder:
            return
        key = keys.get(entry.policy)
        if key is None:
            self.without_person.add(entry.policy)
        elif key.secret is not None:
            plain = json.dumps({"holder": entry.holder, "salt": entry.salt}, ensure_ascii=False).encode()
            label = Label(key.person, HOLDER, f"entries/{entry.chain}/{entry.position}")
            self._sealed += 1
            layer.write(seal(key.secret, label, plain, self._archive, self._date, self._sealed))
