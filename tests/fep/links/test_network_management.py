"""Network management as a table: each DE 70 in each state of the session, its answer and the state then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from twisted.internet.defer import Deferred

from fep.errors import FepError
from fep.keys.keys import BankKeys, SessionKey
from fep.links.key_desk import KeyDesk
from fep.links.network_management import CUTOVER, ECHO, KEY_CHANGE, SIGN_OFF, SIGN_ON
from fep.links.places import ANSWER_SECONDS, FULL, SILENT
from fep.links.session import CONNECTED, SIGNED_OFF, SIGNED_ON, STOPPING
from protocol.framing import Framing, wrap
from protocol.mac import MacKey, MacMethod
from protocol.message import Message
from tests.fep.links.test_server import CODEC, PORTS, House
from tests.support.builders import BANK, message
from tests.support.machine import OTHER_BANK, write_settings

UNKNOWN = "999"


class Outcome(NamedTuple):
    """What an 0810 says in DE 39 and DE 44, and the session's state after it."""

    response: str
    reason: str | None
    state: str


FIRST = ("63", "SIGN ON FIRST")
STOPS = ("91", "STOPPING")
TABLE: Mapping[tuple[str, str], Outcome] = MappingProxyType(
    {
        (CONNECTED, SIGN_ON): Outcome("00", None, SIGNED_ON),
        (CONNECTED, SIGN_OFF): Outcome(*FIRST, CONNECTED),
        (CONNECTED, KEY_CHANGE): Outcome(*FIRST, CONNECTED),
        (CONNECTED, ECHO): Outcome("00", None, CONNECTED),
        (CONNECTED, UNKNOWN): Outcome(*FIRST, CONNECTED),
        (SIGNED_ON, SIGN_ON): Outcome("00", None, SIGNED_ON),
        (SIGNED_ON, SIGN_OFF): Outcome("00", None, SIGNED_OFF),
        (SIGNED_ON, KEY_CHANGE): Outcome("00", None, SIGNED_ON),
        (SIGNED_ON, ECHO): Outcome("00", None, SIGNED_ON),
        (SIGNED_ON, UNKNOWN): Outcome("40", "DE 70 999 NOT SUPPORTED", SIGNED_ON),
        (SIGNED_OFF, SIGN_ON): Outcome("00", None, SIGNED_ON),
        (SIGNED_OFF, SIGN_OFF): Outcome(*FIRST, SIGNED_OFF),
        (SIGNED_OFF, KEY_CHANGE): Outcome(*FIRST, SIGNED_OFF),
        (SIGNED_OFF, ECHO): Outcome("00", None, SIGNED_OFF),
        (SIGNED_OFF, UNKNOWN): Outcome(*FIRST, SIGNED_OFF),
        (STOPPING, SIGN_ON): Outcome(*STOPS, STOPPING),
        (STOPPING, SIGN_OFF): Outcome(*STOPS, STOPPING),
        (STOPPING, KEY_CHANGE): Outcome(*STOPS, STOPPING),
        (STOPPING, ECHO): Outcome("00", None, STOPPING),
        (STOPPING, UNKNOWN): Outcome(*STOPS, STOPPING),
    }
)


