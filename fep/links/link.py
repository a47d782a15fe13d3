"""One link: the conversation of one connection with one bank.

Takes frames and gives bytes to send. Signs on, changes keys, echoes, checks and makes MACs, hands
transactions to the engine, and closes the link at its deadlines. No sockets: the transport is two
callables. No money: what a transaction means, the ledger decides. PROTOCOL sections 1, 3 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from types import MappingProxyType

from twisted.logger import Logger

from fep.day.retirement import key_date
from fep.engine.commit import BUSY, Engine
from fep.keys.keys import BankKeys
from fep.links.misses import Misses
from fep.links.request_parser import TRANSACTIONS, RequestParser, Unsupported, check_network
from fep.links.response_builder import render
from fep.links.session import Keys, new_session
from fep.links.tls import Pinned
from fep.settings.config import Bank, Limits
from fep.telemetry.event_log import EventLog, Kind
from fep.telemetry.last_seen import LastSeen
from fep.telemetry.statistics import Statistics
from ledger.rules.request import INQUIRIES, TOO_MANY_MISSES, Act, Answer, Request
from protocol.codec import Codec
from protocol.decline import FastDecline
from protocol.errors import DecodeError, FormatError
from protocol.framing import Frame, Framing, answer_tpdu, wrap
from protocol.message import Message, is_answer
from protocol.responses import Response
from protocol.tlv import build

SIGN_ON, SIGN_OFF, KEY_CHANGE, CUTOVER, ECHO = "001", "002", "101", "201", "301"
"""DE 70 (PROTOCOL section 5)."""

_REFUSALS = MappingProxyType({Response.SECURITY: "SIGN ON FIRST", Response.UNAVAILABLE: "STOPPING"})
"""DE 44 for what the session's state refuses."""

