"""Invariants 5, 8 and 11: the hash chains, the seals on closed days, the date of every entry, the epochs.

The hash of an entry is that of the row (`office.audit.row_digests`) of its columns in the order of the table,
without the last one, `salt`. In the place of `holder` stands the SHA-256, in hex, over the salt's digits and
the name; if the person was forgotten there is no salt, and the column has that digest itself. The first
entry's `previous` is 64 zeros.

The root of a day is the SHA-256 over the JSON array [date, next date, moment of the cut-over, [[chain,
position, hash], ...]], chains in order, without blanks, in ASCII. The seal is Ed25519 over the root's 64 hex
digits. All of it is computed here anew.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, func, select

from ledger.book import schema as front_schema
from ledger.rules.seal import is_signed
from office.audit.evidence import Checked, Evidence, Failing, Journal, Results, stream, with_progress
from office.audit.forgotten import End, Forgotten, forgotten, read_ends
from office.audit.row_digests import NO_HASH, row_hash
from office.audit.subjects import FRONT_SIDE, OFFICE_SIDE, chain_at, day_at, entry_at
from office.database import schema as office_schema
from qianzhi_errors.sentence import Sentence

_CHAINS_MAX: Final = 99
_HOLDER: Final = 17
_RECORDED_AT: Final = 23
_PREVIOUS: Final = -2
"""Places of the columns of these names in an entry's row."""


class Segment(NamedTuple):
    """The entries of one chain and date: the first and the last position, and the number of entries."""

    chain: int
    date: str
    first: int
    last: int
    size: int


def digest(row: Sequence[Any]) -> str:
    """The hash of an entry, which is given as its columns in order."""
    *sealed, salt = row
    if salt:
        sealed[_HOLDER] = hashlib.sha256((salt + sealed[_HOLDER]).encode()).hexdigest()
    return row_hash(sealed)


def root(date: str, next_date: str, closed_at: int, ends: Iterable[End]) -> str:
    """The root of a closed day; `closed_at` is the moment of its cut-over, in microseconds since 1970-01-01
    UTC.
    """
    content = [date, next_date, closed_at, [list(end) for end in sorted(ends)]]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def links(evidence: Evidence) -> Results:
    """Invariant 5: every chain counts from 1, or from the last retired entry, without a gap; each entry
    carries the hash of the entry before it and is stamped no earlier; the chain's recorded end is its
    last entry.
    """
    for journal in evidence.journals:
        entries, chains = journal.entries, journal.chains
        query = select(chains.c.chain, chains.c.position, chains.c.tip)
        ends = {row.chain: (row.position, row.tip) for row in journal.connection.execute(query)}
        rows = with_progress(
            stream(journal.connection, select(entries).order_by(entries.c.chain, entries.c.position)),
            evidence,
            Sentence("{side} chains", side=journal.name),
        )
        retired = forgotten(journal)
        kept = (row for row in rows if row[1] > _start(retired, row[0])[0])
        count = 0
        for chain, of_chain in groupby(kept, key=lambda row: row[0]):
            end = ends.pop(chain, (0, NO_HASH))
            count += yield from _walk(journal.name, chain, of_chain, _start(retired, chain), end)
        for chain in sorted(chain for chain, end in ends.items() if end != _start(retired, chain)):
            yield Failing(
                5,
                chain_at(journal.name, chain),
                Sentence("has an end and no entries"),
            )
        yield Checked(5, f"entries of the {journal.name}'s journal, hash by hash", count)


def _start(retired: Forgotten, chain: int) -> tuple[int, str]:
    """The position and hash after which a chain is walked: those of the last entry that was retired."""
    return retired.ends.get(chain, (0, NO_HASH))


def _walk(
    name: str, chain: int, rows: Iterable[Sequence[Any]], start: tuple[int, str], end: tuple[int, str]
) -> Generator[Failing, None, int]:
    """Walk the rows of a chain from `start`; yield what is wrong, and return the number of rows."""
    (position, tip), count, stamped = start, 0, 0
    for row in rows:
        subject = entry_at(name, chain, row[1])
        if row[1] != position + 1:
            yield Failing(5, subject, Sentence("stands where entry {position} should", position=position + 1))
        if row[_PREVIOUS] != tip:
            yield Failing(5, subject, Sentence("does not carry the hash of the entry before it"))
        if row[_RECORDED_AT] < stamped:
            yield Failing(5, subject, Sentence("is stamped before the entry before it"))
        position, tip, count, stamped = row[1], digest(row), count + 1, row[_RECORDED_AT]
    if (position, tip) != end:
        yield Failing(
            5,
            chain_at(name, chain),
            Sentence("its end, {end}, is not entry {position} as it is", end=end[0], position=position),
        )
    return count


