"""Banks in the simulated world: links, tellers, and what an honest bank does when answers fail.

A teller is a generator that asks and waits. Imports the wire's code only. The bank's record of each deal is
its own; `run` compares it with the oracle's book at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from protocol.errors import PeerError
from protocol.framing import FrameReader, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacKey
from protocol.message import Message, is_answer
from protocol.tlv import build, first, parse
from simulators import messages
from simulators.messages import Stamp, Terminal
from simulators.world.network import Host
from simulators.world.reading import CANCEL, COLLECTIONS, OUTCOME, Terms

ANSWER_SECONDS = 30.0
_SIGN_ON_SECONDS = 10.0
_AGAIN_SECONDS = 1.0
_UNSETTLED = frozenset({"63", "90", "91", "96"})


@dataclass(slots=True)
class Ask:
    """A script's wish: send this message, and resume with its answer, or with None after `seconds`."""

    message: Message
    seconds: float = ANSWER_SECONDS


Script = Generator["Ask | float", Any, None]
Asking = Generator["Ask | float", Any, "Message | None"]


@dataclass(slots=True)
class Deal:
    """One transaction in the bank's record: unknown, done, refused, undone or never was. `of` is DE 90 of a
    cancel.
    """

    mti: str
    code: str
    policy: str
    due: str
    amount: int
    terminal: str
    branch: str
    stan: str
    sent_at: str
    identity: str = ""
    state: str = "unknown"
    date: str = ""
    undone_on: str = ""
    receipt: str = ""
    of: str = ""

    @property
    def rrn(self) -> str:
        """Its retrieval reference number."""
        return f"{self.sent_at[4:10]}{self.stan}"


class BankLink:
    """The bank's end of one connection."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.key: MacKey | None = None
        self.old_key: MacKey | None = None
        self.ready = False
        self.over = False
        self.transport: Any = None
        self.waiting: dict[tuple[str, str], Callable[[Message | None], None]] = {}
        self._reader = FrameReader(bank.terms.framing)

    def makeConnection(self, transport: Any) -> None:  # noqa: N802, ANN401 - Twisted's name
        """Sign on as soon as the connection stands."""
        self.transport = transport
        self.ask(self.bank.network_message("001"), self._signed_on, _SIGN_ON_SECONDS, sealed=False)

    def _signed_on(self, answer: Message | None) -> None:
        if answer is None or answer.fields.get(39) != "00":
            if not self.over:
                self.transport.loseConnection()
            return
        self.install(answer)
        self.ready = True

    def install(self, answer: Message) -> None:
        """Take a new session key."""
        terms = self.bank.terms
        groups = parse(answer.fields[48], terms.codec.dialect.de48_encoding)
        self.old_key = self.key
        self.key = MacKey(terms.mac, unwrap(terms.zmk, first(groups, "KA") or "", terms.mac))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take bytes from the machine: answers go to their questions, and requests are answered."""
        try:
            for frame in self._reader.feed(data):
                self._take(self.bank.terms.codec.decode(frame.body))
        except PeerError as error:
            self.bank.complain(f"the machine said what is no message: {error}")

    def _take(self, message: Message) -> None:
        if not is_answer(message.mti):
            self._asked(message)
            return
        waiting = self.waiting.pop((message.fields.get(7, ""), message.fields.get(11, "")), None)
        if waiting is not None:
            waiting(message)

    def _asked(self, message: Message) -> None:
        fields = {number: text for number, text in message.fields.items() if number not in (64, 128)}
        if self.bank.answers_echo:
            self.send(Message("0810", {**fields, 39: "00"}))

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802, ARG002 - Twisted's name
        """Give None to whoever waits for an answer on this link."""
        self.over = True
        self.ready = False
        waiting, self.waiting = self.waiting, {}
        for tell in waiting.values():
            tell(None)
        self.bank.lost(self)

    def ask(
        self, message: Message, tell: Callable[[Message | None], None], seconds: float, *, sealed: bool = True
    ) -> None:
        """Send a message; `heard` is called with its answer, or with None when the time is over."""
        name = message.fields.get(7, ""), message.fields.get(11, "")
        timer: IDelayedCall | None = None

        def answered(answer: Message | None) -> None:
            if timer is not None and timer.active():
                timer.cancel()
            tell(answer)

        def late() -> None:
            if self.waiting.get(name) is answered:
                del self.waiting[name]
                tell(None)

        timer = self.bank.host.callLater(seconds, late)
        self.waiting[name] = answered
        self.send(message, sealed=sealed)

    def send(self, message: Message, *, sealed: bool = True, key: MacKey | None = None) -> None:
        """Send a message sealed by a key: the newest, if none is given."""
        key = key or self.key
        codec = self.bank.terms.codec
        body = codec.seal(message, key.mac) if sealed and key is not None else codec.encode(message)
        self.send_body(body)

    def send_body(self, body: bytes) -> None:
        """Send bytes in a frame."""
        framing = self.bank.terms.framing
        if not self.over:
            self.transport.write(wrap(framing, body, framing.head.sample()))


