"""Session keys from a token that is slow, fails or hangs: virtual seconds, a virtual thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from fep.engine.availability import Outage
from fep.errors import FepError
from fep.keys.keys import BankKeys, ZmkUnusable
from fep.links.key_desk import SPARES, KeyDesk
from protocol.errors import KeyBlockError, KeyBlockFault
from protocol.mac import MacKey, MacMethod
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

SECONDS = 3


class SlowZmk:
    """A ZMK in a token, each of whose calls takes as long as the test lets it."""

    check_value = "000000"

    def __init__(self, *, in_token: bool = True) -> None:
        self.in_token = in_token
        self.fails = False
        self.is_missing = False

    def wrap(self, _key: bytes, _algorithm: MacMethod, _entropy: Callable[[int], bytes]) -> str:
        if self.fails:
            raise FepError("the token is gone")
        if self.is_missing:
            raise ZmkUnusable("there is no such key")
        return "block"

    def unwrap(self, block: str, _method: MacMethod) -> bytes:
        self.wrap(b"", _method, bytes)
        if block == "bad":
            raise KeyBlockError(KeyBlockFault.ALTERED, "altered")
        return bytes(range(16))


def keys_under(zmk: SlowZmk) -> BankKeys:
    return BankKeys(MacMethod.AES_CMAC, zmk, bytes)


class Desk:
    """A desk with two banks, its clock, and the calls that are out in its thread."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.out: list[Callable[[], None]] = []
        self.most_out = 0
        self.desk = KeyDesk(self.clock, lambda: 7, self._call, SECONDS)
        self.zmks = {bank: SlowZmk() for bank in (BANK, OTHER_BANK)}
        self.keys = {bank: keys_under(zmk) for bank, zmk in self.zmks.items()}
        self.taken: list[tuple[str, bool]] = []

    def _call(self, function: Callable[[], Any]) -> Deferred[Any]:
        outcome: Deferred[Any] = Deferred()

        def run() -> None:
            try:
                key = function()
            except FepError as error:
                outcome.errback(error)
            else:
                outcome.callback(key)

        self.out.append(run)
        self.most_out = max(self.most_out, len(self.out))
        return outcome

    def ask(self, bank: str = BANK) -> None:
        self.desk.ask(bank, self.keys[bank], lambda key: self.taken.append((bank, key is not None)))

    def open(self, block: str, bank: str = BANK) -> list[MacKey | KeyBlockError | None]:
        """What the desk says of a key block, once it does."""
        opened: list[MacKey | KeyBlockError | None] = []
        self.desk.open(bank, self.keys[bank], block, None, opened.append)
        return opened

    def come_back(self, times: int = 1) -> None:
        for _ in range(times):
            self.out.pop(0)()

    def come_back_all(self, most: int = 50) -> None:
        while self.out and most:
            self.come_back()
            most -= 1
        assert most, "the token is asked without end"

    def with_spares(self) -> Desk:
        self.desk.serve(self.keys)
        self.come_back_all()
        return self


def test_a_key_in_memory_is_given_at_once_and_no_thread_is_asked() -> None:
    desk = Desk()
    desk.keys[BANK] = keys_under(SlowZmk(in_token=False))
    desk.ask()
    assert (desk.taken, desk.out) == ([(BANK, True)], [])


def test_a_token_is_asked_in_the_thread_and_one_call_at_a_time() -> None:
    desk = Desk()
    for _ in range(5):
        desk.ask()
    assert (desk.taken, len(desk.out)) == ([], 1)
    desk.come_back_all()
    assert (desk.taken, desk.most_out) == ([(BANK, True)] * 5, 1)


def test_banks_get_the_token_by_turns() -> None:
    desk = Desk()
    for bank in (BANK, BANK, BANK, BANK, OTHER_BANK):
        desk.ask(bank)
    desk.come_back_all()
    assert desk.taken.index((OTHER_BANK, True)) <= 2


