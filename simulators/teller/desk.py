"""A teller's desk: what can be asked of the bank, and what the bank does by itself when no answer comes.

The screen (Textual) lives in asyncio's loop in the main thread, which owns the terminal; the bank lives in
Twisted's reactor, in a thread of its own. A question crosses by `callFromThread`, its answer by a future, and
only immutable values cross. The other way, one loop for both by Twisted's asyncio reactor, was not chosen:
that reactor must be installed before anything imports the usual one, and both it and Textual want to be the
one who runs the loop and takes its signals. No layout and no words here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError

from fep.settings.dialects import find_dialect
from protocol.errors import ProtocolError
from protocol.message import Message
from protocol.tlv import first, parse
from qianzhi_errors import QianzhiError
from simulators.bank import Bank
from simulators.beliefs import Belief, ContradictionError, State
from simulators.link import SILENCE, BankError
from simulators.profile import BankProfile
from simulators.teller.wording import Happening

T = TypeVar("T")

_NO_SUCH_POLICY = "0"
"""The business date is in every answer (DE 15). An inquiry asks for it, since it is given up when no answer
comes."""
_CUTOVER = "201"
_PAGES_MAX = 20
_MOVES_NOTHING = frozenset({"01", "05", "08"})
"""What has no answer of these has no outcome to be known; whoever asked is told that none came."""


class DeskError(QianzhiError):
    """A request could not be carried out. `key` names a text in `WORDS`, which takes `str()` of this error as
    its reason.
    """

    def __init__(self, reason: str, key: str = "fault") -> None:
        super().__init__(reason)
        self.key = key


class NotFound(DeskError):
    """The machine knows no such policy or receipt, or refused to show it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"DE 39 {code} {reason}".rstrip())
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class OpenDue:
    """One open due; `code` is the DE 3 that settles it, `kind` premium or benefit, `date` YYYYMMDD, `amount`
    in fen.
    """

    due: str
    code: str
    kind: str
    date: str
    amount: int


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """The answer to an inquiry about a policy."""

    policy: str
    holder: str
    state: str
    dues: tuple[OpenDue, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of the bank at this desk: signed on or not, its business date (MMDD, or empty), its
    transactions, the newest first.
    """

    is_signed_on: bool
    business_date: str
    transactions: tuple[Belief, ...]

    @property
    def undecided(self) -> tuple[Belief, ...]:
        """The transactions whose outcome is not known yet."""
        return tuple(belief for belief in self.transactions if belief.state is State.UNKNOWN)


class Desk(Protocol):
    """What the screen may ask. Each method raises DeskError where it cannot be done."""

    def listen(self, on_happening: Callable[[Happening], None]) -> None:
        """Have happenings passed to `on_happening`, which is called from any thread."""

    async def overview(self) -> Overview:
        """The state of the bank now."""

    async def sign_on(self) -> None:
        """Open the link and sign on."""

    async def sign_off(self) -> None:
        """Sign off and close the link."""

    async def look_up(self, policy: str) -> PolicyShown:
        """A policy with all its open dues; raises NotFound."""

    async def settle(self, code: str, policy: str, due: OpenDue, identity: str, *, lose: bool) -> Belief:
        """Collect or pay by processing code; with `lose`, as if no answer had come."""

    async def cancel(self, belief: Belief) -> Belief:
        """Cancel a transaction of today."""

    async def receipt(self, number: str) -> str:
        """A receipt's lines, ready to print; raises NotFound."""


class _Teller(Bank):
    """A bank that reports what it does by itself. Lives in the reactor's thread."""

    on_happening: Callable[[Happening], None] = staticmethod(lambda _: None)
    business_date = ""

    async def _ask(self, message: Message) -> Message:
        try:
            answer = await super()._ask(message)
        except SILENCE:
            if message.mti[:2] not in _MOVES_NOTHING:
                self.on_happening(Happening("no answer", {"mti": message.mti}))
            raise
        if answer.mti == "0110":
            self.business_date = answer.fields.get(15, self.business_date)
        return answer

    async def reverse(self, belief: Belief) -> Belief:
        """Reverse, and report that before and after."""
        self.on_happening(Happening("reversing", {"stan": belief.stan}))
        after = await super().reverse(belief)
        key = "cancel stands" if after.state is State.DONE else "undone"
        self.on_happening(Happening(key, {"stan": after.stan, "state": str(after.state)}))
        return after

    def hear(self) -> None:
        """Take a message that the machine sent without being asked."""
        for link in self.links:
            notices, link.notices[:] = tuple(link.notices), ()
            for notice in notices:
                if notice.fields.get(70) == _CUTOVER:
                    self.business_date = notice.fields[15]
                    self.on_happening(Happening("cut-over", {"date": self.business_date}))
        violations, self.violations[:] = tuple(self.violations), ()
        for violation in violations:
            self.on_happening(Happening("machine broke", {"reason": violation}))


class BankDesk:
    """A desk at a simulated bank, over real sockets; `reactor` runs in another thread than the screen."""

    def __init__(
        self,
        profile: BankProfile,
        reactor: Any,  # noqa: ANN401 - reactors have no one type
        now: Callable[[], datetime],
        answer_seconds: float,
        first_stan: int,
    ) -> None:
        self._bank = _Teller(profile, reactor, now, answer_seconds, first_stan)
        self._reactor = reactor
        self._encoding = find_dialect(profile.dialect, profile.dialects).de48_encoding

    def listen(self, on_happening: Callable[[Happening], None]) -> None:
        """Have happenings passed to `on_happening`, which is called from the reactor's thread."""
        self._bank.on_happening = on_happening

    async def overview(self) -> Overview:
        """The state of the bank now."""
        return await self._in_reactor(self._overview)

    async def sign_on(self) -> None:
        """Open the link, sign on, and learn the business date."""
        await self._in_reactor(self._sign_on)

    async def sign_off(self) -> None:
        """Sign off and close the link."""
        await self._in_reactor(self._bank.sign_off)

    async def look_up(self, policy: str) -> PolicyShown:
        """A policy with all its open dues; raises NotFound."""
        return await self._in_reactor(lambda: self._look_up(policy))

    async def settle(self, code: str, policy: str, due: OpenDue, identity: str, *, lose: bool) -> Belief:
        """Collect or pay; without an answer the bank reverses, and the belief says so."""

        async def act() -> Belief:
            prepared = self._bank.prepare(code, policy, due.amount, due=due.due)
            return await self._bank.carry_out(prepared, identity, lose=lose)

        return await self._in_reactor(act)

    async def cancel(self, belief: Belief) -> Belief:
        """Cancel a transaction of today; the cancel's own belief."""
        return await self._in_reactor(lambda: self._bank.cancel(belief))

    async def receipt(self, number: str) -> str:
        """A receipt's lines, ready to print; raises NotFound."""
        return _approved(await self._in_reactor(lambda: self._bank.receipt(number))).fields[62]

    async def _overview(self) -> Overview:
        self._bank.hear()
        newest = tuple(reversed(self._bank.record.beliefs.values()))
        return Overview(any(link.is_open for link in self._bank.links), self._bank.business_date, newest)

    async def _sign_on(self) -> None:
        self._bank.links[:] = [link for link in self._bank.links if link.is_open]
        if not self._bank.links:
            await self._bank.connect()
        await self._bank.inquire(_NO_SUCH_POLICY)

    async def _look_up(self, policy: str) -> PolicyShown:
        dues: list[OpenDue] = []
        for page in range(1, _PAGES_MAX + 1):
            answer = _approved(await self._bank.inquire(policy, page=page))
            groups = parse(answer.fields[48], self._encoding)
            dues += [self._due(group.value) for group in groups if group.tag == "DL"]
            if first(groups, "PG") != "more":
                return PolicyShown(policy, first(groups, "NM") or "", first(groups, "ST") or "", tuple(dues))
        raise DeskError(f"policy {policy} has more than {_PAGES_MAX} pages of dues")

    def _due(self, text: str) -> OpenDue:
        groups = {group.tag: group.value for group in parse(text, self._encoding)}
        return OpenDue(groups["DU"], groups["PC"], groups["DK"], groups["DD"], int(groups["AM"]))

    async def _in_reactor(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run an act in the reactor's thread and wait for it here. Raises DeskError."""
        waiting: Future[T] = Future()

        def start() -> None:
            # From here on nobody can cancel it: money may be moving.
            if not waiting.set_running_or_notify_cancel():
                return
            running = Deferred.fromCoroutine(act())
            running.addCallbacks(waiting.set_result, lambda failure: waiting.set_exception(failure.value))

        self._reactor.callFromThread(start)
        try:
            return await asyncio.wrap_future(waiting)
        except DeferredTimeout as error:
            raise DeskError("", "silent") from error
        except (ConnectError, DNSLookupError, UnicodeError) as error:
            raise DeskError(str(error).rstrip("."), "unreachable") from error
        except ConnectionClosed as error:
            raise DeskError("", "cut off") from error
        except (BankError, ProtocolError, ContradictionError) as error:
            raise DeskError(str(error)) from error


def _approved(answer: Message) -> Message:
    if answer.fields[39] != "00":
        raise NotFound(answer.fields[39], answer.fields.get(44, ""))
    return answer
