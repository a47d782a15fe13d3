"""The bank's command: what it prints, when it is content, what it says of what has no outcome."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from rich.console import Console
from twisted.internet.defer import TimeoutError as DeferredTimeout

from console.failure import run_to_end
from fep.settings.config import load_settings
from fep.setup.install import install
from protocol.dialect import load
from protocol.message import Message
from protocol.tlv import build
from simulators import cli as command
from simulators.bank import Bank
from simulators.beliefs import Belief, State
from tests.support.builders import BENEFICIARY

BELIEF = Belief("0200", "500000", "T0000001", "B1", "20261124101112", "000007", "R", "P1", "D1", 120_000)
PORTS = {"first_port": 8583, "status_port": 8580}
DUE = build((("DU", "D2026093000000003"), ("DK", "premium"), ("AM", "120000"), ("ST", "open")), "utf-8")


def printed(message: Message, width: int = 80) -> str:
    console = Console(width=width, record=True, markup=False, emoji=False)
    command._show(message, console, load("ascii87"))
    return console.export_text()


def cells(text: str) -> str:
    """The last column's text, put together again where it was folded."""
    rows = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    return "".join(row[3].strip() for row in rows)


@pytest.mark.parametrize("width", [40, 80, 132])
def test_every_due_of_an_answer_is_shown_whole(width: int) -> None:
    groups = build((("PN", "P1"), ("NM", "张三"), *[("DL", DUE)] * 9), "utf-8")
    shown = cells(printed(Message("0110", {39: "00", 48: groups}), width)).replace(" ", "")
    assert shown == "00P1张三" + "DUD2026093000000003,DKpremium,AM120000,STopen" * 9


def test_an_identity_number_and_a_key_block_are_shown_nowhere() -> None:
    groups = build((("IN", BENEFICIARY), ("KA", "D0112BLOCK")), "utf-8")
    shown = printed(Message("0210", {2: "6222020200001234567", 48: groups}))
    assert [text in shown for text in (BENEFICIARY, "D0112BLOCK", "6222020200001234567")] == [False] * 3


def test_the_machine_s_words_are_text_and_no_markup() -> None:
    console = command._console()
    with console.capture() as shown:
        command._show(Message("0110", {39: "12", 44: "[red]:bank:[/]"}), console, load("ascii87"))
    assert cells(shown.get()) == "12[red]:bank:[/]"


@pytest.mark.parametrize("state", State)
def test_only_a_collection_that_stands_is_content(state: State) -> None:
    """One whose answer did not come was reversed: it ended well, and collected nothing."""

    async def ended() -> Belief:
        return replace(BELIEF, state=state)

    content = asyncio.run(command._settled(SimpleNamespace(), ended()))  # type: ignore[arg-type]
    assert content is (state is State.DONE)


def test_what_has_no_answer_is_told_once_a_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def silent(_bank: Bank, _message: Message) -> Message:
        raise DeferredTimeout

    monkeypatch.setattr(Bank, "_ask", silent)
    teller = object.__new__(command._Teller)
    for mti in ("0100", "0200", "0400", "0401", "0401"):
        with pytest.raises(DeferredTimeout):
            asyncio.run(teller._ask(Message(mti, {})))
    assert capsys.readouterr().err.splitlines() == [
        "qianzhi-bank: 0200: no answer; it is reversed until that is answered, or Ctrl-C",
        "qianzhi-bank: 0400: no answer; it is repeated until it is answered, or Ctrl-C",
    ]


def test_who_is_told_how_to_reverse_is_sent_to_the_same_machine(tmp_path: Path) -> None:
    config = install(tmp_path / "a machine", os.urandom, datetime(2026, 11, 24, tzinfo=UTC), **PORTS)
    first = load_settings(config).bank[0].code
    counter = command.counter_of(config, None, "127.0.0.2", 9583)
    assert (counter.entry.code, counter.profile.host, counter.profile.port) == (first, "127.0.0.2", 9583)
    assert counter.reversal(BELIEF) == (
        f"not decided; reverse it: qianzhi-bank --config '{config}' --bank {first} --host 127.0.0.2"
        " --port 9583 reverse T0000001 1124101112 000007 --amount 120000 --code 500000"
    )
    assert command.counter_of(config, None, None, None).options == ("--config", str(config), "--bank", first)


class WronglyCalled(click.ClickException):
    exit_code = 7


@pytest.mark.parametrize(
    ("raised", "code", "errors"),
    [
        (None, 0, ""),
        (WronglyCalled("so not"), 7, "Error: so not\n"),
        (click.Abort(), 130, ""),
        (KeyboardInterrupt(), 130, "\n"),
        (OSError("a\nb"), 1, "it: a\nit: b\n"),
    ],
)
def test_a_command_ends_with_the_code_of_its_end(
    raised: BaseException | None,
    code: int,
    errors: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["it"])

    @click.command()
    def act() -> None:
        if raised is not None:
            raise raised

    with pytest.raises(SystemExit) as ended:
        run_to_end("it", act, (OSError,))
    assert (ended.value.code, capsys.readouterr().err) == (code, errors)
