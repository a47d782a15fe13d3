"""The end of `make demo`: a receipt is verified; the closed day is archived, found, lost, made again, proved.

The commands are those of a real archive; the persons, a document and the loss of a disc are made here.
Whether the day itself is right, simulators.days.demo has shown before.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from customers.load_file import write
from customers.load_rows import AgentRow, ContactRow, Holding, Row, ServingRow
from customers.rules.contact import ContactKind
from customers.rules.person import Role
from fep.operator.identity import at_keyboard
from ledger.rules.dues import Policy
from ledger.rules.identity import Document
from qianzhi_errors import QianzhiError
from simulators.days.openssl import openssl_says
from simulators.processes import qianzhi

SET: Final = 2
DOCUMENT: Final = b"%PDF-1.7\n% the policy of a customer, as the core system leaves it\n"
_AGENT: Final = "A0017"
_KEY_ID_BYTES: Final = 4


class ArchiveFailure(QianzhiError):
    """A result of the archive is not as it must be; the text says which."""


def archive_day(
    folder: Path,
    office_config: Path,
    customers: Path,
    date: str,
    paid: str,
    tell: Callable[[str], None],
) -> None:
    """Archive the closed day `date` of the office below `folder`, and tell what came of it. `paid` is a
    policy on which somebody paid that day. Raises ArchiveFailure and ProcessError.
    """
    config = folder / "archive" / "archive.toml"
    places = ("--office-config", str(office_config), "--customers-config", str(customers))
    qianzhi("archive", "init", str(config.parent), *places)
    text = config.read_text(encoding="utf-8").replace('prefix = "QZ"', f'set = {SET}\nprefix = "QZ"')
    config.write_text(text, encoding="utf-8")
    _leave_document(config.parent / "inbox", date, paid)
    given = ("--config", str(config))
    tell(qianzhi("archive", "intake", *given))
    tell(qianzhi("archive", "seal", "--now", *given))
    entry = _look_up(paid, given, tell)
    _lose_and_restore(config.parent / "images", given, tell)
    _prove(config.parent, entry, given, tell)


def verify_receipt(folder: Path, office_config: Path, number: str, tell: Callable[[str], None]) -> None:
    """Verify a receipt by our command, and by openssl with the insurer's public key and nothing of ours."""
    given = ("--config", str(office_config))
    line = json.loads(qianzhi("receipt", "show", number, "--json", *given))["line"]
    public = bytes.fromhex(qianzhi("keys", "export-public", "receipt", *given).strip())
    text, _bar, signature = line.rpartition("|")
    signed = base64.b32decode(f"{signature}=")
    verdict = openssl_says(folder, f"{text}|".encode("ascii"), signed, public)
    tell(qianzhi("receipt", "verify", line, *given))
    tell(f"the receipt is {len(line)} characters of text: {verdict}")


def load_persons(folder: Path, date: str, holders: Iterable[Policy], tell: Callable[[str], None]) -> Path:
    """Have each policy's holder be a person with a key; returns the settings of the customers' book."""
    config = folder / "customers.toml"
    qianzhi("customers", "init", str(folder))
    with config.open("a", encoding="utf-8") as settings:
        if at_keyboard() not in ("li", "wang", "zhao"):
            settings.write(f'\n[[clerk]]\nname = "{at_keyboard()}"\nmay = ["load"]\n')
    qianzhi("keys", "create", "--config", str(config))
    path = folder / "holdings.csv"
    path.write_bytes(b"".join(write(date, _rows(holders))))
    tell(qianzhi("customers", "load", str(path), "--config", str(config)))
    return config


def _rows(holders: tuple[Policy, ...]) -> Iterator[Row]:
    """What the core system knows of the holders: each has a telephone number, and one agent serves all."""
    yield AgentRow(0, _AGENT, "王芳", "上海二部", "021-5550100")
    for line, row in enumerate(holders, 1):
        document = Document("passport", f"E{line:08}")
        yield Holding(line, row.policy, Role.HOLDER, row.holder, document, "20170101")
        yield ContactRow(line, document, ContactKind.MOBILE, f"138{line:08}", "20170101")
        yield ServingRow(line, row.policy, _AGENT, "20170101")


def _leave_document(inbox: Path, date: str, policy: str) -> None:
    """Leave a policy's document in the inbox, as the core system does: the file first, then the list."""
    (inbox / "policy.pdf").write_bytes(DOCUMENT)
    digest = hashlib.sha256(DOCUMENT).hexdigest()
    text = f"policy,file,kind,sha256\n{policy},policy.pdf,policy,{digest}\n"
    (inbox / f"documents.{date}.csv").write_text(text, encoding="utf-8")


def _look_up(policy: str, given: tuple[str, str], tell: Callable[[str], None]) -> str:
    """Find what is archived of a policy, and open its document; returns the item of an entry."""
    found = _found("policy", policy, given)
    tell(qianzhi("archive", "find", "policy", policy, "--limit", "3", *given))
    sealed = next(record["item"] for record in found if record["path"].startswith("sealed/"))
    reason = ("--reason", "the demo looks at it")
    content = qianzhi("archive", "get", sealed, "--open", *reason, *given)
    if content.encode().rstrip() != DOCUMENT.rstrip():
        raise ArchiveFailure(f"the document of {policy} did not come back as it was left")
    return next(str(record["item"]) for record in found if "/entries-" in record["path"])


def _found(kind: str, value: str, given: tuple[str, str]) -> list[dict[str, Any]]:
    answer = json.loads(qianzhi("archive", "find", kind, value, "--json", *given))
    records: list[dict[str, Any]] = answer["records"]
    return records


def _lose_and_restore(images: Path, given: tuple[str, str], tell: Callable[[str], None]) -> None:
    """Make the set's parity, lose a disc, and make it again: bit for bit, or the demo fails."""
    tell(qianzhi("archive", "parity", *given))
    lost = images / "QZ-0002.iso"
    before = hashlib.sha256(lost.read_bytes()).hexdigest()
    lost.unlink()
    tell(f"{lost.name} is deleted")
    tell(qianzhi("archive", "restore", lost.stem, *given))
    if hashlib.sha256(lost.read_bytes()).hexdigest() != before:
        raise ArchiveFailure("the disc that was made again is another")


def _prove(folder: Path, item: str, given: tuple[str, str], tell: Callable[[str], None]) -> None:
    """Prove a record, and have openssl check the signature under the proof: with the public key that stands
    on each volume, and nothing of ours.
    """
    proof = qianzhi("archive", "prove", item, *given)
    note = proof.split("\n\n", 1)[1]
    text, _gap, signatures = note.rpartition("\n\n")
    signed = base64.b64decode(signatures.split()[-1])[_KEY_ID_BYTES:]
    key = bytes.fromhex(qianzhi("keys", "export-public", "archive", *given).strip())
    verdict = openssl_says(folder, f"{text}\n".encode(), signed, key)
    tell(f"{item} is proved by {len(proof):,} bytes of text: {verdict}")
