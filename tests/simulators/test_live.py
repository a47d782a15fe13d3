"""`make live`: a page with three banks at work, and an end with nothing left running."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from simulators.days.demo import DemoFailure
from simulators.days.live import COUNTERS, MARK, clear
from tests.support.child_processes import SECONDS, running
from tests.support.machine import SOCKET_SECONDS

SMALL = """
from simulators.days import live

live.POLICIES = 200
live.main()
"""
"""The command with a book that is loaded at once."""


def live(folder: Path, program: Sequence[str] = ("-c", SMALL)) -> list[str]:
    """The command, in a terminal's hands: Ctrl-C is heard, even where whoever runs the tests ignores it."""
    python = ["env", "--default-signal=INT", sys.executable]
    return [*python, *program, "--folder", str(folder), "--status-port", "0"]


def page(process: subprocess.Popen[str]) -> str:
    """The status page that it names once all is up."""
    assert process.stdout is not None
    opened = re.search(r"open (http://127\.0\.0\.1:\d+/)", process.stdout.readline())
    assert opened is not None
    return opened[1]


def test_three_banks_trade_until_they_are_told_to_stop(tmp_path: Path) -> None:
    command = live(tmp_path / "live", ("-m", "simulators.days.live"))
    with running(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        url = page(process)
        started = psutil.Process(process.pid).children(recursive=True)
        with urllib.request.urlopen(f"{url}feed", timeout=SOCKET_SECONDS) as feed:
            snapshots = (json.loads(line[6:])["snapshot"] for line in feed if line.startswith(b"data: "))
            busy = (shown for shown in snapshots if min(bank["answers"] for bank in shown["banks"]) > 5)
            snapshot = next(busy)
        assert [bank["light"] for bank in snapshot["banks"]] == ["up"] * len(COUNTERS)
        assert (snapshot["state"], snapshot["cutover"]) == ("serving", "22:00")
        for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            process.send_signal(ending)
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert [child.is_running() for child in started] == [False]


def test_ctrl_c_in_a_terminal_which_every_process_of_the_group_gets_ends_it(tmp_path: Path) -> None:
    with running(live(tmp_path / "live"), stderr=subprocess.PIPE, process_group=0) as process:
        assert process.stderr is not None
        page(process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == 0


FAILING = """
from simulators.days import live

async def trade(_town):
    raise live.BankError("the line was cut")

live.Town.trade = trade
live.POLICIES = 200
live.main()
"""


def test_a_bank_that_fails_ends_it_with_the_reason_and_nothing_left_running(tmp_path: Path) -> None:
    with running(live(tmp_path / "live", ("-c", FAILING)), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        page(process)
        assert process.stderr.read() == "make live: the line was cut\n"
    assert process.returncode == 1


def test_a_status_port_that_is_taken_is_said_and_ends_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*live(tmp_path / "live")[:-1], port]
        with running(command, stderr=subprocess.PIPE) as process:
            _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert errors.splitlines()[0] == "make live: the machine did not start:"
    assert f"Couldn't listen on 127.0.0.1:{port}: " in errors


def test_a_folder_with_anything_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("kept")
    with pytest.raises(DemoFailure, match="holds what was not made here"):
        clear(tmp_path)
    assert theirs.read_text() == "kept"


def test_a_folder_of_an_earlier_run_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "live"
    clear(folder)
    (folder / "front.db").touch()
    clear(folder)
    assert [path.name for path in folder.iterdir()] == [MARK]
