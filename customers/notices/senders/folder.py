"""A sender that leaves each message as a file in a folder: a mail as .eml, a text as .txt.

What takes them from there is the site's. A file is there whole or not at all, readable by its owner alone,
and one that is written again is the same file. What was written counts as delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from customers.notices.mail import mail_of
from customers.notices.message import Accepted, Answer, Later, Message, Report, Sent
from customers.rules.notice_states import Channel
from ledger.files.private_file import write_private

_MAIL, _TEXT = ".eml", ".txt"
_PRIVATE: Final = 0o600


class FolderSender(NamedTuple):
    """The folder, and the address that its mails are from."""

    name: str
    channels: tuple[Channel, ...]
    folder: Path
    sender: str

    def send(self, message: Message) -> Answer:
        """Write the message's file."""
        if message.channel is Channel.EMAIL:
            content, suffix = mail_of(message, self.sender).as_bytes(), _MAIL
        else:
            content, suffix = f"{message.to}\n\n{message.text}\n".encode(), _TEXT
        path = self.folder.joinpath(f"{message.key}{suffix}")
        try:
            write_private(path, content)
        except OSError as error:
            return Later(f"errno {error.errno}")
        return Accepted(path.name)

    def reports(self, asked: Iterable[Sent]) -> Iterator[Report]:
        """All that was written has arrived; what is not known to be written, if it is there."""
        for sent in asked:
            there = any(self.folder.joinpath(f"{sent.key}{suffix}").exists() for suffix in (_MAIL, _TEXT))
            if sent.ref or there:
                yield Report(sent, has_arrived=True)
