"""TLS on a bank's links: which certificate we show, and which key we accept (docs/protocol.md section 5.1).

A counterparty is known by its key: the SHA-256 of its certificate's SubjectPublicKeyInfo (RFC 7469, section
2.4) is pinned in the settings. No certificate authority is trusted, so none can be made to vouch for somebody
else. Nothing here knows banks or messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, MutableMapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from fep.errors import FepError
from fep.keys.keys import KeyFileError, check_private
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
CIPHERS_OF_1_2: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
_UNVOUCHED: Final = frozenset({0, 18, 19, 20, 21})
"""OpenSSL's verdicts after which the pin decides: no error (0), or no known authority vouches for the
certificate. Any other verdict refuses, such as an expired certificate (10) or one for another purpose
(26)."""


_FAULTS: Final = MappingProxyType(
    {
        9: Sentence("its certificate is not valid yet"),
        10: Sentence("its certificate has expired"),
        26: Sentence("its certificate is for another purpose"),
    }
)
"""OpenSSL's commonest verdicts against a certificate whose key may be pinned."""
PLAIN_CAME: Final = Sentence("plain TCP came, and the entry of the bank says TLS")
NOT_PINNED: Final = Sentence("the key of its certificate is not pinned")
_HANDSHAKE_RECORD: Final = 22
"""The first byte of every TLS connection (RFC 8446, section 5.1)."""
_SUBJECT_CHARACTERS: Final = 100
"""So much of a certificate's subject is shown: whoever connects chooses it."""


def is_client_hello(data: bytes) -> bool:
    """Whether a connection's first bytes are those of a TLS handshake: no frame of a sign-on begins so."""
    return data[:2] == bytes((_HANDSHAKE_RECORD, 3))


class TlsError(FepError):
    """A certificate or its key cannot be used. The text names the file and the reason."""


def pin_of(certificate: x509.Certificate) -> str:
    """The pin of a certificate's key: SHA-256 of its SubjectPublicKeyInfo in DER, 64 hex digits."""
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def in_words(certificate: x509.Certificate) -> str:
    """A certificate in words: its pin, as settings write it, its subject and its end. The subject is whatever
    its maker wrote, so it is cut short and shown in escapes where it is not plain ASCII.
    """
    subject = ascii(certificate.subject.rfc4514_string())[1:-1][:_SUBJECT_CHARACTERS]
    return Sentence(
        "pin {pin}, subject {subject}, until {ends}",
        pin=pin_of(certificate),
        subject=subject,
        ends=f"{certificate.not_valid_after_utc:%Y-%m-%d}",
    )


def pin_of_file(path: Path) -> str:
    """The pin of a certificate in a PEM file. Raises TlsError."""
    return pin_of(_certificate(path))


class Validity(NamedTuple):
    """From when until when a certificate is valid, UTC."""

    begins: datetime
    ends: datetime


def validity_of(certificate: x509.Certificate) -> Validity:
    """From when until when a certificate is valid, UTC."""
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def validity_of_file(path: Path) -> Validity:
    """From when until when the certificate in a PEM file is valid, UTC. Raises TlsError."""
    return validity_of(_certificate(path))


class OwnCertificate(NamedTuple):
    """A certificate of ours: its validity, and the SHA-256 of all of it, by which it is told from another."""

    validity: Validity
    fingerprint: bytes


def own_certificate(certificate: Path, key: Path) -> OwnCertificate:
    """Our own certificate, once it is sure that it can be shown to banks with this key. Raises TlsError."""
    own = _own(certificate, key)
    _context(own, "1.3")
    return own.certificate()


def _certificate(path: Path) -> x509.Certificate:
    return _chain(path, str(path))[0]


def _chain(path: Path, name: str) -> list[x509.Certificate]:
    """The certificates in a PEM file, the end's own first; `name` is what an error calls the file."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise TlsError(
            Sentence("{name}: cannot be read: {reason}", name=name, reason=system_reason(error))
        ) from error
    except ValueError as error:
        raise TlsError(Sentence("{name}: not a certificate in PEM", name=name)) from error


class _Own(NamedTuple):
    """Our certificate with those that vouch for it, and its private key."""

    chain: list[x509.Certificate]
    key: Any

    def certificate(self) -> OwnCertificate:
        """What is told of it beside the chain."""
        return OwnCertificate(validity_of(self.chain[0]), self.chain[0].fingerprint(SHA256()))

    def __repr__(self) -> str:
        """Return a text without the key."""
        return f"_Own({pin_of(self.chain[0])})"


def _own(certificate: Path, key: Path) -> _Own:
    """Read our certificate and its key. Errors name the key of the settings' [tls] beside the file."""
    chain = _chain(certificate, f"certificate_file {certificate}")
    try:
        check_private(key)
        private = load_pem_private_key(key.read_bytes(), None)
    except KeyFileError as error:
        raise TlsError(Sentence("key_file {reason}", reason=error)) from error
    except OSError as error:
        raise TlsError(
            Sentence("key_file {key}: cannot be read: {reason}", key=key, reason=system_reason(error))
        ) from error
    except TypeError as error:
        fault = Sentence("it is under a passphrase, and nobody is there to type it at a start")
        raise TlsError(Sentence("key_file {key}: {fault}", key=key, fault=fault)) from error
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError(Sentence("key_file {key}: not a private key in PEM", key=key)) from None
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if hashlib.sha256(public).hexdigest() != pin_of(chain[0]):
        raise TlsError(
            Sentence(
                "key_file {key}: not the key of certificate_file {certificate}",
                key=key,
                certificate=certificate,
            )
        )
    return _Own(chain, private)


