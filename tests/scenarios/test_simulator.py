"""The bank simulator against a real machine: lost answers and broken links end with both sides agreeing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from fep.engine.commit import Deliver, Engine
from fep.links.answering import AnswerSender
from fep.links.connection import BankConnection
from ledger.rules.request import Answer, Request
from protocol.framing import Framing
from protocol.mac import MacMethod
from protocol.message import Message
from protocol.responses import Response
from simulators.bank import Bank
from simulators.beliefs import State
from simulators.link import BankLink
from simulators.profile import BankProfile
from tests.support.builders import BANK
from tests.support.machine import ZMK, Books, Machine, reactor, wait_for

ANSWER_SECONDS = 1.5


def at_work(machine: Machine, work: Callable[[Bank], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401 - the work's own
    """Run a simulated bank's work in the reactor's thread: its result."""
    profile = BankProfile(BANK, "127.0.0.1", machine.port(), Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK)

    async def session() -> object:
        bank = Bank(
            profile,
            reactor,
            lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC),
            ANSWER_SECONDS,
            retry_seconds=0,
        )
        await bank.connect()
        result = await work(bank)
        await bank.sign_off()
        return result

    return wait_for(session)


def lose_first(
    monkeypatch: pytest.MonkeyPatch, mtis: tuple[bytes, ...], how: str, spare: int = 0
) -> list[bytes]:
    """Lose the first answer of each of the MTIs on its way to the bank, by silence or by ending the link.

    The first `spare` of them get through.
    """
    lost: list[bytes] = []
    spared: list[bytes] = []
    real = BankConnection.send

    def send(self: BankConnection, data: bytes) -> None:
        mti = data[2:6]
        if mti not in mtis or mti in lost:
            real(self, data)
            return
        if len(spared) < spare:
            spared.append(mti)
            real(self, data)
            return
        lost.append(mti)
        if how == "cut":
            self.transport.abortConnection()
        elif how == "clean close":
            self.transport.loseConnection()

    monkeypatch.setattr(BankConnection, "send", send)
    return lost


@pytest.mark.parametrize("how", ["silence", "cut", "clean close"])
@pytest.mark.parametrize(
    "mtis", [(b"0210",), (b"0210", b"0410")], ids=["answer", "answer and reversal's answer"]
)
def test_what_has_no_answer_is_reversed_until_both_agree(
    machine: Machine, books: Books, monkeypatch: pytest.MonkeyPatch, mtis: tuple[bytes, ...], how: str
) -> None:
    lost = lose_first(monkeypatch, mtis, how)

    async def work(bank: Bank) -> tuple[State, State, str]:
        first = await bank.settle("500000", "P1", 120_000)
        second = await bank.settle("500000", "P1", 120_000)
        balance = await bank.reconcile("1124")
        return first.state, second.state, balance.fields[66]

    assert at_work(machine, work) == (State.REVERSED, State.DONE, "1")
    assert tuple(lost) == mtis
    assert books.due("D1")[0::2] == ("settled", 3)
    assert books.broken() == []


def test_an_advice_without_an_answer_is_repeated_for_its_money_has_moved(
    machine: Machine, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_first(monkeypatch, (b"0230",), "clean close")

    async def work(bank: Bank) -> tuple[State, str]:
        answer = await bank.settle("500000", "P1", 120_000, advice=True)
        balance = await bank.reconcile("1124")
        return answer.state, balance.fields[66]

    assert at_work(machine, work) == (State.DONE, "1")
    assert lost == [b"0230"]
    assert books.responses() == [("collection", "00")]


def test_a_cancel_without_an_answer_is_reversed_and_the_collection_stands(
    machine: Machine, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_first(monkeypatch, (b"0210",), "clean close", spare=1)

    async def work(bank: Bank) -> tuple[State, State, str]:
        paid = await bank.settle("500000", "P1", 120_000)
        cancel = await bank.cancel(paid)
        balance = await bank.reconcile("1124")
        return cancel.state, bank.record.beliefs[paid.key].state, balance.fields[66]

    assert at_work(machine, work) == (State.REVERSED, State.DONE, "1")
    assert lost == [b"0210"]
    assert books.due("D1")[0::2] == ("settled", 3)


def test_an_answer_that_settles_nothing_is_followed_by_a_reversal(
    machine: Machine, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """91 to the request and to the first reversal; the second finds nothing to reverse and says so."""
    busy = [True, True]
    real = Engine.offer

    def offer(self: Engine, request: Request, deliver: Deliver, give_up: Callable[[], None]) -> None:
        if busy:
            busy.pop()
            deliver(Answer(Response.UNAVAILABLE, "BUSY, ASK AGAIN"))
        else:
            real(self, request, deliver, give_up)

    monkeypatch.setattr(Engine, "offer", offer)

    async def work(bank: Bank) -> tuple[State, str]:
        answer = await bank.settle("500000", "P1", 120_000)
        balance = await bank.reconcile("1124")
        return answer.state, balance.fields[66]

    assert at_work(machine, work) == (State.NEVER_WAS, "1")
    assert books.responses() == [("reversal", "21"), ("tombstone", "21")]


def test_an_approval_without_a_mac_is_not_believed(
    machine: Machine, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = AnswerSender._encoded
    unsealed: list[str] = []

    def encoded(self: AnswerSender, message: Message, *, sealed: bool) -> bytes:
        if message.mti == "0210" and not unsealed:
            unsealed.append(message.fields[39])
            sealed = False
        return real(self, message, sealed=sealed)

    monkeypatch.setattr(AnswerSender, "_encoded", encoded)

    async def work(bank: Bank) -> tuple[State, list[str]]:
        answer = await bank.settle("500000", "P1", 120_000)
        return answer.state, bank.violations

    assert at_work(machine, work) == (State.REVERSED, ["0210 came without a MAC"])
    assert unsealed == ["00"]
    assert books.due("D1") == ("open", "", 2)


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


@pytest.mark.parametrize("asked", [Bank.echo, Bank.sign_off, Bank.change_keys])
def test_nothing_that_is_asked_waits_for_ever(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, asked: Callable[[Bank], Coroutine[Any, Any, Any]]
) -> None:
    lose_first(monkeypatch, (b"0810",), "silence", spare=1)

    async def work(bank: Bank) -> bool:
        with pytest.raises(DeferredTimeout):
            await asked(bank)
        for link in bank.links:
            link.transport.abortConnection()
        bank.links.clear()
        return True

    assert at_work(machine, work)


def test_a_link_whose_sign_on_fails_is_not_left_open(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_first(monkeypatch, (b"0810",), "silence", spare=1)
    gone: Deferred[bool] = Deferred()

    async def work(bank: Bank) -> bool:
        monkeypatch.setattr(BankLink, "connectionLost", lambda _link, _reason: gone.callback(True))
        with pytest.raises(DeferredTimeout):
            await bank.connect()
        ended = await gone.addTimeout(ANSWER_SECONDS, reactor)
        monkeypatch.undo()
        return ended

    assert at_work(machine, work)
