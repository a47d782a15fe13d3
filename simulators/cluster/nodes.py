"""The nodes of a cluster: `qianzhi serve` as processes, on one front book, with one keystore.

Writes their settings, starts and ends them. What banks ask of them is not here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fep.settings.config import load_settings
from fep.setup.install import SAMPLE_BANKS, install
from qianzhi_errors import QianzhiError
from simulators.processes import PROGRAM

SECONDS = 60
"""How long a node may take to serve, or to end."""
BANKS = tuple(bank.code for bank in SAMPLE_BANKS)
BANKS_SIDE = "banks.toml"
"""The settings by which banks find the balancer; no node serves with them."""
_POLL_SECONDS = 0.02


class NodeError(QianzhiError):
    """A node did not do what it was started for; the text has what it logged."""


@dataclass(slots=True)
class Node:
    """One node: its settings, and its process while it has one."""

    name: str
    config: Path
    ports: Mapping[str, int]
    """Where it listens for each bank."""
    status_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def control(self) -> Path:
        """The operator's socket."""
        return self.config.with_suffix(".sock")

    @property
    def log(self) -> Path:
        """The path of its log."""
        return self.config.with_suffix(".log")

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it; `wait` returns when it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "serve", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        """Return when it serves. Raises NodeError where it ends, or takes too long."""
        end = time.monotonic() + SECONDS
        while not self._is_ready():
            if not self.is_up or time.monotonic() > end:
                log = self.log.read_text(encoding="utf-8", errors="replace")
                raise NodeError(f"{self.name} does not serve:\n{log[-2000:]}")
            time.sleep(_POLL_SECONDS)

    def _is_ready(self) -> bool:
        with suppress(OSError):
            return self._page("readyz") == b"ok\n"
        return False

    def figures(self) -> dict[str, Any]:
        """The figures at its status port."""
        figures: dict[str, Any] = json.loads(self._page("status"))
        return figures

    def _page(self, name: str) -> bytes:
        url = f"http://127.0.0.1:{self.status_port}/{name}"  # our own, on loopback
        with urllib.request.urlopen(url, timeout=5) as answer:  # nosec B310
            content: bytes = answer.read()
            return content

    def kill(self) -> None:
        """Kill its process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=SECONDS)

    def stop(self) -> int:
        """Stop it gracefully; its exit code, 0 where it does not run."""
        if self.process is None or not self.is_up:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode


def install_nodes(
    folder: Path,
    database: str,
    now: datetime,
    ports: Iterator[int],
    banks_side: Sequence[int],
    count: int = 3,
) -> list[Node]:
    """Write the settings of that many nodes into a folder, and the banks' side of them, where the balancer
    listens.

    Each node takes as many of `ports` as there are banks, and one for its status.
    """
    written = install(folder, os.urandom, now, first_port=1, status_port=1, database=database)
    template = written.read_text(encoding="utf-8")
    written.unlink()
    nodes = []
    for number in range(1, count + 1):
        name, status_port, own = f"fep{number}", next(ports), [next(ports) for _ in BANKS]
        config = folder / f"{name}.toml"
        config.write_text(_filled(template, name, status_port, own), encoding="utf-8")
        nodes.append(Node(name, config, dict(zip(BANKS, own, strict=True)), status_port))
    text = _filled(template, "none", 65535, banks_side)
    (folder / BANKS_SIDE).write_text(text, encoding="utf-8")
    load_settings(nodes[0].config)
    return nodes


def _filled(template: str, name: str, status_port: int, ports: Sequence[int]) -> str:
    """The settings of one node: its name, its control socket, its ports in the order of the banks."""
    text = template.replace('name = "fep1"\n', f'name = "{name}"\ncontrol = "{name}.sock"\n')
    given = iter((status_port, *ports))
    return re.sub(r"(?m)^port = \d+$", lambda _: f"port = {next(given)}", text)


def start_all(nodes: Sequence[Node]) -> None:
    """Start all nodes at once, and wait until each serves."""
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait()
