"""A front-end machine for a bank to practise on: the real one, on a throw-away installation, with the
interposer before it.

Wiring only. The keys are known to both sides and good for nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime

from fep.day.clock import WallClock
from fep.keys.key_provider import KeyProvider
from fep.keys.keys import checked, zmk_kind, zmk_name
from fep.keys.keystore import Keystore
from fep.links.network_management import ECHO
from fep.service import Service, World
from fep.settings.config import Settings
from fep.settings.dialects import find_dialect
from fep.setup.install import node_keys, write_master_key
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.files.bookfile import parse
from ledger.rules.secret import Secret
from protocol.codec import Codec
from simulators.certify import exercises
from simulators.certify.interposer import Interposer
from simulators.certify.scheduler import DELAY_SECONDS, Event, Scheduler
from simulators.certify.terms import Terms

EXERCISE_ZMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
"""For practice only: good as an AES key and as a double-length TDES key."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What comes from outside: the reactor, the clock of what is held back, the wall clock, entropy."""

    reactor: Any
    clock: IReactorTime
    now: Callable[[], datetime]
    entropy: Callable[[int], bytes]


class TrialMachine:
    """One machine for trial, on an empty folder."""

    def __init__(
        self,
        folder: Path,
        terms: Terms,
        surroundings: Surroundings,
        on_event: Callable[[Event], None] = lambda _: None,
        delay_seconds: float = DELAY_SECONDS,
    ) -> None:
        """`on_event` is called with each event; an answer that is to be late is held back for
        `delay_seconds`.
        """
        self._folder = folder
        self._terms = terms
        self._surroundings = surroundings
        codec = Codec(find_dialect(terms.dialect, terms.dialects), terms.mac.cover)
        self._codec = codec
        self.scheduler = Scheduler(codec, surroundings.clock.seconds, self._run, on_event, delay_seconds)
        self._errands: list[Deferred[Any]] = []

    def start(self) -> int:
        """Install, serve, and listen for the bank; the port. Raises LedgerError, KeystoreError and
        CannotListenError.
        """
        around, terms = self._surroundings, self._terms
        self._interposer = Interposer(around.reactor, terms, self._codec, self.scheduler, around.clock)
        # Before anything runs that would have to be ended again: the port may be taken.
        port = self._interposer.listen()
        settings = self._install()
        self.service = Service(
            settings,
            World(around.reactor, self._wall_clock(), around.entropy),
            lambda: settings,
        )
        self.service.start()
        self._interposer.machine_port = self.service.bank_ports[terms.code]
        return port

    def stop(self) -> Deferred[Any]:
        """Finish what is under way, and close. Fires when all is closed."""
        stopped = self._interposer.close()
        stopped.addCallback(lambda _: self.settled())
        stopped.addCallback(lambda _: self.service.stop())
        return stopped

    def settled(self) -> Deferred[Any]:
        """Fires when no order is being carried out; fails as the first order that failed."""
        return DeferredList(self._errands, fireOnOneErrback=True, consumeErrors=True)

    def _run(self, order: str) -> None:
        """Have the machine do something of its own accord."""
        if order == exercises.Provocation.ECHO.value:
            self._surroundings.reactor.callLater(0, self.service.server.announce, ECHO)
            return
        date = self.service.engine.business_date
        self._errands.append(Deferred.fromCoroutine(self.service.operations.cut_over(date)))

    def _wall_clock(self) -> WallClock:
        around = self._surroundings
        now_us: Callable[[], int] = lambda: int(around.now().timestamp() * 1_000_000)  # noqa: E731 - one call
        return WallClock(now_us, around.reactor.seconds)

    def _install(self) -> Settings:
        """Keys, settings and the book of the exercises, for the business date of today."""
        terms, entropy = self._terms, self._surroundings.entropy
        zmk = checked(zmk_kind(terms.mac), Secret(terms.zmk))
        master = write_master_key(self._folder / "master.key", entropy)
        keys = {**node_keys(entropy), zmk_name(terms.code): zmk}
        Keystore.create(self._folder / "keystore", master, keys, entropy)
        settings = Settings.model_validate(self._settings())
        store = Store(settings.node.database)
        try:
            front_key = KeyProvider(settings.keystore).front_key
            FrontBook(store, front_key.check_value, os.urandom).create()
            book = parse(exercises.write(self._surroundings.now().strftime("%Y%m%d")))
            load_book(store, book, front_key.identity, 1)
        finally:
            store.close()
        return settings

    def _settings(self) -> dict[str, object]:
        folder, terms = self._folder, self._terms
        bank = {
            "code": terms.code,
            "name": "practice",
            "port": 0,
            "networks": ["127.0.0.0/8"],
            "transport": "plain",
            "framing": terms.framing,
            "dialect": terms.dialect,
            "mac": terms.mac,
            "keys_made_by": "bank" if terms.makes_keys else "fep",
        }
        return {
            "node": {
                "name": "practice",
                "database": f"sqlite:///{folder / 'front.db'}",
                "control": str(folder / "control.sock"),
                "dialects": terms.dialects,
                "durable": False,
            },
            "keystore": {"file": str(folder / "keystore"), "master_key": f"file:{folder / 'master.key'}"},
            "status": {"port": 0},
            "bank": [bank],
        }
