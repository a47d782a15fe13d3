"""Whether one bank could connect now, step by step as its link would: what it is asked, and what is missing.

Looks, and connects to nothing: a link of ours would need the bank's own key. Each step is one entry of a
table, as in fep.checkup, which looks at the machine as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, NamedTuple

from fep.checkup import UNIT, Finding, Found, Machine, Verdict, listening
from fep.config import Bank, Settings
from fep.control import is_served
from fep.errors import FepError
from fep.tls import Pinned, pin_of_file, validity_of_file
from fep.vault import Vault
from firewall_rules.errors import FirewallError
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Hours
from firewall_rules.policy import Packet, allows
from ledger.errors import LedgerError

_STEPS_FAIL: Final = (FepError, FirewallError, LedgerError, OSError)


@dataclass(frozen=True, slots=True)
class Asked:
    """The bank, and what is known of it today: an address it comes from, a certificate it shows. None where
    nobody said; then its own networks are taken, and no certificate is looked at.
    """

    bank: Bank
    address: IPv4Address | IPv6Address | None = None
    certificate: Path | None = None

    @property
    def source(self) -> IPv4Address | IPv6Address:
        """The address that is tried."""
        return self.address or next(iter(self.bank.networks[0].hosts()), self.bank.networks[0][0])


class Step(NamedTuple):
    """One thing that a link needs."""

    name: str
    look: Callable[[Machine, Settings, Asked], Iterator[Found]]


def could_connect(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Finding]:
    """What each step found."""
    for step in STEPS:
        try:
            for found in step.look(machine, settings, asked):
                yield Finding(step.name, *found)
        except _STEPS_FAIL as error:
            yield Finding(step.name, Verdict.BAD, str(error), "qianzhi doctor")


def _entry(_machine: Machine, _settings: Settings, asked: Asked) -> Iterator[Found]:
    bank = asked.bank
    if bank.enabled:
        yield Found(Verdict.OK, f"{bank.framing}, {bank.dialect}, {bank.mac}, {bank.transport}")
    else:
        yield Found(Verdict.BAD, "the bank is disabled", f"qianzhi bank enable {bank.code}")


def _listener(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    port = asked.bank.port
    if not is_served(Path(settings.node.control)):
        yield Found(Verdict.BAD, "no machine serves with these settings", f"systemctl start {UNIT}")
    elif port and port not in listening(machine.ground.proc):
        yield Found(Verdict.BAD, f"nobody listens at {port}", "a new port takes a restart of the machine")
    else:
        yield Found(Verdict.OK, f"listening at {asked.bank.host}:{port or 'a port of the system’s choice'}")


def _allowlist(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    source, port = asked.source, asked.bank.port
    gateway = Gateway(settings.allowances())
    owner = gateway.owner_of(str(source), port)
    if owner is None:
        yield Found(Verdict.BAD, f"{source} is on no bank's list at {port}", "add it to the entry's networks")
    elif owner.bank != asked.bank.code:
        yield Found(Verdict.BAD, f"{source} at {port} is bank {owner.bank}'s", "correct the networks")
    elif owner.hours is not None and not owner.hours.include(machine.now.time()):
        yield Found(Verdict.BAD, f"only from {_hours(owner.hours)}", "wait, or change the entry's hours")
    else:
        yield Found(Verdict.OK, f"{source} is admitted")


def _firewall(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    source = asked.source
    if not asked.bank.enabled:
        yield Found(Verdict.SKIPPED, "the rules leave out a bank that is disabled")
        return
    here = type(source)("127.0.0.1" if source.version == 4 else "::1")
    at = machine.now.time().replace(microsecond=0)
    packet = Packet("input", source, here, "tcp", asked.bank.port, at=at)
    if allows(settings.policy(), packet):
        said = "the settings' rules let it in; whether they are loaded, qianzhi firewall diff says"
        yield Found(Verdict.OK, said)
    else:
        said = f"the settings' rules keep {source} out"
        yield Found(Verdict.BAD, said, "correct the entry's networks or hours")


def _certificate(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    bank = asked.bank
    if bank.transport == "plain":
        yield Found(Verdict.WARN, "the link is plain: whoever is on the way can read it", "use TLS")
        return
    if settings.tls is not None:
        Pinned(Path(settings.tls.certificate_file), Path(settings.tls.key_file), bank.pins, bank.tls_minimum)
    if asked.certificate is None:
        said = f"{len(bank.pins)} keys are pinned; which the bank shows, --certificate FILE compares"
        yield Found(Verdict.OK, said)
        return
    pin = pin_of_file(asked.certificate)
    begins, ends = validity_of_file(asked.certificate)
    if pin not in bank.pins:
        said = f"{asked.certificate} has pin {pin}, which is not pinned"
        yield Found(
            Verdict.BAD, said, "ask the bank by another way whether it is theirs, then add it to pins"
        )
    elif not begins <= machine.now <= ends:
        said = f"{asked.certificate} holds from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
        yield Found(Verdict.BAD, said, "the bank needs a new certificate; on the same key its pin stays")
    else:
        yield Found(Verdict.OK, f"its key is pinned, and it holds until {ends:%Y-%m-%d}")


def _keys(_machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    code = asked.bank.code
    vault = Vault(settings.keystore)
    try:
        vault.bank_keys(asked.bank, os.urandom).fresh()
        said = vault.check_value(asked.bank)
    except FepError as error:
        yield Found(Verdict.BAD, str(error), f"qianzhi keys load zmk/{code}")
    else:
        yield Found(Verdict.OK, f"its ZMK wraps a session key; check value {said}, as the bank's must be")
    finally:
        vault.close()


def _hours(hours: Hours) -> str:
    return " to ".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.opens, hours.closes))


STEPS: Final[tuple[Step, ...]] = (
    Step("entry", _entry),
    Step("listener", _listener),
    Step("allowlist", _allowlist),
    Step("firewall", _firewall),
    Step("certificate", _certificate),
    Step("keys", _keys),
)
"""In the order in which a link meets them."""
