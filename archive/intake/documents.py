"""Takes in the core system's documents: policies, mandates, letters; known by their content, never by a name.

The core leaves the files and, last, a list `documents.<date>.csv` in the archive's inbox. Each line of the
list names a policy, a file, its SHA-256 and what it is. A document is personal: it goes into the sealed layer
under the key of the person who holds the policy, and in clear stand its digest and its policy alone. A list
is taken whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from archive.errors import DocumentRefused
from archive.intake.gather import Gathered, fresh_folder, put_in_place
from archive.intake.pieces import MissingPiece, write_parts
from archive.parcel import DOCUMENT_LIST
from archive.sealed_line import POLICIES_AT_ONCE, KeysOfPolicies, PersonKey, seal
from archive.volume.index import Kind, key_fault
from customers.sealing import Label
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence

COLUMNS: Final = ("policy", "file", "kind", "sha256")
DOCUMENT: Final = "document"
BYTES_MAX: Final = 50_000_000
"""Its sealed line has a third more, and must be a record of an index."""
DOCUMENTS_MAX: Final = 100_000
_LIST: Final = re.compile(r"documents\.([0-9]{8})\.csv")
_FILE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_KIND: Final = re.compile(r"[a-z][a-z-]{0,31}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURES: Final = ((b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"<?xml", "xml"))
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Listed(NamedTuple):
    """One line of a list: the number of the line in the file, and its columns."""

    line: int
    policy: str
    file: str
    kind: str
    sha256: str


def waiting_lists(inbox: Path) -> tuple[str, ...]:
    """The dates of the lists in the inbox, the oldest first."""
    names = (_LIST.fullmatch(path.name) for path in inbox.glob("documents.*.csv"))
    return tuple(sorted(match[1] for match in names if match and is_date(match[1])))


def form_of(data: bytes) -> str:
    """The form of a document by its content: pdf, png, xml, json, csv or txt; empty for any other."""
    for start, form in _SIGNATURES:
        if data.removeprefix(b"\xef\xbb\xbf").startswith(start):
            return form
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    if not text.strip() or _CONTROL.search(text):
        return ""
    if text.lstrip()[0] in "{[":
        return "json" if _is_json(text) else "txt"
    commas = {line.count(",") for line in text.splitlines() if line}
    return "csv" if len(commas) == 1 and 0 not in commas else "txt"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parse_list(data: bytes) -> tuple[Listed, ...]:
    """The lines of a list of documents. Raises DocumentRefused with the first line that has a fault."""
    try:
        rows = list(csv.reader(data.decode("utf-8-sig").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise DocumentRefused(Sentence("the list of documents is no CSV in UTF-8")) from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise DocumentRefused(
            Sentence("the list of documents does not begin with {columns}", columns=",".join(COLUMNS))
        )
    if not 1 < len(rows) <= DOCUMENTS_MAX + 1:
        raise DocumentRefused(Sentence("a list has 1 to {most} documents", most=DOCUMENTS_MAX))
    listed, seen = [], set[str]()
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(COLUMNS):
            raise _refused(number, Sentence("not {count} columns", count=len(COLUMNS)))
        given = Listed(number, *row)
        if fault := _fault(given):
            raise _refused(number, fault)
        if given.sha256 in seen:
            raise _refused(number, Sentence("this document is listed before"))
        seen.add(given.sha256)
        listed.append(given)
    return tuple(sorted(listed, key=lambda given: given.sha256))


def _fault(given: Listed) -> str:
    if fault := key_fault(Kind.POLICY, given.policy):
        return fault
    if _FILE.fullmatch(given.file) is None or ".." in given.file:
        return Sentence("the file is no plain name of letters, digits and . _ -")
    if _KIND.fullmatch(given.kind) is None:
        return Sentence("the kind is no word of small letters")
    if _SHA256.fullmatch(given.sha256) is None:
        return Sentence("the SHA-256 is not 64 hex digits in small letters")
    return ""


def _refused(line: int, fault: str) -> DocumentRefused:
    return DocumentRefused(
        Sentence("line {line}: {fault}; no document of the list is kept", line=line, fault=fault)
    )


def gather_documents(archive: str, date: str, inbox: Path, keys_of: KeysOfPolicies, folder: Path) -> Gathered:
    """Gather the documents of a date's list into `folder`, which must not be there yet. Raises
    DocumentRefused; then, and where a piece is missing, no folder is left.
    """
    listed = parse_list(inbox.joinpath(f"documents.{date}.csv").read_bytes())
    keys: dict[str, PersonKey] = {}
    policies = sorted({given.policy for given in listed})
    for start in range(0, len(policies), POLICIES_AT_ONCE):
        keys.update(keys_of(policies[start : start + POLICIES_AT_ONCE]))
    fresh = fresh_folder(folder)
    lines: list[str] = [",".join(("sha256", "policy", "kind", "form", "bytes"))]
    missing: list[MissingPiece] = []

    def sealed() -> Iterator[bytes]:
        number = 0
        for given in listed:
            key, path = keys.get(given.policy), inbox.joinpath(given.file)
            if fault := _missing(key, given, path):
                missing.append(MissingPiece(given.file, fault))
                continue
            if key is None or key.secret is None:
                continue  # of a person who was forgotten nothing is kept
            data = _content(given, path)
            number += 1
            lines.append(",".join((given.sha256, given.policy, given.kind, form_of(data), str(len(data)))))
            label = Label(key.person, DOCUMENT, f"{DOCUMENT}/{given.sha256}")
            yield seal(key.secret, label, data, archive, date, number)

    try:
        write_parts(fresh.joinpath("sealed", f"{date}.jsonl"), sealed())
        if missing:
            return Gathered((), "", tuple(missing))
        text = "".join(f"{line}\n" for line in lines).encode()
        write_parts(fresh.joinpath("data", date, DOCUMENT_LIST), [text])
        return put_in_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _missing(key: PersonKey | None, given: Listed, path: Path) -> Sentence | None:
    """Why a document cannot be taken yet; None if it can."""
    if key is None:
        return Sentence(
            "nobody is known to hold policy {policy}: load the customers' file", policy=given.policy
        )
    if not key.person:
        return Sentence("a document is personal, and the archive's settings name no customers' book")
    if path.is_symlink() or not path.is_file():
        return Sentence("{file} is not there", file=given.file)
    return None


def _content(given: Listed, path: Path) -> bytes:
    """The bytes of a document. Raises DocumentRefused for others than were listed, and for a form that is not
    kept.
    """
    if path.stat().st_size > BYTES_MAX:
        raise _refused(
            given.line, Sentence("{file} has more than {most} bytes", file=given.file, most=BYTES_MAX)
        )
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != given.sha256:
        raise _refused(given.line, Sentence("{file} is not the file that was listed", file=given.file))
    if not form_of(data):
        raise _refused(
            given.line,
            Sentence("{file} is none of PDF, PNG, XML, JSON, CSV and text, by its content", file=given.file),
        )
    return data
