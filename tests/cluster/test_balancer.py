"""The balancer over real sockets: nodes in turn, a dead one passed over, bytes as they are, ends too."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from simulators.cluster.balancer import Balancer, Targets
from simulators.cluster.postgresql import free_port
from tests.cluster.scenes import wait_for
from tests.support.machine import SOCKET_SECONDS, _run_reactor, reactor

MUCH = b"0123456789abcdef" * 250_000


class Node:
    """A listening socket that takes one connection after the other when asked."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SOCKET_SECONDS)
        self.place = ("127.0.0.1", self.listener.getsockname()[1])

    def taken(self) -> socket.socket:
        connection, _ = self.listener.accept()
        connection.settimeout(SOCKET_SECONDS)
        return connection


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    _run_reactor()
    made = Balancer(reactor)
    yield made
    wait_for(made.stop)


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    made = [Node(), Node()]
    yield made
    for node in made:
        node.listener.close()


def connected(stack: ExitStack, port: int) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=SOCKET_SECONDS))


def heard(one: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := one.recv(65536)):
        data += more
    return data


def test_each_connection_goes_to_the_next_node(balancer: Balancer, nodes: list[Node]) -> None:
    port = wait_for(balancer.listen, 0, Targets([node.place for node in nodes]))
    with ExitStack() as stack:
        for number in (b"1", b"2", b"3", b"4"):
            bank = connected(stack, port)
            bank.sendall(number)
            node = stack.enter_context(nodes[(int(number) - 1) % 2].taken())
            assert heard(node, 1) == number
            node.sendall(number * 2)
            assert heard(bank, 2) == number * 2


def test_a_node_that_refuses_is_passed_over(balancer: Balancer, nodes: list[Node]) -> None:
    dead = ("127.0.0.1", free_port())
    port = wait_for(balancer.listen, 0, Targets([dead, nodes[0].place]))
    with ExitStack() as stack:
        for _ in range(3):
            connected(stack, port).sendall(b"x")
            assert heard(stack.enter_context(nodes[0].taken()), 1) == b"x"
    assert balancer.passed_over == 2, "the first and the third began with the dead one"


def test_a_bank_is_refused_where_no_node_lives(balancer: Balancer) -> None:
    port = wait_for(balancer.listen, 0, Targets([("127.0.0.1", free_port()), ("127.0.0.1", free_port())]))
    with ExitStack() as stack, pytest.raises(ConnectionResetError):
        connected(stack, port).recv(1)
    assert wait_for(lambda: len(balancer.ends)) == 0


def test_more_than_a_buffer_arrives_whole_though_it_is_read_late(
    balancer: Balancer, nodes: list[Node]
) -> None:
    port = wait_for(balancer.listen, 0, Targets([nodes[0].place]))
    with ExitStack() as stack:
        bank = connected(stack, port)
        node = stack.enter_context(nodes[0].taken())
        node.setblocking(False)
        sent = node.send(MUCH)
        node.settimeout(SOCKET_SECONDS)
        assert heard(bank, sent) == MUCH[:sent]


def test_an_end_is_passed_on_after_what_was_said_before_it(balancer: Balancer, nodes: list[Node]) -> None:
    port = wait_for(balancer.listen, 0, Targets([nodes[0].place]))
    with ExitStack() as stack:
        bank = connected(stack, port)
        with nodes[0].taken() as node:
            node.sendall(b"last words")
        assert heard(bank, 11) == b"last words"
        assert bank.recv(1) == b""
