"""Invariants 4 and 10, the dues: every due of the front book, with who is paid, is as a loaded file has it,
and every due of a file is in the book. So a due that nobody sent is found, whatever the machine did.

The files are read by code of this module, in the order in which they were loaded. The book has a beneficiary
as a keyed digest; the caller passes a function that makes such a digest, and no key. The office's database is
not used. Memory grows with the number of dues.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, case, exists, func, or_, select

from ledger.book.schema import dues, loading, loads, policies
from office.audit.evidence import PROGRESS_ROWS, Checked, Failing, Results, stream
from office.audit.subjects import due_named, file_named, policy_named
from qianzhi_errors.sentence import Sentence, listed

_BOM: Final = b"\xef\xbb\xbf"
_TOTAL: Final = "TOTAL"
_WITHDRAWN: Final = "WITHDRAWN"
_WIDTHS: Final = (8, 9, 12)
"""A file may be without the payee's name, and without the end of grace and who serves a policy."""
_ENDED: Final = ("lapsed", "terminated")
_LEFT_OUT: Final = re.compile(r"^line ([0-9]+):", re.MULTILINE)
_BYTES_AT_ONCE: Final = 1 << 20
# The state of a due or policy after the loads that are complete, computed here anew: a row that leaves or
# changes by a load has its new state as soon as the load has its row in `loads`, even if the new state was
# not written into the row itself by then.
_SEEN: Final = select(func.coalesce(func.max(loads.c.number), 0)).scalar_subquery()
_HAS_CHANGED: Final = and_(policies.c.changes > 0, policies.c.changes <= _SEEN)
_IS_TAKEN_OUT: Final = and_(dues.c.leaves > 0, dues.c.leaves <= _SEEN, dues.c.leaves_as == "withdrawn")
_HAS_LAPSED: Final = and_(dues.c.leaves > 0, dues.c.leaves <= _SEEN, dues.c.leaves_as == "lapsed")
_DUE_STATE: Final = case(
    (dues.c.held_by != "", dues.c.state),
    (and_(_IS_TAKEN_OUT, dues.c.state != "settled"), "withdrawn"),
    (and_(_HAS_LAPSED, dues.c.state == "open"), "lapsed"),
    else_=dues.c.state,
)
_DUE_WITHDRAWN: Final = case(
    (_IS_TAKEN_OUT, 1), (and_(_HAS_LAPSED, dues.c.held_by != ""), 1), else_=dues.c.withdrawn
)

KeyedDigest = Callable[[str], str]
"""Turns the number of a person's document into the keyed digest that the book has of it."""
Progress = Callable[[str, int], None]


class DuesFile(NamedTuple):
    """A file of dues: the name to show, and its bytes."""

    name: str
    stream: BinaryIO


class _SentDue(NamedTuple):
    """A due as a file sent it: `amount` in fen; `load` is the place of its load in the order of dates,
    from 0.
    """

    policy: str
    code: str
    kind: str
    due_date: str
    amount: int
    beneficiary: str
    payee: str
    grace_until: str
    load: int


class _Load(NamedTuple):
    """A load as the book has it: `place` counts from 0 in the order of dates; `left_out` are line numbers."""

    place: int
    date: str
    left_out: frozenset[int]


class _FileContents:
    """The contents of all given files together: the last value of each due and policy, and the places of the
    loads that withdrew a due, ended a policy or named a due last.
    """

    def __init__(self) -> None:
        self.dues: dict[str, _SentDue] = {}
        self.policies: dict[str, tuple[str, ...]] = {}
        self.withdrawn: dict[str, int] = {}
        self.ended: dict[str, int] = {}
        self.named: dict[str, int] = {}


