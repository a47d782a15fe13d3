"""Small volumes for the tests of the archive: a chain of entries, a document, a sealed part and a log.

What makes them is the product's own code; whatever judges them is in the tests. No key here is anyone's.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from archive.volume.build import Completed, complete
from archive.volume.description import VolumeDescription
from archive.volume.index import IndexRow, Kind
from archive.volume.names import document_name
from ledger.rules.entry import GENESIS

LOG = "qianzhi.example/archive"
ENTRIES = "data/20260901/entries-1.jsonl"
SEALED = "sealed/20260901.jsonl"
POLICIES = 7

DESCRIPTION = VolumeDescription(
    volume="QZ-0007",
    place="2 of 4+1",
    retention="Z30",
    first_date="20260901",
    last_date="20260930",
    parcels=1,
    entries=40,
    receipts=0,
    persons_sealed=1,
    log=LOG,
    log_size=40,
    log_root=base64.b64encode(bytes(32)).decode(),
    previous=f"QZ-0006 {'a' * 64}",
    made="2026-10-09T02:11:00Z",
    version="0.1.0",
)


def unsigned(text: bytes) -> str:
    """A note in its form whose signature is none: for what does not look at it."""
    return f"{text.decode()}\n\u2014 {LOG} {base64.b64encode(bytes(68)).decode()}\n"


def chained_lines(count: int) -> Iterator[bytes]:
    """The lines of a chain, each the JSON array that is hashed, as `ledger.rules.entry` makes them."""
    tip = GENESIS
    for position in range(1, count + 1):
        fields = [1, position, key_of(position), "collection", policy_of(position), f"保户{position}", tip]
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        tip = hashlib.sha256(line).hexdigest()
        yield line + b"\n"


def key_of(position: int) -> str:
    return f"ICBC-T0000001-{position:06}"


def policy_of(position: int) -> str:
    return f"P2017{position % POLICIES:011}"


def staged(folder: Path, count: int = 40) -> list[IndexRow]:
    """Stage a parcel of `count` entries, a document and a sealed line; return the rows of its indexes."""
    rows: list[IndexRow] = []
    offset, lines = 0, list(chained_lines(count))
    for position, line in enumerate(lines, start=1):
        for kind, key in ((Kind.KEY, key_of(position)), (Kind.POLICY, policy_of(position))):
            rows.append(IndexRow(kind, key, ENTRIES, offset, len(line)))
        offset += len(line)
    document = b"%PDF-1.7 a policy\n" * 9
    digest = hashlib.sha256(document).hexdigest()
    path = f"data/20260901/documents/{document_name(digest, 'pdf')}"
    rows.append(IndexRow(Kind.DOCUMENT, digest, path, 0, len(document)))
    for name, content in {
        ENTRIES: b"".join(lines),
        path: document,
        SEALED: b'{"v":1,"person":"0123456789abcdef"}\n',
        "log/tile/0/000.p/40": bytes(32 * 40),
        "keys/public-keys.txt": b"",
        "previous.txt": b"QZ-0006\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return rows


def completed(
    folder: Path,
    count: int = 40,
    sign: Callable[[bytes], str] = unsigned,
    rows: Sequence[IndexRow] | None = None,
) -> Completed:
    """Make a small complete volume in a folder."""
    made = staged(folder, count)
    return complete(folder, DESCRIPTION, made if rows is None else rows, sign)
