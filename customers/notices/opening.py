"""Makes the senders that the settings name. The secrets are handed in; console/ reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from customers.notices.gateway import read_gateway
from customers.notices.message import Sender
from customers.notices.senders.folder import FolderSender
from customers.notices.senders.http import HttpSender
from customers.notices.senders.smtp import SmtpSender
from customers.rules.notice_states import Channel
from customers.sender_settings import Sender as SenderSettings
from ledger.rules.secret import Secret


def senders_of(settings: tuple[SenderSettings, ...], secrets: Mapping[str, Secret]) -> tuple[Sender, ...]:
    """The senders in the order of the settings; `secrets` are by the sender's name. Raises SettingsError for
    the file of a gateway.
    """
    return tuple(_sender(one, secrets.get(one.name, Secret(b""))) for one in settings)


def _sender(given: SenderSettings, secret: Secret) -> Sender:
    channels = tuple(Channel(name) for name in given.channels)
    if given.kind == "folder":
        return FolderSender(given.name, channels, Path(given.path), given.from_address)
    if given.kind == "smtp":
        return SmtpSender(
            name=given.name,
            channels=channels,
            host=given.host,
            port=given.port,
            tls=given.tls,
            sender=given.from_address,
            login=given.login,
            password=secret,
            timeout_s=given.timeout_s,
        )
    gateway = read_gateway(Path(given.gateway))
    return HttpSender(
        name=given.name,
        channels=channels,
        request=gateway.send.request(),
        answers=tuple(meaning.rule() for meaning in gateway.answer),
        ref=gateway.ref,
        report=gateway.report.request() if gateway.report else None,
        reported=tuple(meaning.rule() for meaning in gateway.reported),
        secret=secret,
        timeout_s=given.timeout_s,
        retries=given.retries,
    )
