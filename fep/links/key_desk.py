"""Where links get session keys, made here or opened of a bank's key blocks: at once from memory, and from a
token without ever waiting for it here.

A token (PKCS#11) takes milliseconds, or does not answer at all. So its calls are made one after the other in
a thread of their own, which banks get by turns. Who asked is told after `seconds` at the latest. Each bank
has a few spare keys made ahead, so that banks notice nothing of a token that is away for a moment. A bank
whose own ZMK is not in the token gets none, which is no fault of the token's. Spare keys of a bank that
makes the keys itself are given to nobody: they tell that its ZMK is there. No message and no PKCS#11 is known
here.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.engine.availability import Outage
from fep.engine.queue import FairQueue
from fep.keys.keys import BankKeys, SessionKey, ZmkUnusable
from fep.links.replaced_keys import ReplacedKeys
from fep.settings.config import Bank
from firewall_rules.token_bucket import TokenBucket
from protocol.errors import KeyBlockError, KeyBlockFault
from protocol.mac import MacKey
from qianzhi_errors.sentence import Sentence

SPARES: Final = 2
"""Session keys that are made ahead for each bank whose ZMK is in a token."""
_WAITING_MAX: Final = 1000
_MINUTE_SECONDS: Final = 60

Take = Callable[[SessionKey | None], object]
"""Takes a session key, or None where there is none in time."""
TakeOpened = Callable[[MacKey | KeyBlockError | None], object]
"""Takes the session key of a key block, or why it is refused, or None where the token did not say in time."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A link that waits for what `call` gives, in the token's thread; `is_over` once it was told."""

    keys: BankKeys
    call: Callable[[], Any]
    take: Callable[[Any], object]
    deadline: IDelayedCall | None = None
    is_over: bool = False

    def tell(self, key: SessionKey | MacKey | KeyBlockError | None) -> None:
        """Give what there is, or None; what is over is not told again."""
        if self.is_over:
            return
        self.is_over = True
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()
        self.take(key)


