"""The settings of notices: the sections [notices] and [[sender]] of the customers' settings file.

This module says what can be configured, and what contradicts itself. It opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from customers.rules.notice_states import Channel
from customers.rules.sending import Quiet
from ledger.files.secret_source import SOURCE, rooted_source
from ledger.files.settings import Fault, Section, rooted_path
from qianzhi_errors.sentence import Sentence

_CLOCK: Final = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
ChannelName = Literal["mobile", "wechat", "email"]
_NEEDED: Final = {
    "folder": ("path",),
    "smtp": ("host", "from_address"),
    "http": ("gateway",),
}
"""What a sender of each kind must be given."""


class Notices(Section):
    """The section [notices]: when customers are written to, and with which texts."""

    quiet_from: str = Field(
        default="21:00", pattern=_CLOCK, description="Beijing; nobody is disturbed from then"
    )
    quiet_to: str = Field(default="08:00", pattern=_CLOCK, description="until then, on the next day")
    order: tuple[ChannelName, ...] = Field(
        default=("mobile", "wechat", "email"),
        strict=False,
        description="the channels in the order in which they are tried, before a letter",
    )
    templates: str = Field(
        default="", description="a file of templates of one's own; without it those that are shipped"
    )
    letters: str = Field(default="letters", description="the folder of letters to print")
    font: str = Field(
        default="/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        description="Noto Sans CJK, for letters",
    )

    @property
    def quiet(self) -> Quiet:
        """The quiet hours."""
        return Quiet(time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_to))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels in their order, the letter last."""
        return (*(Channel(name) for name in self.order), Channel.POST)


class Sender(Section):
    """A section [[sender]]: a way out for notices; the first one that takes a channel is asked."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="for people, and in the database")
    kind: Literal["folder", "smtp", "http"] = Field(description="a folder of files, a mail server, a gateway")
    channels: tuple[ChannelName, ...] = Field(
        default=("mobile", "wechat", "email"), strict=False, description="what it takes"
    )
    path: str = Field(default="", description="the folder, of `folder`")
    from_address: str = Field(
        default="", pattern=r"^$|^[^@\s]+@[^@\s]+$", description="the address that mails are from"
    )
    host: str = Field(default="", description="the mail server, of `smtp`")
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`none` only on this machine"
    )
    login: str = Field(default="", description="at the mail server; without it none is made")
    secret: str = Field(
        default="",
        pattern=f"^$|{SOURCE}",
        description="the password, or a gateway's `{secret}`: credential:NAME, file:PATH or env:NAME",
    )
    gateway: str = Field(default="", description="the file that says how a gateway is asked, of `http`")
    timeout_s: int = Field(default=20, ge=1, le=120, description="seconds that an answer may take")
    retries: int = Field(
        default=1, ge=0, le=3, description="so often an unanswered request is made again, under the same key"
    )


def rooted_notices(notices: Notices, folder: Path) -> Notices:
    """The section with absolute paths; relative ones count from `folder`, the settings file's."""
    changes = {"letters": rooted_path(notices.letters, folder), "font": rooted_path(notices.font, folder)}
    if notices.templates:
        changes["templates"] = rooted_path(notices.templates, folder)
    return notices.model_copy(update=changes)


def rooted_sender(sender: Sender, folder: Path) -> Sender:
    """The section with absolute paths, as in `rooted_notices`."""
    changes = {
        name: rooted_path(value, folder)
        for name, value in (("path", sender.path), ("gateway", sender.gateway))
        if value
    }
    if sender.secret:
        changes["secret"] = rooted_source(sender.secret, folder)
    return sender.model_copy(update=changes)


def sender_faults(senders: tuple[Sender, ...]) -> Iterator[Fault]:
    """What is wrong between values of senders that are each valid alone."""
    names = [sender.name for sender in senders]
    for place, sender in enumerate(senders):
        key = f"sender[{place}]"
        if sender.name in names[:place]:
            yield Fault(f"{key}.name", Sentence("{name} is there twice", name=sender.name))
        for needed in _NEEDED[sender.kind]:
            if not getattr(sender, needed):
                yield Fault(f"{key}.{needed}", Sentence("is missing"))
        if "email" in sender.channels and sender.kind == "folder" and not sender.from_address:
            yield Fault(f"{key}.from_address", Sentence("is missing"))
        if sender.kind == "smtp" and sender.channels != ("email",):
            yield Fault(f"{key}.channels", Sentence("a mail server takes email alone"))
        if sender.kind == "smtp" and sender.tls == "none" and sender.host not in _LOOPBACK:
            yield Fault(f"{key}.tls", Sentence("mails leave this machine in clear: none is only for it"))
        if sender.login and not sender.secret:
            yield Fault(f"{key}.secret", Sentence("is missing"))