class TlsConnection(TLSMemoryBIOProtocol):
    """TLS that closes without waiting for the peer's close_notify. Twisted's waits, so a peer that sends
    nothing more could hold a link open for ever; RFC 8446, section 6.1, allows not to wait.

    For who looks into a handshake that failed: `presented` is the certificate that the peer showed, in words,
    or empty; `fault` is why it was refused, where we know better than OpenSSL.
    """

    transport: ITransport
    presented = ""
    fault = ""
    _has_begun = False

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take bytes; the first one tells whether the peer speaks TLS at all."""
        if not self._has_begun and data:
            self._has_begun = True
            if data[0] != _HANDSHAKE_RECORD:
                self.fault = PLAIN_CAME
        super().dataReceived(data)

    @property
    def has_begun(self) -> bool:
        """Whether the peer has sent anything."""
        return self._has_begun

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Send what was written and our close_notify, then close the TCP connection."""
        super().loseConnection()
        self.transport.loseConnection()


@implementer(IOpenSSLServerConnectionCreator, IOpenSSLClientConnectionCreator)
class Pinned:
    """Makes TLS connections that show one certificate and accept only peers whose key is pinned."""

    def __init__(
        self,
        certificate: Path,
        key: Path,
        pins: Collection[str],
        minimum: str = "1.3",
        peers: MutableMapping[str, Validity] | None = None,
    ) -> None:
        """`certificate` and `key` are our PEM files, `pins` the peers' (64 hex digits each), `minimum` the
        lowest TLS version, a key of VERSIONS. `peers` takes, by its pin, the validity of each pinned
        certificate that a peer has shown, a refused one too; a peer's proof of its key comes later in the
        handshake. Raises TlsError.
        """
        self._pins = frozenset(pins)
        self._peers = peers
        own = _own(certificate, key)
        self.certificate = own.certificate()
        self._context = _context(own, minimum)
        self._context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)
        self._wrapping = TLSMemoryBIOFactory(self, False, Factory())

    def accepts(self, pin: str) -> bool:
        """Whether a peer's key is pinned."""
        return pin in self._pins

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802 - its name
        """OpenSSL's connection for a server's side; it knows which of ours it belongs to."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
        return connection

    def clientConnectionForTLS(self, _for: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802 - Twisted's
        """OpenSSL's connection for a client's side."""
        return SSL.Connection(self._context, None)

    def around(self, protocol: Protocol) -> TLSMemoryBIOProtocol:
        """A server's protocol wrapped in TLS."""
        return TlsConnection(self._wrapping, protocol)

    def _verify(
        self, connection: SSL.Connection, certificate: crypto.X509, verdict: int, depth: int, _ok: int
    ) -> bool:
        """Whether to accept one certificate of the peer's chain: at depth 0, the peer's own, the pin decides;
        those above it do not matter. `verdict` is OpenSSL's.
        """
        if depth > 0:
            return verdict in _UNVOUCHED
        pin, presented, fault = "", "", ""
        protocol = connection.get_app_data()
        try:
            shown = certificate.to_cryptography()
            pin, presented = pin_of(shown), in_words(shown)
            self._note(pin, validity_of(shown))
        except (ValueError, UnsupportedAlgorithm):
            fault = Sentence("its certificate cannot be read")
        if not fault and verdict not in _UNVOUCHED:
            fault = _FAULTS.get(
                verdict, Sentence("OpenSSL refuses its certificate, verdict {verdict}", verdict=verdict)
            )
        elif not fault and pin not in self._pins:
            fault = NOT_PINNED
        if isinstance(protocol, TlsConnection):
            protocol.presented, protocol.fault = presented, fault
        return not fault

    def _note(self, pin: str, validity: Validity) -> None:
        if pin in self._pins and self._peers is not None:
            self._peers[pin] = validity


def _context(own: _Own, minimum: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(VERSIONS[minimum])
    context.set_cipher_list(CIPHERS_OF_1_2)  # TLS 1.3 has a list of its own, and all in it are good
    # A resumed session would not check the certificate again, whose pin may have been removed since.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    try:
        context.use_certificate(own.chain[0])
        for issuer in own.chain[1:]:
            context.add_extra_chain_cert(issuer)
        context.use_privatekey(own.key)
        context.check_privatekey()
    except (SSL.Error, TypeError) as error:
        raise TlsError(
            Sentence("OpenSSL does not take our certificate or its key: {reason}", reason=reason_of(error))
        ) from None
    return context


def is_tls_error(error: BaseException | None) -> bool:
    """Whether an error that ended a connection is one of TLS."""
    return isinstance(error, SSL.Error)


def reason_of(error: BaseException | None) -> str:
    """OpenSSL's reason in words, without the names of its library and function."""
    details = error.args[0] if error is not None and error.args else ""
    return str(details[0][-1]) if isinstance(details, list) and details else str(details)
