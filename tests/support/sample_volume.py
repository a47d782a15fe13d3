"""`python -m tests.support.sample_volume`: makes `samples/volume` anew, on which anyone can practise.

One business date of six entries, sealed as an archive seals it: a page reads it with plain tools, a test
compares it. All names, keys and numbers in it are made up; the persons' keys stand in `samples/escrow.txt`,
as the escrow's list would, but for one person's, who was forgotten. Only what makes the sample belongs here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

from archive.intake.journal import entry_line
from archive.log.checkpoint import Checkpoint
from archive.log.tiles import append_hashes, root_of
from archive.parcel import leaves_of, rows_of
from archive.sealed_line import seal
from archive.volume.build import Completed, complete
from archive.volume.description import VolumeDescription
from customers.sealing import Label, SecretKey
from ledger.rules.entry import GENESIS, SALT_BYTES, Entry, chain_entries, entry_hash
from ledger.rules.seal import ChainEnd, Sealer, day_root
from tests.support.builders import entry
from tests.support.python_sources import ROOT
from tests.support.volumes import LOG, PUBLIC_KEY, sign

FOLDER = ROOT / "samples" / "volume"
ESCROW = ROOT / "samples" / "escrow.txt"
DATE = "20261124"
NEXT_DATE = "20261125"
CLOSED_AT = 1_795_000_000_000_000
PERSONS = {"张三": "K4V7Q2M3XACBB5NG", "李四": "RATT3WGZ2PHH4J7D", "王五": "CSN2F3Y7G2SGUVAQ"}
FORGOTTEN = "王五"
PAYMENTS = (
    ("P20170080000001", "张三", 233_400),
    ("P20200190000005", "李四", 247_700),
    ("P20170080000001", "张三", 51_200),
    ("P20180110000009", "王五", 120_000),
    ("P20200190000005", "李四", 88_000),
    ("P20170080000001", "张三", 60_000),
)


def secret_of(name: str) -> bytes:
    """The key of one of the made-up persons."""
    return hashlib.sha256(f"sample key of {name}".encode()).digest()


def entries() -> list[Entry]:
    """The six entries, chained, with salts that are the same each time."""
    bare = [
        entry(
            position,
            **{"policy": policy, "holder": holder, "amount": amount, "due": f"D{position:08}"},
            **{
                "subject": f"D{position:08}",
                "business_date": DATE,
                "recorded_at": CLOSED_AT - 10**9 + position,
            },
        )
        for position, (policy, holder, amount) in enumerate(PAYMENTS, 1)
    ]
    salts = b"".join(hashlib.sha256(bytes([number])).digest()[:SALT_BYTES] for number in range(len(bare)))
    return chain_entries(bare, GENESIS, salts)[0]


def write(folder: Path) -> Completed:
    """Make the sample volume in a folder, the same bytes each time."""
    made = entries()
    sealed, lines = [], []
    for number, each in enumerate(made, 1):
        lines.append(entry_line(each) + b"\n")
        plain = json.dumps({"holder": each.holder, "salt": each.salt}, ensure_ascii=False).encode()
        label = Label(PERSONS[each.holder], "holder", f"entries/1/{each.position}")
        sealed.append(seal(SecretKey(secret_of(each.holder)), label, plain, LOG, DATE, number))
    end = ChainEnd(1, len(made), entry_hash(made[-1]))
    for name, content in {
        f"data/{DATE}/entries-1.jsonl": b"".join(lines),
        f"data/{DATE}/seal.json": _seal(end),
        f"sealed/{DATE}.jsonl": b"".join(sealed),
        "previous.txt": b"",
        "keys/public-keys.txt": (
            "# signs|name|key id|algorithm|from|to|public key in hex\n"
            f"volumes|{LOG}||ed25519|||{PUBLIC_KEY}\n"
            f"day seals|front||ed25519|||{SEALER.public}\n"
        ).encode(),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    size = append_hashes(folder / "log", 0, (leaf.hash for leaf in leaves_of(folder, DATE)))
    root = root_of(folder / "log", size)
    (folder / "log" / "checkpoint").write_text(
        sign(Checkpoint(LOG, size, root).text.encode()), encoding="utf-8"
    )
    description = VolumeDescription(
        **{"volume": "QZ-0001", "place": "1 of 4+1", "retention": "Z30", "previous": "none"},
        **{"first_date": DATE, "last_date": DATE, "made": "2026-11-25T02:11:00Z", "version": "0.1.0"},
        **{"log": LOG, "log_root": base64.b64encode(root).decode()},
        parcels=1,
        entries=len(made),
        receipts=0,
        persons_sealed=len(sealed),
        log_size=size,
    )
    return complete(folder, description, rows_of(folder, DATE), sign)


SEALER = Sealer(hashlib.sha256(b"sample seal key").digest())


def _seal(end: ChainEnd) -> bytes:
    root = day_root(DATE, NEXT_DATE, CLOSED_AT, [end])
    seal_fields = {
        **{"date": DATE, "next_date": NEXT_DATE, "closed_at": CLOSED_AT, "ends": [list(end)]},
        **{"root": root, "signature": SEALER.sign(root), "public": SEALER.public},
    }
    return json.dumps(seal_fields, separators=(",", ":")).encode() + b"\n"


def escrow() -> str:
    """The list of keys that two people outside the insurer would hold."""
    kept = {person: secret_of(name).hex() for name, person in PERSONS.items() if name != FORGOTTEN}
    return "".join(f"{person} {key}\n" for person, key in kept.items())


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    write(FOLDER)
    ESCROW.write_text(escrow(), encoding="utf-8")
