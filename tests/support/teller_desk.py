"""The teller's screen at a real machine on loopback, without a terminal: keys are pressed in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from textual.pilot import Pilot

from protocol.framing import Framing
from protocol.mac import MacMethod
from simulators.profile import BankProfile
from simulators.teller.desk import BankDesk
from simulators.teller.samples import Sample
from simulators.teller.screen import Place, TellerScreen
from simulators.teller.wording import Language
from tests.support.builders import BANK, BENEFICIARY
from tests.support.machine import ZMK, Machine, reactor

SAMPLES = (
    Sample("P1", "premium", "500000", "D1", 120_000, ""),
    Sample("P2", "benefit", "260000", "B1", 500_000, BENEFICIARY),
)
Act = Callable[[TellerScreen, Callable[..., Awaitable[None]]], Awaitable[None]]


def at_machine(
    machine: Machine,
    folder: Path,
    act: Act,
    samples: tuple[Sample, ...] = SAMPLES,
    port: int = 0,
    language: Language = Language.ENGLISH,
    name: str = "bank",
) -> None:
    """A screen whose bank lives in the tests' reactor."""
    profile = BankProfile(
        BANK, "127.0.0.1", port or machine.port(), Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK
    )
    desk = BankDesk(profile, reactor, lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC), 20, 1)

    async def run() -> None:
        screen = TellerScreen(desk, Place(name, "T1", folder / "receipts"), samples, language)
        async with screen.run_test(size=(132, 40)) as pilot:

            async def press(*keys: str) -> None:
                for key in keys:
                    await pilot.press(key)
                    await at_rest(screen, pilot)

            await at_rest(screen, pilot)
            await act(screen, press)
        await desk.sign_off()

    asyncio.run(run())


async def at_rest(screen: TellerScreen, pilot: Pilot[None]) -> None:
    await screen.workers.wait_for_complete()
    await pilot.pause()
