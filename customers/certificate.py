"""The certificate of a shredding: its text, made of what was decided and what lies elsewhere, and its file.

The text has nothing personal in it but the person's name here, and is the same whenever it is written again:
it is made once, in the transaction that destroys the key, and kept with the proposal. Who may shred is not
decided here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from customers.errors import CustomersError
from customers.proposals import Proposal
from ledger.files.synced_folder import sync_names
from ledger.rules.beijing import beijing
from qianzhi_errors.sentence import Sentence


class EscrowedKey(NamedTuple):
    """A list of keys, sealed for two holders, that has the destroyed key too."""

    number: int
    first_holder: str
    second_holder: str
    made_at: int
    digest: str


_TEXT: Final = """\
Certificate of shredding 密钥销毁证明

person 客户: {person}
proposal 提议号: {number}
proposed by 经办: {proposed_by}, {proposed_at}
approved by 复核: {approved_by}, {approved_at}
reason 事由: {reason}
key destroyed 密钥销毁时间: {done_at}
master key 主密钥校验值: {master}

The wrapped key, the sealed name and document, the masked name and the document's digest of this person were
deleted from the customers' database, and of each contact the sealed value, its digest and its tail.
该客户的封装密钥、密封姓名与证件、脱敏姓名、证件摘要，以及各联系方式的密封值、摘要与尾号，已从客户库删除。

To be destroyed elsewhere 另须销毁:
{elsewhere}
"""
_LIST: Final = "- key list 密钥托管清单 {number} of {made_at}, holders {first} and {second}, sha256 {digest}"
_BACKUPS: Final = (
    "- copies of the database made before this moment, unless the master key above has been replaced and"
    " destroyed 此前的数据库副本，除非上述主密钥已更换并销毁"
)


def certificate_text(proposal: Proposal, done_at: int, master: str, escrowed: Iterable[EscrowedKey]) -> str:
    """The text that certifies a shredding at `done_at` (microseconds since 1970-01-01 UTC); `master` is the
    check value of the master key that had wrapped the destroyed one.
    """
    lists = [
        _LIST.format(
            number=row.number,
            made_at=_moment(row.made_at),
            first=row.first_holder,
            second=row.second_holder,
            digest=row.digest,
        )
        for row in escrowed
    ]
    return _TEXT.format(
        person=proposal.person,
        number=proposal.number,
        proposed_by=proposal.proposed_by,
        proposed_at=_moment(proposal.proposed_at),
        approved_by=proposal.decided_by,
        approved_at=_moment(proposal.decided_at),
        reason=proposal.reason,
        done_at=_moment(done_at),
        master=master,
        elsewhere="\n".join((*lists, _BACKUPS)),
    )


def digest_of(certificate: str) -> str:
    """The SHA-256 (hex) of a certificate, which its record in the audit log has."""
    return sha256(certificate.encode()).hexdigest()


def certificate_path(folder: Path, proposal: Proposal) -> Path:
    """Where the certificate of a proposal is written."""
    return folder.joinpath(f"shredding-{proposal.number:06}-{proposal.person}.txt")


def write_certificate(folder: Path, proposal: Proposal) -> Path:
    """Write the certificate of a shredding that was carried out, and return its file's path; one that is
    there already stays. It is on disk when this returns. Raises CustomersError where another text is there.
    """
    path = certificate_path(folder, proposal)
    data = proposal.certificate.encode()
    if path.exists():
        if path.read_bytes() != data:
            raise CustomersError(
                Sentence("{path}: is there with another text than the database has", path=path)
            )
        return path
    folder.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_names(folder)
    return path


def _moment(at: int) -> str:
    """A moment in Beijing, for a person."""
    return f"{beijing(at):%Y-%m-%d %H:%M:%S}+08:00"
