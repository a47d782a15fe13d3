"""What changed lately, as a real machine notes it, and when a bank was last heard."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from console.serve import connection_lines
from fep.operator.control_client import ask
from fep.settings.config import Settings
from fep.status.webpage import POLICY
from ledger.files import bookfile
from ledger.files.bookfile import PolicyDues
from protocol.message import Message
from tests.support.builders import BANK, policy, premium
from tests.support.machine import SOCKET_SECONDS, Client, Machine, load_front_book, wait_for, write_settings


def noted(machine: Machine) -> list[tuple[str, ...]]:
    return [(event.kind, event.bank, event.detail) for event in machine.service.event_log.since()]


def until_gone(machine: Machine) -> None:
    """Wait until the machine has no link left: each turn of the loop is one of its reactor's."""
    while wait_for(lambda: len(machine.service.server.connections)):
        pass


def test_links_days_loads_and_reloads_are_noted_in_order(
    machine: Machine, bank: Client, tmp_path: Path
) -> None:
    assert noted(machine) == [("started", "", ""), ("signed_on", BANK, "")]
    assert machine.cut_over(early=True) == "20261125"
    assert bank.receive().fields[70] == "201"
    path = tmp_path / "next.csv"
    entries = [PolicyDues(policy("Q1"), (premium("N1", "Q1"),))]
    path.write_bytes(b"".join(bookfile.write("20261125", entries)))
    ask(Path(machine.settings.node.control), "load", path=str(path))
    ask(Path(machine.settings.node.control), "reload")
    signing_off = Message("0800", {7: "1124101112", 11: "000009", 32: BANK, 70: "002"})
    assert bank.ask(signing_off).fields[39] == "00"
    bank.socket.close()
    until_gone(machine)
    assert noted(machine)[2:] == [
        ("day", "", "20261125"),
        ("load", "", "20261125"),
        ("reload", "", ""),
        ("signed_off", BANK, ""),  # and that it left then is no link down
    ]


def test_a_link_that_the_machine_ends_is_noted_once_with_the_reason(machine: Machine) -> None:
    with machine.client() as client:
        client.socket.sendall(b"\xff\xff")
        assert client.is_closed()
    until_gone(machine)
    [(kind, bank, reason)] = noted(machine)[1:]
    assert (kind, bank) == ("link_down", BANK)
    assert reason in {reason for _, reason in machine.service.statistics.closed_links}


def test_a_connection_that_never_signed_on_and_goes_is_no_event(machine: Machine) -> None:
    with machine.client():
        pass
    until_gone(machine)
    assert noted(machine) == [("started", "", "")]


def test_a_refused_address_is_noted_without_the_address(tmp_path: Path) -> None:
    settings: Settings = write_settings(
        tmp_path, f"sqlite:///{tmp_path / 'front.db'}", networks='["192.0.2.0/24"]'
    )
    load_front_book(settings)
    machine = Machine(settings)
    with machine.client() as client:
        assert client.is_closed()
    assert noted(machine)[1:] == [("refused", "", "the address is not on the allowlist")]
    machine.stop()


def test_a_banks_last_contact_outlives_its_links(machine: Machine) -> None:
    with machine.signed_on():
        [connection] = machine.service.server.connections
        heard_at = connection.link.last_seen().heard_at
    until_gone(machine)
    last_seen = machine.service.server.last_seen[BANK]
    assert last_seen.heard_at == heard_at
    assert last_seen.echoed_at is None


def test_the_port_gives_every_answer_under_the_pages_policy(machine: Machine) -> None:
    for path in ("/", "/status", "/metrics", "/healthz", "/readyz"):
        url = f"http://127.0.0.1:{machine.service.status_port}{path}"
        with urllib.request.urlopen(url, timeout=SOCKET_SECONDS) as answer:
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["cache-control"] == ("no-cache" if path == "/" else "no-store")


def test_the_pages_address_is_printed_and_the_figures_stay_the_last_line(
    machine: Machine,
) -> None:
    """The last line is what programs read: bench/ takes its second word for the figures' address."""
    lines = list(connection_lines(machine.service, Path("qianzhi.toml"), quiet=True))
    port = f"http://127.0.0.1:{machine.service.status_port}"
    assert lines[-2:] == [
        f"page {port}/  for a browser",
        f"status {port}/status",
    ]


def test_the_queues_bound_that_is_shown_is_the_one_of_the_moment(machine: Machine) -> None:
    def shown() -> int:
        machine.service.engine._queue.limit = 7
        return machine.service.feed._snapshot().queue.limit

    assert wait_for(shown) == 7
