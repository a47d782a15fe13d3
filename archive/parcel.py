"""What a parcel's folder holds: its files, its digest, the leaves that the log gets of it, its index rows.

A parcel is all that belongs to one business date of one source. Everything here is derived from the files
alone, so that whoever has a volume and nothing else comes to the same leaves, in the same order, and to the
same index. How the files come to be written, `archive.intake` says.

The files of a parcel, below its folder:

    data/<date>/entries-<chain>.jsonl    each line is exactly the JSON array that the journal's hash is over
    data/<date>/seal.json                the day's seal: its chains' ends, root and signature
    data/<date>/acts-<book>.jsonl        the audit log's records of the date, each the array that is hashed
    data/<date>/receipts.txt             the signed receipts
    data/<date>/export/...               what the core system was handed: dues, vouchers, breaks, manifest
    data/<date>/bankfiles/<bank>.<date>.txt   the banks' day files, byte for byte
    data/<date>/reports/...              the pages as they were when the parcel was gathered
    data/<date>/documents.csv            the policies' documents: each line one, its body in the sealed layer
    sealed/<date>.jsonl                  what is personal, a line each under its person's own key

A file of lines that is too large for a volume lies there in parts (`archive.numbered_files`).
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from archive.errors import IntakeRefused
from archive.log.leaf import Leaf
from archive.numbered_files import in_order, whole_name
from archive.sealed_line import label_of
from archive.volume.index import IndexRow, Kind, key_fault
from ledger.rules.entry import Entry
from qianzhi_errors.sentence import Sentence

OFFICE: Final = "office"
DOCUMENTS: Final = "documents"
SEAL: Final = "seal.json"
RECEIPTS: Final = "receipts.txt"
DOCUMENT_LIST: Final = "documents.csv"
REPORTS: Final = "reports"
"""Of a parcel, what may be printed again and then reads differently: it is no part of the digest."""

_FIELD: Final = {name: place for place, name in enumerate(Entry._fields)}
_APPROVED: Final = "00"
_BLOCK_BYTES: Final = 1 << 20
_LINES: Final = len(".jsonl")


class ParcelFile(NamedTuple):
    """One file of a parcel: its path within the parcel's folder, its length, and its SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


class Line(NamedTuple):
    """One line of a file: where it begins, and its bytes without the line end."""

    offset: int
    data: bytes


def files_of(folder: Path) -> Iterator[ParcelFile]:
    """Yield every file of a parcel, in the order of their paths."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        yield ParcelFile(path.relative_to(folder).as_posix(), path.stat().st_size, digest)


def digest_of(files: tuple[ParcelFile, ...]) -> str:
    """The SHA-256 (hex) over the names and digests of a parcel's proved files: all that a second intake of
    the same date must come to again. Reports are printed again at will, and a person may be forgotten.
    """
    lines = [f"{file.sha256}  {file.path}\n" for file in files if is_proved(file.path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_proved(path: str) -> bool:
    """Whether a parcel's file of this path comes out the same whenever its date is gathered."""
    return path.startswith("data/") and f"/{REPORTS}/" not in path


def lines_of(path: Path) -> Iterator[Line]:
    """Yield the lines of a file with the offset of each."""
    offset = 0
    with path.open("rb", buffering=_BLOCK_BYTES) as stream:
        for line in stream:
            yield Line(offset, line.rstrip(b"\n"))
            offset += len(line)


def chains_of(folder: Path, date: str) -> list[tuple[int, Path]]:
    """The files of entries of a parcel, each with the number of its chain, in the order of the entries."""
    files = folder.joinpath("data", date).glob("entries-*.jsonl")
    return sorted((int(whole_name(path.name).removeprefix("entries-")[:-_LINES]), path) for path in files)


