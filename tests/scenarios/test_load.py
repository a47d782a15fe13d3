"""The load at a real machine: what it counts as done is what the journal has."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from protocol.framing import Framing
from protocol.mac import MacMethod
from simulators.load.driver import Driver, Plan, Report
from simulators.load.mix import LoadBank, Mix
from simulators.profile import BankProfile
from tests.support.builders import BANK, book
from tests.support.machine import ZMK, Books, Machine, reactor, wait_for


def test_what_the_load_counts_is_what_the_journal_has(machine: Machine, books: Books) -> None:
    profile = BankProfile(BANK, "127.0.0.1", machine.port(), Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK)

    async def run() -> tuple[Report, Counter[tuple[str, str]], int]:
        bank = LoadBank(profile, reactor, lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC), 20, 1)
        await bank.connect(2)
        mix = Mix({"inquiry": 1, "collect": 2, "pay": 1}, [bank], book(), seed=1)
        report = await Driver(reactor, Plan(3, 500, requests=40), mix.begin).run()
        await bank.sign_off()
        return report, bank.outcomes, mix.instead

    report, outcomes, _ = wait_for(run)
    counts = {act: latency.total for act, latency in report.latencies.items()}
    assert counts == {"inquiry": 38, "collect": 1, "pay": 1}, "the book has one due of each kind"
    assert outcomes == Counter({("0100", "00"): 38, ("0200", "00"): 2})
    assert sorted(books.responses()) == [("collection", "00"), ("payout", "00")]
    assert (report.failures, report.unended) == (Counter(), 0)
