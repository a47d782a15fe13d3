"""The load where there is no C compiler: the same program as load.c, with the same arguments and output.

Slower, so several run side by side, each with a part of the links. Knows nothing of the protocol but what
load.c knows.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from array import array
from pathlib import Path
from typing import NamedTuple

SILENCE_SECONDS = 60


class Place(NamedTuple):
    """How an approved answer begins, and where its DE 11 and DE 39 are."""

    head: bytes
    stan_at: int
    code_at: int


class Outcome:
    """The answers so far: how many of each kind, and latencies in seconds (negative: refused)."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.approved = self.refused = 0
        self.latencies = array("f")

    def take(self, message: bytes, due: list[float], when: float) -> None:
        """Count one answer; `due` holds when each of its link's frames was, or should have been, sent.

        Raises SystemExit for an answer that no frame asked for.
        """
        place = self.place
        number = int(message[place.stan_at : place.stan_at + 6]) - 1
        if not 0 <= number < len(due) or due[number] < 0:
            raise SystemExit("sender: an answer to nothing that was asked, or a second one")
        good = message.startswith(place.head) and message[place.code_at : place.code_at + 2] == b"00"
        self.latencies.append(when - due[number] if good else due[number] - when)
        due[number] = -1.0
        self.approved += good
        self.refused += not good


class Sender:
    """One link: its frames, the time at which each was sent, and the bytes still to send or to read."""

    def __init__(self, link: socket.socket, frames: list[bytes]) -> None:
        self.link = link
        self.frames = frames
        self.due: list[float] = []
        self._unsent = bytearray()
        self._held = bytearray()

    def offer(self, count: int, when: float) -> None:
        """Send the next `count` frames, as far as the socket takes them."""
        first = len(self.due)
        chosen = self.frames[first : first + count]
        self.due += [when] * len(chosen)
        self._unsent += b"".join(chosen)
        self.flush()

    def flush(self) -> None:
        """Send the bytes that the socket did not take before."""
        if self._unsent:
            try:
                del self._unsent[: self.link.send(self._unsent)]
            except BlockingIOError:
                return

    def receive(self, outcome: Outcome) -> int:
        """Read what has arrived and return how many answers it completed."""
        data = self.link.recv(262_144)
        if not data:
            raise SystemExit("sender: the server closed a link")
        when = time.monotonic()
        self._held += data
        used = answers = 0
        while len(self._held) - used >= 2:
            end = used + 2 + int.from_bytes(self._held[used : used + 2])
            if end > len(self._held):
                break
            outcome.take(bytes(self._held[used + 2 : end]), self.due, when)
            used = end
            answers += 1
        del self._held[:used]
        return answers


def main(arguments: list[str]) -> None:
    """Run with load.c's arguments."""
    path, descriptors, head, stan_at, code_at, in_flight, rate, latencies = arguments
    links = [socket.socket(fileno=int(number)) for number in descriptors.split(",")]
    data = Path(path).read_bytes()
    senders = []
    at = 0
    for link in links:
        link.setblocking(False)
        frames, at = _frames(data, at)
        senders.append(Sender(link, frames))
    outcome = Outcome(Place(bytes.fromhex(head), int(stan_at), int(code_at)))
    start = time.monotonic()
    _run(senders, outcome, start, int(in_flight), float(rate))
    figures = {
        "start": start,
        "end": time.monotonic(),
        "approved": outcome.approved,
        "refused": outcome.refused,
    }
    with Path(latencies).open("wb") as file:
        outcome.latencies.tofile(file)
    print(json.dumps(figures))


def _frames(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Return one link's frames, each with its length, and where the next link's frames begin."""
    count = int.from_bytes(data[at : at + 4], sys.byteorder)
    at += 4
    frames = []
    for _ in range(count):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        frames.append(data[at:end])
        at = end
    return frames, at


def _run(senders: list[Sender], outcome: Outcome, start: float, in_flight: int, rate: float) -> None:
    total = sum(len(sender.frames) for sender in senders)
    scheduled = 0
    with selectors.DefaultSelector() as selector:
        for sender in senders:
            selector.register(sender.link, selectors.EVENT_READ, sender)
            if not rate:
                sender.offer(in_flight, start)
        while len(outcome.latencies) < total:
            timeout = float(SILENCE_SECONDS)
            while rate and scheduled < total:
                timeout = start + scheduled / rate - time.monotonic()
                if timeout > 0:
                    break
                senders[scheduled % len(senders)].offer(1, start + scheduled / rate)
                scheduled += 1
                timeout = float(SILENCE_SECONDS)
            events = selector.select(timeout)
            if not events and timeout == SILENCE_SECONDS:
                raise SystemExit("sender: no answer for a minute")
            for key, _ in events:
                answers = key.data.receive(outcome)
                if not rate:
                    key.data.offer(answers, time.monotonic())
            for sender in senders:
                sender.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