def leaves_of(folder: Path, date: str) -> Iterator[Leaf]:
    """Yield the leaves of a parcel in the order in which the log has them: entries by chain and position, the
    seal, the ends of the audit logs, the receipts, the banks' files, the documents.
    """
    data = folder.joinpath("data", date)
    for chain, path in chains_of(folder, date):
        for line in lines_of(path):
            position = json.loads(line.data)[_FIELD["position"]]
            yield Leaf("entry", f"{chain}/{position}", hashlib.sha256(line.data).hexdigest())
    if (data.joinpath(SEAL)).exists():
        yield Leaf("seal", date, json.loads((data.joinpath(SEAL)).read_bytes())["root"])
    for name in sorted({whole_name(path.name) for path in data.glob("acts-*.jsonl")}):
        for last in deque(lines_of(in_order(data, name)[-1]), maxlen=1):
            book = name.removeprefix("acts-")[:-_LINES]
            yield Leaf("acts", f"{book}/{date}", hashlib.sha256(last.data).hexdigest())
    for path in in_order(data, RECEIPTS):
        for line in lines_of(path):
            yield Leaf("receipt", receipt_number(line.data), hashlib.sha256(line.data).hexdigest())
    for name in sorted({whole_name(path.name) for path in data.glob("bankfiles/*")}):
        yield Leaf("bankfile", Path(name).stem, _digest(in_order(data.joinpath("bankfiles"), name)))
    for document in documents_of(folder, date):
        yield Leaf("document", document.sha256, document.sha256)


def _digest(parts: list[Path]) -> str:
    """The SHA-256 (hex) of a file, of its parts."""
    digest = hashlib.sha256()
    for path in parts:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def receipt_number(line: bytes) -> str:
    """The number of a signed receipt, by its canonical line."""
    return line.split(b"|")[2].decode()


class ListedDocument(NamedTuple):
    """One line of a parcel's list of documents: its SHA-256 in hex, policy, kind, form and length."""

    sha256: str
    policy: str
    kind: str
    form: str
    bytes: int


def documents_of(folder: Path, date: str) -> Iterator[ListedDocument]:
    """Yield the documents of a parcel, in the order of its list."""
    path = folder.joinpath("data", date, DOCUMENT_LIST)
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            sha256, policy, kind, form, size = line.split(",")
            yield ListedDocument(sha256, policy, kind, form, int(size))


def rows_of(folder: Path, date: str) -> Iterator[IndexRow]:
    """Yield the index rows of a parcel. Raises IntakeRefused where what is in effect has a policy, a receipt
    or a due that no index line can hold.
    """
    for _chain, path in chains_of(folder, date):
        where = path.relative_to(folder).as_posix()
        for line in lines_of(path):
            yield from _entry_rows(where, line)
    for receipts in in_order(folder.joinpath("data", date), RECEIPTS):
        where = receipts.relative_to(folder).as_posix()
        for line in lines_of(receipts):
            yield IndexRow(Kind.RECEIPT, receipt_number(line.data), where, line.offset, len(line.data))
    yield from _sealed_rows(folder, date)


def _entry_rows(where: str, line: Line) -> Iterator[IndexRow]:
    fields: list[Any] = json.loads(line.data)
    is_approved = fields[_FIELD["response"]] == _APPROVED
    keys = (
        (Kind.KEY, transaction_key(fields[_FIELD["key"]])),
        (Kind.POLICY, fields[_FIELD["policy"]]),
        (Kind.DUE, fields[_FIELD["due"]]),
        (Kind.RECEIPT, fields[_FIELD["receipt"]] or ""),
    )
    for kind, key in keys:
        fault = key_fault(kind, key) if key else ""
        if key and not fault:
            yield IndexRow(kind, key, where, line.offset, len(line.data))
        elif fault and is_approved:
            raise IntakeRefused(
                Sentence("{file}, byte {offset}: {fault}", file=where, offset=line.offset, fault=fault)
            )


def transaction_key(key: str) -> str:
    """A transaction's key as an index has it: a terminal's name may have blanks, and a key may not."""
    return key.replace(" ", "_")


def _sealed_rows(folder: Path, date: str) -> Iterator[IndexRow]:
    policies = {document.sha256: document.policy for document in documents_of(folder, date)}
    for path in in_order(folder.joinpath("sealed"), f"{date}.jsonl"):
        where = path.relative_to(folder).as_posix()
        for line in lines_of(path):
            label = label_of(line.data)
            yield IndexRow(Kind.PERSON, label.person, where, line.offset, len(line.data))
            kind, _, name = label.ref.partition("/")
            if kind == "document":
                yield IndexRow(Kind.DOCUMENT, name, where, line.offset, len(line.data))
                yield IndexRow(Kind.POLICY, policies[name], where, line.offset, len(line.data))
