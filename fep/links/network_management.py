"""Network management (08xx) on one link: sign-on, sign-off, change of keys, echo, and the messages that we
send ourselves.

Moves the session; no transaction passes here. docs/protocol.md section 5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from twisted.logger import Logger

from fep.keys.keys import SessionKey
from fep.links.answering import AnswerSender, message_refusal, session_refusal
from fep.links.authentication import Authenticator
from fep.links.counterparty import Counterparty, Door, Surroundings
from fep.links.deadlines import Deadlines
from fep.links.request_parser import check_network
from fep.links.session import CONNECTED, LOST, STOPPING, LinkSession
from fep.telemetry.event_log import Kind
from fep.telemetry.paced_log import PacedLog
from firewall_rules.token_bucket import TokenBucket
from ledger.rules.request import Answer
from protocol.errors import MessageRefused
from protocol.framing import Frame
from protocol.message import Message
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

SIGN_ON: Final = "001"
SIGN_OFF: Final = "002"
KEY_CHANGE: Final = "101"
CUTOVER: Final = "201"
ECHO: Final = "301"
"""Values of DE 70 (docs/protocol.md section 5)."""
_STAN_MAX: Final = 999_999
TOO_MANY_SIGN_ONS: Final = Answer(Response.UNAVAILABLE, "TOO MANY SIGN-ONS, WAIT")
"""The answer to a sign-on or a change of keys past what a link and a bank may ask a minute."""
NO_KEY: Final = Answer(Response.FAULT, "NO KEY NOW, ASK AGAIN")
"""The answer to a sign-on or a change of keys for which the token made no key."""


class NetworkManagement:
    """The 08xx messages of one link, in both directions. `log` is the link's, at its pace; `guarded` does
    what is done later for this link, so that a fault in it ends this link alone.
    """

    log = Logger(namespace="fep.links.network_management")

    def __init__(
        self,
        counterparty: Counterparty,
        surroundings: Surroundings,
        session: LinkSession,
        answers: AnswerSender,
        authenticator: Authenticator,
        deadlines: Deadlines,
        door: Door,
        log: PacedLog,
        guarded: Callable[..., object],
    ) -> None:
        self._entry = counterparty.bank
        self._bank = counterparty.bank.code
        self._bank_keys = counterparty.keys
        self._surroundings = surroundings
        self._session = session
        self._answers = answers
        self._authenticator = authenticator
        self._deadlines = deadlines
        self._door = door
        self._log = log
        self._stan = 0
        self._unanswered = 0
        self._guarded = guarded
        self._is_waiting = False
        self._sign_offs = 0
        self._pace = TokenBucket.per_minute(counterparty.bank.link_sign_ons_a_minute, surroundings.seconds())

    def received(self, message: Message, frame: Frame) -> None:
        """Answer one 08xx request of the bank, and move the session."""
        code = message.fields.get(70, "")
        if code == SIGN_ON:
            self._sign_on(message, frame)
            return
        is_signed_on = self._session.state() != CONNECTED
        if is_signed_on and self._authenticator.covered(message, frame) is None:
            return
        refusal = self._refusal(message)
        if refusal is not None:
            self._answers.answer(message, frame.head, refusal)
        elif code == ECHO:
            self._deadlines.echoed(self._surroundings.seconds())
            self._answers.approve(message, frame.head)
        elif self._session.business is not Response.APPROVED:
            self._answers.answer(message, frame.head, session_refusal(self._session.business))
        elif code == KEY_CHANGE:
            self._change_key(message, frame)
        elif code == SIGN_OFF:
            self._sign_off(message, frame)
        else:
            reason = f"DE 70 {code} NOT SUPPORTED"
            self._answers.answer(message, frame.head, Answer(Response.NOT_SUPPORTED, reason))

    def answered(self, message: Message, frame: Frame) -> None:
        """Take an answer of the bank: an authentic 0810 to an 0800 of ours counts as an echo. Any other is
        logged, and too many of them close the link.
        """
        is_awaited = message.mti == "0810" and self._unanswered > 0
        if is_awaited and self._authenticator.is_authentic_answer(message, frame):
            self._unanswered -= 1
            self._deadlines.answered(self._surroundings.seconds())
        else:
            self._log.warn("bank {bank}: unexpected {mti}", bank=self._bank, mti=message.mti)
            self._authenticator.count_stray()

    def ask(self, code: str) -> None:
        """Send an 0800 of our own with `code` in DE 70: ECHO, or CUTOVER with the new business date in DE 15.
        Nothing is sent before the first sign-on: there is no key.
        """
        key = self._session.keys.current
        if key is None:
            return
        self._stan = self._stan % _STAN_MAX + 1
        fields = {
            7: self._surroundings.now().strftime("%m%d%H%M%S"),
            11: f"{self._stan:06d}",
            15: self._surroundings.engine.business_date[4:],
            32: self._bank,
            70: code,
        }
        present = {number: text for number, text in fields.items() if text}
        self._unanswered += 1
        self._answers.ask(Message("0800", present), key)

    def _sign_on(self, message: Message, frame: Frame) -> None:
        """Sign the bank on, once the link has a place."""
        refusal = self._refusal(message) or self._sign_on_refusal(message) or self._rate_refusal()
        if refusal is not None:
            self._door.sign_on_refused(
                Sentence(
                    "sign-on refused: {response} {reason}",
                    response=refusal.response.value,
                    reason=refusal.reason,
                )
            )
            self._answers.answer(message, frame.head, refusal, sealed=False)
            return
        self._is_waiting = True
        self._door.take_place(partial(self._signed_on, message, frame))

    def _signed_on(self, message: Message, frame: Frame) -> None:
        """Answer a sign-on once there is a key. The one exchange without a MAC: the session key goes out
        under the bank's ZMK.
        """
        self._ask_for_key(partial(self._signed_on_with, message, frame), message, frame, sealed=False)

    def _signed_on_with(self, message: Message, frame: Frame, fresh: SessionKey) -> None:
        if self._session.state() == LOST:
            return
        refusal = self._sign_on_refusal(message)  # the machine may have begun to stop while it waited
        if refusal is not None:
            self._answers.answer(message, frame.head, refusal, sealed=False)
            return
        self._answers.approve_with_key(message, frame.head, fresh, sealed=False)
        log = self.log if self._session.state() == CONNECTED else self._log  # the first takes nobody's line
        self._session.signed_on(fresh.key, self._old_key_retires_at())
        self._deadlines.signed_on()
        self._surroundings.event_log.note(Kind.SIGNED_ON, self._bank)
        log.info("bank {bank} signed on", bank=self._bank)

    def _sign_on_refusal(self, message: Message) -> Answer | None:
        if not self._authenticator.is_own_bank(message.fields[32]):
            return Answer(Response.SECURITY, "DE 32: OTHER BANK")
        if self._session.state() == STOPPING:
            return session_refusal(Response.UNAVAILABLE)
        return None

    def _change_key(self, message: Message, frame: Frame) -> None:
        """Change the session key. The answer carries the new key and is MACed with the old one (PROTOCOL
        section 5.4).
        """
        refusal = self._rate_refusal()
        if refusal is not None:
            self._answers.answer(message, frame.head, refusal)
            return
        self._ask_for_key(partial(self._changed_key_to, message, frame), message, frame, sealed=True)

    def _changed_key_to(self, message: Message, frame: Frame, fresh: SessionKey) -> None:
        if self._session.business is not Response.APPROVED:
            self._answers.answer(message, frame.head, session_refusal(self._session.business))
            return
        self._answers.approve_with_key(message, frame.head, fresh, sealed=True)
        self._session.key_changed(fresh.key, self._old_key_retires_at())

    def _rate_refusal(self) -> Answer | None:
        """The answer to who asks for another session key while one is made, or too soon; None for others."""
        is_soon = self._is_waiting or not self._pace.take(self._surroundings.seconds())
        if is_soon or not self._surroundings.key_desk.may_ask(self._entry):
            return TOO_MANY_SIGN_ONS
        return None

    def _ask_for_key(
        self, act: Callable[[SessionKey], None], message: Message, frame: Frame, *, sealed: bool
    ) -> None:
        """Ask for a session key, and act with it once it is there. Without one, or where a sign-off came
        first, the answer is 96, and the link goes on as it was.
        """
        self._is_waiting, sign_offs = True, self._sign_offs

        def take(fresh: SessionKey | None) -> None:
            self._is_waiting = False
            if fresh is None or sign_offs != self._sign_offs:
                self._answers.answer(message, frame.head, NO_KEY, sealed=sealed)
            else:
                act(fresh)

        self._surroundings.key_desk.ask(self._bank, self._bank_keys, partial(self._guarded, take))

    def _sign_off(self, message: Message, frame: Frame) -> None:
        self._sign_offs += 1
        self._answers.approve(message, frame.head)
        self._session.signed_off()
        self._surroundings.event_log.note(Kind.SIGNED_OFF, self._bank)

    def _old_key_retires_at(self) -> float:
        """Until when the key before the current one verifies, in reactor seconds."""
        return self._surroundings.seconds() + self._surroundings.limits.old_key_seconds

    def _refusal(self, message: Message) -> Answer | None:
        """The answer to a message of bad form or of no kind that the interface takes; None for a good one."""
        try:
            check_network(message, self._surroundings.today())
        except MessageRefused as error:
            return message_refusal(error)
        return None