@dataclass(slots=True, eq=False)
class Bank:
    """One bank. `moment` gives YYYYMMDDhhmmss; `dial` opens a connection; `complain` takes what breaks the
    interface.
    """

    terms: Terms
    host: Host
    random: Random
    moment: Callable[[], str]
    dial: Callable[[BankLink], None]
    complain: Callable[[str], None]
    link_count: int = 1
    answer_seconds: float = ANSWER_SECONDS
    repeats_first: bool = False
    answers_echo: bool = True
    links: list[BankLink] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    busy: int = 0
    closed: bool = False
    _stan: int = 0
    _turn: int = 0

    # Links.

    def open(self) -> None:
        """Open every link, and open again each link that is lost."""
        for _ in range(self.link_count):
            self._dial()

    def _dial(self) -> None:
        link = BankLink(self)
        self.links.append(link)
        self.dial(link)

    def lost(self, link: BankLink) -> None:
        """Note the end of a link, and open another after a while."""
        if link in self.links:
            self.links.remove(link)
        if not self.closed:
            self.host.callLater(0.5 + self.random.random(), self._dial)

    def ready_link(self) -> BankLink | None:
        """A link that is signed on, each in turn; None if there is none."""
        ready = [link for link in self.links if link.ready]
        self._turn += 1
        return ready[self._turn % len(ready)] if ready else None

    # Tellers.

    def employ(self, script: Script, after: float) -> None:
        """Start a script after so many virtual seconds."""
        self.busy += 1
        self.host.callLater(after, self._go_on, script, None)

    def _go_on(self, script: Script, given: Message | None) -> None:
        try:
            wish = script.send(given)
        except StopIteration:
            self.busy -= 1
            return
        if not isinstance(wish, Ask):
            self.host.callLater(wish, self._go_on, script, None)
            return
        link = self.ready_link()
        if link is None:
            self.host.callLater(_AGAIN_SECONDS, self._go_on, script, None)
            return
        link.ask(
            wish.message,
            lambda answer: self.host.callLater(0.001, self._go_on, script, answer),
            wish.seconds,
        )

    # Messages.

    def network_message(self, code: str) -> Message:
        """An 0800 with this DE 70."""
        return messages.network(self.terms.code, self._stamp(), code)

    def _stamp(self) -> Stamp:
        return Stamp(self.moment()[4:], self.stan())

    def stan(self) -> str:
        """The next trace number."""
        self._stan += 1
        return f"{self._stan:06d}"

    def deal(
        self, code: str, policy: str, due: str, amount: int, *, advice: bool = False, identity: str = ""
    ) -> Deal:
        """A transaction with a key that is recorded and not sent yet."""
        terminal = self.random.choice(("T0000001", "T0000002"))
        mti = "0220" if advice else "0200"
        deal = Deal(
            mti, code, policy, due, amount, terminal, "B00000000000001", self.stan(), self.moment(), identity
        )
        self.deals.append(deal)
        return deal

    def message(self, deal: Deal, *, repeat: bool = False, **other: str) -> Message:
        """The message of a deal; `other` replaces data elements, by `deN`."""
        given = (("PN", deal.policy), ("DU", deal.due), ("IN", deal.identity))
        origin = Terminal(self.terms.code, deal.branch, deal.terminal)
        groups = self.groups(pair for pair in given if pair[1])
        stamp = Stamp(deal.sent_at[4:], deal.stan)
        made = messages.settlement(deal.mti, deal.code, deal.amount, origin, stamp, deal.rrn, groups)
        if deal.of:
            made = Message(made.mti, {**made.fields, 90: deal.of})
        return _changed(messages.repeat(made) if repeat else made, other)

    def groups(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The text of DE 48."""
        return build(pairs, self.terms.codec.dialect.de48_encoding)

    def original(self, deal: Deal) -> str:
        """The DE 90 that names a deal."""
        return messages.original(deal.mti, Stamp(deal.sent_at[4:], deal.stan), self.terms.code)

    def reversal(self, deal: Deal, mti: str = "0400", **other: str) -> Message:
        """A reversal of a deal, under a key of its own."""
        made = messages.reversal(self.message(deal), self.terms.code, self._stamp(), mti)
        return _changed(made, other)

    def inquiry(self, code: str, pairs: Iterable[tuple[str, str]], of: Deal | None = None) -> Message:
        """An 0100."""
        origin = Terminal(self.terms.code, "B00000000000001", of.terminal if of else "T0000001")
        original = self.original(of) if of else ""
        return messages.inquiry(code, origin, self._stamp(), self.groups(pairs), original)

    def totals(self, date: str) -> Message:
        """An 0500 for a business date (MMDD), of this bank's own record."""
        figures = [0] * 8
        for deal in self.deals:
            if deal.code == CANCEL or deal.state not in ("done", "undone"):
                continue
            place = 0 if deal.code in COLLECTIONS else 4
            for offset, on in ((0, deal.date or deal.undone_on), (2, deal.undone_on)):
                if on == date:
                    figures[place + offset] += 1
                    figures[place + offset + 1] += deal.amount
        net = figures[1] - figures[3] - figures[5] + figures[7]
        places = ((74, 4), (75, 6), (76, 0), (77, 2), (86, 5), (87, 7), (88, 1), (89, 3))
        totals = {number: figures[place] for number, place in places}
        return messages.totals(self.terms.code, self._stamp(), date, totals, net)

    # What an honest teller does.

    def settle(self, deal: Deal) -> Script:
        """Script: send a collection or payout, and go on until its outcome is known."""
        answer = yield Ask(self.message(deal), self.answer_seconds)
        if deal.mti == "0220":
            while answer is None or answer.fields[39] in _UNSETTLED:
                yield _AGAIN_SECONDS
                answer = yield Ask(self.message(deal, repeat=True), self.answer_seconds)
        elif answer is None and self.repeats_first:
            answer = yield Ask(self.message(deal, repeat=True), self.answer_seconds)
        if answer is None or answer.fields[39] in _UNSETTLED:
            yield from self.undo(deal)
        else:
            self.learn(deal, answer)

    def undo(self, deal: Deal) -> Script:
        """Script: reverse a deal, and repeat that until it is answered."""
        message = self.reversal(deal)
        answer = yield Ask(message, self.answer_seconds)
        while answer is None or answer.fields[39] in _UNSETTLED:
            yield _AGAIN_SECONDS
            message = Message(message.mti[:3] + "1", message.fields)
            answer = yield Ask(message, self.answer_seconds)
        code = answer.fields[39]
        if code == "00":
            if deal.state == "refused":
                self.complain(f"{deal.stan} was refused, and its reversal is answered 00")
            deal.state, deal.undone_on = "undone", deal.undone_on or answer.fields.get(15, "")
        elif code == "21":
            if deal.state == "done":
                self.complain(f"{deal.stan} was done, and its reversal is answered 21")
            deal.state = "refused" if deal.state == "refused" else "never was"
        elif answer.fields.get(44) == "REVERSAL TOO LATE":
            yield from self._learn(deal)
        elif code == "12" and deal.code == CANCEL:
            deal.state = "done"
        else:
            self.complain(f"the reversal of {deal.stan} is answered {code}")

    def _learn(self, deal: Deal) -> Script:
        """Script: a deal that can no longer be reversed is in effect; repeat it to get its first answer."""
        answer: Message | None = None
        while answer is None or answer.fields[39] in _UNSETTLED:
            yield _AGAIN_SECONDS
            answer = yield Ask(self.message(deal, repeat=True), self.answer_seconds)
        self.learn(deal, answer)

    def cancel(self, deal: Deal) -> Script:
        """Script: cancel a deal; a cancel without an answer is reversed."""
        own = self.deal(CANCEL, deal.policy, "", deal.amount)
        own.terminal, own.of = deal.terminal, self.original(deal)
        answer = yield Ask(self.message(own), self.answer_seconds)
        if answer is None or answer.fields[39] in _UNSETTLED:
            yield from self.undo(own)
        else:
            self.learn(own, answer)
        if own.state == "done":
            deal.state, deal.undone_on = "undone", own.date

    def inquire_outcome(self, deal: Deal) -> Script:
        """Script: ask what became of a deal, and compare the answer with the record."""
        state = deal.state
        answer = yield Ask(self.inquiry(OUTCOME, (), deal), self.answer_seconds)
        if answer is None or answer.fields[39] != "00" or deal.state != state:
            return
        groups = parse(answer.fields[48], self.terms.codec.dialect.de48_encoding)
        status = first(groups, "ST") or ""
        right = {"done": "done", "undone": "reversed"}.get(state, "refused")
        if not status.startswith(right):
            self.complain(f"{deal.stan} is {state}, and said to be {status}")

    def learn(self, deal: Deal, answer: Message) -> None:
        """Note in the record what a deal was answered."""
        deal.state = "done" if answer.fields[39] == "00" else "refused"
        if deal.state == "done":
            deal.date = answer.fields.get(15, "")
            groups = parse(answer.fields.get(48, ""), self.terms.codec.dialect.de48_encoding)
            deal.receipt = first(groups, "RN") or ""


def _changed(message: Message, fields: Mapping[str, str]) -> Message:
    """The message with these data elements, by `deN`, in place of its own, in ascending order."""
    given = {int(name.removeprefix("de")): text for name, text in fields.items()}
    return Message(message.mti, dict(sorted({**message.fields, **given}.items())))
