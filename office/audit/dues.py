"""Invariants 4 and 10, the dues: each one in the front book, with its beneficiary, is as a file that was
loaded has it, and each of a file is in the book. Nothing that the machine did vouches for a due that nobody
sent.

The files are read by code of its own, in the order in which they were loaded. A beneficiary is in the book as
a keyed digest, so whoever asks needs the front's key: this module is handed a function, and no key. The
office is not asked. Memory grows with the dues.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, case, exists, func, or_, select

from ledger.book.schema import dues, loading, loads, policies
from office.audit.evidence import Checked, Failing, Outcome, stream

_BOM: Final = b"\xef\xbb\xbf"
_TOTAL: Final = "TOTAL"
_WITHDRAWN: Final = "WITHDRAWN"
_WIDTH: Final = 8
_ENDED: Final = ("lapsed", "terminated")
_LEFT_OUT: Final = re.compile(r"^line ([0-9]+):", re.MULTILINE)
_TOLD_EVERY: Final = 10_000
_BYTES_AT_ONCE: Final = 1 << 20
# What loads that are seen make of a row, said here anew: of one that leaves or changes, the new state counts
# from the load's own row in `loads` on, whether or not it was written into the row itself by then.
_SEEN: Final = select(func.coalesce(func.max(loads.c.number), 0)).scalar_subquery()
_HAS_CHANGED: Final = and_(policies.c.changes > 0, policies.c.changes <= _SEEN)
_IS_TAKEN_OUT: Final = and_(dues.c.leaves > 0, dues.c.leaves <= _SEEN, dues.c.leaves_as == "withdrawn")
_HAS_LAPSED: Final = and_(dues.c.leaves > 0, dues.c.leaves <= _SEEN, dues.c.leaves_as == "lapsed")
_DUE_STATE: Final = case(
    (and_(_IS_TAKEN_OUT, dues.c.state != "settled"), "withdrawn"),
    (and_(_HAS_LAPSED, dues.c.state == "open"), "lapsed"),
    else_=dues.c.state,
)
_DUE_WITHDRAWN: Final = case((_IS_TAKEN_OUT, 1), else_=dues.c.withdrawn)

Conceal = Callable[[str], str]
"""Turns the number of a person's document into the digest that the book keeps of it."""
Progress = Callable[[str, int], None]


class DuesFile(NamedTuple):
    """A file of dues: what to call it, and its bytes."""

    name: str
    stream: BinaryIO


class _Due(NamedTuple):
    """What a file says of a due; `load` is the place of its load among all."""

    policy: str
    code: str
    kind: str
    due_date: str
    amount: int
    beneficiary: str
    load: int


class _Load(NamedTuple):
    """A load as the book has it; `place` counts from 0 in the order of dates."""

    place: int
    date: str
    left_out: frozenset[int]


class _Told:
    """What the files that were given say together."""

    def __init__(self) -> None:
        self.dues: dict[str, _Due] = {}
        self.policies: dict[str, tuple[str, str]] = {}
        self.withdrawn: dict[str, int] = {}
        self.ended: dict[str, int] = {}
        self.named: dict[str, int] = {}


def against_files(
    connection: Connection, files: Sequence[DuesFile], conceal: Conceal, progress: Progress
) -> Outcome:
    """Invariants 4 and 10: the front book's dues and policies are those of the files that were loaded."""
    known = _loads(connection)
    given: dict[int, DuesFile] = {}
    for file in files:
        load = known.get(_digest(file.stream))
        if load is None:
            yield Failing(10, f"file {file.name}", "was never loaded, or not with these bytes")
        else:
            given[load.place] = file
    yield Checked(10, "files of dues that were loaded", len(given))
    told = _Told()
    for load in sorted(known.values()):
        if load.place in given:
            file = given[load.place]
            for what in _read(told, load, file.stream, conceal, progress):
                yield Failing(10, f"file {file.name}", what)
    complete = len(given) == len(known)
    yield from _dues(connection, told, len(known) - 1, progress, complete=complete)
    yield from _policies(connection, told, complete=complete)


def _digest(file: BinaryIO) -> str:
    """The SHA-256 of a whole file, in hex; it is at its beginning afterwards."""
    found = hashlib.sha256()
    file.seek(0)
    while part := file.read(_BYTES_AT_ONCE):
        found.update(part)
    file.seek(0)
    return found.hexdigest()


def _loads(connection: Connection) -> Mapping[str, _Load]:
    """The loads by the digests of their files."""
    rows = connection.execute(select(loads.c.digest, loads.c.date, loads.c.left_out).order_by(loads.c.date))
    return {
        row.digest: _Load(place, row.date, frozenset(map(int, _LEFT_OUT.findall(row.left_out))))
        for place, row in enumerate(rows)
    }


def _read(
    told: _Told, load: _Load, lines: Iterable[bytes], conceal: Conceal, progress: Progress
) -> Iterator[str]:
    """Take a file's lines in, but for the header and what was left out; what is wrong with any of them."""
    for number, line in enumerate(lines, 1):
        if number % _TOLD_EVERY == 0:
            progress("lines of files", _TOLD_EVERY)
        if number == 1 or number in load.left_out:
            continue
        fields = _fields(line)
        if len(fields) != _WIDTH:
            yield f"line {number} cannot be read"
        elif fields[0] == _TOTAL:
            if fields[1] != load.date:
                yield f"is of {fields[1]}, and was loaded for {load.date}"
        elif fields[0] == _WITHDRAWN:
            told.withdrawn[fields[3]] = told.named[fields[3]] = load.place
        else:
            _take(told, load.place, fields, conceal)