def test_spare_keys_are_made_ahead_and_made_again_once_they_are_taken() -> None:
    desk = Desk().with_spares()
    for _ in range(SPARES):
        desk.ask()
    assert desk.taken == [(BANK, True)] * SPARES
    desk.come_back_all()
    desk.ask()
    assert desk.taken == [(BANK, True)] * (SPARES + 1)


def test_a_spare_key_is_given_while_the_token_hangs() -> None:
    desk = Desk().with_spares()
    desk.ask()
    desk.clock.advance(100)
    desk.desk.look()
    desk.ask()
    assert (desk.taken, desk.desk.outage) == ([(BANK, True)] * 2, Outage(0.0, 7))


def test_who_waits_for_a_token_that_hangs_is_told_after_the_deadline_and_once() -> None:
    desk = Desk()
    desk.ask()
    desk.ask(OTHER_BANK)
    desk.clock.advance(SECONDS)
    assert desk.taken == [(BANK, False), (OTHER_BANK, False)]
    assert desk.desk.outage == Outage(0.0, 7)
    desk.come_back_all()
    assert desk.taken == [(BANK, False), (OTHER_BANK, False)]


def test_calls_of_5_seconds_are_an_outage_until_one_comes_back_in_time() -> None:
    desk = Desk()
    desk.ask()
    desk.clock.advance(5)
    desk.come_back()
    assert desk.desk.outage is not None
    desk.ask()
    desk.clock.advance(0.004)
    desk.come_back()
    assert (desk.taken, desk.desk.outage) == ([(BANK, False), (BANK, True)], None)


def test_a_token_that_fails_is_told_at_once_and_tried_each_second_until_it_works() -> None:
    desk = Desk()
    for zmk in desk.zmks.values():
        zmk.fails = True
    desk.desk.serve(desk.keys)
    desk.ask()
    desk.come_back_all()
    assert (desk.taken, desk.desk.outage) == ([(BANK, False)], Outage(0.0, 7))
    for _ in range(3):
        desk.clock.advance(1)
        desk.desk.look()
        assert len(desk.out) == 1
        desk.come_back()
    assert desk.desk.outage == Outage(3.0, 7)
    for zmk in desk.zmks.values():
        zmk.fails = False
    desk.desk.look()
    desk.come_back_all()
    desk.ask()
    assert (desk.taken, desk.desk.outage) == ([(BANK, False), (BANK, True)], None)


def test_a_token_that_hung_with_all_spares_there_is_tried_too() -> None:
    desk = Desk().with_spares()
    desk.ask()
    desk.clock.advance(SECONDS)
    desk.desk.look()
    desk.come_back_all()
    assert desk.desk.outage is not None
    desk.desk.look()
    desk.come_back_all()
    assert desk.desk.outage is None


def test_a_bank_whose_zmk_is_missing_gets_no_key_and_the_token_is_no_outage() -> None:
    desk = Desk()
    desk.zmks[BANK].is_missing = True
    desk.with_spares()
    for bank in (BANK, OTHER_BANK):
        desk.ask(bank)
    desk.come_back_all()
    assert desk.taken == [(OTHER_BANK, True), (BANK, False)]
    assert (desk.desk.without_zmk, desk.desk.outage) == ({BANK}, None)


def test_a_zmk_that_was_missing_is_tried_each_second_and_serves_once_it_is_there() -> None:
    desk = Desk()
    desk.zmks[BANK].is_missing = True
    desk.with_spares()
    for _ in range(3):
        desk.clock.advance(1)
        desk.desk.look()
        assert len(desk.out) == 1
        desk.come_back_all()
    desk.zmks[BANK].is_missing = False
    desk.desk.look()
    desk.come_back_all()
    desk.ask()
    assert (desk.taken, desk.desk.without_zmk) == ([(BANK, True)], set())


def test_each_of_two_missing_zmks_is_tried_in_its_turn() -> None:
    desk = Desk()
    for zmk in desk.zmks.values():
        zmk.is_missing = True
    desk.with_spares()
    desk.zmks[OTHER_BANK].is_missing = False
    for _ in range(2):
        desk.desk.look()
        desk.come_back_all()
    assert desk.desk.without_zmk == {BANK}


