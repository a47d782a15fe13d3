"""A reload ends nothing good, whatever stage a link is in; what is not good any more it ends when it can."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from fep.settings.config import load_settings
from protocol.framing import wrap
from protocol.message import Message
from tests.scenarios.test_tls import NAMES, Party, link, tls_settings, trusting
from tests.support.builders import BANK, inquiry, message
from tests.support.machine import OTHER_BANK, Client, Machine, load_front_book, wait_for, write_settings


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Party]:
    folder, authority = tmp_path_factory.mktemp("parties"), trustme.CA()
    return {name: Party(folder, name, authority.issue_cert(f"{name}.test")) for name in NAMES}


@pytest.fixture
def machine(tmp_path: Path, parties: dict[str, Party]) -> Iterator[Machine]:
    settings = tls_settings(tmp_path, parties)
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


def reload(machine: Machine, old: str = 'name = "The other bank"', new: str = 'name = "Renamed"') -> str:
    """Have the machine take a change of its settings; what it says that it took."""
    path = machine.settings.keystore.path.with_name("qianzhi.toml")
    path.write_text(path.read_text().replace(old, new) if old else path.read_text())
    return str(wait_for(machine.service._take_new_settings))


def test_a_reload_names_the_bank_whose_dialect_file_says_something_else(tmp_path: Path) -> None:
    file = tmp_path / "dialects" / "anybank.toml"
    file.parent.mkdir()
    file.write_text('base = "ascii87"\n')
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    path = tmp_path / "qianzhi.toml"
    own = path.read_text().replace('dialect = "ascii87"', 'dialect = "anybank"', 1)
    path.write_text(own.replace("[node]", f'[node]\ndialects = "{file.parent}"', 1))
    settings = load_settings(path)
    load_front_book(settings)
    machine = Machine(settings)
    try:
        file.write_text('base = "ascii87"\n[elements]\n60 = { format = "ans...100" }\n')
        assert reload(machine, "") == f"bank {BANK}: its dialect anybank has changed"
        assert reload(machine, "") == "nothing has changed"
    finally:
        machine.stop()


def network(code: str, stan: str = "000001") -> Message:
    return Message("0800", {7: "1124101112", 11: stan, 32: BANK, 70: code})


class Handshake:
    """A bank's TLS handshake over a bare socket, a flight at a time."""

    def __init__(self, machine: Machine, party: Party) -> None:
        self.socket = socket.create_connection(("127.0.0.1", machine.port()), timeout=20)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusting(party, ssl.TLSVersion.TLSv1_3).wrap_bio(self._in, self._out)
        self._step(self._tls.do_handshake)
        self.hello = self._out.read()

    @staticmethod
    def _step(act: Callable[[], object]) -> bool:
        try:
            act()
        except ssl.SSLWantReadError:
            return False
        return True

    def finish(self) -> None:
        """Go through the rest of the handshake."""
        while not self._step(self._tls.do_handshake):
            self._in.write(self.socket.recv(65536))
        self.socket.sendall(self._out.read())

    def answer(self, client: Client, asked: Message) -> Message | None:
        """The answer to a message, or None where the machine ends the link."""
        self._tls.write(wrap(client.framing, client.codec.encode(asked)))
        self.socket.sendall(self._out.read())
        while True:
            try:
                data = self._tls.read(65536)
                return client.codec.decode(data[2:]) if data else None
            except ssl.SSLWantReadError:
                data = self.socket.recv(65536)
                if not data:
                    return None
                self._in.write(data)
            except ssl.SSLError:
                return None


@pytest.mark.parametrize("sent", [0, 1, 100, 10_000], ids=lambda sent: f"after {sent} bytes of the hello")
def test_in_the_handshake(machine: Machine, parties: dict[str, Party], sent: int) -> None:
    with machine.client() as client:
        handshake = Handshake(machine, parties[BANK])
        handshake.socket.sendall(handshake.hello[:sent])
        wait_for(lambda: None)
        reload(machine)
        handshake.socket.sendall(handshake.hello[sent:])
        handshake.finish()
        answer = handshake.answer(client, network("001"))
        handshake.socket.close()
    assert answer is not None
    assert answer.fields[39] == "00"


