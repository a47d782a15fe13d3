"""A notice as a mail (RFC 5322). Pure: its date and its Message-ID come of the message, so that the same
message gives the same bytes.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from customers.notices.message import Message
from ledger.rules.beijing import beijing


def mail_of(message: Message, sender: str) -> EmailMessage:
    """The mail of a message, from this address. One that is sent again has the same Message-ID."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(beijing(message.at))
    mail["Message-ID"] = f"<{message.key}@{sender.rpartition('@')[2]}>"
    mail["Content-Language"] = message.lang
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    mail.set_content(message.text)
    return mail
