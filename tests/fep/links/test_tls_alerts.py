"""Each TLS alert that a bank gets is the one that the interface says, in memory and by the standard library's
TLS on the bank's side.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

from fep.links.tls import Pinned, pin_of
from tests.docs import worked
from tests.docs.interface import ALERTS

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
MINIMUM = {V1_2: "1.2", V1_3: "1.3"}
UNPINNED, NO_CERTIFICATE, EXPIRED, NOT_YET, FOR_SERVERS, OLD, NO_SUITE = ALERTS
HANDSHAKE, FIRST_READ = "the handshake", "the first read"


class Party(NamedTuple):
    """A certificate and its key, as files, and its pin."""

    certificate: Path
    key: Path
    pin: str


def party(folder: Path, name: str, days: tuple[int, int] = (-1, 9), *, for_servers: bool = False) -> Party:
    """A party whose certificate is valid from and until so many days from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + timedelta(days[0]))
        .not_valid_after(now + timedelta(days[1]))
    )
    if for_servers:
        unsigned = unsigned.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    signed = unsigned.sign(key, hashes.SHA256())
    own = Party(folder / f"{name}.crt", folder / f"{name}.key", pin_of(signed))
    own.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    own.key.touch(0o600)
    own.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return own


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Party]:
    folder = tmp_path_factory.mktemp("parties")
    return {
        "machine": party(folder, "machine"),
        "bank": party(folder, "bank"),
        UNPINNED: party(folder, "unpinned"),
        EXPIRED: party(folder, "expired", (-9, -1)),
        NOT_YET: party(folder, "future", (1, 9)),
        FOR_SERVERS: party(folder, "servers", for_servers=True),
    }


def bank_side(shown: Party | None, version: ssl.TLSVersion, suites: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if suites:
        context.set_ciphers(suites)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def told(parties: dict[str, Party], context: ssl.SSLContext, minimum: str) -> tuple[str, str]:
    """What ends the bank's side, and when: the alert's name as OpenSSL has it; empty if nothing does."""
    own = parties["machine"]
    pins = {known.pin for name, known in parties.items() if name != UNPINNED}
    machine = Pinned(own.certificate, own.key, pins, minimum).serverConnectionForTLS(None)  # type: ignore[arg-type]
    machine.set_accept_state()
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    bank = context.wrap_bio(coming, going)
    stage = HANDSHAKE
    for _ in range(6):
        try:
            if stage is HANDSHAKE:
                bank.do_handshake()
                stage = FIRST_READ
            bank.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            return str(error.reason), stage
        carry(machine, going, coming)
    return "", stage


def carry(machine: SSL.Connection, going: ssl.MemoryBIO, coming: ssl.MemoryBIO) -> None:
    """Carry what the bank has written to the machine, and what that writes to the bank."""
    if data := going.read():
        machine.bio_write(data)
    with suppress(SSL.Error):  # it wants more, or has refused: what it says of that is in its bytes
        machine.do_handshake()
    with suppress(SSL.WantReadError):
        coming.write(machine.bio_read(65536))


def name_of(alert: str) -> str:
    """An alert's name out of OpenSSL's, such as SSLV3_ALERT_BAD_CERTIFICATE."""
    return alert.partition("_ALERT_")[2].lower()


@pytest.mark.parametrize("version", [V1_3, V1_2])
@pytest.mark.parametrize("shown", [UNPINNED, NO_CERTIFICATE, EXPIRED, NOT_YET, FOR_SERVERS])
def test_a_certificate_that_is_refused_gets_the_alert_that_the_interface_says(
    parties: dict[str, Party], shown: str, version: ssl.TLSVersion
) -> None:
    said = ALERTS[shown]
    expected = said.name if version is V1_3 else said.in_1_2 or said.name
    alert, _ = told(parties, bank_side(parties.get(shown), version), MINIMUM[version])
    assert name_of(alert) == expected.split(" ")[0]


@pytest.mark.parametrize(("version", "when"), [(V1_3, FIRST_READ), (V1_2, HANDSHAKE)])
def test_a_bank_learns_of_its_certificates_refusal_after_its_handshake_in_1_3_and_within_it_in_1_2(
    parties: dict[str, Party], version: ssl.TLSVersion, when: str
) -> None:
    assert told(parties, bank_side(parties[UNPINNED], version), MINIMUM[version])[1] == when


def test_an_older_version_than_the_entry_says_gets_its_alert(parties: dict[str, Party]) -> None:
    alert, when = told(parties, bank_side(parties["bank"], V1_2), "1.3")
    assert (name_of(alert), when) == (ALERTS[OLD].in_1_2.split(" ")[0], HANDSHAKE)


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"])
def test_a_suite_without_forward_secrecy_or_authenticated_encryption_gets_its_alert(
    parties: dict[str, Party], suite: str
) -> None:
    alert, _ = told(parties, bank_side(parties["bank"], V1_2, suite), "1.2")
    assert name_of(alert) == ALERTS[NO_SUITE].name.split(" ")[0]


@pytest.mark.parametrize("version", [V1_3, V1_2])
def test_a_pinned_certificate_gets_no_alert(parties: dict[str, Party], version: ssl.TLSVersion) -> None:
    assert told(parties, bank_side(parties["bank"], version), MINIMUM[version]) == ("", FIRST_READ)


def test_what_is_no_tls_gets_no_byte(parties: dict[str, Party]) -> None:
    own = parties["machine"]
    machine = Pinned(own.certificate, own.key, {parties["bank"].pin}).serverConnectionForTLS(None)  # type: ignore[arg-type]
    machine.set_accept_state()
    machine.bio_write(worked.framed(worked.sign_on(), worked.DEFAULT, sealed=False))
    with pytest.raises(SSL.Error, match="wrong version number"):
        machine.do_handshake()
    with pytest.raises(SSL.WantReadError):
        machine.bio_read(65536)
