"""Network namespaces for the firewall's tests: three hosts on veth pairs, with a kernel's real answers.

    outer (banks, strangers) ---- machine (the rules under test) ---- inner (ops, inside, the database)

Run as a program this is what sits in one namespace and does what it is told, a JSON line each way. A dropped
packet is not waited for: after all probes a last one goes out that passes; whatever went before it on the
same processor has been answered by then, or never will be.
"""

from __future__ import annotations

import errno
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10
UDP_PORTS = (53, 8583)
MACHINE = {"outer": ("10.1.0.1", "fd00:1::1"), "inner": ("10.2.0.1", "fd00:2::1")}
ADDRESSES = {
    "outer": (
        *("10.1.0.9", "10.1.1.2", "10.1.1.200", "10.1.2.1", "10.1.2.127", "10.1.2.128", "10.1.3.1"),
        *("fd00:1::9", "fd00:1::11", "fd00:1::1f", "fd00:1::20"),
    ),
    "inner": (
        *("10.2.0.8", "10.2.0.9", "10.2.1.5", "10.2.2.5", "10.2.3.1"),
        *("fd00:2::8", "fd00:2::9", "fd00:2::11", "fd00:2::25"),
    ),
}


class Probe(NamedTuple):
    """One packet to send: a connection to be opened, a datagram, or an echo request."""

    source: str
    destination: str
    port: int
    protocol: str = "tcp"


class Host:
    """One namespace and the process in it."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            (*command, sys.executable, str(Path(__file__))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.ask("ready")

    def ask(self, what: str, **given: object) -> Any:  # noqa: ANN401 - what JSON holds
        """Have the process in the namespace do something."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([what, given]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the process in the namespace has ended"
        done, value = json.loads(answer)
        assert done, value
        return value

    def run(self, *arguments: str, given: str = "", expect: int = 0) -> str:
        """Run a command in the namespace and return what it printed on both outputs."""
        code, output = self.ask("run", arguments=arguments, text=given)
        assert code == expect, f"{arguments}: exit code {code}: {output}"
        return str(output)

    def end(self) -> None:
        """End the process, and with it the namespace."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()


class Hosts(NamedTuple):
    """All three."""

    machine: Host
    outer: Host
    inner: Host

    def passes(self, side: str, probes: list[Probe], last: Probe) -> list[bool]:
        """Which of the probes from a side reach their destination; `last` is one that is known to."""
        answered = getattr(self, side).ask("probe", probes=[*probes, last])
        heard = {number for host in self for number in host.ask("heard")}
        return [answer or number in heard for number, answer in enumerate(answered)]


def why_not() -> str:
    """Why there can be no such test here; empty if there can."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for program in ("unshare", "nsenter", "ip", "nft"):
        if shutil.which(program, path=path) is None:
            return f"the program {program} is missing"
    os.environ["PATH"] = path
    tried = subprocess.run(
        ("unshare", "-rn", "nft", "list", "tables"), capture_output=True, text=True, check=False
    )
    return "" if tried.returncode == 0 else f"no network namespace with nft: {tried.stderr.strip()}"


@contextmanager
def three_hosts() -> Iterator[Hosts]:
    """The three namespaces, connected, every neighbour known."""
    with ExitStack() as stack:
        machine = Host("unshare", "-rn")
        stack.callback(machine.end)
        there = ("nsenter", "-t", str(machine.process.pid), "-U", "--preserve-credentials", "-n")
        others = {}
        for side in ADDRESSES:
            others[side] = Host(*there, "unshare", "-n")
            stack.callback(others[side].end)
        hosts = Hosts(machine, **others)
        _connect(hosts)
        yield hosts


def _connect(hosts: Hosts) -> None:
    for host in hosts:
        host.ask("prepare")
    for side, number in (("outer", 1), ("inner", 2)):
        other: Host = getattr(hosts, side)
        pid = str(other.process.pid)
        hosts.machine.run("ip", "link", "add", side, "type", "veth", "peer", "eth", "netns", pid)
        hosts.machine.run("ip", "link", "set", side, "up")
        other.run("ip", "link", "set", "eth", "up")
        for host, device in ((hosts.machine, side), (other, "eth")):
            host.ask("carried", device=device)  # an IPv6 address given before that hears no neighbour
        _address(hosts.machine, side, MACHINE[side])
        _address(other, "eth", ADDRESSES[side])
        for family, gateway in zip(("-4", "-6"), MACHINE[side], strict=True):
            far = f"10.{3 - number}.0.0/16" if family == "-4" else f"fd00:{3 - number}::/64"
            other.run("ip", family, "route", "add", far, "via", gateway)
    for host in hosts:
        host.run("ip", "link", "set", "lo", "up")
    know_neighbours(hosts)


def know_neighbours(hosts: Hosts) -> None:
    """Have every host learn the others' hardware addresses: a packet that waits for one is overtaken."""
    for side, addresses in ADDRESSES.items():
        for far in addresses:
            getattr(hosts, side).ask("reach", source=far, destination=MACHINE[side][":" in far])
    for source in ADDRESSES["outer"]:
        for far in ADDRESSES["inner"]:
            if (":" in source) == (":" in far):
                hosts.outer.ask("reach", source=source, destination=far)


