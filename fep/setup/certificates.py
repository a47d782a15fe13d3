"""Self-signed certificates for a sample installation: one for the machine, and one for each sample bank.

They serve `qianzhi init`, the demo and trials. A real bank makes its own key and gives us its pin.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fep.links.tls import pin_of

VALID = timedelta(days=825)
"""How long a certificate is valid."""


class Certificate(NamedTuple):
    """A certificate and its private key in PEM, and the pin of the key (SHA-256 of the public one)."""

    certificate: bytes
    key: bytes
    pin: str

    def __repr__(self) -> str:
        """Return a text with the pin, and never the key."""
        return f"Certificate(pin {self.pin})"


def self_signed(name: str, now: datetime) -> Certificate:
    """Return a certificate on a fresh P-256 key, valid from an hour before `now`. The entropy is OpenSSL's
    own.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(certificate.public_bytes(Encoding.PEM), pem, pin_of(certificate))
