"""The bank simulator against a real machine: lost answers and broken links end with both sides agreeing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

from fep.server import BankConnection
from protocol.framing import Framing
from protocol.mac import MacAlgorithm
from simulators.bank import Bank, BankProfile
from simulators.beliefs import State
from tests.builders import BANK
from tests.machine import ZMK, Books, Machine, reactor

ANSWER_SECONDS = 1.5


def at_work(machine: Machine, work: Callable[[Bank], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401 - the work's own
    """Run a simulated bank's work in the reactor's thread: its result."""
    profile = BankProfile(
        BANK, "127.0.0.1", machine.port(), Framing.BE2, "ascii87", MacAlgorithm.AES_CMAC, ZMK
    )

    async def session() -> object:
        bank = Bank(profile, reactor, lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC), ANSWER_SECONDS)
        await bank.connect()
        result = await work(bank)
        await bank.sign_off()
        return result

    return blockingCallFromThread(reactor, lambda: Deferred.fromCoroutine(session()))


def lose_first(monkeypatch: pytest.MonkeyPatch, mtis: tuple[bytes, ...], *, cut: bool) -> list[bytes]:
    """Lose the first answer of each of the MTIs on its way to the bank, by silence or by cutting the link."""
    lost: list[bytes] = []
    real = BankConnection.send

    def send(self: BankConnection, data: bytes) -> None:
        mti = data[2:6]
        if mti in mtis and mti not in lost:
            lost.append(mti)
            if cut:
                self.transport.abortConnection()
            return
        real(self, data)

    monkeypatch.setattr(BankConnection, "send", send)
    return lost


@pytest.mark.parametrize("cut", [False, True], ids=["silence", "cut"])
@pytest.mark.parametrize(
    "mtis", [(b"0210",), (b"0210", b"0410")], ids=["answer", "answer and reversal's answer"]
)
def test_what_has_no_answer_is_reversed_until_both_agree(
    machine: Machine, books: Books, monkeypatch: pytest.MonkeyPatch, mtis: tuple[bytes, ...], cut: bool
) -> None:
    lost = lose_first(monkeypatch, mtis, cut=cut)

    async def work(bank: Bank) -> tuple[State, State, str]:
        first = await bank.settle("500000", "P1", 120_000)
        second = await bank.settle("500000", "P1", 120_000)
        balance = await bank.reconcile("1124")
        return first.state, second.state, balance.fields[66]

    assert at_work(machine, work) == (State.REVERSED, State.DONE, "1")
    assert tuple(lost) == mtis
    assert books.due("D1")[0::2] == ("settled", 3)
    assert books.broken() == []


def test_a_cancel_a_receipt_and_a_key_change(machine: Machine, books: Books) -> None:
    async def work(bank: Bank) -> tuple[State, State, str, bool]:
        paid = await bank.settle("500000", "P1", 120_000)
        await bank.change_keys()
        receipt = await bank.receipt(paid.receipt)
        cancel = await bank.cancel(paid)
        outcome = await bank.outcome(paid)
        return (
            cancel.state,
            bank.record.beliefs[paid.key].state,
            receipt.fields[39],
            "ST008reversed" in outcome.fields[48],
        )

    assert at_work(machine, work) == (State.DONE, State.REVERSED, "00", True)
    assert books.due("D1") == ("open", "", 2)