def test_a_token_without_any_banks_zmk_is_an_outage() -> None:
    desk = Desk()
    for zmk in desk.zmks.values():
        zmk.is_missing = True
    desk.with_spares()
    desk.clock.advance(2)
    assert desk.desk.outage == Outage(2.0, 7)


def test_a_missing_zmk_is_forgotten_with_its_bank() -> None:
    desk = Desk()
    desk.zmks[BANK].is_missing = True
    desk.with_spares()
    del desk.keys[BANK]
    desk.desk.serve(desk.keys)
    assert desk.desk.without_zmk == set()


def test_spare_keys_under_a_former_zmk_are_forgotten() -> None:
    desk = Desk().with_spares()
    desk.keys[BANK] = keys_under(SlowZmk())
    desk.desk.serve(desk.keys)
    desk.ask()
    assert desk.taken == []
    desk.come_back_all()
    assert desk.taken == [(BANK, True)]


@pytest.mark.parametrize(("links", "at_once"), [(2, 6), (9, 9)])
def test_a_bank_has_so_many_a_minute_and_at_once_as_many_as_it_may_have_links(
    links: int, at_once: int, tmp_path: Path
) -> None:
    entry = f"sign_ons_a_minute = 6\nlinks = {links}"
    bank = write_settings(tmp_path, "sqlite:///none.db", entry=entry).bank[0]
    desk = Desk()
    assert [desk.desk.may_ask(bank) for _ in range(at_once + 1)] == [True] * at_once + [False]
    desk.clock.advance(10)
    assert [desk.desk.may_ask(bank) for _ in range(2)] == [True, False]


CHECK_VALUE = MacKey(MacMethod.AES_CMAC, bytes(range(16))).check_value


def in_short(opened: list[MacKey | KeyBlockError | None]) -> list[str | None]:
    """Of each answer its key's check value, or its fault."""
    return [each.fault if isinstance(each, KeyBlockError) else each and each.check_value for each in opened]


@pytest.mark.parametrize("in_token", [False, True])
def test_a_banks_key_block_is_opened_where_its_zmk_is(*, in_token: bool) -> None:
    desk = Desk()
    desk.keys[BANK] = keys_under(SlowZmk(in_token=in_token))
    good, bad = desk.open("good"), desk.open("bad")
    assert len(good) == (not in_token)
    desk.come_back_all()
    assert (in_short(good), in_short(bad)) == ([CHECK_VALUE], [KeyBlockFault.ALTERED])


def test_a_block_that_is_no_good_is_no_fault_of_the_tokens_and_what_it_opens_is_no_spare_key() -> None:
    desk = Desk().with_spares()
    opened = desk.open("bad")
    desk.come_back_all()
    assert (in_short(opened), desk.desk.outage, desk.desk.without_zmk) == (
        [KeyBlockFault.ALTERED],
        None,
        frozenset(),
    )
    late = desk.open("good")
    desk.clock.advance(SECONDS)
    desk.desk._spares[desk.keys[BANK]].clear()
    desk.come_back()
    assert (late, list(desk.desk._spares[desk.keys[BANK]])) == ([None], [])


def test_a_token_that_opens_nothing_in_time_or_fails_says_so_once() -> None:
    desk = Desk()
    late = desk.open("good")
    desk.clock.advance(SECONDS)
    desk.come_back_all()
    assert late == [None]
    desk.zmks[BANK].fails = True
    failed = desk.open("good")
    desk.come_back_all()
    assert failed == [None]
    assert desk.desk.outage is not None


def test_a_key_that_was_replaced_is_refused_without_asking_the_token_and_of_this_bank_alone() -> None:
    desk = Desk()
    desk.desk.replace(BANK, "good", 0.0)
    assert in_short(desk.open("good")) == [KeyBlockFault.REPLACED]
    assert not desk.out
    other = desk.open("good", OTHER_BANK)
    desk.come_back_all()
    assert in_short(other) == [CHECK_VALUE]