def against_files(
    connection: Connection, files: Sequence[DuesFile], keyed_digest: KeyedDigest, progress: Progress
) -> Results:
    """Invariants 4 and 10: the dues and policies of the front book are those of the files that were
    loaded.
    """
    by_digest = _loads(connection)
    given: dict[int, DuesFile] = {}
    for file in files:
        load = by_digest.get(_digest(file.stream))
        if load is None:
            yield Failing(
                10,
                file_named(file.name),
                Sentence("was never loaded, or not with these bytes"),
            )
        else:
            given[load.place] = file
    yield Checked(10, "files of dues that were loaded", len(given))
    contents = _FileContents()
    for load in sorted(by_digest.values()):
        if load.place in given:
            file = given[load.place]
            for fault in _read(contents, load, file.stream, keyed_digest, progress):
                yield Failing(10, file_named(file.name), fault)
    complete = len(given) == len(by_digest)
    yield from _dues(connection, contents, len(by_digest) - 1, progress, complete=complete)
    yield from _policies(connection, contents, complete=complete)


def _digest(file: BinaryIO) -> str:
    """The SHA-256 of a whole file, in hex. Leaves the file at its beginning."""
    digest = hashlib.sha256()
    file.seek(0)
    while part := file.read(_BYTES_AT_ONCE):
        digest.update(part)
    file.seek(0)
    return digest.hexdigest()


def _loads(connection: Connection) -> Mapping[str, _Load]:
    """The loads of the book, by the digests (hex) of their files."""
    rows = connection.execute(select(loads.c.digest, loads.c.date, loads.c.left_out).order_by(loads.c.date))
    return {
        row.digest: _Load(place, row.date, frozenset(map(int, _LEFT_OUT.findall(row.left_out))))
        for place, row in enumerate(rows)
    }


def _read(
    contents: _FileContents,
    load: _Load,
    lines: Iterable[bytes],
    keyed_digest: KeyedDigest,
    progress: Progress,
) -> Iterator[Sentence]:
    """Add a file's lines to the contents, without the header and the lines that its load left out; yield what
    is wrong with a line.
    """
    for number, line in enumerate(lines, 1):
        if number % PROGRESS_ROWS == 0:
            progress(Sentence("lines of files"), PROGRESS_ROWS)
        if number == 1 or number in load.left_out:
            continue
        fields = _fields(line)
        if len(fields) not in _WIDTHS:
            yield Sentence("line {number} cannot be read", number=number)
        elif fields[0] == _TOTAL:
            if fields[1] != load.date:
                yield Sentence("is of {date}, and was loaded for {loaded}", date=fields[1], loaded=load.date)
        elif fields[0] == _WITHDRAWN:
            contents.withdrawn[fields[3]] = contents.named[fields[3]] = load.place
        else:
            _take(contents, load.place, fields, keyed_digest)


def _take(contents: _FileContents, place: int, fields: Sequence[str], keyed_digest: KeyedDigest) -> None:
    """Add a line with a policy and, if it names one, a due to the contents."""
    policy, state, holder, due, code, due_date, amount, beneficiary = fields[:8]
    payee, grace_until, *serving = (*fields[8:], "", "", "", "")[:4]
    contents.policies[policy] = state, holder, *serving
    if state in _ENDED:
        contents.ended[policy] = place
    if due:
        kind = "premium" if code.startswith("5") else "benefit"
        number = beneficiary.rpartition(":")[2]
        digest = keyed_digest(number) if number else ""
        sent = (policy, code, kind, due_date, int(amount), digest, payee, grace_until, place)
        contents.dues[due] = _SentDue(*sent)
        contents.named[due] = place
        contents.withdrawn.pop(due, None)


def _fields(line: bytes) -> list[str]:
    """The fields of a line of CSV; none if it cannot be read."""
    try:
        text = line.removeprefix(_BOM).decode().removesuffix("\n").removesuffix("\r")
        return next(csv.reader([text], strict=True), []) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error):
        return []


