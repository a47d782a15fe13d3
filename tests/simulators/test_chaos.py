"""The chaos by its rules: what passes and when; the same for the same seed, however the bytes come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click import BadParameter
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from ledger.files.settings import SettingsError
from protocol.framing import SHIPPED, Framing, wrap
from simulators.chaos.cli import Place, chaos, log_line
from simulators.chaos.conversation import INJECTIONS, Abort, Close, Conversation, Did, Effect, Refuse, Send
from simulators.chaos.proxy import HELD_BYTES_MAX, Proxy
from simulators.chaos.rules import ChaosError, Injection, Rule, Rules, Way, parse_option, read_rules
from tests.support.virtual_links import Transport

bodies = st.lists(st.binary(min_size=4, max_size=40).map(lambda tail: b"0200" + tail), max_size=12)
framings = st.sampled_from(list(SHIPPED.values()))
seeds = st.integers(0, 1000)
ORDERLY = ("do=delay milliseconds=3", "do=split piece=2 milliseconds=1", "do=throttle bytes_a_second=900")


def rules(*options: str, seed: int = 1, framing: str = "2be", dialect: str = "ascii87") -> Rules:
    return read_rules(None, options, seed=seed, framing=framing, dialect=dialect)


def framed(framing: Framing, given_bodies: Sequence[bytes]) -> list[bytes]:
    head = framing.head.sample()
    return [wrap(framing, body, head) for body in given_bodies]


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:stop] for start, stop in pairwise(places)]


def effects_of(
    given_rules: Rules, pieces: Sequence[bytes], way: Way = Way.REQUEST, number: int = 1, now: int = 0
) -> list[Effect]:
    conversation = Conversation(given_rules, number)
    effects = list(conversation.opened(now))
    for piece in pieces:
        effects += conversation.heard(way, piece, now)
    return effects


def passed(effects: Sequence[Effect]) -> bytes:
    return b"".join(effect.data for effect in effects if isinstance(effect, Send))


def done(effects: Sequence[Effect]) -> list[tuple[int, str]]:
    return [(effect.frame, effect.did) for effect in effects if isinstance(effect, Did)]


@given(
    framing=framings, given_bodies=bodies, cuts=st.lists(st.integers(0, 600), max_size=9), tail=st.binary()
)
def test_without_rules_every_byte_passes_at_once(
    framing: Framing, given_bodies: list[bytes], cuts: list[int], tail: bytes
) -> None:
    """What is no frame passes too, at the latest when its sender ends."""
    data = b"".join(framed(framing, given_bodies)) + tail
    conversation = Conversation(rules(framing=framing), 1)
    effects = [effect for piece in split(data, cuts) for effect in conversation.heard(Way.ANSWER, piece, 7)]
    effects += conversation.ended(Way.ANSWER, 7)
    assert passed(effects) == data
    assert {effect.at for effect in effects if isinstance(effect, Send)} <= {7}
    assert effects[-1] == Close(7, Way.ANSWER)


@given(given_bodies=bodies, cuts=st.lists(st.integers(0, 600), max_size=9), seed=seeds)
def test_the_same_frames_meet_the_same_fate_however_they_are_split(
    given_bodies: list[bytes], cuts: list[int], seed: int
) -> None:
    """Every fault, drawn by the seed."""
    options = [f"one_in=3 {option}" for option in (*ORDERLY, "do=corrupt", "do=duplicate", "do=swallow")]
    chosen = rules(*options, "one_in=9 do=cut", "one_in=9 do=drop", seed=seed)
    data = b"".join(framed(Framing.BE2, given_bodies))
    assert effects_of(chosen, split(data, cuts)) == effects_of(chosen, [data])


@given(given_bodies=bodies, options=st.lists(st.sampled_from(ORDERLY), max_size=3), seed=seeds)
def test_what_only_holds_up_loses_no_byte_and_nothing_overtakes(
    given_bodies: list[bytes], options: list[str], seed: int
) -> None:
    chosen = rules(*(f"one_in=2 {option}" for option in options), seed=seed)
    conversation = Conversation(chosen, 1)
    effects: list[Effect] = []
    for now, frame in enumerate(framed(Framing.BE2, given_bodies)):
        effects += conversation.heard(Way.REQUEST, frame, now * 500)
    effects += conversation.ended(Way.REQUEST, len(given_bodies) * 500)
    assert passed(effects) == b"".join(framed(Framing.BE2, given_bodies))
    times = [effect.at for effect in effects if isinstance(effect, Send | Close)]
    assert times == sorted(times)


@given(given_bodies=bodies.filter(bool), rate=st.integers(1, 100_000), piece=st.integers(1, 50))
def test_a_throttle_never_lets_more_through_than_its_rate(
    given_bodies: list[bytes], rate: int, piece: int
) -> None:
    chosen = rules(f"do=throttle bytes_a_second={rate}", f"do=split piece={piece}")
    sent, expected_at = 0, 0
    for effect in effects_of(chosen, framed(Framing.BE2, given_bodies)):
        if isinstance(effect, Send):
            sent += len(effect.data)
            expected_at += -(-len(effect.data) * 1_000_000 // rate)
            assert effect.at == expected_at
            assert sent * 1_000_000 <= rate * effect.at


@given(given_bodies=bodies, byte=st.integers(1, 600), framing=st.sampled_from(["2be", "raw"]))
def test_a_cut_at_a_byte_lets_pass_what_comes_before_it_and_nothing_after(
    given_bodies: list[bytes], byte: int, framing: str
) -> None:
    data = b"".join(framed(Framing.BE2, given_bodies))
    effects = effects_of(rules(f"do=cut byte={byte}", framing=framing), split(data, [7, 99, 200]))
    assert passed(effects) == data[: byte - 1]
    assert [type(effect) for effect in effects if not isinstance(effect, Send | Did)] == (
        [Abort] if byte <= len(data) else []
    )


@given(given_bodies=bodies, number=st.integers(1, 12), seed=seeds)
def test_a_fault_is_done_to_the_frame_that_is_named_and_to_no_other(
    given_bodies: list[bytes], number: int, seed: int
) -> None:
    frames = framed(Framing.BE2, given_bodies)
    there = number <= len(frames)
    place = number - 1

    def after(fault: str) -> bytes:
        return passed(effects_of(rules(f"do={fault} frame={number}", seed=seed), frames))

    whole = b"".join(frames)
    assert after("swallow") == b"".join(frames[:place] + frames[place + 1 :])
    assert after("drop") == b"".join(frames[:place])
    assert after("duplicate") == b"".join(frames[:number] + frames[place:])
    assert after("swallow_and_cut") == b"".join(frames[:place])
    half = frames[place][: len(frames[place]) // 2] if there else b""
    assert after("cut") == b"".join(frames[:place]) + half
    corrupted = after("corrupt")
    differs = [at for at, pair in enumerate(zip(whole, corrupted, strict=True)) if pair[0] != pair[1]]
    start = len(b"".join(frames[:place]))
    assert [start <= at < start + len(frames[place]) for at in differs] == ([True] if there else [])


def test_a_byte_is_corrupted_where_and_how_the_rule_says() -> None:
    frame = wrap(Framing.BE2, b"0200xyz")
    assert passed(effects_of(rules("do=corrupt offset=6 mask=1"), [frame])) == wrap(Framing.BE2, b"0200yyz")
    assert passed(effects_of(rules("do=corrupt byte=9 mask=3"), [frame])) == wrap(Framing.BE2, b"0200xyy")
    assert passed(effects_of(rules("do=corrupt offset=6 mask=1 frame=2"), [frame])) == frame


@pytest.mark.parametrize(
    ("dialect", "head"),
    [("ascii87", b"0210"), ("bcd87", b"\x02\x10"), ("ebcdic87", "0210".encode("cp500")), ("hex87", b"0210")],
)
def test_an_mti_is_seen_in_every_dialect(dialect: str, head: bytes) -> None:
    effects = effects_of(rules("do=swallow mti=0210", dialect=dialect), [wrap(Framing.BE2, head + bytes(20))])
    assert [(effect.mti, effect.did) for effect in effects if isinstance(effect, Did)] == [
        ("0210", "swallow")
    ]


def test_when_is_all_that_a_rule_gives_together() -> None:
    chosen = rules("do=swallow connection=2 way=answer frame=2 mti=0200")
    frames = framed(Framing.BE2, [b"0200a", b"0200b", b"0200c"])
    other_mti = framed(Framing.BE2, [b"0200a", b"0400b", b"0200c"])
    outcomes = {
        "all hold": effects_of(chosen, frames, Way.ANSWER, 2),
        "connection": effects_of(chosen, frames, Way.ANSWER, 1),
        "way": effects_of(chosen, frames, Way.REQUEST, 2),
        "mti": effects_of(chosen, other_mti, Way.ANSWER, 2),
    }
    assert {name: done(effects) for name, effects in outcomes.items()} == {
        "all hold": [(2, "swallow")],
        "connection": [],
        "way": [],
        "mti": [],
    }


def test_times_is_how_often_on_a_connection_both_ways_together() -> None:
    conversation = Conversation(rules("do=duplicate times=2"), 1)
    frame = wrap(Framing.BE2, b"0200")
    effects = [effect for way in (*Way, *Way) for effect in conversation.heard(way, frame, 0)]
    assert done(effects) == [(1, "duplicate"), (1, "duplicate")]


def test_one_in_so_many_is_drawn_by_the_seed_and_differs_between_connections() -> None:
    frames = framed(Framing.BE2, [b"0200"] * 400)

    def drawn(seed: int, number: int) -> list[tuple[int, str]]:
        return done(effects_of(rules("do=delay milliseconds=1 one_in=4", seed=seed), frames, number=number))

    assert drawn(1, 1) == drawn(1, 1)
    assert len({str(drawn(seed, number)) for seed in (1, 2) for number in (1, 2)}) == 4
    assert 70 < len(drawn(1, 1)) < 130, "one in four of 400"


def test_a_half_open_way_says_nothing_any_more_not_even_its_end() -> None:
    conversation = Conversation(rules("do=drop way=answer frame=2"), 1)
    frame = wrap(Framing.BE2, b"0210")
    assert passed(conversation.heard(Way.ANSWER, frame * 3, 0)) == frame
    assert conversation.ended(Way.ANSWER, 0) == ()
    assert conversation.heard(Way.REQUEST, frame, 0) == (Send(0, Way.REQUEST, frame),)


def test_a_refused_connection_ends_as_it_opens_and_the_next_waits() -> None:
    assert effects_of(rules("do=refuse connection=3 milliseconds=40"), [b"x"], number=3, now=5) == [
        Refuse(40_005),
        Abort(5),
        Did(5, 3, "", 0, "", "rule 1", "refuse", 0),
    ]
    assert effects_of(rules("do=refuse connection=3 milliseconds=40"), [], number=2) == []


# The rules as they are written.

WRONG = (
    ("do=delay", "delay needs milliseconds"),
    ("do=throttle milliseconds=1", "throttle needs bytes_a_second"),
    ("do=swallow offset=1", "offset means nothing to swallow"),
    ("do=refuse milliseconds=1 mti=0200", "refuse is done as a connection opens"),
    ("do=cut byte=2 offset=1", "byte says the place already"),
)


@pytest.mark.parametrize(("option", "reason"), WRONG)
def test_a_rule_that_contradicts_itself_is_refused_with_its_name(option: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"rule 'rule 1': .*{reason}"):
        rules(option)


def test_a_rule_on_frames_is_refused_where_none_are_seen() -> None:
    with pytest.raises(SettingsError, match="frames and MTIs are not seen where framing is raw"):
        rules("do=swallow frame=1", framing="raw")


@pytest.mark.parametrize(
    "text", ["", "do=explode", "do=cut frame=0", "do=cut frame=x", "do=cut nonsense=1", "do=cut do=drop"]
)
def test_an_option_that_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ChaosError, match="--rule"):
        parse_option(text, 1)


def test_a_file_is_read_whole_and_options_come_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('seed = 9\n[[rule]]\nname = "lost"\ndo = "swallow"\nmti = "0210"\none_in = 5\n')
    assert read_rules(path, ("do=cut way=answer",), framing="4ascii") == Rules(
        seed=9,
        framing="4ascii",
        rule=(
            Rule(name="lost", do=Injection.SWALLOW, mti="0210", one_in=5),
            Rule(name="rule 2", do=Injection.CUT, way=Way.ANSWER),
        ),
    )


def test_every_fault_on_bytes_is_in_the_table() -> None:
    assert set(INJECTIONS) == set(Injection) - {Injection.REFUSE}


def test_the_log_names_and_counts_and_shows_no_byte() -> None:
    effects = effects_of(rules("do=swallow"), [wrap(Framing.BE2, b"0200secret")], now=12_345)
    (did,) = (effect for effect in effects if isinstance(effect, Did))
    assert json.loads(log_line(did)) == {
        "ms": 12,
        "connection": 1,
        "way": "request",
        "frame": 1,
        "mti": "0200",
        "rule": "rule 1",
        "did": "swallow",
        "bytes": 12,
    }
    assert "secret" not in repr(Send(0, Way.REQUEST, b"secret"))


def test_it_listens_on_loopback_only() -> None:
    """An address of TEST-NET (RFC 5737): without the check nothing would be opened either."""
    ended = CliRunner().invoke(chaos, ["--listen", "192.0.2.1:0"])
    assert str(ended.exception) == "--listen 192.0.2.1: not loopback; nobody else is to be led through here"


@pytest.mark.parametrize("place", ["localhost:1", "127.0.0.1", "127.0.0.1:x", ":1", "127.0.0.1:65536"])
@pytest.mark.parametrize("option", ["--listen", "--to"])
def test_what_is_no_address_and_port_is_refused(option: str, place: str) -> None:
    ended = CliRunner().invoke(chaos, [option, place])
    assert (ended.exit_code, f"Invalid value for '{option}'" in ended.output) == (2, True)


def test_an_address_may_stand_in_brackets_and_port_0_is_nowhere_to_go() -> None:
    assert Place(0).convert("[::1]:0", None, None) == ("::1", 0)
    with pytest.raises(BadParameter):
        Place(1).convert("127.0.0.1:0", None, None)


@pytest.mark.parametrize("given", [{"framing": "3be"}, {"dialect": "morse"}])
def test_a_framing_or_a_dialect_that_nobody_knows_is_refused_by_its_name(given: dict[str, str]) -> None:
    with pytest.raises(ChaosError, match=f"^{next(iter(given))}: "):
        read_rules(None, **given)


# The proxy in virtual time.


class Wire:
    """A proxy between two transports of a reactor that has no sockets and a clock of its own."""

    def __init__(self, *options: str) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.log: list[Did] = []
        self.proxy = Proxy(self.reactor, rules(*options), ("127.0.0.1", 8583), self.log.append)
        self.proxy.listen("127.0.0.1", 9583)

    def connect(self) -> tuple[Any, Transport, Any, Transport]:
        """The bank's end and the machine's, each with what was written to it."""
        bank = self.reactor.tcpServers[-1][1].buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        bank_side, machine_side = Transport(), Transport()
        clients = len(self.reactor.tcpClients)
        bank.makeConnection(bank_side)
        if len(self.reactor.tcpClients) == clients:
            return bank, bank_side, None, machine_side
        machine = self.reactor.tcpClients[-1][2].buildProtocol(IPv4Address("TCP", "127.0.0.1", 8583))
        machine.makeConnection(machine_side)
        return bank, bank_side, machine._wrappedProtocol, machine_side


def test_a_delayed_frame_leaves_when_it_is_due_and_holds_what_comes_behind_it() -> None:
    wire = Wire("do=delay frame=1 way=request milliseconds=250")
    bank, bank_side, machine, machine_side = wire.connect()
    first, second = framed(Framing.BE2, [b"0200a", b"0200b"])
    bank.dataReceived(first + second)
    machine.dataReceived(first)
    assert (machine_side.value(), bank_side.value()) == (b"", first), "the other way is free"
    wire.reactor.advance(0.249)
    assert machine_side.value() == b""
    wire.reactor.advance(0.001)
    assert machine_side.value() == first + second


def test_a_cut_passes_its_half_and_ends_both_sides() -> None:
    wire = Wire("do=cut frame=2 way=answer offset=3")
    bank, bank_side, machine, machine_side = wire.connect()
    machine.dataReceived(b"".join(framed(Framing.BE2, [b"0210a", b"0210b"])))
    assert bank_side.value() == wrap(Framing.BE2, b"0210a") + b"\x00\x050"
    assert (bank_side.disconnecting, machine_side.disconnecting) == (True, True)
    assert bank.link.is_over


def test_what_waits_is_forgotten_when_an_end_breaks_off() -> None:
    wire = Wire("do=delay way=request frame=1 milliseconds=250")
    bank, _, machine, machine_side = wire.connect()
    bank.dataReceived(wrap(Framing.BE2, b"0200"))
    bank.connectionLost(Failure(ConnectionLost()))
    assert wire.reactor.getDelayedCalls() == []
    assert (machine_side.disconnected, machine.is_open) == (True, False)


def test_what_waits_beyond_its_bound_is_not_read_until_it_has_gone() -> None:
    wire = Wire("do=delay way=request frame=1 milliseconds=10")
    bank, bank_side, _, machine_side = wire.connect()
    frame = wrap(Framing.BE2, b"0200" + bytes(8000))
    count = HELD_BYTES_MAX // len(frame) + 1
    for _ in range(count):
        bank.dataReceived(frame)
    assert bank_side.producerState == "paused"
    wire.reactor.advance(0.01)
    assert (bank_side.producerState, len(machine_side.value())) == ("producing", count * len(frame))


def test_who_reads_slowly_has_the_other_read_slowly_too_and_a_held_way_stays_held() -> None:
    wire = Wire("do=delay way=request frame=1 milliseconds=10")
    bank, bank_side, _, machine_side = wire.connect()
    bank.dataReceived(wrap(Framing.BE2, b"0200" + bytes(8000)) * (HELD_BYTES_MAX // 8006 + 1))
    machine_side.producer.pauseProducing()
    wire.reactor.advance(0.01)
    assert bank_side.producerState == "paused"
    machine_side.producer.resumeProducing()
    assert bank_side.producerState == "producing"


def test_connections_are_refused_for_a_while_and_then_taken_again() -> None:
    wire = Wire("do=refuse connection=1 milliseconds=500")
    _, bank_side, machine, _ = wire.connect()
    assert (machine, bank_side.disconnected or bank_side.disconnecting) == (None, True)
    assert [did.did for did in wire.log] == ["refuse"]
    wire.reactor.advance(0.499)
    assert len(wire.reactor.tcpServers) == 1
    wire.reactor.advance(0.001)
    assert [server[0] for server in wire.reactor.tcpServers] == [9583, 9583]


@pytest.mark.parametrize("is_closed_by_then", [True, False])
def test_who_stops_while_connections_are_refused_does_not_listen_again(is_closed_by_then: bool) -> None:
    wire = Wire("do=refuse connection=1 milliseconds=500")
    closed: Deferred[None] = Deferred()
    if is_closed_by_then:
        closed.callback(None)
    wire.proxy._ports[0].stopListening = lambda: closed
    wire.connect()
    wire.proxy.stop()
    if not is_closed_by_then:
        closed.callback(None)
    wire.reactor.advance(1)
    assert len(wire.reactor.tcpServers) == 1
