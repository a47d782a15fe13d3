"""TLS on a bank's link: whose certificate gets in, what an old version gets, what a reload does to links."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from twisted.internet.task import deferLater

from fep.links.tls import pin_of_file, validity_of_file
from fep.operator.control_client import ControlError, ask
from fep.process.logtext import struck
from fep.service import Service
from fep.settings.config import Settings, load_settings
from fep.setup.certificates import VALID, self_signed
from fep.status.alarms import alarms
from ledger.rules.beijing import BEIJING
from protocol.message import Message
from tests.support.builders import BANK, inquiry, message
from tests.support.clocks import still
from tests.support.machine import (
    OTHER_BANK,
    Client,
    Machine,
    load_front_book,
    reactor,
    wait_for,
    write_settings,
)

NAMES = ("machine", BANK, OTHER_BANK, "stranger")


class Party:
    """One certificate and its key, as files."""

    def __init__(self, folder: Path, name: str, leaf: trustme.LeafCert) -> None:
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        self.certificate.write_bytes(leaf.cert_chain_pems[0].bytes())
        self.key.touch(mode=0o600)
        self.key.write_bytes(leaf.private_key_pem.bytes())
        self.pin = pin_of_file(self.certificate)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def parties(tmp_path: Path, authority: trustme.CA) -> dict[str, Party]:
    """All four are vouched for by one authority: that must not count for anything."""
    return {name: Party(tmp_path, name, authority.issue_cert(f"{name}.test")) for name in NAMES}


def tls_settings(
    folder: Path,
    parties: dict[str, Party],
    *,
    pin: str = "",
    minimum: str = "1.3",
    limits: str = "",
    entry: str = "",
) -> Settings:
    """Both banks over TLS on one port each, each with its own pin; `pin` is the first bank's."""
    write_settings(folder, f"sqlite:///{folder / 'front.db'}", limits=limits, entry=entry)
    path = folder / "qianzhi.toml"
    first, second = parties[BANK], parties[OTHER_BANK]
    text = path.read_text()
    for wanted, line in ((pin or first.pin, f'tls_minimum = "{minimum}"'), (second.pin, "")):
        text = text.replace('transport = "plain"', f'pins = ["{wanted}"]\n{line}', 1)
    own = parties["machine"]
    tls = f'[tls]\ncertificate_file = "{own.certificate}"\nkey_file = "{own.key}"\n'
    path.write_text(text.replace("[limits]", f"{tls}[limits]"))
    return load_settings(path)


@pytest.fixture
def machine(tmp_path: Path, parties: dict[str, Party]) -> Iterator[Machine]:
    settings = tls_settings(tmp_path, parties)
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


