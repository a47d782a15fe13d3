"""A bank at work: it speaks the interface over real sockets and does what the interface demands when
answers fail.

`Bank` has a coroutine for each act; a connection is `simulators.link`, a message is made by
`simulators.messages`. It knows the interface and the bank's own record, and nothing of the machine's
inside. Time comes from the reactor and from `now`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import count, cycle
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from fep.settings.dialects import find_dialect
from protocol.codec import Codec
from protocol.errors import EncodeError
from protocol.message import Message, is_advice
from protocol.responses import FINAL
from protocol.tlv import build, first, parse
from simulators import messages
from simulators.beliefs import Belief, Meaning, Record, State
from simulators.link import SILENCE, BankError, BankLink
from simulators.messages import CANCEL_CODE, Stamp, Terminal
from simulators.profile import BankProfile

ANSWER_SECONDS = 30
"""How long a bank waits before it reverses (docs/protocol.md section 6, by convention)."""

RETRY_SECONDS = 1
"""How long it waits before it insists again, where the link or the answer was refused at once."""

_APPROVED, _NO_ORIGINAL, _NOT_POSSIBLE, _KEY_REUSED = "00", "21", "12", "94"


class SignOnRefusedError(BankError):
    """The machine is there and does not let the bank sign on now."""


NO_ANSWER = (*SILENCE, SignOnRefusedError)
"""All that leaves an outcome unknown: silence, a link that ends, cleanly or not, and one that cannot be
opened."""


def _settles(answer: Message) -> bool:
    """Whether an answer is final, so that no repeat would change it. Raises BankError for 94: the bank has
    used a key twice.
    """
    code = answer.fields[39]
    if code == _KEY_REUSED:
        raise BankError("a key was used for two transactions")
    return code == _APPROVED or code in FINAL


class Bank:
    """One bank at work. Each act is a coroutine that updates `record`; it ends when the outcome is known, or
    raises.
    """

    def __init__(
        self,
        profile: BankProfile,
        reactor: Any,  # noqa: ANN401 - reactors are told apart by interfaces, not by a type
        now: Callable[[], datetime],
        answer_seconds: float = ANSWER_SECONDS,
        first_stan: int = 1,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.profile = profile
        self.record = Record(profile.code)
        self._reactor = reactor
        self._now = now
        self._answer_seconds = answer_seconds
        self._retry_seconds = retry_seconds
        self.violations: list[str] = []
        self._codec = Codec(
            find_dialect(profile.dialect, profile.dialects, profile.gb18030), profile.mac.cover
        )
        self._stans = count(first_stan)
        self._counters = cycle([(b, t) for b in profile.branches for t in profile.terminals])
        self.links: list[BankLink] = []
        self._next_link = count()
        self._wanting: list[Deferred[BankLink]] = []

    # The session.

    async def connect(self, links: int = 1) -> None:
        """Open links and sign on each."""
        for _ in range(links):
            self.links.append(await self._open())

    async def _open(self) -> BankLink:
        endpoint: Any = TCP4ClientEndpoint(self._reactor, self.profile.host, self.profile.port)
        if self.profile.tls is not None:
            endpoint = wrapClientTLS(self.profile.tls, endpoint)
        link = await connectProtocol(endpoint, BankLink(self.profile, self._codec, self.violations))
        try:
            await self._sign_on(link)
        except BaseException:
            link.abort()  # or whoever insists leaves a link behind at each try
            raise
        return link

    async def _sign_on(self, link: BankLink) -> None:
        request = link.with_own_key(self._network("001"))
        answer = await self._ask_on(link, request, sealed=False)
        if answer.fields.get(39) != _APPROVED:
            code, reason = answer.fields.get(39), answer.fields.get(44, "")
            raise SignOnRefusedError(f"sign-on was answered {code}: {reason}")
        link.install(answer)

    async def change_keys(self) -> None:
        """Change the session key of every link."""
        for link in self.links:
            link.install(await self._ask_on(link, link.with_own_key(self._network("101"))))

    async def echo(self) -> Message:
        """Send an echo; the answer. Raises BankError where no link is open."""
        link = self._link_or_none()
        if link is None:
            raise BankError("no link is open")
        return await self._ask_on(link, self._network("301"))

    def poll(self) -> None:
        """Send an empty frame on every open link."""
        for link in self.links:
            link.poll()

    async def sign_off(self) -> None:
        """Sign off and close every link, answered or not."""
        links, self.links[:] = tuple(link for link in self.links if link.is_open), ()
        with ExitStack() as closing:
            for link in links:
                closing.callback(link.transport.loseConnection)
            for link in links:
                await self._ask_on(link, self._network("002"))

    def _network(self, code: str) -> Message:
        return messages.network(self.profile.code, self._stamp(), code)

    # What a terminal can ask.

    async def inquire(self, policy: str, code: str = "310000", page: int = 1) -> Message:
        """Ask what is due on a policy, or its status; the answer."""
        groups = [("PN", policy), *([("PG", str(page))] if page > 1 else [])]
        return await self._ask(self._inquiry(code, groups))

    async def outcome(self, belief: Belief) -> Message:
        """Ask what became of a transaction (312000); the answer."""
        return await self._ask(self._inquiry("312000", [("PN", belief.policy)], belief))

    async def receipt(self, number: str) -> Message:
        """Ask for a receipt again (313000); the answer."""
        return await self._ask(self._inquiry("313000", [("RN", number)]))

    async def settle(
        self, code: str, policy: str, amount: int, *, due: str = "", identity: str = "", advice: bool = False
    ) -> Belief:
        """Collect a premium or pay a benefit; without an answer in time, reverse it."""
        return await self.carry_out(self.prepare(code, policy, amount, due=due, advice=advice), identity)

    def prepare(
        self,
        code: str,
        policy: str,
        amount: int,
        *,
        due: str = "",
        advice: bool = False,
        counter: tuple[str, str] | None = None,
    ) -> Belief:
        """A transaction that has its key and is not sent yet; `counter` is a branch and a terminal."""
        branch, terminal = counter or next(self._counters)
        stan = self._stan()
        moment, mti = f"{self._now():%Y%m%d%H%M%S}", "0220" if advice else "0200"
        rrn = f"{moment[4:10]}{stan}"
        return self.record.keep(Belief(mti, code, terminal, branch, moment, stan, rrn, policy, due, amount))

    async def carry_out(
        self, belief: Belief, identity: str = "", *, repeat: bool = False, lose: bool = False
    ) -> Belief:
        """Send a prepared transaction (or, with `repeat`, its repeat), and end with its outcome known.

        Without an answer, or with one that settles nothing (63, 90, 91, 96), a request is reversed; an
        advice is repeated until it is answered, for its money has moved. With `lose` the bank behaves as
        if the answer had never come.
        """
        message = self._financial(belief, identity, repeat=repeat)
        if is_advice(belief.mti):
            return self._answered(belief, await self._insist(message))
        try:
            answer = await self._ask(message)
        except EncodeError:
            del self.record.beliefs[belief.key]  # nothing was sent
            raise
        except NO_ANSWER:
            return await self.reverse(belief)
        belief_now = self.record.beliefs[belief.key]
        if lose or (not _settles(answer) and belief_now.state is State.UNKNOWN):
            return await self.reverse(belief)
        return self._answered(belief, answer) if _settles(answer) else belief_now

    async def cancel(self, belief: Belief) -> Belief:
        """Cancel a transaction of today at the customer's wish; the cancel's own belief.

        A cancel without an answer is reversed like any other request: then the transaction stands.
        """
        counter = (belief.branch, belief.terminal)
        own = self.prepare(CANCEL_CODE, belief.policy, belief.amount, counter=counter)
        try:
            asked = self._financial(own, "")
            answer = await self._ask(Message(asked.mti, {**asked.fields, 90: self._original(belief)}))
        except NO_ANSWER:
            own = await self.reverse(own)
        else:
            own = self._answered(own, answer) if _settles(answer) else await self.reverse(own)
        if own.state is State.DONE:
            self.record.keep(self.record.beliefs[belief.key].after(Meaning.UNDONE, own.date))
        return own

    async def reverse(self, belief: Belief) -> Belief:
        """Reverse, and repeat the reversal until it is answered (docs/protocol.md section 6)."""
        asked = messages.reversal(self._financial(belief, ""), self.profile.code, self._stamp())
        answer = await self._insist(asked)
        code = answer.fields[39]
        meaning = {_APPROVED: Meaning.UNDONE, _NO_ORIGINAL: Meaning.NO_ORIGINAL}.get(code)
        if meaning is None and code == _NOT_POSSIBLE and belief.code == CANCEL_CODE:
            meaning = Meaning.APPROVED  # the due was settled by another since: the cancel stands
        if meaning is None:
            raise BankError(f"a reversal was answered {code}: {answer.fields.get(44, '')}")
        return self.record.keep(self.record.beliefs[belief.key].after(meaning, answer.fields.get(15, "")))

    async def _insist(self, message: Message) -> Message:
        """Send a message and repeat it until an answer is final. Ends only then, or when it is cancelled."""
        while True:
            try:
                answer = await self._ask(message)
                if _settles(answer):
                    return answer
            except NO_ANSWER:
                pass  # the outcome is still unknown: that is what the repeat is for
            await deferLater(self._reactor, self._retry_seconds)
            message = messages.repeat(message)

    async def reconcile(self, date: str) -> Message:
        """Send our totals of a business date (MMDD)."""
        ours = self.record.totals(date)
        figures = {
            74: ours.payouts,
            75: ours.payouts_reversed,
            76: ours.collections,
            77: ours.collections_reversed,
            86: ours.paid,
            87: ours.paid_reversed,
            88: ours.collected,
            89: ours.collected_reversed,
        }
        return await self._ask(messages.totals(self.profile.code, self._stamp(), date, figures, ours.net))

    # How messages are made and sent.

    def _answered(self, belief: Belief, answer: Message) -> Belief:
        code = answer.fields[39]
        meaning = Meaning.APPROVED if code == _APPROVED else Meaning.REFUSED
        belief_now = self.record.beliefs[belief.key].after(meaning, answer.fields.get(15, ""))
        receipt = ""
        if 48 in answer.fields:
            receipt = first(parse(answer.fields[48], self._codec.dialect.de48_encoding), "RN") or ""
        return self.record.keep(
            replace(
                belief_now,
                response=code,
                reason=answer.fields.get(44, ""),
                receipt=receipt,
                authorization=answer.fields.get(38, ""),
            )
        )

    async def _ask(self, message: Message) -> Message:
        """Ask on an open link; fails when no answer comes in time."""
        return await self._ask_on(await self._some_link(), message)

    async def _ask_on(self, link: BankLink, message: Message, *, sealed: bool = True) -> Message:
        """Ask on a link; fails when no answer comes in time."""
        try:
            return await link.ask(message, sealed=sealed).addTimeout(self._answer_seconds, self._reactor)
        except DeferredTimeout:
            link.missed()
            raise

    async def _some_link(self) -> BankLink:
        """An open link; a new one where none is left. All who need one at the same time get the same new
        link.
        """
        link = self._link_or_none()
        if link is not None:
            return link
        wanted: Deferred[BankLink] = Deferred()
        self._wanting.append(wanted)
        if len(self._wanting) == 1:
            Deferred.fromCoroutine(self._open()).addBoth(self._opened)
        return await wanted

    def _opened(self, opened: BankLink | Failure) -> None:
        wanting, self._wanting = self._wanting, []
        if isinstance(opened, BankLink):
            self.links = [*(link for link in self.links if link.is_open), opened]
        for wanted in wanting:
            wanted.callback(opened)

    def _link_or_none(self) -> BankLink | None:
        still_open = [link for link in self.links if link.is_open]
        return still_open[next(self._next_link) % len(still_open)] if still_open else None

    def _inquiry(self, code: str, groups: Iterable[tuple[str, str]], of: Belief | None = None) -> Message:
        branch, terminal = next(self._counters)
        origin = Terminal(self.profile.code, branch, of.terminal if of else terminal)
        original = self._original(of) if of else ""
        return messages.inquiry(code, origin, self._stamp(), self._groups(groups), original)

    def _financial(self, belief: Belief, identity: str, *, repeat: bool = False) -> Message:
        pairs = (("PN", belief.policy), ("DU", belief.due), ("IN", identity))
        message = messages.settlement(
            belief.mti,
            belief.code,
            belief.amount,
            Terminal(self.profile.code, belief.branch, belief.terminal),
            Stamp(belief.sent_at[4:], belief.stan),
            belief.rrn,
            self._groups((tag, value) for tag, value in pairs if value),
        )
        return messages.repeat(message) if repeat else message

    def _groups(self, pairs: Iterable[tuple[str, str]]) -> str:
        return build(pairs, self._codec.dialect.de48_encoding)

    def _original(self, belief: Belief) -> str:
        return messages.original(belief.mti, Stamp(belief.sent_at[4:], belief.stan), self.profile.code)

    def _stamp(self) -> Stamp:
        return Stamp(self._moment(), self._stan())

    def _stan(self) -> str:
        return f"{next(self._stans) % 1_000_000:06d}"

    def _moment(self) -> str:
        return self._now().strftime("%m%d%H%M%S")


def together(deferreds: Iterable[Deferred[Any]]) -> Deferred[Any]:
    """A Deferred that fires when all have fired, and fails with the first that fails."""
    return DeferredList(list(deferreds), fireOnOneErrback=True, consumeErrors=True)
