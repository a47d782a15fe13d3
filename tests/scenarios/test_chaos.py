"""Simulated banks through the chaos against a real machine: afterwards bank and journal agree to the fen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from protocol.framing import Framing
from protocol.mac import MacMethod
from simulators.bank import Bank, together
from simulators.beliefs import State
from simulators.chaos.conversation import Did
from simulators.chaos.proxy import Proxy
from simulators.chaos.rules import Injection, Rules, read_rules
from simulators.days.comparison import differences, read_journal
from simulators.profile import BankProfile
from tests.support.builders import BANK, BENEFICIARY, benefit, book, premium
from tests.support.machine import ZMK, Machine, load_front_book, reactor, wait_for, write_settings

DUES = [
    *(premium(f"D{number}", f"P{number}", 100_000 + number) for number in range(1, 31)),
    *(benefit(f"B{number}", f"Q{number}", 200_000 + number) for number in range(1, 11)),
]
COUNTERS = 4
ANSWER_SECONDS = 0.4


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    load_front_book(settings, book(dues=DUES))
    machine = Machine(settings)
    yield machine
    machine.stop()


def a_day_through(machine: Machine, rules: Rules) -> tuple[Bank, list[Did], str]:
    """A bank works all its dues through the rules; then its totals go straight to the machine: DE 66."""
    results: list[Did] = []

    def profile(port: int) -> BankProfile:
        return BankProfile(BANK, "127.0.0.1", port, Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK)

    def now() -> datetime:
        return datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)

    async def counter(bank: Bank, place: int) -> None:
        for due in DUES[place::COUNTERS]:
            settled = await bank.settle(
                due.code, due.policy, due.amount, due=due.due, identity=due.beneficiary and BENEFICIARY
            )
            if settled.state is State.DONE and due.due.endswith("5"):
                await bank.cancel(settled)

    async def day() -> tuple[Bank, str]:
        proxy = Proxy(reactor, rules, ("127.0.0.1", machine.port()), results.append)
        bank = Bank(profile(proxy.listen("127.0.0.1", 0)), reactor, now, ANSWER_SECONDS, retry_seconds=0.02)
        await together(Deferred.fromCoroutine(counter(bank, place)) for place in range(COUNTERS))
        await proxy.stop()
        direct = Bank(profile(machine.port()), reactor, now, first_stan=900_000)
        direct.record = bank.record
        balance = await direct.reconcile("1124")
        await direct.sign_off()
        return bank, balance.fields[66]

    bank, balance = wait_for(day)
    return bank, results, balance


EVERY_FAULT = (
    "do=swallow way=answer mti=0210 one_in=6",
    "do=swallow_and_cut way=answer mti=0210 one_in=6",
    "do=swallow way=answer mti=0410 one_in=5",
    "do=cut way=request mti=0200 one_in=8",
    "do=cut way=answer mti=0210 one_in=8",
    "do=cut way=answer byte=700 connection=2",
    "do=delay way=answer one_in=4 milliseconds=30",
    "do=split one_in=3 piece=11 milliseconds=1",
    "do=throttle way=request connection=1 frame=1 bytes_a_second=20000",
    "do=corrupt way=request mti=0200 one_in=10 offset=60 mask=1",
    "do=corrupt way=answer mti=0210 one_in=10 offset=60 mask=1",
    "do=duplicate way=request mti=0200 one_in=3",
    "do=duplicate way=answer mti=0210 one_in=3",
    "do=drop way=answer connection=3 frame=2",
    "do=refuse connection=5 milliseconds=60",
)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_done_to_the_links_bank_and_journal_agree_to_the_fen(
    machine: Machine, tmp_path: Path, seed: int
) -> None:
    bank, deeds, balance = a_day_through(machine, read_rules(None, EVERY_FAULT, seed=seed))
    assert bank.record.undecided() == ()
    assert differences(bank.record, read_journal(tmp_path / "front.db", BANK)) == []
    assert balance == "1"
    assert {did.did for did in deeds} == {str(fault) for fault in Injection}, "every fault was done"
    states = Counter(belief.state for belief in bank.record.beliefs.values())
    assert {State.DONE, State.REVERSED, State.NEVER_WAS} <= set(states), "some got through, some did not"


def test_where_every_answer_is_swallowed_nothing_stands(machine: Machine, tmp_path: Path) -> None:
    """Of what was on its way when a link was cut some never came, and some was reversed."""
    rules = read_rules(None, ("do=swallow_and_cut way=answer mti=0210",))
    bank, deeds, balance = a_day_through(machine, rules)
    assert {belief.state for belief in bank.record.beliefs.values()} - {State.NEVER_WAS} == {State.REVERSED}
    assert differences(bank.record, read_journal(tmp_path / "front.db", BANK)) == []
    assert ({(did.did, did.mti) for did in deeds}, balance) == ({("swallow_and_cut", "0210")}, "1")


def test_a_half_open_link_is_given_up_and_another_one_opened(machine: Machine, tmp_path: Path) -> None:
    """All links but the last are half open after their sign-on: a bank that went on asking never ended."""
    rules = read_rules(None, tuple(f"do=drop way=answer frame=2 connection={n}" for n in range(1, 5)))
    bank, deeds, balance = a_day_through(machine, rules)
    assert differences(bank.record, read_journal(tmp_path / "front.db", BANK)) == []
    assert (sorted(did.connection for did in deeds), balance) == ([1, 2, 3, 4], "1")