def _address(host: Host, device: str, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        bits = "64" if ":" in address else "16"
        options = ("nodad",) if ":" in address else ()
        host.run("ip", "address", "add", f"{address}/{bits}", "dev", device, *options)


# What follows runs inside a namespace.


class Agent:
    """Does what it is told, in its namespace."""

    def __init__(self) -> None:
        self._kept: dict[int, socket.socket] = {}
        self._listening: socket.socket | None = None
        self._datagrams: list[socket.socket] = []

    def ready(self) -> bool:
        """Stay on one processor, so that packets are taken in the order in which they are sent."""
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return True

    def run(self, arguments: list[str], text: str) -> tuple[int, str]:
        done = subprocess.run(
            arguments,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout

    def prepare(self) -> None:
        """Pass packets on, and hear datagrams."""
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            Path("/proc/sys/net", name).write_text("1")
        # An address that is still being looked for elsewhere asks for no neighbour, for a second or two.
        Path("/proc/sys/net/ipv6/conf/default/dad_transmits").write_text("0")
        for port in UDP_PORTS:
            own = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            own.bind(("::", port))
            own.setblocking(False)
            self._datagrams.append(own)

    def carried(self, device: str) -> None:
        """Wait until the kernel has seen that a cable is plugged in at both ends."""

        def is_up() -> bool:
            answer = subprocess.run(
                ("ip", "-j", "link", "show", device), capture_output=True, check=True
            ).stdout
            return json.loads(answer)[0]["operstate"] == "UP"

        _until(is_up, f"{device} has no other end")

    def reach(self, source: str, destination: str, port: int = 9) -> None:
        """Wait until the kernel has taken note of what was just changed, and lets a connection through."""
        probe = Probe(source, destination, port)
        _until(lambda: self.probe([probe], all_of_them=True)[0], f"{destination} cannot be reached")

    def heard(self) -> list[int]:
        """The numbers of the datagrams that have come in since this was last asked."""
        numbers = []
        for own in self._datagrams:
            while select.select([own], [], [], 0)[0]:
                numbers.append(int(own.recv(16)))
        return numbers

    def listen(self, port: int) -> None:
        """Listen on a port for IPv4 and IPv6."""
        if self._listening is not None:
            self._listening.close()
        self._listening = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)

    def open(self, source: str, destination: str, port: int) -> int:
        """Open a connection that is kept; its number."""
        kept = socket.create_connection((destination, port), SECONDS, (source, 0))
        self._kept[kept.fileno()] = kept
        return kept.fileno()

    def close(self, number: int) -> None:
        self._kept.pop(number).close()

    def take(self) -> int:
        """Accept a connection, which is kept; its number."""
        assert self._listening is not None
        kept, _ = self._listening.accept()
        kept.settimeout(SECONDS)
        self._kept[kept.fileno()] = kept
        return kept.fileno()

    def say(self, number: int) -> None:
        self._kept[number].sendall(b"x")

    def hear(self, number: int) -> str:
        return self._kept[number].recv(1).decode()

    def probe(self, probes: list[Probe], *, all_of_them: bool = False) -> list[bool]:
        """Send all, wait for the last one's answer, and see which of the others were answered by then."""
        with ExitStack() as stack:
            sent = [self._send(stack, number, Probe(*probe)) for number, probe in enumerate(probes)]
            if all_of_them:
                return [_answered(probe, 0) for probe in sent]
            if not _answered(sent[-1], SECONDS):
                raise TimeoutError(f"{probes[-1]} does not pass, and all else waits for it")
            return [_answered(probe, 0) for probe in sent[:-1]]

    def _send(self, stack: ExitStack, number: int, probe: Probe) -> tuple[socket.socket | None, Probe, int]:
        family = socket.AF_INET6 if ":" in probe.source else socket.AF_INET
        kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "icmp": socket.SOCK_RAW}[probe.protocol]
        own = stack.enter_context(socket.socket(family, kind, socket.IPPROTO_ICMP if kind == 3 else 0))
        own.setblocking(False)
        own.bind((probe.source, 0))
        try:
            if probe.protocol == "icmp":
                own.sendto(_echo(number), (probe.destination, 0))
            else:
                own.connect_ex((probe.destination, probe.port))
                if probe.protocol == "udp":
                    own.send(str(number).encode())
        except PermissionError:  # this namespace's own rules dropped it on its way out
            return None, probe, number
        return own, probe, number


def _until(holds: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(why)
        select.select([], [], [], 0.02)


def _answered(sent: tuple[socket.socket | None, Probe, int], seconds: float) -> bool:
    """Whether anything came back: accepted, or refused by a host that the packet has reached."""
    own, probe, number = sent
    if own is None:
        return False
    if probe.protocol == "tcp":
        _, writable, _ = select.select([], [own], [], seconds)
        return bool(writable) and own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (
            0,
            errno.ECONNREFUSED,
        )
    if probe.protocol == "udp":
        return False  # who it is for will have heard it
    while select.select([own], [], [], seconds)[0]:
        packet = own.recv(1024)
        if packet[20] == 0 and packet[24:26] == struct.pack("!H", number):
            return True
    return False


def _echo(number: int) -> bytes:
    """An ICMP echo request with this identifier."""
    total = 0x0800 + number
    return struct.pack("!BBHHH", 8, 0, ~(total + (total >> 16)) & 0xFFFF, number, 0)


def _serve() -> None:
    agent = Agent()
    for line in sys.stdin:
        what, given = json.loads(line)
        try:
            answer = True, getattr(agent, what)(**given)
        except (OSError, subprocess.SubprocessError) as error:
            answer = False, f"{what}: {error!r}"
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
