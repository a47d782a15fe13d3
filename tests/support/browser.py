"""A real browser for tests: Debian's Chromium, headless, one for each test process, where it is installed.

`pip` cannot bring it: on Debian it is `apt-get install chromium chromium-driver fonts-noto-cjk`. Nothing is
looked for on other hosts, and whatever a page asked for can be read afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_SECONDS = 30
_PROGRAMS = ("chromium", "chromedriver")


def missing() -> str:
    """Why a test with a browser cannot run here; empty if it can."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def screenshots(folder: Path) -> Path:
    """Where screenshots are kept: QIANZHI_SCREENSHOTS, or this folder of pytest's."""
    chosen = Path(os.environ.get("QIANZHI_SCREENSHOTS") or folder)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


class Browser:
    """One browser window on one page."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401 - imported only where it is installed
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Have the page laid out for a screen of so many CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def wish(self, **features: str) -> None:
        """What the person's system asks for, such as prefers_color_scheme="dark"."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever a script returns
        """The value of a script's `return`."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run("return [...document.querySelectorAll(arguments[0])].map(n => n.innerText)", selector)
        )

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def until(self, holds: Callable[[], Any]) -> Any:  # noqa: ANN401 - what held
        """Wait until something holds; its value."""
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.driver, WAIT_SECONDS, 0.05).until(lambda _: holds())

    def shoot(self, path: Path) -> None:
        """Keep a snapshot of the whole page."""
        import base64

        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(taken["data"]))

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked_for(self) -> list[str]:
        """The URL of every request of the page since this was last asked."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, gone at the end. It prefers Chinese."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(prefix="qianzhi-browser-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}",
            "--hide-scrollbars",
            "--lang=zh-CN",
            "--accept-lang=zh-CN,en",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options, Service(str(shutil.which("chromedriver"))))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
