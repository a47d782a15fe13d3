"""Network management (08xx) on one link: sign-on, sign-off, change of keys, echo, and the messages that we
send ourselves.

Moves the session; no transaction passes here. docs/protocol.md section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from twisted.logger import Logger

from fep.keys.keys import SessionKey
from fep.links.answering import AnswerSender, message_refusal, session_refusal
from fep.links.authentication import Authenticator
from fep.links.counterparty import Counterparty, Door, Surroundings
from fep.links.deadlines import Deadlines
from fep.links.request_parser import check_network
from fep.links.session import CONNECTED, LOST, SIGNED_OFF, STOPPING, WITHOUT_KEY, LinkSession
from fep.telemetry.event_log import Kind
from fep.telemetry.paced_log import PacedLog
from firewall_rules.token_bucket import TokenBucket
from ledger.rules.request import Answer
from protocol.errors import FormatError, KeyBlockError, KeyBlockFault, MessageRefused
from protocol.framing import Frame
from protocol.mac import MacKey
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import first, parse
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
"""The answer to a sign-on or a change of keys for which the token made no key, or opened none."""
KEY_REFUSALS: Final[Mapping[KeyBlockFault, Answer]] = MappingProxyType(
    {
        KeyBlockFault.MALFORMED: Answer(Response.SECURITY, "KEY BLOCK MALFORMED"),
        KeyBlockFault.ALTERED: Answer(Response.SECURITY, "KEY BLOCK: OTHER ZMK"),
        KeyBlockFault.OTHER_VERSION: Answer(Response.SECURITY, "KEY BLOCK: OTHER VERSION"),
        KeyBlockFault.OTHER_USE: Answer(Response.SECURITY, "KEY BLOCK: OTHER USE"),
        KeyBlockFault.WRONG_LENGTH: Answer(Response.SECURITY, "KEY OF WRONG LENGTH"),
        KeyBlockFault.WEAK: Answer(Response.SECURITY, "KEY IS WEAK"),
        KeyBlockFault.CHECK_VALUE: Answer(Response.SECURITY, "CHECK VALUE DIFFERS"),
        KeyBlockFault.REPLACED: Answer(Response.SECURITY, "KEY WAS REPLACED BEFORE"),
    }
)
"""The answers to a key that a bank has made and that is not taken."""


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
        self._encoding = counterparty.codec.dialect.de48_encoding
        self._bank_makes_keys = counterparty.bank.keys_made_by == "bank"
        self._block = ""
        """The key block of the bank's in which the session key came."""
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
        state = self._session.state()
        if code == SIGN_ON or (code == KEY_CHANGE and state == WITHOUT_KEY):
            self._sign_on(message, frame)
            return
        if state not in (CONNECTED, WITHOUT_KEY) and self._authenticator.covered(message, frame) is None:
            return
        refusal = self._refusal(message)
        if refusal is not None:
            self._answers.answer(message, frame.head, refusal)
        elif code == ECHO:
            self._deadlines.echoed(self._surroundings.seconds())
            self._answers.approve(message, frame.head)
        elif self._session.business is not Response.APPROVED:
            self._answers.answer(message, frame.head, session_refusal(self._session))
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
        """Sign the bank on once the link has a place, and the key is good where the bank makes it."""
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
        if not self._bank_makes_keys:
            self._is_waiting = True
            self._door.take_place(partial(self._signed_on, message, frame))
        elif self._brings_no_new_key(message):
            self._signed_on_keyless(message, frame)
        else:
            self._open_key(partial(self._take_place_with, message, frame), message, frame, sealed=False)

    def _signed_on_keyless(self, message: Message, frame: Frame) -> None:
        """Answer a sign-on without a new key: the session has one already, or waits for one."""
        self._answers.approve(message, frame.head, sealed=False)
        was_off = self._session.state() == SIGNED_OFF
        self._session.signed_on_keyless()
        if was_off:
            self._surroundings.event_log.note(Kind.SIGNED_ON, self._bank)

    def _take_place_with(self, message: Message, frame: Frame, key: SessionKey) -> None:
        """Sign the bank on with its key once the link has a place: a key that is no good takes none."""
        self._is_waiting = True
        self._door.take_place(partial(self._signed_on_with, message, frame, key))

    def _signed_on(self, message: Message, frame: Frame) -> None:
        """Answer a sign-on once there is a key. The one exchange without a MAC: the session key travels under
        the bank's ZMK.
        """
        self._ask_for_key(partial(self._signed_on_with, message, frame), message, frame, sealed=False)

    def _signed_on_with(self, message: Message, frame: Frame, fresh: SessionKey) -> None:
        self._is_waiting = False
        if self._session.state() == LOST:
            return
        refusal = self._sign_on_refusal(message)  # the machine may have begun to stop while it waited
        if refusal is not None:
            self._answers.answer(message, frame.head, refusal, sealed=False)
            return
        self._approve_key(message, frame, fresh, sealed=False)
        log = self.log if self._session.state() == CONNECTED else self._log  # the first takes nobody's line
        self._session.signed_on(fresh.key, self._old_key_retires_at())
        self._deadlines.signed_on()
        self._surroundings.event_log.note(Kind.SIGNED_ON, self._bank)
        log.info("bank {bank} signed on", bank=self._bank)

    def _sign_on_refusal(self, message: Message) -> Answer | None:
        if not self._authenticator.is_own_bank(message.fields[32]):
            return Answer(Response.SECURITY, "DE 32: OTHER BANK")
        if self._session.state() == STOPPING:
            return session_refusal(self._session)
        return None

    def _change_key(self, message: Message, frame: Frame) -> None:
        """Change the session key. The new one comes with the answer, or, where the bank makes the keys, with
        the request; the answer is MACed with the old one (PROTOCOL section 5.4).
        """
        refusal = self._rate_refusal()
        if refusal is not None:
            self._answers.answer(message, frame.head, refusal)
            return
        act = partial(self._changed_key_to, message, frame)
        if not self._bank_makes_keys:
            self._ask_for_key(act, message, frame, sealed=True)
        elif self._brings_no_new_key(message):
            self._answers.approve(message, frame.head)
        else:
            self._open_key(act, message, frame, sealed=True)

    def _changed_key_to(self, message: Message, frame: Frame, fresh: SessionKey) -> None:
        if self._session.business is not Response.APPROVED:
            self._answers.answer(message, frame.head, session_refusal(self._session))
            return
        self._approve_key(message, frame, fresh, sealed=True)
        self._session.key_changed(fresh.key, self._old_key_retires_at())

    def _approve_key(self, message: Message, frame: Frame, fresh: SessionKey, *, sealed: bool) -> None:
        """Answer 00 to who gets this session key, with the key in the answer unless the bank has brought it;
        the bank's former key is then one that was replaced.
        """
        if not self._bank_makes_keys:
            self._answers.approve_with_key(message, frame.head, fresh, sealed=sealed)
            return
        self._answers.approve(message, frame.head, sealed=sealed)
        if self._block:
            self._surroundings.key_desk.replace(self._bank, self._block, self._old_key_retires_at())
        self._block = fresh.block

    def _brought(self, message: Message) -> tuple[str | None, str | None]:
        """The key block and the check value that an 0800 of the bank brings; None for what it does not bring.
        Raises FormatError.
        """
        groups = parse(message.fields.get(48, ""), self._encoding)
        return first(groups, "KA"), first(groups, "CA")

    def _brings_no_new_key(self, message: Message) -> bool:
        """Whether an 0800 brings no key block, or again the one in which the session key came: a repeat."""
        block, _ = self._brought(message)
        return block is None or block == self._block != ""

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

    def _open_key(
        self, act: Callable[[SessionKey], None], message: Message, frame: Frame, *, sealed: bool
    ) -> None:
        """Open the key block that the bank has brought, and act with the key in it. One that is no good is
        refused, and the link goes on as it was.
        """
        self._is_waiting, sign_offs = True, self._sign_offs
        block, check_value = self._brought(message)
        brought = block or ""

        def take(key: MacKey | KeyBlockError | None) -> None:
            self._is_waiting = False
            if isinstance(key, KeyBlockError):
                self._refuse_key(message, frame, key, sealed=sealed)
            elif key is None or sign_offs != self._sign_offs:
                self._answers.answer(message, frame.head, NO_KEY, sealed=sealed)
            else:
                act(SessionKey(key, brought, key.check_value))

        self._surroundings.key_desk.open(
            self._bank, self._bank_keys, brought, check_value, partial(self._guarded, take)
        )

    def _refuse_key(self, message: Message, frame: Frame, why: KeyBlockError, *, sealed: bool) -> None:
        refusal = KEY_REFUSALS[why.fault]
        self._door.sign_on_refused(
            Sentence(
                "its key was refused: {response} {reason}: {why}",
                response=refusal.response.value,
                reason=refusal.reason,
                why=why,
            )
        )
        self._surroundings.event_log.note(Kind.BAD_KEY, self._bank, refusal.reason)
        self._answers.answer(message, frame.head, refusal, sealed=sealed)

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
            if self._bank_makes_keys and message.fields.get(70) in (SIGN_ON, KEY_CHANGE):
                block, _ = self._brought(message)
                if block is None and message.fields[70] == KEY_CHANGE:
                    raise FormatError("48.KA")
        except MessageRefused as error:
            return message_refusal(error)
        return None