def copies(evidence: Evidence) -> Results:
    """Invariant 5: the chains and closed days that the office has are the front's."""
    if evidence.front is None:
        return
    ours, theirs = evidence.journals
    ends = _rows(ours, ours.chains, ("chain", "position", "tip"))
    for chain, position, tip in ends:
        if hash_at(theirs, chain, position) != tip:
            yield Failing(
                5,
                chain_at(OFFICE_SIDE, chain),
                Sentence("its entry {position} is not the front's", position=position),
            )
    yield Checked(5, "chains of the office, held against the front's", len(ends))
    names = ("date", "next_date", "closed_at", "root", "signature")
    front_days = {row[0]: row for row in _rows(theirs, theirs.days, names)}
    office_days = _rows(ours, ours.days, names)
    for row in office_days:
        if front_days.get(row[0]) != row:
            yield Failing(5, day_at(OFFICE_SIDE, row[0]), Sentence("is not as the front shows it"))
    yield Checked(5, "closed days of the office, held against the front's", len(office_days))


def seals(evidence: Evidence) -> Results:
    """Invariant 5: the root of a closed day is that of the journal's entries up to its end, and it is
    signed.
    """
    for journal in evidence.journals:
        segments, retired = _segments(journal), forgotten(journal)
        closed = [row for row in _rows(journal, journal.days, _SEALED) if row[-1] != "open"]
        for date, next_date, closed_at, stated, signature, _ in closed:
            ends = [
                (chain, position, hash_at(journal, chain, position))
                for chain, position in _ends(segments, date, retired).items()
            ]
            if date > retired.date and not _is_root(stated, date, next_date, closed_at, ends):
                yield Failing(
                    5,
                    day_at(journal.name, date),
                    Sentence("its root is not that of the entries"),
                )
            if not is_signed(stated, signature, evidence.stated.seal_public):
                yield Failing(
                    5,
                    day_at(journal.name, date),
                    Sentence("its root is not signed by the sealing key"),
                )
        yield Checked(5, f"seals of the {journal.name}'s closed days", len(closed))


_SEALED: Final = ("date", "next_date", "closed_at", "root", "signature", "state")


def _is_root(stated: str, date: str, next_date: str, closed_at: int, ends: Sequence[End]) -> bool:
    """Whether the day's root can be `stated` with these ends. Chains are numbered from 1 as nodes are added.
    A chain without an entry is under the root too but in no journal, so any number of such chains is
    possible, up to 99.
    """
    by_chain = {end[0]: end for end in ends}
    least = max(by_chain, default=0)
    of_chains = (
        [by_chain.get(chain, (chain, 0, NO_HASH)) for chain in range(1, last + 1)]
        for last in range(least, _CHAINS_MAX + 1)
    )
    return any(root(date, next_date, closed_at, chains) == stated for chains in of_chains)


def recorded_ends(evidence: Evidence) -> Results:
    """Invariants 5 and 8: the chains' ends that the front recorded for a closed day are those under its root,
    and they separate the entries of that day from those of the next day.
    """
    if evidence.front is None:
        return
    journal = evidence.journals[1]
    segments, retired = _segments(journal), forgotten(journal)
    days = front_schema.days
    query = select(days).where(days.c.state == "closed").order_by(days.c.date)
    rows = journal.connection.execute(query).all()
    for row in rows:
        subject = day_at(FRONT_SIDE, row.date)
        ends = read_ends(row.chains)
        if row.root != root(row.date, row.next_date, row.closed_at, ends):
            yield Failing(5, subject, Sentence("its root is not that of the chains' ends beside it"))
        if row.date < retired.date:
            continue  # its entries are retired: `office.audit.forgotten` compares the day with the office's
        for chain, position, tip in ends:
            if hash_at(journal, chain, position) != tip:
                yield Failing(
                    5,
                    subject,
                    Sentence(
                        "entry {chain}/{position} is not the one that was sealed",
                        chain=chain,
                        position=position,
                    ),
                )
        stated = {chain: position for chain, position, _ in ends if position}
        if stated != _ends(segments, row.date, retired):
            yield Failing(
                8, subject, Sentence("the chains' ends do not part its entries from the next day's")
            )
    yield Checked(8, "cut-overs, held against the entries on both sides", len(rows))


def dates(evidence: Evidence) -> Results:
    """Invariant 8: the date of every entry is that of exactly one business day, dates never go back along a
    chain, and the days follow each other.
    """
    for journal in evidence.journals:
        segments = _segments(journal)
        for before, after in pairwise(segments):
            if before.chain == after.chain and (after.first <= before.last or after.date <= before.date):
                subject = chain_at(journal.name, after.chain)
                yield Failing(
                    8,
                    subject,
                    Sentence(
                        "entries of {date} and {after_date} are not in order",
                        date=before.date,
                        after_date=after.date,
                    ),
                )
        yield from _undated(journal, segments)
        yield from _day_order(journal)
        count = sum(segment.size for segment in segments)
        yield Checked(8, f"entries of the {journal.name}'s journal, held against the days", count)


