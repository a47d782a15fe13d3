"""Signs a receipt, and says of a text whether it is a receipt that the insurer signed.

Ed25519 (RFC 8032) over the ASCII bytes of the line before the signature: deterministic, so a receipt that is
signed again gets the same signature. What is good here was signed with the insurer's key; whether the payment
was taken back since, only the insurer's books say.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from qianzhi_errors.sentence import Sentence
from receipts import line
from receipts.errors import CutLine, LineFault
from receipts.line import Receipt, SignedReceipt
from receipts.public_keys import PublicKey, key_id

_WRONG: Final = Sentence(
    "was changed, or was never signed by the insurer: the signature is not that of the text"
)
_UNKNOWN: Final = Sentence("names a key that is not among the public keys given")
_OTHER: Final = Sentence("names another insurer than the one whose key it is")


class Outcome(StrEnum):
    """What a text is that should be a receipt."""

    GOOD = "good"
    NO_RECEIPT = "no receipt"
    CUT = "cut"
    UNKNOWN_KEY = "unknown key"
    OTHER_INSURER = "other insurer"
    NOT_SIGNED = "altered or forged"
    NOT_IN_FORCE = "key not in force"


class Verdict(NamedTuple):
    """What a text is, why, and the receipt that it says; None where it cannot be read."""

    outcome: Outcome
    reason: str
    receipt: Receipt | None


class Signer:
    """Signs receipts. `seed` is the Ed25519 private key, 32 bytes; `public` is the public key in hex, `key`
    its id.
    """

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw().hex()
        self.key = key_id(self.public)

    def sign(self, receipt: Receipt) -> SignedReceipt:
        """Return the receipt under this key, signed. Raises LineFault for a field that no line can have."""
        ours = receipt._replace(key=self.key)
        return SignedReceipt(ours, self._private.sign(line.signed_part(ours).encode("ascii")))


def is_signed(signed: SignedReceipt, public: str) -> bool:
    """Whether the signature is that of the receipt under the public key (hex)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            signed.signature, line.signed_part(signed.receipt).encode("ascii")
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def verify(text: str, keys: Iterable[PublicKey]) -> Verdict:
    """Say what a text is that somebody typed, pasted or scanned, by these public keys."""
    try:
        signed = line.read(text)
    except CutLine as fault:
        return Verdict(Outcome.CUT, str(fault), None)
    except LineFault as fault:
        return Verdict(Outcome.NO_RECEIPT, str(fault), None)
    receipt = signed.receipt
    key = next((key for key in keys if key.key == receipt.key), None)
    if key is None:
        return Verdict(Outcome.UNKNOWN_KEY, _UNKNOWN, receipt)
    if key.insurer != receipt.insurer:
        return Verdict(Outcome.OTHER_INSURER, _OTHER, receipt)
    if not is_signed(signed, key.public):
        return Verdict(Outcome.NOT_SIGNED, _WRONG, receipt)
    if not key.is_in_force(receipt.business_date):
        return Verdict(Outcome.NOT_IN_FORCE, _not_in_force(key), receipt)
    return Verdict(Outcome.GOOD, Sentence("was signed by the insurer"), receipt)


def _not_in_force(key: PublicKey) -> Sentence:
    if not key.to_date:
        return Sentence("its key signs receipts from {first} on", first=key.from_date)
    return Sentence("its key signs receipts from {first} to {last}", first=key.from_date, last=key.to_date)