def test_in_the_handshake_of_a_key_that_is_not_pinned_any_more(
    machine: Machine, parties: dict[str, Party]
) -> None:
    with machine.client() as client:
        handshake = Handshake(machine, parties[BANK])
        handshake.socket.sendall(handshake.hello)
        wait_for(lambda: None)
        reload(machine, parties[BANK].pin, parties["stranger"].pin)
        handshake.finish()
        assert handshake.answer(client, network("001")) is None
        handshake.socket.close()
    assert machine.service.statistics.outcomes == {}


def test_connected_and_not_signed_on(machine: Machine, parties: dict[str, Party]) -> None:
    with link(machine, parties[BANK]) as bank:
        reload(machine)
        assert bank.sign_on().fields[39] == "00"


@pytest.mark.parametrize("code", ["001", "101"], ids=["signing on", "changing keys"])
def test_in_the_middle_of_network_management(machine: Machine, parties: dict[str, Party], code: str) -> None:
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        old = bank.key
        assert old is not None
        body = bank.codec.encode(network(code)) if code == "001" else bank.codec.seal(network(code), old.mac)
        frame = wrap(bank.framing, body)
        bank.socket.sendall(frame[:20])
        reload(machine)
        bank.socket.sendall(frame[20:])
        bank.take_key(bank.receive())
        bank.send_body(bank.codec.seal(inquiry(), old.mac))
        assert bank.receive().fields[39] == "00", "the key before is good for what is on its way"
        reload(machine, "Renamed", "Renamed again")
        assert bank.ask(inquiry()).fields[39] == "00"


def test_with_a_request_in_the_queue(machine: Machine, parties: dict[str, Party]) -> None:
    gate = threading.Event()
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        waiting = []
        wait_for(lambda: waiting.append(machine.service.engine.between_batches(gate.wait)))
        bank.send(message())
        while not wait_for(lambda: machine.service.engine.queued):
            pass
        assert reload(machine) == f"bank {OTHER_BANK} changed: name"
        gate.set()
        assert bank.receive().fields[39] == "00"


def test_with_an_answer_that_is_half_written(machine: Machine, parties: dict[str, Party]) -> None:
    with link(machine, parties[BANK]) as bank:
        bank.sign_on()
        [connection] = machine.service.server.connections
        asked = [inquiry() for _ in range(20)]
        wait_for(connection.pauseProducing)  # as where the socket is full
        for one in asked:
            bank.send(one)
        reload(machine)
        wait_for(connection.resumeProducing)
        assert [bank.receive().fields[11] for _ in asked] == [one.fields[11] for one in asked]


def test_signed_off_and_leaving(machine: Machine, parties: dict[str, Party]) -> None:
    with link(machine, parties[BANK]) as stays, link(machine, parties[BANK]) as leaves:
        stays.sign_on()
        leaves.sign_on()
        assert leaves.ask(network("002")).fields[39] == "00"
        leaves.socket.close()
        assert reload(machine) == f"bank {OTHER_BANK} changed: name"
        assert stays.ask(inquiry()).fields[39] == "00"


def test_what_it_took_is_told_and_what_it_ended(machine: Machine, parties: dict[str, Party]) -> None:
    with link(machine, parties[BANK]) as bank, link(machine, parties[OTHER_BANK], OTHER_BANK) as other:
        bank.sign_on()
        other.sign_on()
        taken = reload(machine, 'name = "The other bank"', 'name = "The other bank"\nenabled = false')
        why = "the bank was disabled in the settings"
        assert taken == f"bank {OTHER_BANK} disabled; links of bank {OTHER_BANK} ended: 1, {why}"
        assert other.is_closed()
        own = parties["machine"].certificate
        own.write_bytes(own.read_bytes() + b"\n")
        assert reload(machine, "", "") == "new certificate of the machine, until 3000-01-01"
        assert reload(machine, "", "") == "nothing has changed"
        assert bank.ask(inquiry()).fields[39] == "00"
