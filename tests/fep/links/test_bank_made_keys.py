"""A link on which the bank makes the session keys: which 0800 brings one, in which state, what is refused,
and what a refusal leaves as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest

from fep.links.network_management import ECHO, KEY_CHANGE, KEY_REFUSALS, SIGN_OFF, SIGN_ON
from fep.links.session import CONNECTED, SIGNED_OFF, SIGNED_ON, WITHOUT_KEY
from protocol import keyblock
from protocol.framing import Framing, wrap
from protocol.keyblock import VERSION_D, seal
from protocol.mac import MacKey, MacMethod
from protocol.message import Message
from protocol.tlv import build
from tests.fep.links.test_network_management import Line
from tests.fep.links.test_server import CODEC, House
from tests.support.builders import BANK, message
from tests.support.machine import ZMK, write_settings

AES = MacMethod.AES_CMAC
FIRST, SECOND, THIRD = (bytes(range(start, start + 16)) for start in (1, 2, 3))
OLD_KEY_SECONDS = 30


class BankLine(Line):
    """One link of a bank that makes the keys; it speaks under the key that it brought last."""

    theirs: MacKey | None = None

    def say(
        self, code: str, groups: tuple[tuple[str, str], ...] = (), *, key: MacKey | None = None
    ) -> Message:
        """The answer to an 0800 with these groups in DE 48, sealed under `key`."""
        fields = {7: "1124101112", 11: "000007", 32: BANK, 70: code}
        if groups:
            fields[48] = build(groups, CODEC.dialect.de48_encoding)
        request = Message("0800", fields)
        body = CODEC.encode(request) if key is None else CODEC.seal(request, key.mac)
        self.connection.dataReceived(wrap(Framing.BE2, body))
        [self.frame] = self.socket.frames()
        return CODEC.decode(self.frame.body)

    def sealed_under(self, key: MacKey) -> bool:
        """Whether the last answer had a MAC under this key."""
        split = CODEC.mac_of(self.frame.body, CODEC.decode(self.frame.body))
        return split is not None and key.verify(*split)


def brought(key: bytes, check_value: str | None = None) -> tuple[tuple[str, str], ...]:
    """The groups KA and CA of a key as the bank's HSM wraps it."""
    block = keyblock.wrap(ZMK, key, AES, os.urandom)
    return ("KA", block), ("CA", check_value or MacKey(AES, key).check_value)


def of(answer: Message) -> tuple[str, str | None]:
    return answer.fields[39], answer.fields.get(44)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(write_settings(tmp_path, "sqlite:///none.db", entry='keys_made_by = "bank"'))


@pytest.fixture
def line(house: House) -> BankLine:
    return BankLine(house)


def test_a_sign_on_brings_the_key_and_is_answered_without_one_and_without_a_mac(line: BankLine) -> None:
    answer = line.say(SIGN_ON, brought(FIRST))
    assert (of(answer), {48, 64, 128} & answer.fields.keys()) == (("00", None), set())
    assert (line.link.session.state(), line.key and line.key.check_value) == (
        SIGNED_ON,
        MacKey(AES, FIRST).check_value,
    )


def test_a_check_value_may_be_left_out(line: BankLine) -> None:
    assert of(line.say(SIGN_ON, brought(FIRST)[:1])) == ("00", None)


def test_a_sign_on_without_a_key_waits_for_it_and_transactions_are_refused_till_then(line: BankLine) -> None:
    assert of(line.say(SIGN_ON)) == ("00", None)
    assert line.link.session.state() == WITHOUT_KEY
    line.connection.dataReceived(wrap(Framing.BE2, CODEC.encode(message())))
    assert [of(answer) for answer in line.sent()] == [("63", "SEND A KEY FIRST")]
    assert of(line.say(ECHO)) == ("00", None)
    assert of(line.say(SIGN_OFF)) == ("63", "SEND A KEY FIRST")
    assert of(line.say(KEY_CHANGE)) == ("30", "DE 48.KA missing")
    assert of(line.say(KEY_CHANGE, brought(FIRST))) == ("00", None)
    assert line.link.session.state() == SIGNED_ON
    assert not line.house.statistics.mac_failures


def test_a_link_whose_key_does_not_come_ends_as_one_that_does_not_sign_on(line: BankLine) -> None:
    line.say(SIGN_ON)
    line.house.clock.pump([1] * 11)
    assert line.house.statistics.closed_links == {(BANK, "no sign-on in time"): 1}


def test_a_key_before_the_sign_on_is_refused(line: BankLine) -> None:
    assert of(line.say(KEY_CHANGE, brought(FIRST))) == ("63", "SIGN ON FIRST")
    assert line.link.session.state() == CONNECTED


