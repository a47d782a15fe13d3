"""Who has sent a message: whether its MAC is right, and whether DE 32 names this link's bank.

What is not authentic is answered 63 and counted; too many in a row end the link (docs/protocol.md section
5.6). So do too many messages in a minute that answer nothing or cannot be read, authentic or not. What an
authentic message may do is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from fep.links.answering import AnswerSender
from fep.links.counterparty import Counterparty, Surroundings
from fep.links.session import SessionKeys
from fep.telemetry.event_log import Kind
from firewall_rules.token_bucket import TokenBucket
from ledger.rules.request import Answer
from protocol.framing import Frame
from protocol.message import Message
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence


class Authenticator:
    """Checks the messages of one link. `close` takes a reason for the log and ends the connection."""

    log = Logger(namespace="fep.links.authentication")

    def __init__(
        self,
        counterparty: Counterparty,
        surroundings: Surroundings,
        keys: SessionKeys,
        answers: AnswerSender,
        close: Callable[[str], None],
    ) -> None:
        self._codec = counterparty.codec
        self._bank = counterparty.bank.code
        self._full_code = counterparty.bank.code.zfill(11)
        self._limit = surroundings.limits.bad_macs
        self._statistics = surroundings.statistics
        self._event_log = surroundings.event_log
        self._seconds = surroundings.seconds
        self._keys = keys
        self._answers = answers
        self._close = close
        self._bad_macs = 0
        self._strays = TokenBucket.per_minute(surroundings.limits.strays_a_minute, surroundings.seconds())

    def covered(self, message: Message, frame: Frame) -> bytes | None:
        """The bytes of a request that its MAC covers, if the MAC is right and DE 32 names this link's bank;
        None if not: then 63 has been answered.
        """
        split = self._codec.mac_of(frame.body, message)
        if split is None or not self.verifies(*split):
            self.refuse(message, frame, "MAC MISSING" if split is None else "MAC WRONG")
            return None
        self._bad_macs = 0
        if not self.is_own_bank(message.fields.get(32)):
            self._answers.answer(message, frame.head, Answer(Response.SECURITY, "DE 32: OTHER BANK"))
            return None
        return split[0]

    def accepts_undecoded(self, covered: bytes, mac: bytes, acquirer: str | None) -> bool:
        """Whether a request that was scanned and not decoded is this link's bank's. Answers and counts
        nothing where it is not: the request is then decoded.
        """
        if not self.is_own_bank(acquirer) or not self.verifies(covered, mac):
            return False
        self._bad_macs = 0
        return True

    def is_authentic_answer(self, message: Message, frame: Frame) -> bool:
        """Whether an answer of the bank has a MAC, and it is right."""
        split = self._codec.mac_of(frame.body, message)
        return split is not None and self.verifies(*split)

    def verifies(self, covered: bytes, mac: bytes) -> bool:
        """Whether `mac` is right for `covered` under a key that counts now."""
        return self._keys.authentic(self._codec.mac_input(covered), mac, self._seconds())

    def is_own_bank(self, acquirer: str | None) -> bool:
        """Whether DE 32 names this link's bank. A missing DE 32 passes: the request parser refuses it."""
        return acquirer is None or acquirer.zfill(11) == self._full_code

    def refuse(self, message: Message, frame: Frame, reason: str) -> None:
        """Answer 63 with `reason` in DE 44, and count a bad MAC."""
        self._answers.answer(message, frame.head, Answer(Response.SECURITY, reason))
        self.count_bad_mac()

    def count_bad_mac(self) -> None:
        """Count a message that cannot be authentic, whether or not it could be answered; the last one of too
        many in a row closes the link.
        """
        self._bad_macs += 1
        self._statistics.mac_failures[self._bank] += 1
        self._event_log.note(Kind.BAD_MAC, self._bank)
        if self._bad_macs >= self._limit:
            self.log.error("bank {bank}: {count} bad MACs in a row", bank=self._bank, count=self._bad_macs)
            self._close(Sentence("too many bad MACs in a row"))

    def count_stray(self) -> None:
        """Count a message that answers nothing that was asked, or that cannot be read, whatever its MAC; too
        many of them within a minute close the link.
        """
        if not self._strays.take(self._seconds()):
            self._close(Sentence("too many messages that were not asked for or cannot be read"))
