"""`python -m tests.docs.pictures`: makes the pictures of the README anew, by the tests' browser.

The status page is that of a machine with three simulated banks at work, in English and, under the name that
Sphinx looks for, in Chinese; the report is the one that the demo leaves in var/demo (`make demo` first); the
teller's screen is Textual's own picture of itself. Needs Chromium (.ci/programs). A picture shows
figures of the run that made it, so no test compares one.
"""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from textual.widgets import Input

from simulators.teller.screen import TellerScreen
from simulators.teller.wording import Language
from tests.docs.pages import ROOT
from tests.docs.site import SPHINX_LANGUAGE
from tests.support.browser import Browser, browser
from tests.support.builders import benefit, book, premium
from tests.support.machine import Machine, load_front_book, write_settings
from tests.support.teller_desk import at_machine

PICTURES: Final = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1366, 768
BANKS_AT_WORK_SECONDS: Final = 45
REPORT: Final = ROOT / "var/demo/office/reports"


def main() -> None:
    """Make each picture, and name its file."""
    PICTURES.mkdir(exist_ok=True)
    with browser() as screen:
        screen.size(WIDTH, HEIGHT)
        screen.wish(prefers_color_scheme="light")
        screen.open(_report().as_uri())
        _shoot(screen, "report")
        _status_page(screen)
        _teller(screen)


def _report() -> Path:
    found = sorted(REPORT.glob("*.overview.html"))
    if not found:
        sys.exit("no report in var/demo: run `make demo` first")
    return found[0]


def _status_page(screen: Browser) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = ("--folder", f"{folder}/live", "--status-port", "0")
        command = [sys.executable, "-u", "-m", "simulators.days.live", *given]
        live = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            assert live.stdout is not None
            page = next(match[0] for line in live.stdout if (match := re.search(r"http://\S+", line)))
            screen.open(page)
            time.sleep(BANKS_AT_WORK_SECONDS)
            for language, name in (("en", "status"), ("zh", f"status.{SPHINX_LANGUAGE}")):
                screen.click(f'[data-language="{language}"]')
                _shoot(screen, name)
        finally:
            live.send_signal(signal.SIGINT)
            live.wait(60)


def _teller(screen: Browser) -> None:
    """A customer's dues are looked up and one is paid, at a machine on loopback."""
    drawn: list[str] = []

    async def act(app: TellerScreen, press: Callable[..., Awaitable[None]]) -> None:
        await press("enter", "f5", "enter", "escape")
        app.query_one("#policy", Input).value = "P2"
        await press("f3")
        drawn.append(app.export_screenshot())

    with tempfile.TemporaryDirectory() as folder:
        settings = write_settings(Path(folder), f"sqlite:///{folder}/front.db")
        load_front_book(settings, book(dues=[premium("D1", "P1", 120_000), benefit("B1", "P2")]))
        machine = Machine(settings)
        try:
            at_machine(machine, Path(folder), act, language=Language.CHINESE, name="01020000 示例工商银行")
        finally:
            machine.stop()
        # Textual's picture asks another host for letters, and makes Chinese ones half as wide as they are.
        svg = re.sub(r"@font-face \{.*?\}| textLength=\"[^\"]*\"", "", drawn[0], flags=re.DOTALL)
        page = Path(folder) / "teller.svg"
        page.write_text(svg, encoding="utf-8")
        screen.open(page.as_uri())
        _shoot(screen, "teller")


def _shoot(screen: Browser, name: str) -> None:
    """Keep what the browser's window shows, no more."""
    taken = screen.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": False})
    path = PICTURES / f"{name}.png"
    path.write_bytes(base64.b64decode(taken["data"]))
    sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
