"""What one link sends: rendered, sealed under the session's key, framed.

Every answer leaves through here, and so does every 0800 of our own. Counts each answer by its response code.
What the answer is, is decided elsewhere. docs/protocol.md sections 1, 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from types import MappingProxyType
from typing import Final

from fep.engine.commit import BUSY
from fep.keys.keys import SessionKey
from fep.links.counterparty import Counterparty, Surroundings
from fep.links.fitting import fit
from fep.links.response_builder import render
from fep.links.session import WITHOUT_KEY, LinkSession, SessionKeys
from ledger.rules.request import Answer
from protocol.decline import HeaderScan
from protocol.errors import EncodeError, MessageRefused
from protocol.framing import wrap
from protocol.mac import MacKey
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import build
from qianzhi_errors.sentence import Sentence

_SESSION_REASONS: Final = MappingProxyType(
    {Response.SECURITY: "SIGN ON FIRST", Response.UNAVAILABLE: "STOPPING"}
)
"""DE 44 by the response code with which the session's state refuses."""
DOES_NOT_FIT: Final = "ANSWER DOES NOT FIT"
"""DE 44 of a 96 to an inquiry whose answer the bank's dialect cannot hold."""


def session_refusal(session: LinkSession) -> Answer:
    """The answer to a message that the session's state refuses."""
    if session.state() == WITHOUT_KEY:
        return Answer(Response.SECURITY, "SEND A KEY FIRST")
    return Answer(session.business, _SESSION_REASONS[session.business])


def message_refusal(error: MessageRefused) -> Answer:
    """The answer to a message that is refused before the ledger is asked: DE 39 and DE 44 of the error."""
    return Answer(error.response, str(error))


class AnswerSender:
    """Sends the answers of one link. `send` takes framed bytes; `keys` are the session's, which change."""

    def __init__(
        self,
        counterparty: Counterparty,
        surroundings: Surroundings,
        keys: SessionKeys,
        send: Callable[[bytes], None],
    ) -> None:
        self._bank = counterparty.bank
        self._framing = counterparty.bank.framing
        self._last_head = b""
        """The head of the last answer: a request of our own goes to whom it went."""
        self._codec = counterparty.codec
        self._letterhead = counterparty.letterhead
        self._fast_decline = counterparty.fast_decline
        self._engine = surroundings.engine
        self._statistics = surroundings.statistics
        self._keys = keys
        self._send = send
        self._is_lost = False

    def lost(self) -> None:
        """Send no answer from now on: the connection is gone."""
        self._is_lost = True

    def answer(self, request: Message, head: bytes, answer: Answer, *, sealed: bool = True) -> None:
        """Answer `request`, whose frame had this head. `sealed` is False at sign-on; without a key
        no answer is sealed.
        """
        if not answer.business_date:
            answer = answer._replace(business_date=self._engine.business_date)
        is_inquiry = request.mti.startswith("01")
        try:
            body = self._fitted(request, answer, sealed=sealed, is_inquiry=is_inquiry)
        except EncodeError:
            if not is_inquiry:
                raise
            answer = Answer(Response.FAULT, DOES_NOT_FIT, answer.business_date)  # an inquiry moves nothing
            body = self._fitted(request, answer, sealed=sealed, is_inquiry=False)
        self._statistics.answered(self._bank.code, request.mti, answer.response)
        self._reply(body, head)

    def approve(self, request: Message, head: bytes, *, sealed: bool = True) -> None:
        """Answer 00 to a network management message; `sealed` as in `answer`."""
        self.answer(request, head, Answer(Response.APPROVED), sealed=sealed)

    def approve_with_key(self, request: Message, head: bytes, fresh: SessionKey, *, sealed: bool) -> None:
        """Answer 00 with a new session key in DE 48: its key block (KA) and its check value (CA)."""
        approval = Answer(Response.APPROVED, business_date=self._engine.business_date)
        message = self._rendered(request, approval)
        groups = build((("KA", fresh.block), ("CA", fresh.check_value)), self._codec.dialect.de48_encoding)
        self._statistics.answered(self._bank.code, request.mti, Response.APPROVED)
        carrying = Message(message.mti, {**message.fields, 48: groups})
        self._reply(self._encoded(carrying, sealed=sealed), head)

    def decline_undecoded(self, header_scan: HeaderScan, head: bytes, key: MacKey) -> None:
        """Answer 91 to a request that was scanned and not decoded, sealed under `key`."""
        self._statistics.answered(self._bank.code, header_scan.mti, Response.UNAVAILABLE)
        date = self._engine.business_date
        own = ((39, Response.UNAVAILABLE.value), (44, BUSY))
        unsealed = self._fast_decline.refusal(header_scan, ((15, date[4:]), *own) if date else own)
        self._write(self._codec.append_mac(unsealed, key.mac), self._framing.head.of_answer(head))

    def ask(self, request: Message, key: MacKey) -> None:
        """Send a request of our own, sealed under `key`."""
        self._write(self._codec.seal(request, key.mac), self._last_head or self._framing.head.own())

    def _rendered(self, request: Message, answer: Answer, left_out: Collection[str] = ()) -> Message:
        return render(request, answer, self._codec.dialect, self._letterhead, left_out)

    def _fitted(self, request: Message, answer: Answer, *, sealed: bool, is_inquiry: bool) -> bytes:
        rendered = partial(self._rendered, request, answer)
        return fit(rendered, partial(self._encoded, sealed=sealed), is_inquiry=is_inquiry)

    def _encoded(self, message: Message, *, sealed: bool) -> bytes:
        """The answer's bytes. Raises EncodeError where the dialect cannot hold a field; and for the receipt,
        the longest of them, where the framing cannot say the whole's length.
        """
        key = self._keys.current
        if sealed and key is not None:
            body = self._codec.seal(message, key.mac)
        else:
            body = self._codec.encode(message)
        if len(body) > self._framing.longest_message:
            raise EncodeError(
                "62",
                Sentence(
                    "{length} bytes do not fit framing {framing}",
                    length=len(body),
                    framing=str(self._framing),
                ),
            )
        return body

    def _reply(self, body: bytes, head: bytes) -> None:
        if not self._is_lost:
            self._last_head = self._framing.head.of_answer(head)
            self._write(body, self._last_head)

    def _write(self, body: bytes, head: bytes) -> None:
        self._send(wrap(self._framing, body, head))
