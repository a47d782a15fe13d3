"""Lists of the persons' keys for escrow: `PERSON KEY` a line, sealed for two holders, so that neither opens
one without the other.

HPKE (RFC 9180, base mode: X25519, HKDF-SHA256, AES-256-GCM) by the library, twice: for the first holder, and
what comes of that for the second. Each opens a layer with a private key that this program never has
otherwise. The ephemeral keys are drawn by the library: HPKE has no other form. Which keys were in which list,
the table `escrows` says, so that a certificate of shredding can name each list that has the destroyed key.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import func, insert, select

from customers.config import Holder
from customers.database.audit_log import write_record
from customers.database.schema import escrows, loads, person_keys
from customers.decisions import Desk, refusals_recorded
from customers.errors import EscrowError
from customers.keys import KeyRow, Keys, key_of_row
from qianzhi_errors.sentence import Sentence

ESCROW: Final = "escrow"
"""The act of making a list in the audit log."""
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_FORM: Final = re.compile(
    r"qianzhi-escrow 1\nlist: ([1-9][0-9]{0,8})\nlayer: ([12]) of 2\nholder: ([^\n]{1,64})\n"
    r"hpke: X25519 HKDF-SHA256 AES-256-GCM\n\n((?:[A-Za-z0-9+/=]{1,76}\n)+)"
)
_HEAD: Final = (
    "qianzhi-escrow 1\nlist: {number}\nlayer: {layer} of 2\nholder: {holder}\n"
    "hpke: X25519 HKDF-SHA256 AES-256-GCM\n\n"
)
_LINE: Final = 76


class Layer(NamedTuple):
    """One layer of a list: its number, whether it is the inner (1) or outer (2) one, for whom, and what is
    sealed.
    """

    number: int
    layer: int
    holder: str
    sealed: bytes


class KeyList(NamedTuple):
    """A list that was made: its number, how many keys it has, and its text for the two holders."""

    number: int
    keys: int
    text: str


def make_list(desk: Desk, keys: Keys, by: str) -> KeyList:
    """Make a list of every key that is there, sealed for the two holders of the settings. Raises EscrowError
    where the settings name none, and NotAllowed.
    """
    with refusals_recorded(desk, by, ESCROW, ""):
        desk.settings.check_may(by, "escrow")
        if len(desk.settings.holder) != 2:
            raise EscrowError(Sentence("the settings name no two holders, [[holder]]"))
    first, second = desk.settings.holder
    with desk.store.transaction() as connection:
        rows = connection.execute(
            select(*(person_keys.c[name] for name in KeyRow._fields))
            .where(person_keys.c.shredded_at == 0)
            .order_by(person_keys.c.person)
        )
        lines = [
            f"{row.person} {key_of_row(keys.master, KeyRow._make(row)).reveal().hex()}\n" for row in rows
        ]
        number, loaded = (
            int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (escrows, loads)
        )
        number += 1
        inner = sealed_layer("".join(lines).encode(), number, 1, first)
        text = sealed_layer(inner.encode(), number, 2, second)
        digest = sha256(text.encode()).hexdigest()
        connection.execute(
            insert(escrows).values(
                number=number,
                first_holder=first.name,
                second_holder=second.name,
                loads=loaded,
                keys=len(lines),
                digest=digest,
                made_at=desk.at,
            )
        )
        note = f"{len(lines)} keys for {first.name} and {second.name}; {digest}"
        write_record(connection, desk.at, by, ESCROW, str(number), note)
    return KeyList(number, len(lines), text)


def sealed_layer(plain: bytes, number: int, layer: int, holder: Holder) -> str:
    """The text of a layer that only this holder opens."""
    public = X25519PublicKey.from_public_bytes(bytes.fromhex(holder.public))
    sealed = _SUITE.encrypt(plain, public, _info(number, layer))
    text = base64.b64encode(sealed).decode("ascii")
    lines = "\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return f"{_HEAD.format(number=number, layer=layer, holder=holder.name)}{lines}\n"


def parse_layer(data: bytes) -> Layer:
    """Read a layer. Raises EscrowError."""
    try:
        form = _FORM.fullmatch(data.decode())
        if form is not None:
            sealed = base64.b64decode(form[4].replace("\n", ""), validate=True)
            return Layer(int(form[1]), int(form[2]), form[3], sealed)
    except (UnicodeDecodeError, binascii.Error):
        pass
    raise EscrowError(Sentence("no sealed list of keys, or a damaged one"))


def opened_layer(layer: Layer, private: X25519PrivateKey) -> bytes:
    """What a layer holds: of the outer one the text of the inner one, of the inner one the list. Raises
    EscrowError for another holder's key, and for a layer that was altered.
    """
    try:
        return _SUITE.decrypt(layer.sealed, private, _info(layer.number, layer.layer))
    except (InvalidTag, ValueError):
        raise EscrowError(
            Sentence(
                "list {number} is for {holder}: it does not open with this key, or was altered",
                number=layer.number,
                holder=layer.holder,
            )
        ) from None


def private_key(pem: bytes) -> X25519PrivateKey:
    """A holder's private key, as `openssl genpkey -algorithm X25519` writes it. Raises EscrowError."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, X25519PrivateKey):
        raise EscrowError(Sentence("no private key of X25519, in PEM and without a password"))
    return key


def key_lines(opened: bytes) -> Iterable[tuple[str, str]]:
    """The persons and keys (hex) of an opened list."""
    for line in opened.decode("ascii").splitlines():
        person, _, key = line.partition(" ")
        yield person, key


def _info(number: int, layer: int) -> bytes:
    return f"qianzhi-escrow|{number}|{layer}".encode()
