"""Seals what is personal under one person's key, and a person's key under the master key.

AES-256-GCM for both (NIST SP 800-38D). A sealed line is a JSON text, the same in a row of the database as on
a volume that cannot be rewritten; with the person's key its body opens without us, by
`openssl enc -d -aes-256-ctr -K KEY -iv NONCE00000002`. A key is wrapped with AES-GCM and not with AES key
wrap (RFC 3394), since that has no associated data: here the person's name is it, so that the keys of two rows
cannot be exchanged unnoticed. No key is kept here, and every nonce and key is handed in.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from customers.errors import NotOpened, SealedLineError
from customers.rules.person import is_person
from ledger.rules.secret import Secret
from protocol.mac import aes_check_value
from qianzhi_errors.sentence import Sentence, listed

Entropy = Callable[[int], bytes]
"""Gives so many random bytes."""

VERSION: Final = 1
ALGORITHM: Final = "A256GCM"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
KINDS: Final = ("holder", "contact", "document", "account", "name", "identity")
"""What a sealed content is; the last two stand in the customers' own database, an account in collection's."""
_FIELDS: Final = ("v", "person", "kind", "ref", "alg", "nonce", "body", "tag")
_LOWER_HEX: Final = re.compile("[0-9a-f]*")
_REF: Final = re.compile("[A-Za-z0-9._/-]{1,200}")


class SecretKey(Secret):
    """A secret that is a key of 32 bytes."""

    __slots__ = ()

    def __init__(self, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        super().__init__(value)

    @property
    def check_value(self) -> str:
        """The check value of the AES key, hex, by which it is known without being shown."""
        return aes_check_value(self.reveal())


class Label(NamedTuple):
    """What a sealed line says of its content in clear: whose it is, of which of KINDS, where it belongs."""

    person: str
    kind: str
    ref: str


class SealedLine(NamedTuple):
    """A sealed line as it is read: its label, and the ciphertext with its nonce and tag."""

    label: Label
    nonce: bytes
    body: bytes
    tag: bytes

    def text(self) -> str:
        """The line, without its end."""
        fields = {
            "v": VERSION,
            **self.label._asdict(),
            "alg": ALGORITHM,
            "nonce": self.nonce.hex(),
            "body": base64.b64encode(self.body).decode("ascii"),
            "tag": self.tag.hex(),
        }
        return json.dumps(fields, separators=(",", ":"))


def place_on_volume(volume: str, date: str, line: int) -> bytes:
    """The associated data of a sealed line on a volume: `VOLUME|DATE|LINE NUMBER`, so that a line that was
    moved does not open.
    """
    return f"{volume}|{date}|{line}".encode()


def seal(secret: bytes, plain: bytes, nonce: bytes, aad: bytes) -> tuple[bytes, bytes]:
    """The ciphertext, as long as `plain`, and its tag of 16 bytes. No nonce may be used twice with a key."""
    sealed = AESGCM(secret).encrypt(nonce, plain, aad)
    return sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]


def sealed_line(key: SecretKey, label: Label, plain: bytes, nonce: bytes, aad: bytes) -> str:
    """The text of a sealed line. `nonce` are NONCE_BYTES fresh random bytes."""
    body, tag = seal(key.reveal(), plain, nonce, aad)
    return SealedLine(label, nonce, body, tag).text()


def opened(key: SecretKey, line: SealedLine, aad: bytes) -> bytes:
    """The content of a sealed line. Raises NotOpened where it was altered, moved, or is another person's."""
    try:
        return AESGCM(key.reveal()).decrypt(line.nonce, line.body + line.tag, aad)
    except InvalidTag:
        raise NotOpened(
            Sentence(
                "the sealed {kind} of {person} does not open: it was altered, or stood elsewhere",
                kind=line.label.kind,
                person=line.label.person,
            )
        ) from None


def parse(text: str) -> SealedLine:
    """Read a sealed line, with or without its end. Raises SealedLineError."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise SealedLineError(Sentence("no sealed line: it is not JSON")) from None
    if not isinstance(given, dict) or tuple(given) != _FIELDS:
        raise SealedLineError(
            Sentence("no sealed line: its fields are not {fields}, in this order", fields=listed(_FIELDS))
        )
    if given["v"] != VERSION or isinstance(given["v"], bool):
        raise SealedLineError(Sentence("v: this program reads sealed lines of version {ours}", ours=VERSION))
    if not all(isinstance(given[name], str) for name in _FIELDS[1:]):
        raise SealedLineError(Sentence("no sealed line: a field is no text"))
    if given["alg"] != ALGORITHM:
        raise SealedLineError(Sentence("alg: only {algorithm} can be opened", algorithm=ALGORITHM))
    if not is_person(given["person"]):
        raise SealedLineError(Sentence("person: not 16 characters of A-Z and 2-7"))
    if given["kind"] not in KINDS:
        raise SealedLineError(Sentence("kind: not one of {kinds}", kinds=listed(KINDS)))
    if _REF.fullmatch(given["ref"]) is None:
        raise SealedLineError(Sentence("ref: not a reference of 1 to 200 characters"))
    label = Label(given["person"], given["kind"], given["ref"])
    nonce, tag = _hex("nonce", given["nonce"], NONCE_BYTES), _hex("tag", given["tag"], TAG_BYTES)
    line = SealedLine(label, nonce, _base64(given["body"]), tag)
    if line.text() != text.removesuffix("\n"):
        raise SealedLineError(Sentence("no sealed line: blanks, escapes or fields twice"))
    return line


def _hex(name: str, digits: str, length: int) -> bytes:
    if len(digits) != 2 * length or _LOWER_HEX.fullmatch(digits) is None:
        raise SealedLineError(
            Sentence("{name}: not {digits} hex digits in small letters", name=name, digits=2 * length)
        )
    return bytes.fromhex(digits)


def _base64(text: str) -> bytes:
    try:
        body = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        body = b""
    if base64.b64encode(body).decode("ascii") != text:  # a body has one spelling
        raise SealedLineError(Sentence("body: not base64"))
    return body


def wrap(master: SecretKey, person: str, key: SecretKey, nonce: bytes) -> str:
    """A person's key under the master key, in hex: nonce, ciphertext, tag. `nonce` are NONCE_BYTES fresh
    random bytes.
    """
    body, tag = seal(master.reveal(), key.reveal(), nonce, _wrapped_for(person))
    return (nonce + body + tag).hex()


def unwrap(master: SecretKey, person: str, wrapped: str) -> SecretKey:
    """The key of a person that was wrapped for this person. Raises NotOpened."""
    try:
        data = bytes.fromhex(wrapped)
        return SecretKey(
            AESGCM(master.reveal()).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _wrapped_for(person))
        )
    except (InvalidTag, ValueError):
        raise NotOpened(
            Sentence("the key of {person} does not open: it was altered, or is another's", person=person)
        ) from None


def _wrapped_for(person: str) -> bytes:
    return f"person-key|{person}".encode()
