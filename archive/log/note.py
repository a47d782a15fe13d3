"""A text with signatures, as C2SP's signed-note says, and the keys that make and check them.

    <the text, whose last line ends in a line feed>
    <an empty line>
    — insurer.example/archive <base64 of the key's id, 4 bytes, and the signature>

The text counts only after a known key's signature was checked. What a text says is not known here.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from archive.errors import LogFault
from qianzhi_errors.sentence import Sentence

SIGNATURES_MAX: Final = 100
NOTE_BYTES_MAX: Final = 1_000_000
_ID_BYTES: Final = 4
_DASH: Final = "\N{EM DASH}"
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class SignatureType(IntEnum):
    """What a key signs: the text itself, or a witness's statement about it (tlog-cosignature)."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


class NoteKey(NamedTuple):
    """A public key: whose it is, what it signs, and its 32 bytes."""

    name: str
    kind: SignatureType
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key (signed-note, "Signatures")."""
        named = f"{self.name}\n".encode() + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as one word, to be handed to whoever checks: name, id in hex, type and key in base64."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"

    def is_signature(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made the Ed25519 signature on the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class NoteSignature(NamedTuple):
    """One line under a text: whose key, the key's id, and what follows it."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line, with its line feed."""
        return f"{_DASH} {self.name} {b64encode(self.key_id + self.signature).decode()}\n"


class Note(NamedTuple):
    """A text, and the lines under it, in their order. No line is known to hold by being there."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"


def public_half(name: str, seed: bytes, kind: SignatureType = SignatureType.ED25519) -> NoteKey:
    """The public key of an Ed25519 private key, `seed` of 32 bytes. Raises LogFault for a name that no key
    may have.
    """
    if _NAME.fullmatch(name) is None or _CONTROL.search(name):
        raise LogFault(Sentence("a key's name has no blank and no plus sign"))
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return NoteKey(name, kind, public)


def parse_key(text: str) -> NoteKey:
    """A public key out of its one word. Raises LogFault, also where its id is not that of the key."""
    name, _, rest = text.partition("+")
    key_id, _, coded = rest.partition("+")
    data = _base64(coded)
    kinds = {int(kind) for kind in SignatureType}
    if _NAME.fullmatch(name) is None or len(data) != 1 + 32 or data[0] not in kinds:
        raise LogFault(Sentence("a key is NAME+ID+KEY: an Ed25519 key, or one of cosignatures"))
    key = NoteKey(name, SignatureType(data[0]), data[1:])
    if key.id.hex() != key_id:
        raise LogFault(Sentence("the key's id is not the one that its name and bytes make"))
    return key


def signed(text: str, name: str, seed: bytes) -> Note:
    """The text with one signature, the same every time. `seed` is the private key, 32 bytes. Raises LogFault
    for a text that no note may have.
    """
    if not text.endswith("\n") or _CONTROL.search(text) or "\n\n" in text:
        raise LogFault(Sentence("a text to be signed ends with a line feed and has no empty line"))
    key = public_half(name, seed)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())
    return Note(text, (NoteSignature(name, key.id, signature),))


def parse_note(data: bytes) -> Note:
    """The note of these bytes; no signature is checked. Raises LogFault, which says what is wrong."""
    if len(data) > NOTE_BYTES_MAX:
        raise LogFault(Sentence("a note has {most} bytes at most", most=NOTE_BYTES_MAX))
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        raise LogFault(Sentence("is not UTF-8 at byte {byte}", byte=error.start)) from error
    text, gap, lines = content.rpartition("\n\n")
    if not gap or not lines.endswith("\n") or _CONTROL.search(content):
        raise LogFault(Sentence("a note is a text, an empty line, and lines of signatures"))
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > SIGNATURES_MAX:
        raise LogFault(Sentence("a note has {most} signatures at most", most=SIGNATURES_MAX))
    return Note(f"{text}\n", signatures)


def check_note(note: Note, keys: Iterable[NoteKey]) -> tuple[str, ...]:
    """The names of those of `keys` that signed the text itself, in the note's order. A signature of a key
    that is not among them is passed over. Raises LogFault if a known key's signature is wrong, or if no known
    key signed.
    """
    known = {(key.name, key.id): key for key in keys if key.kind is SignatureType.ED25519}
    names = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.is_signature(note.text.encode(), signature.signature):
            raise LogFault(Sentence("the signature of {name} is wrong", name=key.name))
        names.append(key.name)
    if not names:
        raise LogFault(Sentence("no known key has signed it"))
    return tuple(names)


def _signature(line: str) -> NoteSignature:
    match line.split(" "):
        case [dash, name, coded] if dash == _DASH and _NAME.fullmatch(name):
            data = _base64(coded)
            if len(data) > _ID_BYTES:
                return NoteSignature(name, data[:_ID_BYTES], data[_ID_BYTES:])
    raise LogFault(Sentence("a line of a signature is a dash, a name and base64"))


def _base64(text: str) -> bytes:
    """The bytes of a text in base64, in the one form that they have; nothing for any other text."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if b64encode(data).decode() == text else b""