def test_a_change_of_keys_is_answered_under_the_old_key_and_both_are_good_for_a_while(line: BankLine) -> None:
    old, new = MacKey(AES, FIRST), MacKey(AES, SECOND)
    line.say(SIGN_ON, brought(FIRST))
    assert of(line.say(KEY_CHANGE, brought(SECOND), key=old)) == ("00", None)
    assert line.sealed_under(old)
    assert of(line.say(ECHO, key=old)) == ("00", None)
    assert line.sealed_under(new)
    line.house.clock.advance(OLD_KEY_SECONDS)
    line.sent()
    assert of(line.say(ECHO, key=old)) == ("63", "MAC WRONG")
    assert of(line.say(ECHO, key=new)) == ("00", None)


def test_a_change_of_keys_without_a_mac_changes_nothing(line: BankLine) -> None:
    line.say(SIGN_ON, brought(FIRST))
    assert of(line.say(KEY_CHANGE, brought(SECOND))) == ("63", "MAC MISSING")
    assert of(line.say(ECHO, key=MacKey(AES, FIRST))) == ("00", None)


def test_a_repeat_of_the_same_key_changes_nothing_and_the_key_before_it_stays_good(line: BankLine) -> None:
    old, change = MacKey(AES, FIRST), brought(SECOND)
    line.say(SIGN_ON, brought(FIRST))
    for _ in range(2):
        assert of(line.say(KEY_CHANGE, change, key=old)) == ("00", None)
    assert line.sealed_under(MacKey(AES, SECOND))
    assert of(line.say(ECHO, key=old)) == ("00", None)


def test_a_key_that_was_replaced_is_refused_later_on_every_link(house: House) -> None:
    """What was recorded on the way cannot be sent again, and a key that became known cannot come back."""
    recorded = brought(FIRST)
    line, other = BankLine(house), BankLine(house)
    line.say(SIGN_ON, recorded)
    line.say(SIGN_ON, brought(SECOND))
    assert of(other.say(SIGN_ON, recorded)) == ("00", None)  # on its way when the key was replaced
    house.clock.pump([1] * OLD_KEY_SECONDS)
    line.sent()
    assert of(line.say(SIGN_ON, recorded)) == ("63", "KEY WAS REPLACED BEFORE")
    assert of(BankLine(house).say(SIGN_ON, recorded)) == ("63", "KEY WAS REPLACED BEFORE")
    assert of(line.say(ECHO, key=MacKey(AES, SECOND))) == ("00", None)


def test_links_of_a_bank_may_have_one_key_or_each_its_own_and_a_new_link_the_same_again(house: House) -> None:
    lines = [BankLine(house) for _ in range(3)]
    shared = brought(FIRST)
    answers = [
        of(line.say(SIGN_ON, key)) for line, key in zip(lines, (shared, shared, brought(SECOND)), strict=True)
    ]
    assert answers == [("00", None)] * 3
    lines[0].connection.connectionLost()
    house.clock.pump([1] * OLD_KEY_SECONDS)
    assert of(BankLine(house).say(SIGN_ON, shared)) == ("00", None)


def test_who_signed_off_signs_on_again_with_the_key_that_the_link_has_or_with_another(line: BankLine) -> None:
    key = MacKey(AES, FIRST)
    line.say(SIGN_ON, brought(FIRST))
    line.say(SIGN_OFF, key=key)
    assert line.link.session.state() == SIGNED_OFF
    assert (of(line.say(SIGN_ON)), line.link.session.state()) == (("00", None), SIGNED_ON)
    assert of(line.say(ECHO, key=key)) == ("00", None)
    line.say(SIGN_OFF, key=key)
    line.say(SIGN_ON, brought(SECOND))
    assert of(line.say(ECHO, key=MacKey(AES, SECOND))) == ("00", None)


def test_a_key_that_is_no_good_takes_no_place(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry='keys_made_by = "bank"\nlinks = 1'))
    bad = brought(FIRST, "0000000000")
    assert of(BankLine(house).say(SIGN_ON, bad)) == ("63", "CHECK VALUE DIFFERS")
    assert of(BankLine(house).say(SIGN_ON, brought(FIRST))) == ("00", None)


def sealed(header: str, key: bytes = FIRST) -> str:
    """An authentic block of this header, of which the length is filled in."""
    filler = bytes(-(2 + len(key)) % 16)
    length = len(header) + 2 * (2 + len(key) + len(filler) + 16)
    return seal(VERSION_D, ZMK, f"{header[0]}{length:04d}{header[5:]}", key, filler)