_MISSES = frozenset({Response.NOT_FOUND, Response.IDENTITY_DIFFERS})
"""Nothing was done: an inquiry changes nothing, and a payout is not looked at."""
_OUR_TPDU = b"\x60\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Counterparty:
    """All that the links of one bank share."""

    bank: Bank
    codec: Codec
    fast_decline: FastDecline
    request_parser: RequestParser
    keys: BankKeys
    misses: Misses
    tls: Pinned | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that the links of one process share. `seconds` is the reactor's clock, `now` the wall clock and
    `today` its date.
    """

    engine: Engine
    limits: Limits
    statistics: Statistics
    seconds: Callable[[], float]
    now: Callable[[], datetime]
    today: Callable[[], date]
    event_log: EventLog


class Link:
    """One connection's conversation. `send` takes bytes; `close` takes a reason for the log and ends the
    connection.
    """

    log = Logger(namespace="fep.links.link")

    def __init__(
        self,
        counterparty: Counterparty,
        surroundings: Surroundings,
        send: Callable[[bytes], None],
        close: Callable[[str], None],
    ) -> None:
        self.bank = counterparty.bank
        self._codec = counterparty.codec
        self._fast_decline = counterparty.fast_decline
        self._request_parser = counterparty.request_parser
        self._bank_keys = counterparty.keys
        self._misses = counterparty.misses
        self._all = surroundings
        self._send = send
        self._close = close
        self._keys = Keys()
        self.session = new_session(self._keys)
        self._allowed = self.session.business()
        self._is_lost = False
        self._bad_macs = 0
        self._stan = 0
        self._code = self.bank.code.zfill(11)
        now = surroundings.seconds()
        self.opened_at = self.heard_at = now
        self.echoed_at: float | None = None
        self._signed_on_once = False
        self._frame_since: float | None = None
        self._asked_at: float | None = None

    # What the transport tells.

    def heard(self, frame_pending: bool) -> None:
        """Bytes came; `frame_pending` tells whether they end inside a frame. A frame's deadline counts
        from its start.
        """
        now = self._all.seconds()
        self.heard_at = now
        if not frame_pending:
            self._frame_since = None
        elif self._frame_since is None:
            self._frame_since = now

    def frame_began_again(self) -> None:
        """A frame was completed and another begun in the same bytes: the new one has its own deadline."""
        self._frame_since = None

    def tick(self) -> None:
        """Look at the deadlines; called about once a second."""
        now = self._all.seconds()
        limits = self._all.limits
        if self._frame_since is not None and now - self._frame_since >= limits.frame_seconds:
            self._close("a frame was not complete in time")
        elif not self._signed_on_once and now - self.opened_at >= limits.sign_on_seconds:
            self._close("no sign-on in time")
        elif self._asked_at is not None and now - self._asked_at >= limits.echo_seconds:
            self._close("our echo was not answered in time")
        elif self._asked_at is None and self._signed_on_once and now - self.heard_at >= limits.idle_seconds:
            self._asked_at = now
            self.ask(ECHO)

    def idle_seconds(self) -> float:
        """How long the bank has said nothing."""
        return self._all.seconds() - self.heard_at

    def last_seen(self) -> LastSeen:
        """When the bank was heard on this link (that it was opened counts), and its last echo."""
        return LastSeen(self.heard_at, self.echoed_at)

    def lost(self) -> None:
        """The connection is gone: answers still to come are for the bank's reversal to ask about."""
        self.session.lost()
        self._moved()
        self._is_lost = True

    def stop(self) -> None:
        """Take nothing new from now on."""
        self.session.stopping()
        self._moved()

    def _moved(self) -> None:
        """Keep what the session's state answers to transactions: asking the machine for each one costs too
        much.
        """
        self._allowed = self.session.business()

    # What the bank says.

    def received(self, frame: Frame) -> None:
        """One frame's message: answer it, or hand it over to be answered when its batch is on disk."""
        if self._all.engine.refuses(self.bank.code) and self._refused_unread(frame):
            return
        try:
            message = self._codec.decode(frame.body)
        except DecodeError as error:
            self._undecodable(frame, error)
            return
        if is_answer(message.mti):
            self._their_answer(message, frame)
        elif message.mti[:2] == "08":
            self._network(message, frame)
        else:
            self._business(message, frame)

    def _business(self, message: Message, frame: Frame) -> None:
        allowed = self._allowed
        if allowed is Response.SECURITY:
            self._answer(message, frame.tpdu, Answer(allowed, _REFUSALS[allowed]))
            return
        covered = self._authenticated(message, frame)
        if covered is None:
            return
        if allowed is not Response.APPROVED:
            self._answer(message, frame.tpdu, Answer(allowed, _REFUSALS[allowed]))
            return
        try:
            request = self._request_parser.request(message, covered, self._key_date())
        except FormatError as error:
            self._answer(message, frame.tpdu, Answer(Response.FORMAT, str(error)))
        except Unsupported as error:
            self._answer(message, frame.tpdu, Answer(Response.NOT_SUPPORTED, str(error)))
        else:
            self._offer(request, message, frame.tpdu)

    def _key_date(self) -> date:
        return key_date(self._all.today(), self._all.engine.business_date)

    def _offer(self, request: Request, message: Message, tpdu: bytes) -> None:
        """Have a request decided. Where its bank has asked for too much that is not so, no payout is made;
        the repeat of one that was made is told so.
        """
        if request.act is Act.PAY and not request.advice and self._misses.is_spent(self._all.seconds()):
            request = request._replace(must_wait=True)
        deliver = partial(self._decided, request.act in INQUIRIES, message, tpdu)
        self._all.engine.offer(request, deliver, self._unanswerable)

    def _decided(self, is_inquiry: bool, message: Message, tpdu: bytes, answer: Answer) -> None:
        """Pass the ledger's answer on. An inquiry's is held back where the budget of misses is spent: when it
        was asked, others may still have been on their way.
        """
        now = self._all.seconds()
        if is_inquiry and self._misses.is_spent(now):
            answer = TOO_MANY_MISSES
        elif answer.response in _MISSES and not answer.replayed:
            self._misses.add(now)
        self._answer(message, tpdu, answer)

    def _unanswerable(self) -> None:
        """Whether a transaction of this link was done cannot be learnt: an end is no answer, and a 91 or 96
        would be one.
        """
        self._close("what became of a transaction cannot be learnt")

    def _refused_unread(self, frame: Frame) -> bool:
        """Answer 91 to a transaction for which there is no place, without decoding it; whether that was done.
        Whatever else it may be answered with, it is decoded for.
        """
        key = self._keys.current
        if self._allowed is not Response.APPROVED or key is None:
            return False
        header_scan = self._fast_decline.scan(frame.body)
        if (
            header_scan is None
            or header_scan.mti not in TRANSACTIONS
            or not self._is_from_here(header_scan.acquirer)
        ):
            return False
        if not self._keys.authentic(header_scan.covered, header_scan.mac, self._all.seconds()):
            return False
        self._bad_macs = 0
        self._all.statistics.answered(self.bank.code, header_scan.mti, Response.UNAVAILABLE)
        date = self._all.engine.business_date
        own = ((39, Response.UNAVAILABLE.value), (44, BUSY))
        unsealed = self._fast_decline.refusal(header_scan, ((15, date[4:]), *own) if date else own)
        self._write(self._codec.closed(unsealed, key.mac), answer_tpdu(frame.tpdu) if frame.tpdu else b"")
        return True

    def _is_from_here(self, acquirer: str | None) -> bool:
        """Whether DE 32 names this link's bank; where it is missing, the gate says so."""
        return acquirer is None or acquirer.zfill(11) == self._code

    def _authenticated(self, message: Message, frame: Frame) -> bytes | None:
        """The bytes that the MAC covers, if it is right and DE 32 is this link's bank; else 63 has been
        answered.
        """
        split = self._codec.mac_of(frame.body, message)
        if split is None or not self._keys.authentic(*split, self._all.seconds()):
            self._mac_failed(message, frame, "MAC MISSING" if split is None else "MAC WRONG")
            return None
        self._bad_macs = 0
        if not self._is_from_here(message.fields.get(32)):
            self._answer(message, frame.tpdu, Answer(Response.SECURITY, "DE 32: OTHER BANK"))
            return None
        return split[0]

    def _mac_failed(self, message: Message, frame: Frame, reason: str) -> None:
        self._answer(message, frame.tpdu, Answer(Response.SECURITY, reason))
        self._count_bad_mac()

    def _count_bad_mac(self) -> None:
        """What cannot be authentic counts, whether or not it could be answered."""
        self._bad_macs += 1
        self._all.statistics.mac_failures[self.bank.code] += 1
        self._all.event_log.note(Kind.BAD_MAC, self.bank.code)
        if self._bad_macs >= self._all.limits.bad_macs:
            self.log.error(
                "bank {bank}: {count} bad MACs in a row", bank=self.bank.code, count=self._bad_macs
            )
            self._close("too many bad MACs in a row")

    def _undecodable(self, frame: Frame, error: DecodeError) -> None:
        """Answer 30 to what decodes in part, if its last bytes are a good MAC; 63 if they are not."""
        self.log.warn("bank {bank}: undecodable message: {error}", bank=self.bank.code, error=error)
        message = error.partial
        if message is None or is_answer(message.mti):
            self._count_bad_mac()
            return
        covered, mac = self._codec.last_bytes(frame.body)
        if self._allowed is Response.SECURITY:
            answer = Answer(Response.SECURITY, _REFUSALS[Response.SECURITY])
        elif not self._keys.authentic(covered, mac, self._all.seconds()):
            self._mac_failed(message, frame, "MAC WRONG")
            return
        else:
            answer = Answer(Response.FORMAT, str(FormatError(error.field, "malformed")))
        self._answer(message, frame.tpdu, answer)

    def _network(self, message: Message, frame: Frame) -> None:
        code = message.fields.get(70, "")
        if code == SIGN_ON:
            self._sign_on(message, frame)
            return
        if self.session.state() != "connected" and self._authenticated(message, frame) is None:
            return
        fault = self._network_fault(message)
        if fault is not None:
            self._answer(message, frame.tpdu, fault)
            return
        if code == ECHO:
            self.echoed_at = self._all.seconds()
            self._answer(message, frame.tpdu, self._done())
        elif self._allowed is not Response.APPROVED:
            self._answer(message, frame.tpdu, Answer(self._allowed, _REFUSALS[self._allowed]))
        elif code == KEY_CHANGE:
            self._change_key(message, frame)
        elif code == SIGN_OFF:
            self._answer(message, frame.tpdu, self._done())
            self.session.signed_off()
            self._moved()
            self._all.event_log.note(Kind.SIGNED_OFF, self.bank.code)
        else:
            self._answer(message, frame.tpdu, Answer(Response.NOT_SUPPORTED, f"DE 70 {code} NOT SUPPORTED"))

    def _network_fault(self, message: Message) -> Answer | None:
        """What a network management message is refused with before it is looked at; None for a good one."""
        try:
            check_network(message, self._all.today())
        except FormatError as error:
            return Answer(Response.FORMAT, str(error))
        except Unsupported as error:
            return Answer(Response.NOT_SUPPORTED, str(error))
        return None

    def _done(self) -> Answer:
        return Answer(Response.APPROVED, business_date=self._all.engine.business_date)

    def _sign_on(self, message: Message, frame: Frame) -> None:
        """The one exchange without a MAC: the session key goes out under the bank's ZMK."""
        fault = self._network_fault(message)
        if fault is not None:
            self._answer(message, frame.tpdu, fault, sealed=False)
            return
        if message.fields[32].zfill(11) != self._code:
            self._answer(message, frame.tpdu, Answer(Response.SECURITY, "DE 32: OTHER BANK"), sealed=False)
            return
        if self.session.state() == "stopping":
            self._answer(message, frame.tpdu, Answer(Response.UNAVAILABLE, "STOPPING"), sealed=False)
            return
        fresh = self._bank_keys.fresh()
        self._answer_with_key(message, frame, fresh.block, fresh.check_value, sealed=False)
        self.session.signed_on(fresh.key, self._all.seconds() + self._all.limits.old_key_seconds)
        self._moved()
        self._signed_on_once = True
        self._all.event_log.note(Kind.SIGNED_ON, self.bank.code)
        self.log.info("bank {bank} signed on", bank=self.bank.code)

    def _change_key(self, message: Message, frame: Frame) -> None:
        """The answer carries the new key and is MACed with the old one (PROTOCOL section 5.4)."""
        fresh = self._bank_keys.fresh()
        self._answer_with_key(message, frame, fresh.block, fresh.check_value, sealed=True)
        self.session.key_changed(fresh.key, self._all.seconds() + self._all.limits.old_key_seconds)

    def _their_answer(self, message: Message, frame: Frame) -> None:
        """An answer to what we asked: only an authentic 0810 counts as a sign of life."""
        split = self._codec.mac_of(frame.body, message)
        if message.mti != "0810" or split is None or not self._keys.authentic(*split, self._all.seconds()):
            self.log.warn("bank {bank}: unexpected {mti}", bank=self.bank.code, mti=message.mti)
            return
        if self._asked_at is not None:
            self.echoed_at = self._all.seconds()
        self._asked_at = None

    # What we say.

    def ask(self, code: str) -> None:
        """Send an 0800 of our own: echo, or the notice of cut-over with the new business date in DE 15."""
        if self._keys.current is None:
            return
        self._stan = self._stan % 999_999 + 1
        fields = {
            7: self._all.now().strftime("%m%d%H%M%S"),
            11: f"{self._stan:06d}",
            15: self._all.engine.business_date[4:],
            32: self.bank.code,
            70: code,
        }
        fields = {number: text for number, text in fields.items() if text}
        self._write(self._codec.seal(Message("0800", fields), self._keys.current.mac), _OUR_TPDU)

    def _answer(self, request: Message, tpdu: bytes, answer: Answer, *, sealed: bool = True) -> None:
        """Answer a request. Unsealed where no key exists yet, or at sign-on."""
        if not answer.business_date:
            answer = answer._replace(business_date=self._all.engine.business_date)
        self._all.statistics.answered(self.bank.code, request.mti, answer.response)
        self._finish(render(request, answer, self._codec.dialect), tpdu, sealed=sealed)

    def _answer_with_key(
        self, request: Message, frame: Frame, block: str, check_value: str, *, sealed: bool
    ) -> None:
        answer = render(request, self._done(), self._codec.dialect)
        groups = build((("KA", block), ("CA", check_value)), self._codec.dialect.de48_encoding)
        self._all.statistics.answered(self.bank.code, request.mti, Response.APPROVED)
        self._finish(Message(answer.mti, {**answer.fields, 48: groups}), frame.tpdu, sealed=sealed)

    def _finish(self, message: Message, tpdu: bytes, *, sealed: bool) -> None:
        key = self._keys.current
        if self._is_lost:
            return
        if sealed and key is not None:
            body = self._codec.seal(message, key.mac)
        else:
            body = self._codec.encode(message)
        self._write(body, answer_tpdu(tpdu) if tpdu else tpdu)

    def _write(self, body: bytes, tpdu: bytes) -> None:
        framing = self.bank.framing
        self._send(wrap(framing, body, tpdu if framing is Framing.BE2_TPDU else b""))
