"""What /metrics shows: every bank from the start, what is watched for at 0 before it happens; and no line in
the log.
"""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

from twisted.logger import LogEvent, globalLogPublisher

from tests.support.builders import BANK, message
from tests.support.machine import (
    OTHER_BANK,
    ROOMY,
    Client,
    Machine,
    load_front_book,
    wait_for,
    write_settings,
)


def series(machine: Machine) -> dict[str, float]:
    """Each series of the machine's own, by name and labels, with its value."""
    code, body = machine.get("/metrics")
    assert code == 200
    samples = re.findall(r"^(?:qianzhi_)([a-z_]+(?:\{[^}]*\})?) (\S+)$", body, re.MULTILINE)
    return {name: float(value) for name, value in samples}


def test_every_bank_has_its_series_before_it_comes(machine: Machine) -> None:
    figures = series(machine)
    for name in ("links", "mac_failures_total", "closed_links_total"):
        assert [figures[f'{name}{{bank="{bank}"}}'] for bank in (BANK, OTHER_BANK)] == [0, 0]


def test_what_is_watched_for_is_0_before_it_happens(machine: Machine, bank: Client) -> None:
    bank.ask(message())
    figures = series(machine)
    answers = {
        code: figures[f'answers_total{{bank="{BANK}",mti="0200",response="{code}"}}']
        for code in ("00", "91", "96")
    }
    assert answers == {"00": 1, "91": 0, "96": 0}
    errors = ("Conflict", "Fenced", "OutcomeUnknown", "Unavailable")
    assert [figures[f'failed_batches_total{{error="{error}"}}'] for error in errors] == [0, 0, 0, 0]
    assert (figures["in_doubt"], figures["ready"], figures["undelivered_total"]) == (0, 1, 0)


def test_bad_macs_and_the_link_that_they_end_are_counted(machine: Machine, bank: Client) -> None:
    assert series(machine)[f'links{{bank="{BANK}"}}'] == 1
    for _ in range(machine.settings.limits.bad_macs):
        bank.ask(message(), sealed=False)
    assert bank.is_closed()
    figures = series(machine)
    assert figures[f'mac_failures_total{{bank="{BANK}"}}'] == machine.settings.limits.bad_macs
    assert figures[f'closed_links_total{{bank="{BANK}"}}'] == 1


def test_a_refused_connection_is_counted(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", networks='["192.0.2.0/24"]')
    load_front_book(settings)
    machine = Machine(settings)
    with socket.create_connection(("127.0.0.1", machine.port())) as refused:
        assert refused.recv(1) == b""
    assert series(machine)["refused_connections_total"] == 1
    machine.stop()


def test_the_surroundings_are_those_of_the_settings_and_the_book(machine: Machine) -> None:
    figures = series(machine)
    assert figures["business_date"] == 20261124
    is_sqlite = machine.settings.node.database.startswith("sqlite")
    holds = "book, keystore" if is_sqlite else "keystore"
    assert figures[f'disk_free_bytes{{holds="{holds}"}}'] == ROOMY.free
    assert ("book_wal_bytes" in figures) == is_sqlite


def test_what_was_collected_is_the_books_in_the_metrics_and_in_the_figures(
    machine: Machine, bank: Client
) -> None:
    bank.ask(message())
    wait_for(machine.service._look_at_day)
    figures = series(machine)
    assert figures[f'collections_total{{bank="{BANK}"}}'] == 1
    collected = [figures[f'collected_fen_total{{bank="{code}"}}'] for code in (BANK, OTHER_BANK)]
    assert collected == [120_000, 0]
    status = json.loads(machine.get("/status")[1])
    assert status["totals_date"] == "20261124"
    assert [row["collected"] for row in status["totals"]] == [120_000, 0]
    assert status["held_messages"] == {BANK: 0, OTHER_BANK: 0}
    assert (status["held_dues"], status["held_since_us"]) == (0, 0)
    assert (status["locked_dues"], status["cutover_waits"], status["certificate"]) == (0, "", None)
    assert status["disks"][-1]["room"] == list(ROOMY)


def test_a_scrape_leaves_no_line_in_the_log(machine: Machine) -> None:
    heard: list[LogEvent] = []
    globalLogPublisher.addObserver(heard.append)
    try:
        machine.get("/metrics")
    finally:
        globalLogPublisher.removeObserver(heard.append)
    assert heard == []