OTHER_ZMK = bytes.fromhex("1D22BF32387C600AD97F9B97A51311AC")
BAD = MappingProxyType(
    {
        "under another ZMK": (
            lambda: keyblock.wrap(OTHER_ZMK, FIRST, AES, os.urandom),
            "KEY BLOCK: OTHER ZMK",
        ),
        "altered": (lambda: brought(FIRST)[0][1][:-1] + "\u0141", "KEY BLOCK MALFORMED"),
        "empty": (lambda: "", "KEY BLOCK MALFORMED"),
        "cut": (lambda: brought(FIRST)[0][1][:-2], "KEY BLOCK MALFORMED"),
        "for TDES": (
            lambda: keyblock.wrap(ZMK, FIRST, MacMethod.X9_19, os.urandom),
            "KEY BLOCK: OTHER VERSION",
        ),
        "of another use": (lambda: sealed("D0000P0AE00N0000"), "KEY BLOCK: OTHER USE"),
        "of another algorithm": (lambda: sealed("D0000M6TC00N0000"), "KEY BLOCK: OTHER USE"),
        "that only makes MACs": (lambda: sealed("D0000M6AG00N0000"), "KEY BLOCK: OTHER USE"),
        "that only verifies": (lambda: sealed("D0000M6AV00N0000"), "KEY BLOCK: OTHER USE"),
        "a component": (lambda: sealed("D0000M6ACc1N0000"), "KEY BLOCK: OTHER USE"),
        "of an exportability that is none": (lambda: sealed("D0000M6AC00X0000"), "KEY BLOCK MALFORMED"),
        "longer than agreed": (lambda: sealed("D0000M6AC00N0000", bytes(range(32))), "KEY OF WRONG LENGTH"),
        "shorter than any": (lambda: sealed("D0000M6AC00N0000", bytes(range(8))), "KEY OF WRONG LENGTH"),
        "of one byte": (lambda: sealed("D0000M6AC00N0000", b"\x07" * 16), "KEY IS WEAK"),
    }
)


@pytest.mark.parametrize(("block", "reason"), BAD.values(), ids=BAD)
def test_a_key_that_is_no_good_is_refused_with_its_reason_and_the_link_goes_on_as_it_was(
    line: BankLine, block: Callable[[], str], reason: str
) -> None:
    key = MacKey(AES, SECOND)
    line.say(SIGN_ON, brought(SECOND))
    text = block().encode("ascii", "replace").decode("ascii")
    for code, sealing in ((KEY_CHANGE, key), (SIGN_ON, None)):
        assert of(line.say(code, (("KA", text),), key=sealing)) == ("63", reason)
        assert line.link.session.state() == SIGNED_ON
    assert of(line.say(ECHO, key=key)) == ("00", None)
    [refusal] = line.house.server.refusals.of(BANK)
    assert refusal.reason.startswith(f"its key was refused: 63 {reason}: ")
    events = [(event.kind, event.detail, event.count) for event in line.house.event_log.since()]
    assert ("bad_key", reason, 2) in events
    assert not line.house.statistics.mac_failures


@pytest.mark.parametrize("exportability", "ENS")
@pytest.mark.parametrize("mode", "CN")
def test_a_header_as_hsms_write_it_is_taken(line: BankLine, mode: str, exportability: str) -> None:
    block = sealed(f"D0000M6A{mode}12{exportability}0100KS0800AA")
    assert of(line.say(SIGN_ON, (("KA", block),))) == ("00", None)


def test_each_fault_of_a_key_has_a_text_that_de_44_holds() -> None:
    assert all(len(answer.reason) <= 25 and answer.response == "63" for answer in KEY_REFUSALS.values())


@pytest.mark.parametrize("groups", [(("PN", "P1"),), ()])
def test_a_group_that_cannot_be_cut_is_a_fault_of_form(
    line: BankLine, groups: tuple[tuple[str, str], ...]
) -> None:
    fields = {7: "1124101112", 11: "000007", 32: BANK, 70: SIGN_ON, 48: build(groups, "ascii") + "KA9"}
    line.connection.dataReceived(wrap(Framing.BE2, CODEC.encode(Message("0800", fields))))
    assert [of(answer) for answer in line.sent()] == [("30", "DE 48 tag cut short")]


def test_where_the_machine_makes_the_keys_what_a_bank_brings_is_passed_over(tmp_path: Path) -> None:
    line = BankLine(House(write_settings(tmp_path, "sqlite:///none.db")))
    answer = line.say(SIGN_ON, brought(FIRST))
    assert (of(answer), 48 in answer.fields) == (("00", None), True)
    assert line.key is not None
    assert line.key.check_value != MacKey(AES, FIRST).check_value


def test_an_empty_key_is_no_sign_on_without_one(line: BankLine) -> None:
    assert of(line.say(SIGN_ON, (("KA", ""),))) == ("63", "KEY BLOCK MALFORMED")
    assert line.link.session.state() == CONNECTED