def _dues(
    connection: Connection, contents: _FileContents, last: int, progress: Progress, *, complete: bool
) -> Results:
    """Compare each due of the book with the files, and, if all files were given, the files with the book.
    `last` is the place of the last load.
    """
    in_book: set[str] = set()
    without_file = 0
    changing: dict[str, ColumnElement[Any]] = {"state": _DUE_STATE, "withdrawn": _DUE_WITHDRAWN}
    query = select(*(changing.get(name, dues.c[name]) for name in dues.c.keys()))  # noqa: SIM118 - no dict
    for number, row in enumerate(stream(connection, query.where(_counts(dues))), 1):
        due = dict(zip(dues.c.keys(), row, strict=True))
        name = due["due"]
        in_book.add(name)
        sent = contents.dues.get(name)
        if sent is not None:
            yield from (Failing(4, due_named(name), fault) for fault in _due_faults(due, sent, contents))
        elif complete:
            yield Failing(4, due_named(name), Sentence("is in no file that was loaded"))
        else:
            without_file += 1
        if number % PROGRESS_ROWS == 0:
            progress(Sentence("dues"), PROGRESS_ROWS)
    for name in contents.dues.keys() - in_book if complete else ():
        left_at = max(contents.withdrawn.get(name, -1), _lapsed_at(contents, name))
        if not 0 <= left_at < last:
            yield Failing(4, due_named(name), Sentence("was loaded, and is not in the book"))
    yield Checked(4, "dues of the book, held against the files", len(in_book) - without_file)
    if without_file:
        yield Checked(4, "dues of loads whose files were not given, held against nothing", without_file)


def _counts(table: Table) -> ColumnElement[bool]:
    """Whether a row belongs to the book. A row of a load that is not complete does only if no load is
    under way.
    """
    return or_(table.c.load <= _SEEN, ~exists(select(loading.c.number)))


def _due_faults(due: Mapping[str, Any], sent: _SentDue, contents: _FileContents) -> Iterator[Sentence]:
    """What differs between a due of the book and the due that the files sent."""
    names = ("policy", "code", "kind", "due_date", "amount", "beneficiary", "payee", "grace_until")
    wrong = [name for name in names if due[name] != getattr(sent, name)]
    if wrong:
        yield Sentence("is not as its file has it: {columns}", columns=listed(wrong))
    lapses = _lapsed_at(contents, due["due"]) >= 0
    # A premium whose policy ended while a batch held it is marked as withdrawn: it leaves when it is let go.
    lapsed_held = lapses and due["withdrawn"] == 1 and due["due"] not in contents.withdrawn
    leaves = due["due"] in contents.withdrawn or lapsed_held
    if due["withdrawn"] != leaves:
        yield (
            Sentence("leaves by a file, and stays in the book")
            if leaves
            else Sentence("was withdrawn by no file")
        )
    if due["sequence"] % 2 == 0 and not due["held_by"]:
        state = "withdrawn" if leaves else "lapsed" if lapses and not due["sequence"] else "open"
        if due["state"] != state and not (lapses and due["sequence"] and due["state"] == "lapsed"):
            yield Sentence("is {state}, and {wanted} by the files", state=due["state"], wanted=state)


def _lapsed_at(contents: _FileContents, name: str) -> int:
    """The place of the load that ended the policy of a premium sent earlier, so that the premium lapsed;
    -1 if there is none.
    """
    sent = contents.dues[name]
    ended = contents.ended.get(sent.policy, -1)
    lapses = sent.kind == "premium" and ended > sent.load and contents.named[name] != ended
    return ended if lapses else -1


def _policies(connection: Connection, contents: _FileContents, *, complete: bool) -> Results:
    """Compare each policy of the book with the files, and, if all files were given, the files with the
    book.
    """
    count = 0
    in_book: set[str] = set()
    names = ("state", "holder", "serving", "serving_phone")
    values = (case((_HAS_CHANGED, policies.c[f"next_{name}"]), else_=policies.c[name]) for name in names)
    query = select(policies.c.policy, *values)
    for policy, *row in stream(connection, query.where(_counts(policies))):
        in_book.add(policy)
        from_file = contents.policies.get(policy)
        count += from_file is not None
        if from_file is not None and complete and from_file != tuple(row):
            yield Failing(
                4,
                policy_named(policy),
                Sentence("is not as the last file that names it has it"),
            )
        elif from_file is None and complete:
            yield Failing(4, policy_named(policy), Sentence("is in no file that was loaded"))
    for policy in contents.policies.keys() - in_book if complete else ():
        if contents.policies[policy][0] != "terminated":
            yield Failing(4, policy_named(policy), Sentence("was loaded, and is not in the book"))
    yield Checked(4, "policies of the book, held against the files", count)