class Line:
    """One link of a bank, and what has been sent to it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.connection, self.socket = house.connect()
        self.link = self.connection.link

    @property
    def key(self) -> MacKey | None:
        return self.link.session.keys.current

    def ask(self, code: str, *, bank: str = BANK, key: MacKey | None = None) -> Message:
        """The answer to an 0800; sealed under `key`, or unsealed."""
        request = Message("0800", {7: "1124101112", 11: "000007", 32: bank, 70: code})
        body = CODEC.encode(request) if key is None else CODEC.seal(request, key.mac)
        self.connection.dataReceived(wrap(Framing.BE2, body))
        [answer] = self.sent()
        return answer

    def sent(self) -> list[Message]:
        return [CODEC.decode(frame.body) for frame in self.socket.frames()]

    def into(self, state: str) -> None:
        """Bring the session into a state."""
        if state != CONNECTED:
            self.ask(SIGN_ON)
        if state == SIGNED_OFF:
            self.ask(SIGN_OFF, key=self.key)
        elif state == STOPPING:
            self.link.stop()
        assert self.link.session.state() == state


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(House(write_settings(tmp_path, "sqlite:///none.db")))


@pytest.mark.parametrize(("state", "code"), TABLE, ids=str)
def test_each_code_in_each_state_is_answered_as_the_protocol_says(line: Line, state: str, code: str) -> None:
    line.into(state)
    answer = line.ask(code, key=None if code == SIGN_ON else line.key)
    outcome = Outcome(answer.fields[39], answer.fields.get(44), line.link.session.state())
    assert outcome == TABLE[state, code]


def test_only_a_new_key_comes_in_de_48(line: Line) -> None:
    with_key = {code for code in (SIGN_ON, KEY_CHANGE, ECHO) if 48 in line.ask(code, key=line.key).fields}
    assert with_key == {SIGN_ON, KEY_CHANGE}


def test_a_change_of_keys_is_answered_under_the_old_key(line: Line) -> None:
    line.into(SIGNED_ON)
    old = line.key
    assert old is not None
    request = Message("0800", {7: "1124101112", 11: "000007", 32: BANK, 70: KEY_CHANGE})
    line.connection.dataReceived(wrap(Framing.BE2, CODEC.seal(request, old.mac)))
    [frame] = line.socket.frames()
    split = CODEC.mac_of(frame.body, CODEC.decode(frame.body))
    assert split is not None
    assert old.verify(*split)
    assert line.key is not old


def test_another_banks_sign_on_is_refused_unsealed(line: Line) -> None:
    answer = line.ask(SIGN_ON, bank=OTHER_BANK)
    assert (answer.fields[39], answer.fields[44]) == ("63", "DE 32: OTHER BANK")
    assert line.link.session.state() == CONNECTED


def test_nothing_is_asked_of_a_bank_that_has_no_key(line: Line) -> None:
    line.link.ask(ECHO)
    assert line.sent() == []


def test_what_we_ask_carries_a_number_of_its_own_and_the_business_date_where_one_is_open(line: Line) -> None:
    line.into(SIGNED_ON)
    line.link.ask(ECHO)
    line.house.engine.business_date = "20261125"
    line.link.ask(CUTOVER)
    asked = [
        (request.mti, request.fields[11], request.fields.get(15), request.fields[70])
        for request in line.sent()
    ]
    assert asked == [("0800", "000001", None, ECHO), ("0800", "000002", "1125", CUTOVER)]


def test_the_place_of_a_silent_link_goes_to_one_that_signs_on(tmp_path: Path) -> None:
    """The bank's host has lost its link, and this end does not know it yet."""
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="links = 1"))
    lost, new = Line(house), Line(house)
    lost.ask(SIGN_ON)
    request = Message("0800", {7: "1124101112", 11: "000007", 32: BANK, 70: SIGN_ON})
    new.connection.dataReceived(wrap(Framing.BE2, CODEC.encode(request)))
    assert ([echo.fields[70] for echo in lost.sent()], new.sent()) == ([ECHO], [])
    house.clock.advance(ANSWER_SECONDS)
    [answer] = new.sent()
    assert (answer.fields[39], new.link.session.state()) == ("00", SIGNED_ON)
    assert lost.socket.aborted
    assert house.statistics.closed_links == {(BANK, SILENT): 1}


def test_a_link_that_answers_keeps_its_place(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="links = 1"))
    alive, late = Line(house), Line(house)
    alive.ask(SIGN_ON)
    request = Message("0800", {7: "1124101112", 11: "000007", 32: BANK, 70: SIGN_ON})
    late.connection.dataReceived(wrap(Framing.BE2, CODEC.encode(request)))
    [echo] = alive.sent()
    house.clock.advance(1)
    assert alive.key is not None
    answer = CODEC.seal(Message("0810", {**echo.fields, 39: "00"}), alive.key.mac)
    alive.connection.dataReceived(wrap(Framing.BE2, answer))
    house.clock.advance(ANSWER_SECONDS)
    assert (alive.socket.aborted, late.socket.aborted) == (False, True)
    assert [refusal.reason for refusal in house.server.refusals.of(BANK)] == [FULL]


def test_the_oldest_that_has_not_signed_on_goes_and_who_has_stays(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="unsigned_links = 2"))
    signed_on = Line(house)
    signed_on.ask(SIGN_ON)
    silent = [Line(house) for _ in range(4)]
    assert [line.socket.aborted for line in silent] == [True, True, False, False]
    assert Line(house).ask(SIGN_ON).fields[39] == "00"
    assert not signed_on.socket.aborted


def test_where_all_banks_links_are_taken_the_oldest_that_has_not_signed_on_goes(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="links = 2"))
    signed_on, silent = Line(house), Line(house)
    signed_on.ask(SIGN_ON)
    new = Line(house)
    assert (silent.socket.aborted, new.socket.aborted) == (True, False)
    assert house.server.admit("127.0.0.1", PORTS[OTHER_BANK]) is None, "it has none that could go"


UNASKED = Message("0210", {7: "1124101112", 11: "000007", 39: "00"})


