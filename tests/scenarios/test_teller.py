"""The teller's screen at a real machine on loopback: money moves, answers are lost, the journal agrees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.widgets import DataTable, Input

from simulators.beliefs import State
from simulators.chaos.proxy import Proxy
from simulators.chaos.rules import read_rules
from simulators.teller.screen import TellerScreen
from simulators.teller.wording import Language
from tests.support.machine import Books, Machine, reactor, wait_for
from tests.support.teller_desk import SAMPLES, at_machine


def states(screen: TellerScreen) -> list[tuple[str, State]]:
    """What the bank holds, the newest first."""
    return [(transaction.code, transaction.state) for transaction in screen._overview.transactions]


def test_a_premium_a_benefit_and_a_cancel(machine: Machine, books: Books, tmp_path: Path) -> None:
    async def act(screen: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        assert screen._overview.business_date == "1124"
        await press("enter", "f5", "enter", "s")
        screen.query_one("#policy", Input).value = "P2"
        await press("f3", "f6", "enter", "escape")
        assert states(screen) == [("260000", State.DONE), ("500000", State.DONE)]
        screen.query_one("#transactions").focus()
        await press("down", "f7")
        assert states(screen) == [
            ("020000", State.DONE),
            ("260000", State.DONE),
            ("500000", State.REVERSED),
        ]

    at_machine(machine, tmp_path, act)
    assert books.responses() == [("collection", "00"), ("payout", "00"), ("cancel", "00")]
    assert (books.due("D1")[0], books.due("B1")[0]) == ("open", "settled")
    receipts = list((tmp_path / "receipts").iterdir())
    assert [path.read_text(encoding="utf-8").splitlines()[0] for path in receipts] == ["续期保费收据"]


def test_a_receipts_number_is_whole_on_a_chinese_screen_of_132_columns(
    machine: Machine, tmp_path: Path
) -> None:
    async def act(screen: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("enter", "f5", "enter", "escape")
        rows = screen.query_one("#transactions", DataTable)
        assert rows.row_count == 1
        assert rows.virtual_size.width <= rows.scrollable_content_region.width

    at_machine(machine, tmp_path, act, language=Language.CHINESE)


def test_a_lost_answer_is_reversed_and_the_due_is_open_again(
    machine: Machine, books: Books, tmp_path: Path
) -> None:
    async def act(screen: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("enter", "f8", "f5", "enter")
        assert states(screen) == [("500000", State.REVERSED)]
        keys = [happening.key for happening in screen._happenings]
        assert keys == ["signed on", "found", "losing", "reversing", "undone", "found"]

    at_machine(machine, tmp_path, act)
    assert books.responses() == [("collection", "00"), ("reversal", "00")]
    assert books.due("D1") == ("open", "", 2)


def test_an_answer_that_does_not_come_is_told_reversed_and_told(
    machine: Machine, books: Books, tmp_path: Path
) -> None:
    rules = read_rules(None, ("do=swallow_and_cut way=answer mti=0210",))
    proxy = Proxy(reactor, rules, ("127.0.0.1", machine.port()), lambda _: None)
    port = wait_for(proxy.listen, "127.0.0.1", 0)

    async def act(screen: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("enter", "f5", "enter")
        assert states(screen) == [("500000", State.REVERSED)]
        keys = [happening.key for happening in screen._happenings]
        assert keys == ["signed on", "found", "no answer", "reversing", "undone", "found"]

    at_machine(machine, tmp_path, act, port=port)
    wait_for(proxy.stop)
    assert books.responses() == [("collection", "00"), ("reversal", "00")]


def test_an_inquiry_without_an_answer_leaves_no_outcome_unknown(machine: Machine, tmp_path: Path) -> None:
    rules = read_rules(None, ("do=swallow_and_cut way=answer mti=0110 frame=3",))
    proxy = Proxy(reactor, rules, ("127.0.0.1", machine.port()), lambda _: None)
    port = wait_for(proxy.listen, "127.0.0.1", 0)

    async def act(screen: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("enter")
        assert [happening.key for happening in screen._happenings] == ["signed on", "cut off"]

    at_machine(machine, tmp_path, act, port=port)
    wait_for(proxy.stop)


def test_another_s_identity_number_is_refused(machine: Machine, books: Books, tmp_path: Path) -> None:
    wrong = SAMPLES[1]._replace(beneficiary="000000199003070010")

    async def act(screen: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("enter", "f6", "enter")
        newest = screen._overview.transactions[0]
        assert (newest.state, newest.response) == (State.REFUSED, "76")

    at_machine(machine, tmp_path, act, (wrong,))
    assert books.responses() == [("payout", "76")]
