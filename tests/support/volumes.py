"""Small volumes for the tests of the archive: a chain of entries, a document, a sealed part and a log.

What makes them is the product's own code; whatever judges them is in the tests. No key here is anyone's.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from archive.log.checkpoint import Checkpoint
from archive.log.leaf import Leaf
from archive.log.note import public_half, signed
from archive.log.tiles import append_hashes, root_of, tiles_of
from archive.volume.build import Completed, complete
from archive.volume.description import VolumeDescription
from archive.volume.index import IndexRow, Kind
from archive.volume.names import document_name
from ledger.rules.entry import GENESIS
from ledger.rules.seal import ChainEnd, Sealer, day_root

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


SEED = bytes(range(32))
PUBLIC_KEY = public_half(LOG, SEED).public.hex()
SEALER = Sealer(bytes(32))


def sign(text: bytes) -> str:
    """The note, signed with a key that is nobody's."""
    return str(signed(text.decode(), LOG, SEED))


def unsigned(text: bytes) -> str:
    """A note in its form whose signature is none: for what does not look at it."""
    return f"{text.decode()}\n\u2014 {LOG} {base64.b64encode(bytes(68)).decode()}\n"


def chained_lines(count: int, start: ChainEnd = ChainEnd(1, 0, GENESIS)) -> Iterator[bytes]:  # noqa: B008
    """The lines of a chain, each the JSON array that is hashed, as `ledger.rules.entry` makes them."""
    tip = start.tip
    for position in range(start.position + 1, start.position + count + 1):
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
        _write(folder, name, content)
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


class SealedVolume(NamedTuple):
    """A volume as an archive would seal it, and what the next one goes on from."""

    completed: Completed
    tip: ChainEnd
    leaves: int


def sealed_volume(
    folder: Path, log: Path, before: SealedVolume | None = None, count: int = 30
) -> SealedVolume:
    """Make a volume of one day whose seal, signatures and log are real: the next one after `before`, or the
    first. `log` is the folder in which the log grows.
    """
    number = before.completed.description.number + 1 if before else 1
    date = f"202609{number:02}"
    start = before.tip if before else ChainEnd(1, 0, GENESIS)
    lines = list(chained_lines(count, start))
    tip = ChainEnd(1, start.position + count, hashlib.sha256(lines[-1][:-1]).hexdigest())
    _write(folder, f"data/{date}/entries-1.jsonl", b"".join(lines))
    _write(folder, f"data/{date}/seal.json", _seal(date, tip))
    _write(folder, f"sealed/{date}.jsonl", b'{"v":1,"person":"0123456789abcdef"}\n')
    _write(folder, "keys/public-keys.txt", f"volumes|{LOG}||ed25519|||{PUBLIC_KEY}\n".encode())
    _write(folder, "previous.txt", b"")
    first = before.leaves if before else 0
    digests = (hashlib.sha256(line[:-1]).hexdigest() for line in lines)
    hashes = [
        Leaf("entry", f"1/{place}", digest).hash for place, digest in enumerate(digests, start.position + 1)
    ]
    size = append_hashes(log, first, hashes)
    for tile in tiles_of(size, first):
        _write(folder, f"log/{tile.path}", log.joinpath(tile.path).read_bytes())
    root = root_of(log, size)
    _write(folder, "log/checkpoint", sign(Checkpoint(LOG, size, root).text.encode()).encode())
    previous = f"QZ-{number - 1:04} {before.completed.manifest}" if before else "none"
    description = DESCRIPTION._replace(
        **{"volume": f"QZ-{number:04}", "first_date": date, "last_date": date, "entries": count},
        **{"log_size": size, "log_root": base64.b64encode(root).decode(), "previous": previous},
    )
    path, offset = f"data/{date}/entries-1.jsonl", 0
    rows = [IndexRow(Kind.PERSON, "0123456789abcdef", f"sealed/{date}.jsonl", 0, 35)]
    for position, line in enumerate(lines, start.position + 1):
        for kind, key in ((Kind.KEY, key_of(position)), (Kind.POLICY, policy_of(position))):
            rows.append(IndexRow(kind, key, path, offset, len(line)))
        offset += len(line)
    return SealedVolume(complete(folder, description, rows, sign), tip, size)


def _seal(date: str, tip: ChainEnd) -> bytes:
    next_date = str(int(date) + 1)
    root = day_root(date, next_date, 1_790_000_000_000_000, [tip])
    seal = {"date": date, "next_date": next_date, "closed_at": 1_790_000_000_000_000, "ends": [list(tip)]}
    seal |= {"root": root, "signature": SEALER.sign(root), "public": SEALER.public}
    return json.dumps(seal, separators=(",", ":")).encode() + b"\n"


def _write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