def test_answers_that_nobody_asked_for_are_few_lines_of_the_log_and_close_the_link(
    tmp_path: Path, logged: list[str]
) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="strays_a_minute = 3"))
    line = Line(house)
    line.ask(SIGN_ON)
    logged.clear()
    assert line.key is not None
    for unasked in (UNASKED, Message("0810", UNASKED.fields), UNASKED):
        line.connection.dataReceived(wrap(Framing.BE2, CODEC.seal(unasked, line.key.mac)))
    assert not line.socket.disconnecting
    line.connection.dataReceived(wrap(Framing.BE2, CODEC.seal(UNASKED, line.key.mac)))
    assert line.socket.disconnecting
    line.connection.connectionLost()
    why = "too many messages that were not asked for or cannot be read"
    assert logged == [
        f"bank {BANK}: unexpected 0210",
        f"link of bank {BANK} closed: {why}",
        "3 entries like the last were left out",
    ]


def test_an_answer_to_a_notice_of_ours_is_no_stray(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="strays_a_minute = 1"))
    line = Line(house)
    line.ask(SIGN_ON)
    assert line.key is not None
    for _ in range(9):
        line.link.ask(CUTOVER)
        [notice] = line.sent()
        answer = CODEC.seal(Message("0810", {**notice.fields, 39: "00"}), line.key.mac)
        line.connection.dataReceived(wrap(Framing.BE2, answer))
    assert not line.socket.disconnecting


@pytest.mark.parametrize("state", [SIGNED_ON, SIGNED_OFF])
def test_what_cannot_be_read_counts_towards_the_end_whatever_its_mac(
    tmp_path: Path, state: str, logged: list[str]
) -> None:
    """DE 4 holds letters: the rest decodes, and the MAC is right."""
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="strays_a_minute = 3"))
    line = Line(house)
    line.ask(SIGN_ON)
    assert line.key is not None
    if state == SIGNED_OFF:
        line.ask(SIGN_OFF, key=line.key)
    logged.clear()
    broken = CODEC.seal(message(), lambda _: bytes(8))[:-8].replace(b"000000120000", b"x00000120000")
    body = broken + line.key.mac(broken)
    for _ in range(4):
        assert not line.socket.disconnecting
        line.connection.dataReceived(wrap(Framing.BE2, body))
    assert line.socket.disconnecting
    assert len([entry for entry in logged if "undecodable" in entry]) == 1
    answers = {answer.fields[39] for answer in line.sent()}
    assert answers == {"30" if state == SIGNED_ON else "63"}


def test_a_bank_has_signed_off_as_its_last_link_did_that_had_signed_on(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="idle_seconds = 60"))

    def left(*codes: str) -> bool:
        line = Line(house)
        for code in codes:
            line.ask(code, key=line.key)
        line.connection.connectionLost()
        return BANK in house.server.signed_off

    assert left(SIGN_ON, SIGN_OFF)
    assert left(), "what has not signed on says nothing of the bank"
    assert not left(SIGN_ON)
    assert not left(SIGN_ON, SIGN_OFF, SIGN_ON)


