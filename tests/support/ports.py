"""Ports of loopback that stay with one process of the tests, whatever ends and comes back on them.

A port that the system gives out by itself may go to another test's server as soon as its own ends; a bank
that goes on asking there would then do business with a stranger.
"""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from functools import cache

PORTS_AT_ONCE = 10
_FIRST, _BLOCKS = 20_000, 1_000
"""Below the range from which systems give ports out."""


class NoPorts(Exception):
    """Every block is in use."""


@cache
def own_ports() -> int:
    """The first of PORTS_AT_ONCE ports that are this process's as long as it lives. Raises NoPorts.

    Each is bound by us and never listened on: another process finds it taken, and a server that says
    SO_REUSEADDR, as ours and PostgreSQL do, can still listen there.
    """
    for block in range(_BLOCKS):
        first = _FIRST + (os.getpid() + block) % _BLOCKS * PORTS_AT_ONCE
        with ExitStack() as stack:
            try:
                held = [stack.enter_context(_held(first + place)) for place in range(PORTS_AT_ONCE)]
            except OSError:
                continue
            stack.pop_all()
            _kept.extend(held)
            return first
    raise NoPorts(f"{_BLOCKS} blocks of {PORTS_AT_ONCE} ports are in use")


_kept: list[socket.socket] = []
"""What is not held by a name is closed."""


def _held(port: int) -> socket.socket:
    holder = socket.socket()
    try:
        holder.bind(("127.0.0.1", port))  # alone, or not at all: only what comes after may share it
    except OSError:
        holder.close()
        raise
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return holder
