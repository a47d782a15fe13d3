"""Reads certificates and disks for one machine: once a minute, in a thread, and at once after a reload.

A disk that has gone may hold whoever asks for it: the page, the metrics and /status have what was read last.
What is read, and how, is `fep.status.host`'s; what is wrong with it `fep.status.host_warnings`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.links.tls import OwnCertificate, Validity
from fep.settings.config import Settings
from fep.status.host import Host, read_host, room_of
from fep.status.host_warnings import certificate_warnings, disk_warnings, host_warnings
from fep.status.limits import Room, Severity

LOOK_SECONDS: Final = 60
"""Seconds between two looks at the files and disks."""


class HostReader:
    """Reads the host for one machine: once when it is made, and at each `look`. `shown` returns what links
    are shown; `run` runs a function and fires with its result; `seen` has, by bank and pin, the validity of
    the certificates that banks have shown; `now_us` is the wall clock, microseconds since 1970-01-01 UTC.
    """

    log = Logger(namespace="fep.status.host")

    def __init__(
        self,
        settings: Callable[[], Settings],
        shown: Callable[[], OwnCertificate | None],
        seen: Mapping[str, Mapping[str, Validity]],
        now_us: Callable[[], int],
        room: Callable[[Path], Room] = room_of,
        run: Callable[..., Deferred[Host]] = maybeDeferred,
    ) -> None:
        self._settings = settings
        self._now_us = now_us
        self._shown = shown
        self._seen = seen
        self._room = room
        self._run = run
        self._reading: Deferred[Host] | None = None
        self.latest = Host()
        self.look_now()

    def look(self) -> None:
        """Read the files and disks again, unless they are being read."""
        if self._reading is None:
            reading = self._reading = self._run(read_host, self._settings(), self._room, self._shown())
            reading.addBoth(self._keep, reading)

    def look_now(self) -> Host:
        """Read them at once, and log what is wrong. The settings are new: what is being read is of the former
        ones.
        """
        self._reading = None
        self.latest = read_host(self._settings(), self._room, self._shown())
        for warning in host_warnings(self.latest, self._now()):
            self.log.warn("{text}", text=warning.text)
        return self.latest

    def warnings(self) -> list[str]:
        """Return in words what a reload is answered with: what is wrong with the certificate, and the disks
        that are red.
        """
        return [
            *(warning.text for warning in certificate_warnings(self.latest.certificate, self._now())),
            *(
                warning.text
                for warning in disk_warnings(self.latest.disks)
                if warning.severity is Severity.RED
            ),
        ]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._now_us() / 1_000_000, UTC)

    def _keep(self, read: Host | Failure, reading: Deferred[Host]) -> None:
        if self._reading is not reading:
            return  # what was read is of settings that are no longer in force
        self._reading = None
        if isinstance(read, Failure):
            self.log.failure("certificates and disks could not be read", failure=read)
        else:
            self.latest = read

    def bank_ends(self) -> dict[str, Validity]:
        """Return, by bank, the validity that ends first of the certificates that it has shown and whose keys
        are still pinned.
        """
        return dict(_first_ends(self._settings(), self._seen))


def _first_ends(
    settings: Settings, seen: Mapping[str, Mapping[str, Validity]]
) -> Iterator[tuple[str, Validity]]:
    for bank in settings.bank:
        of_bank = seen.get(bank.code, {})
        validities = [of_bank[pin] for pin in bank.pins if pin in of_bank]
        if validities:
            yield bank.code, min(validities, key=lambda validity: validity.ends)
