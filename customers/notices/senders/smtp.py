"""A sender of mails to a mail server (RFC 5321), by TLS with the system's certificates.

A server's own words may have the address in them, so of its answer only the code is kept. Mail servers tell
nothing later: a mail stays accepted, and is unknown after its time.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from customers.notices.mail import mail_of
from customers.notices.message import Accepted, Answer, Later, Message, Refused, Report, Sent, Unsure
from customers.rules.notice_states import Channel
from ledger.rules.secret import Secret

Tls = Literal["starttls", "tls", "none"]
_OK: Final = 250
_FOR_EVER: Final = 500
"""Codes from here on are no for ever, those below are no for now (RFC 5321, section 4.2.1)."""


class SmtpSender(NamedTuple):
    """The server, and how it is reached: `tls` from the first byte or by STARTTLS; `none` only on this
    machine. Without a login none is made.
    """

    name: str
    channels: tuple[Channel, ...]
    host: str
    port: int
    tls: Tls
    sender: str
    login: str
    password: Secret
    timeout_s: int

    def send(self, message: Message) -> Answer:
        """Hand the mail over."""
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            return Later(_code_of(error))
        try:
            return self._hand_over(server, message)
        finally:
            server.close()

    def reports(self, asked: Iterable[Sent]) -> Iterator[Report]:  # noqa: ARG002 - as every sender
        """Nothing: a mail server reports by mails, if at all."""
        yield from ()

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            if self.tls == "starttls":
                server.starttls(context=context)
            if self.login:
                server.login(self.login, self.password.reveal().decode())
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, message: Message) -> Answer:
        """What the server says to the sender, the recipient and the content, each in its turn."""
        content = mail_of(message, self.sender).as_bytes()
        try:
            if (code := server.mail(self.sender)[0]) != _OK:
                return Later(f"MAIL {code}")
            code = server.rcpt(message.to)[0]
        except (OSError, smtplib.SMTPException) as error:
            return Later(_code_of(error))
        if code >= _FOR_EVER:
            return Refused(f"RCPT {code}")
        if code not in (_OK, _OK + 1):
            return Later(f"RCPT {code}")
        try:
            code = server.data(content)[0]
        except smtplib.SMTPDataError as error:
            return Later(f"DATA {error.smtp_code}")  # it did not want to hear it
        except (OSError, smtplib.SMTPException) as error:
            return Unsure(_code_of(error))
        if code >= _FOR_EVER:
            return Refused(f"DATA {code}", is_of_contact=False)
        return Accepted(message.key) if code == _OK else Later(f"DATA {code}")


def _code_of(error: Exception) -> str:
    """What may be said of an error: the code of a server's answer, or what kind it is."""
    code = getattr(error, "smtp_code", 0)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