class KeyDesk:
    """Gives session keys to links. `call_in_thread` runs a function in the token's thread, one at a time;
    `seconds` is how long a link waits for its key at most.
    """

    log = Logger(namespace="fep.links.key_desk")

    def __init__(
        self,
        clock: IReactorTime,
        now_us: Callable[[], int],
        call_in_thread: Callable[..., Deferred[Any]],
        seconds: float,
    ) -> None:
        self._clock = clock
        self._now_us = now_us
        self._call_in_thread = call_in_thread
        self._seconds = seconds
        self._queue: FairQueue[_Waiting] = FairQueue(_WAITING_MAX)
        self._spares: dict[BankKeys, deque[SessionKey]] = {}
        self._codes: dict[BankKeys, str] = {}
        self._unusable: dict[BankKeys, tuple[float, int]] = {}
        """Since when a ZMK is unusable; the one that was tried last stands last."""
        self._buckets: dict[str, TokenBucket] = {}
        self._replaced: defaultdict[str, ReplacedKeys] = defaultdict(ReplacedKeys)
        self._began: float | None = None
        self._failing: tuple[float, int] | None = None

    @property
    def outage(self) -> Outage | None:
        """Since when the token makes no keys in time, or has no bank's ZMK; None while it makes some, or
        where there is none.
        """
        since = self._failing
        if since is None and self._spares and len(self._unusable) == len(self._spares):
            since = max(self._unusable.values())
        if since is None:
            return None
        return Outage(self._clock.seconds() - since[0], since[1])

    @property
    def without_zmk(self) -> frozenset[str]:
        """The banks whose ZMK the token does not have, or cannot use."""
        return frozenset(self._codes[keys] for keys in self._unusable)

    def serve(self, keys: Mapping[str, BankKeys]) -> None:
        """Make spare keys of these banks, by code, from now on; those of banks' former ZMKs are forgotten."""
        self._codes = {bank_keys: code for code, bank_keys in keys.items() if bank_keys.in_token}
        self._spares = {bank_keys: self._spares.get(bank_keys, deque()) for bank_keys in self._codes}
        self._unusable = {each: since for each, since in self._unusable.items() if each in self._codes}
        self._next()

    def may_ask(self, bank: Bank) -> bool:
        """Whether this bank may have another session key now: `sign_ons_a_minute` over all its links, and as
        many at once as it may have links.
        """
        now = self._clock.seconds()
        a_second = bank.sign_ons_a_minute / _MINUTE_SECONDS
        depth = max(bank.sign_ons_a_minute, bank.links)
        bucket = self._buckets.setdefault(bank.code, TokenBucket(a_second, depth, now))
        bucket.set_rate(a_second, depth)
        return bucket.take(now)

    def ask(self, bank: str, keys: BankKeys, take: Take) -> None:
        """Have `take` called once, with a session key of this bank: at once where there is one, else within
        `seconds`, with None where the token failed or was too slow.
        """
        if not keys.in_token:
            take(keys.fresh())
            return
        spares = self._spares.get(keys)
        if spares:
            take(spares.popleft())
        else:
            self._wait(bank, _Waiting(keys, keys.fresh, take))
        self._next()

    def open(self, bank: str, keys: BankKeys, block: str, check_value: str | None, take: TakeOpened) -> None:
        """Have `take` called once, with the session key in a key block that the bank has made, or why it is
        refused: at once, or within `seconds` where the bank's ZMK is in a token.
        """
        call = partial(_opened, keys, block, check_value)
        if self._replaced[bank].refuse(block, self._clock.seconds()):
            take(KeyBlockError(KeyBlockFault.REPLACED, Sentence("the key was replaced by another before")))
        elif not keys.in_token:
            take(call())
        else:
            self._wait(bank, _Waiting(keys, call, take))
            self._next()

    def replace(self, bank: str, block: str, refused_from: float) -> None:
        """The bank has replaced the key in a key block of its own: the block is refused from then on, in
        reactor seconds, on each of the bank's links.
        """
        self._replaced[bank].add(block, refused_from)

    def _wait(self, bank: str, waiting: _Waiting) -> None:
        waiting.deadline = self._clock.callLater(self._seconds, self._late, waiting)
        crowded_out = self._queue.put(bank, waiting)
        if crowded_out is not None:
            crowded_out.tell(None)

    def look(self) -> None:
        """Called once a second: see a call that is out for too long, and try a token that failed again."""
        if self._began is not None and self._clock.seconds() - self._began >= self._seconds:
            self._fails("it does not answer")
        if self._began is None:
            self._next(trying=True)

    def _next(self, *, trying: bool = False) -> None:
        """Begin the next call: for who waits, else for a spare key. A token that failed, and a ZMK that is
        unusable, are asked for a spare key by `look` alone.
        """
        if self._began is not None:
            return
        for waiting in iter(lambda: self._queue.take(1), []):
            if not waiting[0].is_over:
                self._make(waiting[0].keys, waiting[0])
                return
        if self._failing is not None and not trying:
            return
        usable = {keys: spares for keys, spares in self._spares.items() if keys not in self._unusable}
        lacking = [keys for keys, spares in usable.items() if len(spares) < SPARES]
        if lacking:
            self._make(min(lacking, key=lambda keys: len(usable[keys])), None)
        elif trying and self._failing is not None and usable:
            self._make(next(iter(usable)), None)
        elif trying and self._unusable:
            self._make(next(iter(self._unusable)), None)

    def _make(self, keys: BankKeys, waiting: _Waiting | None) -> None:
        self._began = self._clock.seconds()
        call = waiting.call if waiting is not None else keys.fresh
        self._call_in_thread(call).addBoth(self._made, keys, waiting)

    def _made(
        self,
        result: SessionKey | MacKey | KeyBlockError | Failure,
        keys: BankKeys,
        waiting: _Waiting | None,
    ) -> None:
        took = self._clock.seconds() - (self._began or 0.0)
        self._began = None
        if isinstance(result, Failure):
            if isinstance(result.value, ZmkUnusable):
                self._lacks(keys, result.value)
            else:
                self._fails(str(result.value))
            if waiting is not None:
                waiting.tell(None)
            self._next()
            return
        self._unusable.pop(keys, None)
        if took < self._seconds:
            self._failing = None
        if waiting is not None and not waiting.is_over:
            waiting.tell(result)
        elif isinstance(result, SessionKey):
            spares = self._spares.get(keys)
            if spares is not None and len(spares) < SPARES:
                spares.append(result)
        self._next()

    def _lacks(self, keys: BankKeys, why: ZmkUnusable) -> None:
        """Note that the token answers, and lacks this bank's ZMK; spare keys under it are given no more."""
        self._failing = None
        if keys not in self._codes:  # a reload has replaced it
            return
        since = self._unusable.pop(keys, None)
        self._unusable[keys] = since or (self._clock.seconds(), self._now_us())
        self._spares[keys].clear()
        if since is None:
            self.log.error("bank {bank} gets no session keys: {why}", bank=self._codes[keys], why=str(why))

    def _late(self, waiting: _Waiting) -> None:
        self._fails("it does not answer in time")
        waiting.tell(None)

    def _fails(self, why: str) -> None:
        if self._failing is None:
            self._failing = (self._clock.seconds(), self._now_us())
            self.log.error("no session keys from the token: {why}", why=why)


def _opened(keys: BankKeys, block: str, check_value: str | None) -> MacKey | KeyBlockError:
    """Return the session key of a key block, or why it is refused: for the token, both are an answer."""
    try:
        return keys.opened(block, check_value)
    except KeyBlockError as error:
        return error
