"""The composition root: builds the parts of one machine, joins them, starts and stops them in order.

The only place where concrete parts meet, and through which they get time, entropy and threads. Read
`Service.start` first: it opens the book, tests the machine, claims the node's name, starts the engine,
listens to the banks, opens the status port, and listens to the operator. `stop` goes back: no new
connection, every request that was read is answered, everything is closed. A reload replaces what may change
while links stay.

Wiring only. No rule of money, no message and no statement belongs here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import ProcessCollector
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.day.clock import WallClock
from fep.day.clock_watch import ACCEPT_COMMAND, ClockWatch
from fep.day.cutover_clock import CutoverClock
from fep.doctor import selftest
from fep.engine.commit import Engine
from fep.keys.key_provider import KeyProvider
from fep.keys.keys import BankKeys
from fep.keys.material import Material, held_keys, renewed, token_is_silent
from fep.links.counterparties import Counterparties, redefined, shown_certificate
from fep.links.counterparty import Surroundings
from fep.links.key_desk import KeyDesk
from fep.links.network_management import CUTOVER
from fep.links.server import Server
from fep.links.tls import validity_of_file
from fep.operator import bank_status
from fep.operator.audit_trail import RELOAD, SIGNAL, ClockWord, clock_word
from fep.operator.batches import Batches
from fep.operator.control import ControlFactory, make_way
from fep.operator.control_client import Progress, checked_path
from fep.operator.operations import Operations
from fep.process.commit_thread import CommitThread, Threads
from fep.process.side_thread import SideThread
from fep.settings.config import Settings
from fep.settings.diff import changes, links_ended
from fep.status.day_metrics import DayTotalsCollector
from fep.status.feed import Feed
from fep.status.host import room_of
from fep.status.host_metrics import HostMetricsCollector
from fep.status.host_reader import LOOK_SECONDS, HostReader
from fep.status.limits import Room
from fep.status.open_breaks import OpenBreaksReader
from fep.status.port import status_site
from fep.status.snapshot import SnapshotBuilder
from fep.status.source import READINESS_COMMAND, Source
from fep.telemetry.event_log import EventLog, Kind
from fep.telemetry.rates import History
from fep.telemetry.refusals import Refusals
from fep.telemetry.statistics import Statistics
from firewall_rules.gateway import Allowance, Gateway
from ledger.book.front import FrontBook, Overview
from ledger.book.store import Store
from ledger.files.settings import Fault, SettingsError
from qianzhi_errors.sentence import Sentence, listed, unlisted

NOTHING_CHANGED = Sentence("nothing has changed")
RETIRE_SECONDS = 3600
"""Seconds between two looks for a business day that may be retired."""


def _ends(settings: Settings) -> str:
    """Return the date on which the machine's certificate ends; empty where all links are plain."""
    if settings.tls is None:
        return ""
    return f"{validity_of_file(Path(settings.tls.certificate_file)).ends:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class World:
    """What comes from outside the machine: the reactor, which measures time by a monotonic clock, the wall
    clock, entropy and threads.
    """

    reactor: Any
    clock: WallClock
    entropy: Callable[[int], bytes]
    threads: Callable[[Any], Threads] = CommitThread
    """Returns the threads of a machine, given its reactor."""
    log_dropped: Callable[[], int] = lambda: 0
    """Returns how many entries of the log could not be written."""
    in_thread: Callable[..., Deferred[Any]] = maybeDeferred
    """Runs a function that reads files, and fires with what it returns: in a thread, as a disk may hang."""
    room: Callable[[Path], Room] = room_of
    """Returns the room on a folder's disk."""