def wrapped(
    port: int, party: Party | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLSocket:
    """A bank's end of TLS."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return trusting(party, version).wrap_socket(plain)


def trusting(party: Party | None, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A bank's TLS; the standard library's, so that neither side's mistakes hide the other's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if party is not None:
        context.load_cert_chain(party.certificate, party.key)
    return context


@contextmanager
def link(
    machine: Machine, party: Party | None, bank: str = BANK, **given: ssl.TLSVersion
) -> Iterator[Client]:
    entry = next(listed for listed in machine.settings.bank if listed.code == bank)
    port = machine.port(bank)
    client = Client.over(wrapped(port, party, **given), bank, entry.framing, entry.dialect, entry.mac)
    with client:
        yield client


def is_turned_away(machine: Machine, party: Party | None, bank: str = BANK, **given: ssl.TLSVersion) -> bool:
    """Whether the machine ends the connection without a byte of an answer."""
    try:
        with link(machine, party, bank, **given) as client:
            client.send(Message("0800", {7: "1124101112", 11: "000001", 32: bank, 70: "001"}), sealed=False)
            return client.socket.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_the_bank_whose_key_is_pinned_gets_in_and_trades(machine: Machine, parties: dict[str, Party]) -> None:
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        assert bank.socket.version() == "TLSv1.3"  # type: ignore[attr-defined]
        assert bank.ask(message()).fields[39] == "00"


@pytest.mark.parametrize("name", [OTHER_BANK, "stranger", "machine", None])
def test_any_other_certificate_is_turned_away(
    machine: Machine, parties: dict[str, Party], name: str | None
) -> None:
    assert is_turned_away(machine, parties[name] if name else None)
    machine.stop()  # it has seen the end of every link then
    assert machine.service.statistics.closed_links[BANK, "the TLS handshake failed"] == 1
    assert machine.service.statistics.outcomes == {}


def refusals(machine: Machine) -> list[tuple[str, str, str]]:
    """Why connections of the bank were refused, from which address, and the certificate that they showed,
    once the machine has seen the end of every link.
    """
    deadline = time.monotonic() + 20
    while machine.service.server.connections and time.monotonic() < deadline:
        wait_for(lambda: None)
    kept = machine.service.server.refusals.of(BANK)
    assert all(refusal.peer_port > 1024 for refusal in kept)
    return [(refusal.reason, refusal.peer, refusal.certificate) for refusal in kept]


def test_a_refused_certificate_leaves_its_pin_subject_and_end_in_the_log_and_for_the_operator(
    machine: Machine, parties: dict[str, Party], logged: list[str]
) -> None:
    stranger = parties["stranger"]
    certificate = x509.load_pem_x509_certificate(stranger.certificate.read_bytes())
    assert is_turned_away(machine, stranger)
    why = "the TLS handshake failed: the key of its certificate is not pinned"
    shown = f"pin {stranger.pin}, subject {certificate.subject.rfc4514_string()}"
    shown += f", until {certificate.not_valid_after_utc:%Y-%m-%d}"
    assert refusals(machine) == [(why, "127.0.0.1", shown)]
    [line] = [line for line in logged if why in line]
    assert line.startswith(f"bank {BANK} from 127.0.0.1:")
    assert line.endswith(f"; it showed {shown}")
    assert struck(line) == line
    told = ask(Path(machine.settings.node.control), "standing", bank=BANK, source="127.0.0.1", port=0)
    [[reason, host, _, certificate_shown, times, _]] = told["refusals"]
    assert (reason, host, certificate_shown, times) == (why, "127.0.0.1", shown, 1)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "the TLS handshake failed: peer did not return a certificate"),
        ("plain", "the TLS handshake failed: plain TCP came, and the entry of the bank says TLS"),
        ("1.2", "the TLS handshake failed: unsupported protocol"),
        ("half", "it ended the connection in the middle of the TLS handshake"),
    ],
)
def test_each_other_failure_of_a_handshake_is_told_as_what_it_is(
    machine: Machine, parties: dict[str, Party], name: str, why: str
) -> None:
    if name == "plain":
        with machine.client() as bank:
            bank.send(Message("0800", {7: "1124101112", 11: "000001", 32: BANK, 70: "001"}), sealed=False)
            assert bank.socket.recv(1) in (b"", b"\x15")
    elif name == "half":
        with machine.client() as bank:
            bank.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
            wait_for(deferLater, reactor, 0.1)
    elif name == "1.2":
        assert is_turned_away(machine, parties[BANK], version=ssl.TLSVersion.TLSv1_2)
    else:
        assert is_turned_away(machine, None)
    assert refusals(machine) == [(why, "127.0.0.1", "")]


def test_connections_that_say_nothing_keep_no_bank_out_and_end_in_time(
    tmp_path: Path, parties: dict[str, Party]
) -> None:
    """Some say nothing, some begin a handshake, some finish it and do not sign on."""
    limits = "handshake_seconds = 1\nsign_on_seconds = 2"
    settings = tls_settings(tmp_path, parties, limits=limits, entry="links = 1\nunsigned_links = 3")
    load_front_book(settings)
    machine = Machine(settings)
    with ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(machine.client())
            half = opened.enter_context(machine.client())
            half.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
            done = opened.enter_context(link(machine, parties[BANK]))
        with link(machine, parties[BANK]) as bank:
            assert bank.sign_on().fields[39] == "00"
            assert bank.ask(message()).fields[39] == "00"
            assert half.is_closed()
            assert done.is_closed()
            assert bank.ask(inquiry()).fields[39] == "00"
    machine.stop()
    closed = {reason for bank, reason in machine.service.statistics.closed_links}
    assert {"no TLS handshake in time", "no sign-on in time"} <= closed


def test_a_certificate_that_has_expired_is_turned_away(
    tmp_path: Path, parties: dict[str, Party], authority: trustme.CA
) -> None:
    stale = authority.issue_cert("stale.test", not_after=datetime.now(UTC) - timedelta(days=1))
    party = Party(tmp_path, "stale", stale)
    settings = tls_settings(tmp_path, parties, pin=party.pin)
    load_front_book(settings)
    machine = Machine(settings)
    assert is_turned_away(machine, party)
    [(why, _, shown)] = refusals(machine)
    assert why == "the TLS handshake failed: its certificate has expired"
    assert shown.startswith(f"pin {party.pin}, ")
    machine.stop()


def test_tls_1_2_is_for_a_bank_whose_entry_says_so(tmp_path: Path, parties: dict[str, Party]) -> None:
    settings = tls_settings(tmp_path, parties, minimum="1.2")
    load_front_book(settings)
    machine = Machine(settings)
    old = ssl.TLSVersion.TLSv1_2
    with link(machine, parties[BANK], version=old) as bank:
        assert bank.sign_on().fields[39] == "00"
    assert is_turned_away(machine, parties[OTHER_BANK], OTHER_BANK, version=old)
    with link(machine, parties[OTHER_BANK], OTHER_BANK) as other:
        assert other.sign_on().fields[39] == "00"
    machine.stop()


def test_a_bank_that_does_not_speak_tls_is_turned_away(machine: Machine) -> None:
    with machine.client() as bank:
        bank.send(Message("0800", {7: "1124101112", 11: "000001", 32: BANK, 70: "001"}), sealed=False)
        assert bank.socket.recv(1) in (b"", b"\x15")  # nothing, or a TLS alert


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_never_resumed(
    tmp_path: Path, parties: dict[str, Party], version: ssl.TLSVersion
) -> None:
    """A resumed session would not show its certificate again, whose pin may be gone by then."""
    settings = tls_settings(tmp_path, parties, minimum="1.2")
    load_front_book(settings)
    machine = Machine(settings)
    context = trusting(parties[BANK], version)
    offered: ssl.SSLSession | None = None
    for _ in range(2):
        plain = socket.create_connection(("127.0.0.1", machine.port()), timeout=20)
        connected = context.wrap_socket(plain, session=offered)
        entry = machine.settings.bank[0]
        with Client.over(connected, BANK, entry.framing, entry.dialect, entry.mac) as bank:
            bank.sign_on()
            assert connected.session_reused is False
            offered = connected.session
    assert offered is not None
    machine.stop()


def test_a_reload_changes_who_may_come_and_leaves_good_links_alone(
    machine: Machine, parties: dict[str, Party], tmp_path: Path
) -> None:
    with link(machine, parties[BANK]) as bank, link(machine, parties[OTHER_BANK], OTHER_BANK) as other:
        bank.sign_on()
        other.sign_on()
        text = (tmp_path / "qianzhi.toml").read_text()
        (tmp_path / "qianzhi.toml").write_text(text.replace(parties[BANK].pin, parties["stranger"].pin))
        assert ask(Path(machine.settings.node.control), "reload") == {
            "banks": 2,
            "changed": [
                f"bank {BANK} changed: pins",
                f"links of bank {BANK} ended: 1, its certificate is no longer pinned",
            ],
            "warnings": [],
        }
        assert bank.is_closed()
        assert other.ask(message(de32=OTHER_BANK)).fields[39] == "00"
        assert is_turned_away(machine, parties[BANK])
        with link(machine, parties["stranger"]) as renewed:
            assert renewed.sign_on().fields[39] == "00"


def test_a_reload_of_settings_that_are_no_good_changes_nothing(
    machine: Machine, parties: dict[str, Party], tmp_path: Path
) -> None:
    path = tmp_path / "qianzhi.toml"
    good = path.read_text()
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        for bad, why in (
            (good.replace(parties[BANK].pin, "00"), r"bank\[0\].pins"),
            (good.replace('name = "fep1"', 'name = "fep2"'), "node: takes a restart"),
            (good.replace("networks", "netwroks", 1), "did you mean 'networks'"),
        ):
            path.write_text(bad)
            with pytest.raises(ControlError, match=why):
                ask(Path(machine.settings.node.control), "reload")
        assert bank.ask(message()).fields[39] == "00"


def test_what_a_bank_sends_faster_than_it_may_is_answered_later_and_in_order(
    tmp_path: Path, parties: dict[str, Party]
) -> None:
    """Not reading on stops the socket beneath TLS too, and going on reads what TLS had in hand."""
    settings = tls_settings(tmp_path, parties, entry="messages_a_second = 200")
    load_front_book(settings)
    machine = Machine(settings)
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        sent = [inquiry() for _ in range(60)]
        for frame in sent:
            bank.send(frame)
        assert [bank.receive().fields[11] for _ in sent] == [message.fields[11] for message in sent]
    machine.stop()


def test_a_bank_that_says_nothing_more_does_not_hold_its_link_open(
    tmp_path: Path, parties: dict[str, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never answers our close_notify: the link ends all the same, and a stop waits for nobody."""
    short: list[str] = []
    monkeypatch.setattr(Service, "_log_timeout", lambda _self, _failure, step: short.append(step))
    settings = tls_settings(tmp_path, parties, limits="stop_seconds = 1")
    load_front_book(settings)
    machine = Machine(settings)
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        assert bank.ask(message()).fields[39] == "00"
        machine.stop()
        assert (short, machine.service.server.connections) == ([], set())
        assert bank.is_closed()


def test_an_address_taken_off_the_allowlist_loses_its_links(
    machine: Machine, parties: dict[str, Party], tmp_path: Path
) -> None:
    path = tmp_path / "qianzhi.toml"
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        path.write_text(path.read_text().replace('["127.0.0.0/8"]', '["192.0.2.0/24"]', 1))
        wait_for(machine.service.reload)
        assert bank.is_closed()


def expired_by(days: int, party: Party) -> None:
    """Put a certificate of the party's own, made anew on another key, that ended so many days ago."""
    made = self_signed("expired", datetime.now(UTC) - VALID - timedelta(days=days, hours=1))
    party.certificate.write_bytes(made.certificate)
    party.key.write_bytes(made.key)
    party.pin = made.pin


def test_a_reload_says_that_our_certificate_has_expired_and_so_does_the_page(
    tmp_path: Path, parties: dict[str, Party]
) -> None:
    settings = tls_settings(tmp_path, parties)
    load_front_book(settings)
    machine = Machine(settings, still(datetime.now(BEIJING)))
    try:
        assert ask(Path(settings.node.control), "reload")["warnings"] == []
        expired_by(303, parties["machine"])
        (text,) = ask(Path(settings.node.control), "reload")["warnings"]
        assert f"certificate_file {parties['machine'].certificate} expired 303 days ago" in text
        found = [alarm.name for alarm in alarms(wait_for(machine.service.feed._snapshot))]
        assert found[0] == "certificate_expired"
        parties["machine"].key.unlink()
        with pytest.raises(
            ControlError, match=r"\[tls\] key_file .*machine.key: cannot be read: No such file"
        ):
            ask(Path(settings.node.control), "reload")
    finally:
        machine.stop()


def test_a_banks_certificate_is_known_by_its_end_once_it_was_shown_valid_or_not(
    tmp_path: Path, parties: dict[str, Party]
) -> None:
    expired_by(3, parties[OTHER_BANK])
    settings = tls_settings(tmp_path, parties)
    load_front_book(settings)
    machine = Machine(settings, still(datetime.now(BEIJING)))
    try:
        assert machine.service.host.bank_ends() == {}
        with link(machine, parties[BANK]) as bank:
            bank.sign_on()
        assert is_turned_away(machine, parties[OTHER_BANK], OTHER_BANK)
        assert is_turned_away(machine, parties["stranger"], BANK)
        files = {BANK: parties[BANK].certificate, OTHER_BANK: parties[OTHER_BANK].certificate}
        assert machine.service.host.bank_ends() == {
            code: validity_of_file(file) for code, file in files.items()
        }
        assert ask(Path(settings.node.control), "reload")["warnings"] == []
        found = [alarm for alarm in alarms(wait_for(machine.service.feed._snapshot)) if alarm.bank]
        assert ("bank_certificate_expired", OTHER_BANK, 3) in [
            (alarm.name, alarm.bank, alarm.figure) for alarm in found
        ]
    finally:
        machine.stop()
