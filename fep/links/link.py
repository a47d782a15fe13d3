"""One link: the conversation of one connection with one bank.

Takes frames and gives bytes to send. Decodes each message and leads it to where it belongs: network
management, or the engine, which decides transactions. No sockets: the transport is two callables. No money:
what a transaction means, the ledger decides. docs/protocol.md sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from twisted.logger import Logger

from fep.day.retirement import key_date
from fep.links.answering import AnswerSender, message_refusal, session_refusal
from fep.links.authentication import Authenticator
from fep.links.counterparty import Counterparty, Door, Surroundings
from fep.links.deadlines import Deadlines
from fep.links.network_management import ECHO, NetworkManagement
from fep.links.request_parser import TRANSACTIONS
from fep.links.session import CONNECTED, WITHOUT_KEY, LinkSession
from fep.telemetry.last_seen import LastSeen
from fep.telemetry.paced_log import PacedLog
from ledger.rules.request import INQUIRIES, TOO_MANY_MISSES, Act, Answer, Request
from protocol.errors import DecodeError, FormatError, MessageRefused
from protocol.framing import Frame
from protocol.message import Message, is_answer
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

_MISSES: Final = frozenset({Response.NOT_FOUND, Response.IDENTITY_DIFFERS})
"""The responses that tell a bank only that something is not so (fep.links.misses)."""
_TOO_SOON: Final = MappingProxyType(
    {
        CONNECTED: Sentence("a transaction came before the sign-on: 63 SIGN ON FIRST"),
        WITHOUT_KEY: Sentence("a transaction came before the bank's key: 63 SEND A KEY FIRST"),
    }
)
"""What the operator is told of a transaction that came too soon, by the session's state."""


class Guard(Protocol):
    """Calls what it is given: an exception ends the link, and goes no further."""

    def __call__(self, act: Callable[..., None], *arguments: object) -> None:
        """Call `act` with the arguments."""