class Service:
    """One front-end machine process, from its settings to its end. `failed` fires when another process has
    taken the node's name, and this one must end.
    """

    log = Logger(namespace="fep.service")

    def __init__(self, settings: Settings, world: World, reread: Callable[[], Settings]) -> None:
        """`reread` returns the settings as their file has them now, for a reload; it raises SettingsError.
        Reads keys and certificates. Raises FepError for those and for the control socket's path, and
        LedgerError for the database's address.
        """
        self.settings = settings
        self._reread = reread
        self._world = world
        self._key_provider = KeyProvider(settings.keystore)
        self._banks = Counterparties(settings.limits.key_days)
        self._overview = Overview()
        keys, self._material = held_keys(settings, self._key_provider, world.entropy)
        self._counterparties = self._banks.enabled(settings, self._key_provider, keys)
        self._token_thread = SideThread(world.reactor, "token")
        self.key_desk = KeyDesk(
            world.reactor, world.clock.now_us, self._token_thread.run, settings.limits.token_seconds
        )
        checked_path(Path(settings.node.control))
        self._store = Store(settings.node.database)
        self.book = FrontBook(self._store, self._key_provider.front_key.check_value, world.entropy)
        self.statistics = Statistics()
        self.event_log = EventLog(world.clock.now_us, world.reactor.seconds)
        self._threads = world.threads(world.reactor)
        self._ports: list[IListeningPort] = []
        self.bank_ports: dict[str, int] = {}
        self.status_port = 0
        self.failed: Deferred[None] = Deferred()
        self._calls: list[LoopingCall] = []

    def start(self) -> None:
        """Claim the book, and listen to the banks and to the operator. Raises Unfit, LedgerError or
        CannotListenError; a start that fails leaves no port open and no thread behind.
        """
        limits = self.settings.limits
        self.book.create()
        durable, clock = self.settings.node.durable, self._world.clock
        word = clock_word(self._store, self.settings.node.name)
        try:
            selftest.check(self._store, clock.now_us(), word.accepted_at, durable=durable)
        except selftest.Unfit:
            self._store.close()
            raise
        if not durable:
            self.log.warn("node.durable is false: a trial; what is approved may be lost with the power")
        epoch = self.book.claim(self.settings.node.name)
        self._overview = self.book.overview()
        day = self._overview.day
        with (
            ExitStack() as started
        ):  # undone where the start fails: a thread left over would keep the process alive
            self._threads.start()
            started.callback(self._close)
            started.callback(self._stop_listening)
            started.callback(self._stop_calls)
            self.engine = Engine(
                committer=self.book.commit,
                lookup=self.book.recorded,
                call_in_thread=self._threads.run,
                clock=self._world.reactor,
                now_us=self._world.clock.now_us,
                statistics=self.statistics,
                batch_limit=limits.batch,
                queue_limit=limits.queue,
                queue_seconds=limits.queue_ms / 1000,
                retry_seconds=limits.retry_seconds,
                fenced=self._fenced,
                refused=self._refused,
                new_date=lambda: self.server.announce(CUTOVER),
                noted=lambda kind, detail: self.event_log.note(kind, detail=detail),
                business_date=day.date if day else "",
                database=self._store.place,
                probe=self.book.probe,
            )
            surroundings = Surroundings(
                self.engine,
                limits,
                self.statistics,
                self._world.reactor.seconds,
                self._world.clock.now,
                self._world.clock.today,
                self.event_log,
                Refusals(self._world.reactor.seconds),
                self.key_desk,
            )
            self.server = self._listen(surroundings)
            started.callback(self.server.stop)
            self.source = Source(
                self.settings.node.name, self.server, self.engine, self.statistics, clock, self.key_desk
            )
            self.source.log_dropped = self._world.log_dropped
            self._show()
            self._operate(word)
            self.source.serving = True
            self.event_log.note(Kind.STARTED)
            started.pop_all()
        self.log.info("serving as {node}, epoch {epoch}", node=self.settings.node.name, epoch=epoch)

    def stop(self) -> Deferred[None]:
        """Take no new connection, answer every request that was read, and close. Fires when all is closed.
        Each step may take `limits.stop_seconds`. Call it once.
        """
        self.source.serving = False
        self.event_log.note(Kind.STOPPING)
        self._stop_calls()
        self.feed.tick()  # so that open pages show that the machine is stopping
        self.feed.stop()
        self._attempt(self._watch.look)  # the next process must know of a jump that came in this one
        self.engine.stop_exclusive_jobs()
        self.server.drain()
        seconds = self.settings.limits.stop_seconds
        finished = self._stop_listening()
        finished.addCallback(
            lambda _: Deferred.fromCoroutine(self._answered()).addTimeout(seconds, self._world.reactor)
        )
        finished.addErrback(self._log_timeout, "not every request could be answered")
        finished.addCallback(lambda _: self.server.stop().addTimeout(seconds, self._world.reactor))
        finished.addErrback(self._log_timeout, "not every bank has read its answers")
        finished.addCallback(lambda _: self.engine.give_up_exclusive_jobs())
        finished.addCallback(lambda _: self.operations.stop().addTimeout(seconds, self._world.reactor))
        finished.addErrback(self._log_timeout, "a load or a batch's file is still under way")
        finished.addCallback(lambda _: self._close())
        return finished

    def _show(self) -> None:
        """Open the status port, and read the counters each second for its page."""
        world, status = self._world, self.settings.status
        self.host = HostReader(
            lambda: self.settings,
            lambda: shown_certificate(self._counterparties),
            self._banks.seen,
            world.clock.now_us,
            world.room,
            world.in_thread,
        )
        history, figures = History(self.statistics), OpenBreaksReader(status.breaks, world.reactor.seconds)
        snapshot_builder = SnapshotBuilder(
            lambda: self.settings,
            self.server,
            self.engine,
            self.statistics,
            history,
            world.clock,
            world.reactor.seconds,
            lambda: self.cutover_clock.obstacle,
            self._banks.misses,
            lambda: self._overview,
            self.key_desk,
            self.host,
        )
        self.source.lights = snapshot_builder.lights
        self.source.figures = snapshot_builder.figures
        self.feed = Feed(
            lambda: snapshot_builder.snapshot(self.source.state(), figures.latest()),
            history.rates,
            self.event_log,
        )
        book = Path(str(self._store.url.database)) if self._store.is_sqlite else None
        host_metrics = HostMetricsCollector(
            lambda: self.settings,
            lambda: self.engine.business_date,
            world.clock.now_us,
            lambda: self.cutover_clock.obstacle,
            book,
            self.host,
        )
        collectors = (
            host_metrics,
            DayTotalsCollector(snapshot_builder.totals, lambda: self._overview),
            ProcessCollector(registry=None),
        )
        site = status_site(self.source, self.feed, status.names, *collectors)
        port = world.reactor.listenTCP(status.port, site, interface=status.host)
        self._ports.append(port)
        self.status_port = port.getHost().port

        def each_second() -> None:
            history.take()
            self.feed.tick()

        self._every(1, each_second)
        self._every(LOOK_SECONDS, self.host.look)

    def _operate(self, word: ClockWord) -> None:
        """Listen to the operator, and watch the clock. `word` is the audit log's last word on it."""
        world = self._world
        self.operations = Operations(
            world.reactor,
            self.engine,
            self._store,
            self._key_provider.front_key,
            self._key_provider.sealer,
            lambda: self.settings.day,
            world.clock,
            self.event_log,
            self.settings.limits.key_days,
        )
        self.batches = Batches(self.operations, lambda: self.settings.channel)
        self._watch = watch = ClockWatch(
            world.clock, self._store, self.engine.between_batches, self.event_log, self.settings.node.name
        )
        watch.take_up(word)
        self.cutover_clock = CutoverClock(
            self.engine, self._store, lambda: self.settings.day, world.clock, self.operations.cut_over
        )
        own = {
            "reload": self._asked_to_reload,
            bank_status.STATUS_COMMAND: self._asked_for_bank_status,
            ACCEPT_COMMAND: watch.accept,
            READINESS_COMMAND: self._asked_whether_ready,
        }
        own |= {**self.operations.commands(), **self.batches.commands(), **self.cutover_clock.commands()}
        factory = ControlFactory(own)
        path = make_way(Path(self.settings.node.control))
        self._ports.append(world.reactor.listenUNIX(path, factory, mode=0o600))
        self.key_desk.serve({code: party.keys for code, party in self._counterparties.items()})
        self._every(1, self.engine.look)
        self._every(1, self.key_desk.look)
        self._every(1, watch.look)
        self._polling = self._every(self.settings.day.poll_seconds, self._look_at_day)
        self._every(1, self.cutover_clock.look)
        self._every(RETIRE_SECONDS, self.operations.retire_by_the_clock)

    def _every(self, seconds: float, call: Callable[..., Any], *arguments: object) -> LoopingCall:
        """Call a function every `seconds` seconds. A call that fails is logged, and the next one comes all
        the same.
        """
        looping = LoopingCall(self._attempt, call, *arguments)
        looping.clock = self._world.reactor
        looping.start(seconds, now=False)
        self._calls.append(looping)
        return looping

    def _attempt(self, call: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        outcome = maybeDeferred(call, *arguments)
        return outcome.addErrback(lambda failure: self.log.failure("will be tried again", failure=failure))

    def _look_at_day(self) -> Deferred[None]:
        """Read the open business day from the book: a node without traffic learns so that another node has
        cut over.
        """
        return self.engine.between_batches(self.book.overview).addCallback(self._take_overview)

    def _take_overview(self, overview: Overview) -> None:
        self._overview = overview
        if overview.day is not None:
            self.engine.see_date(overview.day.date)

    async def _answered(self) -> None:
        """Wait until every byte that has reached us is read, and every request answered.

        The kernel resets a connection that is closed with unread bytes (RFC 2525, 2.17), and a reset
        discards answers that the bank has not read yet.
        """
        heard = -1
        while heard != self.server.heard:
            heard = self.server.heard
            await deferLater(self._world.reactor, 0)
            await self.engine.when_idle()

    def _log_timeout(self, failure: Failure, unfinished: str) -> None:
        """Log that a step of stopping ran out of time; the next step comes all the same."""
        failure.trap(DeferredTimeout)
        self.log.error("stopping all the same: {what}", what=unfinished)

    def _stop_calls(self) -> None:
        for looping in self._calls:
            looping.stop()

    def _stop_listening(self) -> Deferred[Any]:
        return DeferredList([maybeDeferred(port.stopListening) for port in self._ports])

    def _close(self) -> None:
        self._threads.stop()
        self._store.close()
        self._token_thread.stop(self._key_provider.close)

    def _asked_to_reload(self, asked: Mapping[str, Any], _progress: Progress) -> Deferred[dict[str, Any]]:
        def answer(changed: str) -> dict[str, Any]:
            banks, warnings = len(self.settings.bank), self.host.warnings()
            return {"banks": banks, "changed": unlisted(changed), "warnings": warnings}

        return self.reload(str(asked["by"])).addCallback(answer)

    def _asked_for_bank_status(
        self, asked: Mapping[str, Any], _progress: Progress
    ) -> Deferred[dict[str, Any]]:
        bank, now = str(asked["bank"]), self._world.reactor.seconds()
        address = str(asked["source"]), int(asked["port"]) or self.bank_ports.get(bank, 0)
        return succeed(bank_status.bank_status(self.server, self.event_log, bank, address, now)._asdict())

    def _asked_whether_ready(
        self, _asked: Mapping[str, Any], _progress: Progress
    ) -> Deferred[dict[str, str]]:
        return succeed({"unready": self.source.unready()})

    def reload(self, by: str = SIGNAL) -> Deferred[str]:
        """Read the settings again, for `by`, and go on with their banks, keys and certificates; links that
        are still allowed stay. Fires with what changed, as in the audit log. Fails with SettingsError where
        something differs that takes a restart, and with LedgerError where the reload cannot be recorded
        first; then nothing is changed.
        """
        return self.operations.recorded(by, RELOAD, self._take_new_settings)

    def _take_new_settings(self) -> Deferred[str]:
        """Take the settings of the file; fires with what changed, for the audit log. Raises SettingsError."""
        settings = self._reread()
        fixed = {"node", "limits", "status"}
        faults = [
            Fault(name, Sentence("takes a restart"))
            for name in sorted(fixed)
            if getattr(settings, name) != getattr(self.settings, name)
        ]
        allowances = []
        for place, bank in enumerate(settings.bank):
            port = bank.port or self.bank_ports.get(bank.code, 0)
            if port not in self.bank_ports.values():
                faults.append(
                    Fault(
                        f"bank[{place}].port",
                        Sentence("nothing listens there: it takes a restart"),
                    )
                )
            allowances.append(bank.allowance(port))
        key_provider = KeyProvider(settings.keystore, self._key_provider)
        faults += [
            Fault("keystore", Sentence("another {name} key takes a restart", name=name))
            for name in key_provider.other_than(self._key_provider)
        ]
        if faults:
            raise SettingsError(Sentence("the new settings"), tuple(faults))
        if settings.keystore.pkcs11_module is None:
            held = succeed(held_keys(settings, key_provider, self._world.entropy))
        else:
            held = self._token_thread.run(held_keys, settings, key_provider, self._world.entropy)
            held.addTimeout(settings.limits.stop_seconds, self._world.reactor, token_is_silent)
        return held.addCallback(self._replace_settings, settings, key_provider, allowances)

    def _replace_settings(
        self,
        held: tuple[Mapping[str, BankKeys], Material],
        settings: Settings,
        key_provider: KeyProvider,
        allowances: Sequence[Allowance],
    ) -> str:
        """Go on with new settings whose keys are there, and return what changed."""
        keys, material = held
        differences = [*changes(self.settings, settings), *renewed(self._material, material, _ends(settings))]
        counterparties = self._banks.enabled(settings, key_provider, keys)
        differences += redefined(self._counterparties, counterparties)
        self._counterparties = counterparties
        self.key_desk.serve(keys)
        self.settings, self._key_provider, self._material = settings, key_provider, material
        self._polling.interval = settings.day.poll_seconds  # from its next turn on
        ended = Counter(self.server.replace(Gateway(allowances), self._counterparties))
        differences += links_ended(ended)
        changed = listed(differences, "{first}; {rest}") or NOTHING_CHANGED
        self.event_log.note(Kind.RELOAD)
        self.log.info("reloaded: {banks} banks; {changed}", banks=len(settings.bank), changed=changed)
        self.host.look_now()
        return changed

    def _listen(self, surroundings: Surroundings) -> Server:
        """Listen to the banks: one port for each distinct host and port of the settings. For port 0 the
        system chooses one for each bank.
        """
        opened: dict[tuple[str, int], int] = {}
        allowances = []
        server = Server(self._counterparties, surroundings)
        for place, bank in enumerate(self.settings.bank):
            address = (bank.host, bank.port or -place - 1)
            if address not in opened:
                factory = server.on_port()
                port = self._world.reactor.listenTCP(bank.port, factory, interface=bank.host, backlog=1024)
                factory.port = opened[address] = port.getHost().port
                self._ports.append(port)
            self.bank_ports[bank.code] = opened[address]
            allowances.append(bank.allowance(opened[address]))
        server.start(Gateway(allowances), self._world.reactor)
        return server

    def _refused(self, bank: str) -> None:
        self.server.refused(bank)

    def _fenced(self) -> None:
        """Stop serving: another process has taken this node's name."""
        self.source.serving = False
        self.event_log.note(Kind.FENCED)
        if not self.failed.called:
            self.failed.callback(None)
