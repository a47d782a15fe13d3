"""How one bank stands with the process that serves: what `qianzhi bank test` asks it, since the file of
settings may be newer than what is served, and why a link was refused only the process knows.

Reads what the listeners and the event log have; changes nothing. What it means to an operator,
fep.doctor.bankcheck says. Addresses go to the machine's own user over the control socket, never to the status
page.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

from fep.links.server import Server
from fep.telemetry.event_log import EventLog, Kind
from fep.telemetry.last_seen import NEVER, latest

COMMAND: Final = "standing"
"""Its name at the control socket; takes `bank`, `source` and `port`."""
_TOLD: Final = (Kind.REFUSED, Kind.LINK_DOWN, Kind.BAD_MAC)


class Trouble(NamedTuple):
    """What went wrong with a bank, how often, and how many seconds ago for the last time."""

    kind: str
    detail: str
    times: int
    seconds: int


class Standing(NamedTuple):
    """Whose an address is and why the process refuses it, both as in Server.unwelcome; the bank's links by
    state; seconds since it was last heard, None for never; its last trouble, the oldest first; and who was
    last turned away at the port without being any bank's, with the seconds since, or empty and 0.
    """

    owner: str
    refusal: str
    links: dict[str, int]
    heard_seconds: int | None
    trouble: tuple[Trouble, ...]
    stranger: str
    stranger_seconds: int

    @classmethod
    def told(cls, answer: dict[str, Any]) -> Standing:
        """What came over the control socket."""
        return cls(**{**answer, "trouble": tuple(Trouble(*one) for one in answer["trouble"])})


def standing(
    server: Server, event_log: EventLog, bank: str, address: tuple[str, int], seconds: float
) -> Standing:
    """How a bank stands that comes from `address`, its host and our port; `seconds` is the reactor's now."""
    host, port = address
    owner, refusal = server.unwelcome(host, port)
    links = [one.link for one in server.connections if one.link.bank.code == bank]
    heard = latest(server.last_seen.get(bank, NEVER), *(link.last_seen() for link in links)).heard_at
    trouble = tuple(
        Trouble(str(event.kind), event.detail, event.count, int(event_log.seconds_since(event)))
        for event in event_log.since()
        if event.bank == bank and event.kind in _TOLD and (event.detail or event.kind is Kind.BAD_MAC)
    )
    stranger = server.strangers.get(port)
    return Standing(
        owner,
        refusal,
        dict(Counter(link.session.state() for link in links)),
        None if heard is None else int(seconds - heard),
        trouble,
        stranger.host if stranger else "",
        int(seconds - stranger.at) if stranger else 0,
    )
