"""What the load says: sign-on, and distinct collections sealed beforehand under each link's session key.

Also the book that they collect from, and where an approved answer keeps what the load looks at.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.sender import Place
from ledger.files.bookfile import PolicyDues
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from protocol.codec import Codec
from protocol.framing import Frame, FrameReader, Framing, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacKey, MacMethod
from protocol.message import Message
from protocol.tlv import build, first, parse
from simulators.messages import Stamp, Terminal, network, settlement

BANK = "01020000"
DATE = "20261124"
MOMENT = "1124101112"
AMOUNT = 120_000


def policies(transactions: int) -> Iterator[PolicyDues]:
    """Yield `transactions` policies, each with one premium due of AMOUNT fen."""
    for number in range(transactions):
        policy = f"P{number:09d}"
        due = DueLine(f"D{number:09d}", policy, "500000", "premium", "20261201", AMOUNT, "")
        yield PolicyDues(Policy(policy, "active", "张三"), (due,))


def write_frames(
    path: Path,
    codec: Codec,
    links: Sequence[int],
    keys: Sequence[MacKey],
    total: int,
    *,
    bank: str = BANK,
    start: int = 0,
) -> None:
    """Write the frames of `links` (numbers among all) in load.c's form, each under its link's key.

    `keys` are all the links' keys; collection n of `total` goes over link n modulo their number, and pays due
    `start` + n. Terminals are numbered from `start`, so that runs over one book need only differ in it.
    """
    with path.open("wb") as file:
        for link in links:
            numbers = range(link, total, len(keys))
            file.write(len(numbers).to_bytes(4, sys.byteorder))
            for stan, number in enumerate(numbers, start=1):
                sealed = codec.seal(_collection(link + start, stan, start + number, bank), keys[link].mac)
                file.write(wrap(Framing.BE2, sealed))


def approved_place(codec: Codec) -> Place:
    """Return how an approved answer begins, and where DE 11 and DE 39 are in it, in bytes from its start.

    The places are found by sealing answers that differ in one field only.
    """
    fields = {**_collection(0, 0, 0, BANK).fields, 15: "1124", 38: "000000", 39: "00", 62: "x"}
    mac = MacKey(MacMethod.AES_CMAC, bytes(16)).mac
    plain = codec.seal(Message("0210", fields), mac)

    def changed(number: int, text: str) -> int:
        other = codec.seal(Message("0210", {**fields, number: text}), mac)
        return next(at for at, (was, now) in enumerate(zip(plain, other, strict=True)) if was != now)

    return Place(plain[:12], changed(11, "999999"), changed(39, "99"))


def sign_on(
    link: socket.socket,
    codec: Codec,
    zmk: bytes,
    bank: str = BANK,
    mac: MacMethod = MacMethod.AES_CMAC,
) -> MacKey:
    """Sign on over an open connection and return the session key that the answer carries."""
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    message = network(bank, Stamp(MOMENT, "000001"), "001")
    link.sendall(wrap(Framing.BE2, codec.encode(message)))
    reader = FrameReader(Framing.BE2)
    frames: list[Frame] = []
    while not frames:
        data = link.recv(65_536)
        if not data:
            raise SystemExit("bench: the server closed a link at sign-on")
        frames = reader.feed(data)
    answer = codec.decode(frames[0].body)
    if answer.fields[39] != "00":
        raise SystemExit(f"bench: sign-on was answered {answer.fields[39]}")
    groups = parse(answer.fields[48], "utf-8")
    return MacKey(mac, unwrap(zmk, first(groups, "KA") or "", mac))


def _collection(terminal: int, stan: int, number: int, bank: str) -> Message:
    """Return a collection without DE 2, so that every field before DE 39 has a fixed length."""
    origin = Terminal(bank, "B00000000000001", f"T{terminal:07d}")
    groups = build((("PN", f"P{number:09d}"), ("DU", f"D{number:09d}")), "utf-8")
    stamp = Stamp(MOMENT, f"{stan:06d}")
    return settlement("0200", "500000", AMOUNT, origin, stamp, f"{number:012d}", groups)