def _take(told: _Told, place: int, fields: Sequence[str], conceal: Conceal) -> None:
    """Take in a row of a policy and, if it has one, a due."""
    policy, state, holder, due, code, due_date, amount, beneficiary = fields
    told.policies[policy] = state, holder
    if state in _ENDED:
        told.ended[policy] = place
    if due:
        kind = "premium" if code.startswith("5") else "benefit"
        number = beneficiary.rpartition(":")[2]
        digest = conceal(number) if number else ""
        told.dues[due] = _Due(policy, code, kind, due_date, int(amount), digest, place)
        told.named[due] = place
        told.withdrawn.pop(due, None)


def _fields(line: bytes) -> list[str]:
    try:
        text = line.removeprefix(_BOM).decode().removesuffix("\n").removesuffix("\r")
        return next(csv.reader([text], strict=True), []) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error):
        return []


def _dues(connection: Connection, told: _Told, last: int, progress: Progress, *, complete: bool) -> Outcome:
    """Each due of the book against the files, and what of the files is not in the book."""
    there: set[str] = set()
    strangers = 0
    changing: dict[str, ColumnElement[Any]] = {"state": _DUE_STATE, "withdrawn": _DUE_WITHDRAWN}
    query = select(*(changing.get(name, dues.c[name]) for name in dues.c.keys()))  # noqa: SIM118 - no dict
    for number, row in enumerate(stream(connection, query.where(_counts(dues))), 1):
        due = dict(zip(dues.c.keys(), row, strict=True))
        name = due["due"]
        there.add(name)
        sent = told.dues.get(name)
        if sent is not None:
            yield from (Failing(4, f"due {name}", what) for what in _due_faults(due, sent, told))
        elif complete:
            yield Failing(4, f"due {name}", "is in no file that was loaded")
        else:
            strangers += 1
        if number % _TOLD_EVERY == 0:
            progress("dues", _TOLD_EVERY)
    for name in told.dues.keys() - there if complete else ():
        gone = max(told.withdrawn.get(name, -1), _lapsed_at(told, name))
        if not 0 <= gone < last:
            yield Failing(4, f"due {name}", "was loaded, and is not in the book")
    yield Checked(4, "dues of the book, held against the files", len(there) - strangers)
    if strangers:
        yield Checked(4, "dues of loads whose files were not given, held against nothing", strangers)


def _counts(table: Table) -> ColumnElement[bool]:
    """Whether a row is the book's: what is not seen yet is only while a load is under way."""
    return or_(table.c.load <= _SEEN, ~exists(select(loading.c.number)))


def _due_faults(due: Mapping[str, Any], sent: _Due, told: _Told) -> Iterator[str]:
    names = ("policy", "code", "kind", "due_date", "amount", "beneficiary")
    wrong = [name for name in names if due[name] != getattr(sent, name)]
    if wrong:
        yield f"is not as its file has it: {', '.join(wrong)}"
    leaves = due["due"] in told.withdrawn
    if due["withdrawn"] != leaves:
        yield "leaves by a file, and stays in the book" if leaves else "was withdrawn by no file"
    lapses = _lapsed_at(told, due["due"]) >= 0
    if due["sequence"] % 2 == 0:
        state = "withdrawn" if leaves else "lapsed" if lapses and not due["sequence"] else "open"
        if due["state"] != state and not (lapses and due["sequence"] and due["state"] == "lapsed"):
            yield f"is {due['state']}, and {state} by the files"


def _lapsed_at(told: _Told, name: str) -> int:
    """The place of the load with which a premium's policy ended, if it was still open then; -1 for none."""
    sent = told.dues[name]
    ended = told.ended.get(sent.policy, -1)
    lapses = sent.kind == "premium" and ended > sent.load and told.named[name] != ended
    return ended if lapses else -1


def _policies(connection: Connection, told: _Told, *, complete: bool) -> Outcome:
    count = 0
    there: set[str] = set()
    state = case((_HAS_CHANGED, policies.c.next_state), else_=policies.c.state)
    holder = case((_HAS_CHANGED, policies.c.next_holder), else_=policies.c.holder)
    query = select(policies.c.policy, state, holder)
    for policy, state, holder in stream(connection, query.where(_counts(policies))):
        there.add(policy)
        sent = told.policies.get(policy)
        count += sent is not None
        if sent is not None and complete and sent != (state, holder):
            yield Failing(4, f"policy {policy}", "is not as the last file that names it has it")
        elif sent is None and complete:
            yield Failing(4, f"policy {policy}", "is in no file that was loaded")
    for policy in told.policies.keys() - there if complete else ():
        if told.policies[policy][0] != "terminated":
            yield Failing(4, f"policy {policy}", "was loaded, and is not in the book")
    yield Checked(4, "policies of the book, held against the files", count)
