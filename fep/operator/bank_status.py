"""What the process that serves has seen of one bank: its links, its last trouble, whom it turned away, and
why an address is refused.

`qianzhi bank test` asks for it over the control socket, because the settings' file may be newer than what
is served, and only the process knows why it refused a link. It reads the listeners and the event log, and
changes nothing. Addresses go to the machine's own user alone, never to the status page. What an operator is
to do about it, `fep.doctor.bankcheck` says.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

from fep.links.server import Server
from fep.telemetry.event_log import EventLog, Kind
from fep.telemetry.last_seen import NEVER, latest
from fep.telemetry.refusals import NOBODY, Refusal

STATUS_COMMAND: Final = "standing"
"""Its name at the control socket; takes `bank`, `source` and `port`."""
_TROUBLE_KINDS: Final = (Kind.LINK_DOWN, Kind.BAD_MAC)


class Trouble(NamedTuple):
    """What went wrong with a bank, how often, and how many seconds ago for the last time."""

    kind: str
    detail: str
    times: int
    seconds: int


class TurnedAway(NamedTuple):
    """Who was turned away before it had signed on: why, from which address and port, the certificate that it
    showed, in words, how often, and how many seconds ago for the last time.
    """

    reason: str
    peer: str
    peer_port: int
    certificate: str
    times: int
    seconds: int


class BankStatus(NamedTuple):
    """`owner` is the bank whose address it is and `refusal` why the process refuses it, both as in
    Server.unwelcome. `links` counts the bank's links by state. `heard_seconds` is how long ago the bank was
    last heard, None for never. `trouble` is of links that had signed on, `refusals` of those that had not,
    `strangers` of addresses at the port that are no bank's; each the oldest first.
    """

    owner: str
    refusal: str
    links: dict[str, int]
    heard_seconds: int | None
    trouble: tuple[Trouble, ...]
    refusals: tuple[TurnedAway, ...]
    strangers: tuple[TurnedAway, ...]

    @classmethod
    def from_answer(cls, answer: dict[str, Any]) -> BankStatus:
        """Return the status that came over the control socket, where JSON has made lists of its tuples."""
        return cls(
            **{
                **answer,
                "trouble": tuple(Trouble(*fields) for fields in answer["trouble"]),
                "refusals": tuple(TurnedAway(*fields) for fields in answer["refusals"]),
                "strangers": tuple(TurnedAway(*fields) for fields in answer["strangers"]),
            }
        )


def bank_status(
    server: Server, event_log: EventLog, bank: str, address: tuple[str, int], seconds: float
) -> BankStatus:
    """Return the status of a bank that comes from `address`, its host and our port; `seconds` is the
    reactor's now.
    """
    host, port = address
    owner, refusal = server.unwelcome(host, port)
    links = [connection.link for connection in server.connections if connection.link.bank.code == bank]
    heard = latest(server.last_seen.get(bank, NEVER), *(link.last_seen() for link in links)).heard_at
    refusals = tuple(_turned_away(refusal, seconds) for refusal in server.refusals.of(bank))
    trouble = tuple(
        Trouble(str(event.kind), event.detail, event.count, int(event_log.seconds_since(event)))
        for event in event_log.since()
        if event.bank == bank
        and event.kind in _TROUBLE_KINDS
        and (event.detail or event.kind is Kind.BAD_MAC)
        and not any(event.detail and refusal.reason.startswith(event.detail) for refusal in refusals)
    )
    strangers = tuple(
        _turned_away(refusal, seconds) for refusal in server.refusals.of(NOBODY) if refusal.port == port
    )
    return BankStatus(
        owner,
        refusal,
        dict(Counter(link.session.state() for link in links)),
        None if heard is None else int(seconds - heard),
        trouble,
        refusals,
        strangers,
    )


def _turned_away(refusal: Refusal, seconds: float) -> TurnedAway:
    since = int(seconds - refusal.at)
    return TurnedAway(
        refusal.reason, refusal.peer, refusal.peer_port, refusal.certificate, refusal.times, since
    )