def test_a_link_that_signed_off_and_does_not_answer_our_echo_has_signed_off(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db"))
    line = Line(house)
    line.ask(SIGN_ON)
    line.ask(SIGN_OFF, key=line.key)
    house.clock.pump([1] * 80)
    assert house.statistics.closed_links == {(BANK, "our echo was not answered in time"): 1}
    line.connection.connectionLost()
    assert house.server.signed_off == {BANK}


class Token:
    """A token in place of the bank's ZMK; the test says when its calls come back."""

    check_value, in_token = "000000", True

    def __init__(self, house: House) -> None:
        self.out: list[Deferred[SessionKey]] = []
        self.keys = BankKeys(MacMethod.AES_CMAC, self, bytes)
        self.desk = KeyDesk(house.clock, lambda: 1, self._call, 3)

    def wrap(self, *_: object) -> str:
        return "block"

    def _call(self, _function: object) -> Deferred[SessionKey]:
        self.out.append(Deferred())
        return self.out[-1]

    def come_back(self) -> None:
        self.out.pop(0).callback(self.keys.fresh())


@pytest.fixture
def waiting(line: Line) -> tuple[Line, Token]:
    """A link of a bank whose ZMK is in a token."""
    token = Token(line.house)
    network = line.link._network
    network._surroundings = replace(network._surroundings, key_desk=token.desk)
    network._bank_keys = token.keys
    return line, token


def say(line: Line, code: str, key: MacKey | None = None) -> list[tuple[str, str | None]]:
    """DE 39 and DE 44 of what is answered at once."""
    request = Message("0800", {7: "1124101112", 11: "000007", 32: BANK, 70: code})
    body = CODEC.encode(request) if key is None else CODEC.seal(request, key.mac)
    line.connection.dataReceived(wrap(Framing.BE2, body))
    return heard(line)


def heard(line: Line) -> list[tuple[str, str | None]]:
    """DE 39 and DE 44 of what has been answered since."""
    return [(answer.fields[39], answer.fields.get(44)) for answer in line.sent()]


NO_KEY_NOW = ("96", "NO KEY NOW, ASK AGAIN")


def test_a_sign_on_waits_for_the_token_and_the_link_goes_on_meanwhile(waiting: tuple[Line, Token]) -> None:
    line, token = waiting
    assert say(line, SIGN_ON) == []
    assert say(line, ECHO) == [("00", None)]
    assert say(line, SIGN_ON) == [("91", "TOO MANY SIGN-ONS, WAIT")]
    token.come_back()
    assert (heard(line), line.link.session.state()) == ([("00", None)], SIGNED_ON)


def test_a_token_that_is_too_slow_is_answered_96_and_the_link_lives_and_signs_on_later(
    waiting: tuple[Line, Token],
) -> None:
    line, token = waiting
    assert say(line, SIGN_ON) == []
    line.house.clock.advance(3)
    assert (heard(line), line.link.session.state()) == ([NO_KEY_NOW], CONNECTED)
    token.come_back()
    assert (heard(line), line.link.session.state()) == ([], CONNECTED)
    assert say(line, SIGN_ON) == []
    token.come_back()
    assert heard(line) == [("00", None)]


def test_a_token_that_fails_is_answered_96_and_the_old_key_goes_on(waiting: tuple[Line, Token]) -> None:
    line, token = waiting
    say(line, SIGN_ON)
    token.come_back()
    line.sent()
    key = line.key
    assert say(line, KEY_CHANGE, key) == []
    token.out.pop(0).errback(FepError("gone"))
    assert heard(line) == [NO_KEY_NOW]
    assert (line.key, say(line, ECHO, key)) == (key, [("00", None)])


def test_who_signs_off_while_a_key_is_made_stays_signed_off(waiting: tuple[Line, Token]) -> None:
    line, token = waiting
    say(line, SIGN_ON)
    token.come_back()
    line.sent()
    key = line.key
    assert say(line, SIGN_ON) == []
    assert say(line, SIGN_OFF, key) == [("00", None)]
    token.come_back()
    assert (heard(line), line.link.session.state()) == ([NO_KEY_NOW], SIGNED_OFF)


def test_a_link_that_is_lost_while_it_waits_is_told_nothing(waiting: tuple[Line, Token]) -> None:
    line, token = waiting
    say(line, SIGN_ON)
    line.link.lost()
    token.come_back()
    assert heard(line) == []


def test_a_link_may_sign_on_and_change_keys_only_a_few_times_a_minute(tmp_path: Path) -> None:
    line = Line(House(write_settings(tmp_path, "sqlite:///none.db", entry="link_sign_ons_a_minute = 4")))
    answers = [line.ask(SIGN_ON).fields[39] for _ in range(3)]
    answers += [line.ask(KEY_CHANGE, key=line.key).fields[39] for _ in range(2)]
    assert answers == ["00", "00", "00", "00", "91"]
    line.house.clock.pump([0.5] * 30)
    line.sent()
    assert line.ask(KEY_CHANGE, key=line.key).fields[39] == "00"


def test_a_banks_links_share_its_sign_ons_and_another_banks_are_its_own(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="sign_ons_a_minute = 2\nlinks = 3"))
    lines = [Line(house) for _ in range(3)]
    assert [line.ask(SIGN_ON).fields[39] for line in (*lines, lines[0])] == ["00", "00", "00", "91"]
    other, socket = house.connect(OTHER_BANK)
    request = Message("0800", {7: "1124101112", 11: "000007", 32: OTHER_BANK, 70: SIGN_ON})
    other.dataReceived(wrap(Framing.BE2, CODEC.encode(request)))
    assert [CODEC.decode(frame.body).fields[39] for frame in socket.frames()] == ["00"]


def test_who_opens_links_too_fast_from_another_address_uses_up_nothing_of_the_banks_own(
    tmp_path: Path,
) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="new_links_a_minute = 3"))
    Line(house).ask(SIGN_ON)
    while house.server.admit("127.0.0.9", PORTS[BANK]) is not None:
        pass
    again = Line(house)
    assert again.ask(SIGN_ON).fields[39] == "00"
    assert Line(house).ask(SIGN_ON).fields[39] == "00"
    assert house.server.admit("127.0.0.1", PORTS[BANK]) is None, "its own pace holds too"


def test_a_transaction_before_the_sign_on_leaves_a_trace(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db"))
    line = Line(house)
    line.connection.dataReceived(wrap(Framing.BE2, CODEC.encode(message())))
    assert [answer.fields[39] for answer in line.sent()] == ["63"]
    [refusal] = house.server.refusals.of(BANK)
    assert refusal.reason == "a transaction came before the sign-on: 63 SIGN ON FIRST"
