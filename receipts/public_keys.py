"""The public keys that receipts are checked with: each with the dates of its use, and the file of them.

A file of keys, `keys.txt`, is text in ASCII, a line a key, with bars between the fields. A line that begins
with `#` is for people:

    insurer|key id|algorithm|from|to|public key in hex
    EXAMPLE|7KQ2M3NA|ed25519|20261124||d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a

`from` and `to` are the first and the last business date of the receipts that the key signs; `to` is empty
while it is in use. A key that has been replaced stays in the file for ever: its receipts do. The id is
derived from the key, so no two keys have one, and a key cannot be passed off under another's id. No private
key belongs here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence
from receipts.errors import KeysFault

ALGORITHM: Final = "ed25519"
_ID_BYTES: Final = 5
_BAR: Final = "|"
_HEAD: Final = "# insurer|key id|algorithm|from|to|public key in hex"
_INSURER: Final = re.compile(r"[A-Z0-9-]{1,16}")
_PUBLIC: Final = re.compile(r"[0-9a-f]{64}")
_FIELD_COUNT: Final = 6


class PublicKey(NamedTuple):
    """One public key (hex) of an insurer. It signs the receipts of the business dates from `from_date` to
    `to_date`, both included, YYYYMMDD; `to_date` is empty while the key is in use.
    """

    insurer: str
    key: str
    from_date: str
    to_date: str
    public: str

    def is_in_force(self, date: str) -> bool:
        """Whether the key signs receipts of this business date."""
        return self.from_date <= date and (not self.to_date or date <= self.to_date)


def key_id(public: str) -> str:
    """Return the id of a public key (hex): the first 40 bits of its SHA-256, 8 characters of base32."""
    digest = hashlib.sha256(bytes.fromhex(public)).digest()
    return base64.b32encode(digest[:_ID_BYTES]).decode("ascii")


def write(keys: Iterable[PublicKey]) -> str:
    """Return the text of a file of keys: by insurer, the oldest first."""
    lines = (
        _BAR.join((key.insurer, key.key, ALGORITHM, key.from_date, key.to_date, key.public))
        for key in sorted(keys, key=lambda key: (key.insurer, key.from_date, key.to_date or "9", key.key))
    )
    return "".join(f"{line}\n" for line in (_HEAD, *lines))


def read(text: str) -> tuple[PublicKey, ...]:
    """Return the keys of a file. Raises KeysFault with the line that is wrong, or if there is no key."""
    keys: dict[str, PublicKey] = {}
    for number, key in _lines(text):
        if key.key in keys:
            raise KeysFault(number, Sentence("this key is there already"))
        keys[key.key] = key
    if not keys:
        raise KeysFault(0, Sentence("no public key of receipts is in it"))
    return tuple(keys.values())


def _lines(text: str) -> Iterator[tuple[int, PublicKey]]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, _key_of(number, line.strip())


def _key_of(number: int, line: str) -> PublicKey:
    fields = line.split(_BAR)
    if len(fields) != _FIELD_COUNT:
        raise KeysFault(number, Sentence("not 6 fields with bars between them"))
    insurer, key, algorithm, from_date, to_date, public = fields
    if _INSURER.fullmatch(insurer) is None:
        raise KeysFault(number, Sentence("the insurer is not 1 to 16 of A-Z, 0-9 and -"))
    if algorithm != ALGORITHM:
        raise KeysFault(number, Sentence("the algorithm is not {algorithm}", algorithm=ALGORITHM))
    if not is_date(from_date) or (to_date and not is_date(to_date)):
        raise KeysFault(number, Sentence("a date is not written YYYYMMDD"))
    if to_date and to_date < from_date:
        raise KeysFault(number, Sentence("its last date is before its first"))
    if _PUBLIC.fullmatch(public) is None:
        raise KeysFault(number, Sentence("the public key is not 64 hex digits in lower case"))
    if key != key_id(public):
        raise KeysFault(number, Sentence("the key id is not that of this public key"))
    return PublicKey(insurer, key, from_date, to_date, public)
