"""`make live`: a page with three banks at work, and an end with nothing left running."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from simulators.live import COUNTERS
from tests.machine import SOCKET_SECONDS


@pytest.mark.slow
def test_three_banks_trade_until_they_are_told_to_stop(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "simulators.live",
        "--folder",
        str(tmp_path / "live"),
        "--status-port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"open (http://127\.0\.0\.1:\d+/)", process.stdout.readline())
        assert found is not None
        started = psutil.Process(process.pid).children(recursive=True)
        with urllib.request.urlopen(f"{found[1]}feed", timeout=SOCKET_SECONDS) as feed:
            pictures = (json.loads(line[6:])["picture"] for line in feed if line.startswith(b"data: "))
            picture = next(one for one in pictures if min(bank["answers"] for bank in one["banks"]) > 5)
        assert [bank["light"] for bank in picture["banks"]] == ["up"] * len(COUNTERS)
        assert (picture["state"], picture["cutover"]) == ("serving", "22:00")
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert [one.is_running() for one in started] == [False]
