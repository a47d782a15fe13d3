"""The examiner's link: an answer has its time and no more, whatever else is said meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from protocol.codec import Codec
from protocol.dialect import load
from protocol.framing import Framing, wrap
from protocol.message import Message
from simulators.certify.result import Shown
from simulators.certify.terms import Terms
from simulators.certify.wire import Silence, Wire
from tests.support.builders import BANK

CODEC = Codec(load("ascii87"))
ECHO = wrap(Framing.BE2, CODEC.encode(Message("0800", {7: "1124101112", 11: "000001", 32: BANK, 70: "301"})))
ANSWER = wrap(
    Framing.BE2, CODEC.encode(Message("0810", {7: "1124101112", 11: "000001", 32: BANK, 39: "00", 70: "301"}))
)


@contextmanager
def chatterbox(data: bytes) -> Iterator[int]:
    """A machine that says the same for ever, whoever comes; its port. It ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            link, _ = server.accept()
            with link:
                try:
                    while True:
                        link.sendall(data)
                except OSError:
                    return

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        yield int(server.getsockname()[1])
        talking.join()


@pytest.mark.parametrize(
    ("data", "asked"),
    [(ECHO, Wire.receive), (ANSWER, Wire.notice), (b"\x20\x00" + bytes(8192), Wire.is_closed)],
    ids=["only questions", "only answers", "no end"],
)
def test_whoever_talks_without_end_is_not_listened_to_without_end(
    data: bytes, asked: Callable[[Wire], object]
) -> None:
    noted: list[Shown] = []
    with chatterbox(data) as port:
        wire = Wire(Terms(BANK, "127.0.0.1", port), CODEC, 0.3, noted.append)
        try:
            if asked is Wire.is_closed:
                assert asked(wire) is False
            else:
                with pytest.raises(Silence):
                    asked(wire)
        finally:
            wire.close()