class Link:
    """One connection's conversation. `send` takes framed bytes; `close` takes a reason for the log and ends
    the connection; `guarded` does what the engine calls back; `door` is asked for a place at the sign-on.
    """

    log = Logger(namespace="fep.links.link")

    def __init__(
        self,
        counterparty: Counterparty,
        surroundings: Surroundings,
        send: Callable[[bytes], None],
        close: Callable[[str], None],
        guarded: Guard,
        door: Door,
    ) -> None:
        self.bank = counterparty.bank
        self.session = LinkSession()
        keys = self.session.keys
        self._codec = counterparty.codec
        self._fast_decline = counterparty.fast_decline
        self._request_parser = counterparty.request_parser
        self._misses = counterparty.misses
        self._engine = surroundings.engine
        self._seconds = surroundings.seconds
        self._today = surroundings.today
        self._close = close
        self._guarded = guarded
        self._statistics = surroundings.statistics
        self._door = door
        self._log = PacedLog(self.log, surroundings.seconds)
        shakes_hands = counterparty.tls is not None
        self._deadlines = Deadlines(surroundings.limits, surroundings.seconds(), shakes_hands=shakes_hands)
        self._answers = AnswerSender(counterparty, surroundings, keys, send)
        self._authenticator = Authenticator(counterparty, surroundings, keys, self._answers, close)
        self._network = NetworkManagement(
            counterparty,
            surroundings,
            self.session,
            self._answers,
            self._authenticator,
            self._deadlines,
            door,
            self._log,
            guarded,
        )

    # What the transport tells.

    def heard(self, frame_pending: bool) -> None:
        """Bytes came; `frame_pending` tells whether they end inside a frame."""
        self._deadlines.heard(self._seconds(), frame_pending=frame_pending)

    def frame_began_again(self) -> None:
        """Restart the frame's deadline: a frame is complete, and the next one began in the same bytes."""
        self._deadlines.frame_began_again()

    def tick(self) -> None:
        """Look at the deadlines; called about once a second."""
        now = self._seconds()
        reason = self._deadlines.missed(now)
        if reason:
            self._close(reason)
        elif self._deadlines.is_echo_due(now):
            self.ask_for_echo()

    def ask_for_echo(self) -> None:
        """Ask the bank for an echo, unless the answer to one is awaited."""
        if not self._deadlines.is_asked():
            self._deadlines.asked(self._seconds())
            self.ask(ECHO)

    def shaken_hands(self) -> None:
        """The TLS handshake is done."""
        self._deadlines.shaken_hands()

    def idle_seconds(self) -> float:
        """How many seconds the bank has sent nothing."""
        return self._deadlines.idle_seconds(self._seconds())

    def last_seen(self) -> LastSeen:
        """When the bank was last heard on this link (the opening counts), and when it last echoed."""
        return self._deadlines.last_seen()

    def lost(self) -> None:
        """The connection is gone: answers still to come are for the bank's reversal to ask about."""
        self.session.lost()
        self._answers.lost()
        self._log.end()

    def stop(self) -> None:
        """Take nothing new from now on."""
        self.session.stopping()

    def ask(self, code: str) -> None:
        """Send an 0800 of our own with `code` in DE 70; nothing before the first sign-on."""
        self._network.ask(code)

    # What the bank says.

    def received(self, frame: Frame) -> None:
        """One frame's message: answer it, or hand it over to be answered when its batch is on disk."""
        if self._engine.refuses(self.bank.code) and self._declined_undecoded(frame):
            return
        try:
            message = self._codec.decode(frame.body)
        except DecodeError as error:
            self._undecodable(frame, error)
            return
        if is_answer(message.mti):
            self._network.answered(message, frame)
        elif message.mti[:2] == "08":
            self._network.received(message, frame)
        else:
            self._transaction(message, frame)

    def _transaction(self, message: Message, frame: Frame) -> None:
        allowed = self.session.business
        if allowed is Response.SECURITY:
            if self.session.state() in _TOO_SOON:
                self._door.sign_on_refused(_TOO_SOON[self.session.state()])
            self._answers.answer(message, frame.head, session_refusal(self.session))
            return
        covered = self._authenticator.covered(message, frame)
        if covered is None:
            return
        if allowed is not Response.APPROVED:
            self._answers.answer(message, frame.head, session_refusal(self.session))
            return
        try:
            request = self._request_parser.request(message, covered, self._key_date())
        except MessageRefused as error:
            self._answers.answer(message, frame.head, message_refusal(error))
        else:
            self._offer(request, message, frame.head)

    def _key_date(self) -> date:
        """The date from which the window of a transaction's key counts."""
        return key_date(self._today(), self._engine.business_date)

    def _offer(self, request: Request, message: Message, head: bytes) -> None:
        """Have a request decided. While the bank's budget of misses is spent no payout is made; the repeat of
        a payout that was made still gets its first answer.
        """
        if request.act is Act.PAY and not request.advice and self._misses.is_spent(self._seconds()):
            request = request._replace(must_wait=True)
        deliver = partial(self._guarded, self._decided, request.act in INQUIRIES, message, head)
        self._engine.offer(request, deliver, self._unanswerable)

    def _decided(self, is_inquiry: bool, message: Message, head: bytes, answer: Answer) -> None:
        """Pass the ledger's answer on. An inquiry's answer is held back where the budget of misses is spent:
        when the inquiry came, the answers to earlier ones may still have been on their way.
        """
        now = self._seconds()
        if is_inquiry and self._misses.is_spent(now):
            answer = TOO_MANY_MISSES
        elif answer.response in _MISSES and not answer.replayed:
            self._misses.add(now)
        try:
            self._answers.answer(message, head, answer)
        except Exception:
            self._statistics.undelivered += 1
            raise

    def _unanswerable(self) -> None:
        """Close the link: whether a transaction of it was done cannot be learnt, and 91 or 96 would say
        that it was not.
        """
        self._close(Sentence("what became of a transaction cannot be learnt"))

    def _declined_undecoded(self, frame: Frame) -> bool:
        """Answer 91 to a transaction for which the queue has no place, without decoding it; whether that was
        done. A message that may get any other answer is decoded.
        """
        key = self.session.keys.current
        if self.session.business is not Response.APPROVED or key is None:
            return False
        header_scan = self._fast_decline.scan(frame.body)
        if header_scan is None or header_scan.mti not in TRANSACTIONS:
            return False
        covered, mac, acquirer = header_scan.covered, header_scan.mac, header_scan.acquirer
        if not self._authenticator.accepts_undecoded(covered, mac, acquirer):
            return False
        self._answers.decline_undecoded(header_scan, frame.head, key)
        return True

    def _undecodable(self, frame: Frame, error: DecodeError) -> None:
        """Answer 30 to a message that decodes in part, if its last bytes are a good MAC, else 63. What does
        not decode at all gets no answer.
        """
        self._log.warn("bank {bank}: undecodable message: {error}", bank=self.bank.code, error=error)
        message = error.partial
        if message is None or is_answer(message.mti):
            self._authenticator.count_bad_mac()
        elif self.session.business is Response.SECURITY:
            self._answers.answer(message, frame.head, session_refusal(self.session))
        elif not self._authenticator.verifies(*self._codec.last_bytes(frame.body)):
            self._authenticator.refuse(message, frame, "MAC WRONG")
        else:
            malformed = FormatError(error.field, "malformed")
            self._answers.answer(message, frame.head, message_refusal(malformed))
        self._authenticator.count_stray()
