"""What a link is given: what all links of one bank share, what all links of the process share, and what its
own connection does for it.

Data only. The composition root (`fep.service`) makes both; no link changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from fep.engine.commit import Engine
from fep.keys.keys import BankKeys
from fep.links.key_desk import KeyDesk
from fep.links.misses import Misses
from fep.links.receipt import Letterhead
from fep.links.request_parser import RequestParser
from fep.links.tls import Pinned
from fep.settings.config import Bank, Limits
from fep.telemetry.event_log import EventLog
from fep.telemetry.refusals import Refusals
from fep.telemetry.statistics import Statistics
from protocol.codec import Codec
from protocol.decline import FastDecline


@dataclass(frozen=True, slots=True)
class Counterparty:
    """What all links of one bank share; `tls` is None where the bank's transport is plain TCP."""

    bank: Bank
    codec: Codec
    fast_decline: FastDecline
    request_parser: RequestParser
    keys: BankKeys
    misses: Misses
    letterhead: Letterhead
    tls: Pinned | None


class Door(Protocol):
    """What a link's connection does for it at the sign-on."""

    def take_place(self, granted: Callable[[], None]) -> None:
        """Call `granted` once the link has a place among its bank's links; end the link if it gets none."""

    def sign_on_refused(self, reason: str) -> None:
        """Leave a trace of a sign-on, or of a bank's key, that was refused."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all links of one process share. `seconds` is the reactor's monotonic clock, `now` the wall clock
    and `today` the wall clock's date.
    """

    engine: Engine
    limits: Limits
    statistics: Statistics
    seconds: Callable[[], float]
    now: Callable[[], datetime]
    today: Callable[[], date]
    event_log: EventLog
    refusals: Refusals
    key_desk: KeyDesk