def _undated(journal: Journal, segments: Sequence[Segment]) -> Iterator[Failing]:
    """The entries whose date is no business day. The office has only closed days; the next day is open."""
    days = _rows(journal, journal.days, ("date", "next_date"))
    business_dates = {row[0] for row in days} | {row[1] for row in days[-1:]}
    if not days:  # no day is closed yet, so all entries have one date
        business_dates = {segment.date for segment in segments[:1]}
    for segment in segments:
        if segment.date not in business_dates:
            subject = entry_at(journal.name, segment.chain, segment.first)
            yield Failing(
                8, subject, Sentence("is dated {date}, which is no business day", date=segment.date)
            )


def _day_order(journal: Journal) -> Iterator[Failing]:
    """The days that do not follow each other, and a last day of the front that is not open."""
    days = _rows(journal, journal.days, ("date", "state", "next_date"))
    if journal.name == "front":
        yield from _front_days(journal)
    for before, after in pairwise(days):
        if before[1] == "open" or before[2] != after[0]:
            yield Failing(
                8,
                day_at(journal.name, before[0]),
                Sentence("is not followed by {date}", date=after[0]),
            )
    for date, state, next_date in days[-1:]:
        if journal.name == "front" and state != "open":
            yield Failing(
                8,
                day_at(FRONT_SIDE, date),
                Sentence("is the last one, and not open but {state}", state=state),
            )
        elif state != "open" and next_date <= date:
            yield Failing(
                8,
                day_at(journal.name, date),
                Sentence("is followed by {date}", date=next_date),
            )


def _front_days(journal: Journal) -> Iterator[Failing]:
    """The days of the front that are neither closed nor open, or open with values of a closed day."""
    for row in journal.connection.execute(select(front_schema.days)):
        of_close = [value for name, value in row._mapping.items() if name not in ("date", "state")]
        if row.state not in ("open", "closed") or (row.state == "open" and any(of_close)):
            yield Failing(
                8,
                day_at(FRONT_SIDE, row.date),
                Sentence("is {state}, with the rest of another state", state=row.state),
            )


def day_sizes(evidence: Evidence) -> Results:
    """Invariant 8: a closed day has as many entries at the office as when the office took it."""
    days = office_schema.days
    counts: Counter[str] = Counter()
    for segment in _segments(evidence.journals[0]):
        counts[segment.date] += segment.size
    rows = evidence.office.execute(select(days.c.date, days.c.entries).order_by(days.c.date)).all()
    for date, stated in rows:
        if counts[date] != stated:
            yield Failing(
                8,
                day_at(OFFICE_SIDE, date),
                Sentence(
                    "has {count} entries, and was taken with {stated}", count=counts[date], stated=stated
                ),
            )
    yield Checked(8, "closed days of the office, their entries counted", len(rows))


def epochs(evidence: Evidence) -> Results:
    """Invariant 11: every node has one chain, under an epoch that a process has claimed (1 or more)."""
    if evidence.front is None:
        return
    rows = _rows(evidence.journals[1], front_schema.chains, ("chain", "node", "epoch"))
    for node, count in Counter(row[1] for row in rows).items():
        if count > 1:
            yield Failing(11, Sentence("node {node}", node=node), Sentence("has {count} chains", count=count))
    for chain, node, epoch in rows:
        if epoch < 1:
            yield Failing(
                11,
                Sentence("chain {chain}", chain=chain),
                Sentence("node {node} writes it under epoch {epoch}", node=node, epoch=epoch),
            )
    yield Checked(11, "chains of the front, each one node's", len(rows))


def _segments(journal: Journal) -> tuple[Segment, ...]:
    """The segments of the journal by chain, in the order of positions."""
    entries = journal.entries.c
    first = func.min(entries.position)
    query = (
        select(entries.chain, entries.business_date, first, func.max(entries.position), func.count())
        .group_by(entries.chain, entries.business_date)
        .order_by(entries.chain, first)
    )
    return tuple(Segment(*row) for row in journal.connection.execute(query))


def _ends(segments: Iterable[Segment], date: str, retired: Forgotten) -> Mapping[int, int]:
    """For each chain that has entries of the date or earlier, the last position of them."""
    ends = {chain: position for chain, (position, _) in retired.ends.items() if position}
    for segment in segments:
        if segment.date <= date:
            ends[segment.chain] = max(segment.last, ends.get(segment.chain, 0))
    return ends


def hash_at(journal: Journal, chain: int, position: int) -> str:
    """The hash of an entry; 64 zeros for position 0, empty if there is no such entry."""
    if position == 0:
        return NO_HASH
    entries = journal.entries
    last, tip = _start(forgotten(journal), chain)
    if position == last:
        return tip
    query = select(entries).where(entries.c.chain == chain, entries.c.position == position)
    row = journal.connection.execute(query).first()
    return digest(row) if row is not None else ""


def _rows(journal: Journal, table: Table, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """These columns of a small table, ordered by the first of them."""
    query = select(*(table.c[name] for name in names)).order_by(table.c[names[0]])
    return [tuple(row) for row in journal.connection.execute(query)]
