"""The machine that the doctor examines: where its settings are, what time it is, and how the system is asked.

Values and readings only. What is good or bad about them does not belong here: that is the checks'.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fep.doctor.selftest import Fixture
from fep.operator.control_client import ask
from fep.status.host import room_of
from fep.status.limits import Room
from firewall_rules.loader import Nft

_LISTENING: Final = "0A"
"""TCP_LISTEN in /proc/net/tcp (proc_net_tcp(5))."""


def _command(*arguments: str) -> str:
    """Return what a program prints; empty where the program is missing or does not end within 10 seconds."""
    try:
        completed = subprocess.run(arguments, capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return completed.stdout


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that is examined: its settings' file, the time (local, with its zone), and how to ask the
    system. `command` runs a program and returns its output; `room` returns the room on a folder's disk;
    `ask` asks the process that serves (fep.operator.control_client).
    """

    config: Path
    now: datetime
    fixture: Fixture = field(default_factory=Fixture)
    command: Callable[..., str] = _command
    room: Callable[[Path], Room] = room_of
    nft: Nft = field(default_factory=Nft)
    systemd: Path = Path("/run/systemd/system")
    ask: Callable[..., Any] = ask

    def now_us(self) -> int:
        """Return the time in microseconds since 1970-01-01 UTC."""
        return int(self.now.timestamp() * 1_000_000)


def listening(proc: Path) -> frozenset[int]:
    """Return the TCP ports on which a process of this machine listens, by /proc/net/tcp (proc_net_tcp(5))."""
    ports: set[int] = set()
    for name in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / name).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        rows = (line.split() for line in lines)
        ports |= {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENING}
    return frozenset(ports)
