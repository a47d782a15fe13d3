"""The metrics' labels: a bank makes no series, whatever it sends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fep.links.connection import TOO_MANY_EMPTY
from fep.links.request_parser import MANDATORY, TRANSACTIONS
from fep.status.metrics import StatisticsCollector
from fep.status.source import Source
from fep.telemetry.statistics import OTHER, REASONS_MAX
from protocol.errors import FrameFault
from protocol.framing import Framing, wrap
from protocol.message import REQUEST_MTIS, Message, is_answer
from tests.fep.links.test_server import CODEC, House, ons
from tests.support.builders import BANK, DATE
from tests.support.machine import write_settings


def series(house: House) -> list[tuple[str, tuple[str, ...]]]:
    """Each series of a scrape: its name and its labels' values."""
    clock: Any = SimpleNamespace(fault=lambda: "", jumps=0)
    source: Any = SimpleNamespace(
        server=house.server,
        statistics=house.statistics,
        engine=house.engine,
        clock=clock,
        unready=lambda: "",
        log_dropped=lambda: 0,
        lights=lambda: {},
        key_desk=SimpleNamespace(without_zmk={BANK}),
    )
    families = StatisticsCollector(cast("Source", source)).collect()
    return [(sample.name, tuple(sample.labels.values())) for family in families for sample in family.samples]


@pytest.mark.slow
def test_ten_thousand_mtis_make_no_more_series_than_the_interface_has(tmp_path: Path) -> None:
    entry = "messages_a_second = 1000000\nrefusals_a_minute = 1000000"
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry=entry))
    house.engine.business_date = DATE
    link, socket = house.connect()
    link.dataReceived(ons(1))
    for number in range(10_000):
        body = CODEC.encode(Message(f"{number:04d}", {7: "1124101112", 11: "000002", 32: BANK}))
        link.dataReceived(wrap(Framing.BE2, body))
        if socket.disconnecting:
            link.connectionLost()
            link, socket = house.connect()
            link.dataReceived(ons(1))
        house.clock.advance(0.01)
    assert {mti for _, mti, _ in house.statistics.outcomes} <= REQUEST_MTIS | {OTHER}
    assert not any(is_answer(mti) for mti in REQUEST_MTIS)
    answers = [labels for name, labels in series(house) if name == "qianzhi_answers_total"]
    assert len(answers) <= (len(REQUEST_MTIS) + 1) * 4


def test_the_reasons_for_closing_a_link_are_a_fixed_set_whatever_lengths_come(tmp_path: Path) -> None:
    settings = write_settings(
        tmp_path, "sqlite:///none.db", entry="new_links_a_minute = 60000", limits="frame_bytes = 256"
    )
    house = House(settings)
    before = len(series(house))
    for length in (*range(257, 0x10000, 13), 0):
        link, _ = house.connect()
        link.dataReceived(length.to_bytes(2) * 100)
        link.connectionLost()
        house.clock.advance(0.1)
    assert set(house.statistics.closed_links) == {(BANK, FrameFault.TOO_LONG), (BANK, TOO_MANY_EMPTY)}
    assert len(series(house)) == before
    details = {event.detail for event in house.event_log.since()}
    assert details == {FrameFault.TOO_LONG, TOO_MANY_EMPTY}


def test_reasons_beyond_those_that_there_can_be_are_one(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db"))
    for number in range(2 * REASONS_MAX):
        house.statistics.link_closed(BANK, f"reason {number}")
    reasons = {reason for _, reason in house.statistics.closed_links}
    assert (len(reasons), OTHER in reasons) == (REASONS_MAX + 1, True)


def test_what_is_told_apart_is_what_the_interface_has() -> None:
    assert {mti[:3] + "0" for mti in REQUEST_MTIS} == set(MANDATORY)
    assert TRANSACTIONS < REQUEST_MTIS
