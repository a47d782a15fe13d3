"""Whether one bank could connect now, step by step as its link would: what it is asked, and what is missing.

Looks, and opens no link: one of ours would need the bank's own key. The process that serves is asked what it
has seen. Each step is one entry of a table, as in fep.doctor.checkup, which looks at the machine as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from fep.doctor.checkup import UNIT, Finding, Found, Machine, Verdict, listening
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.links.server import HANDSHAKE_FAILED
from fep.links.tls import Pinned, pin_of_file, validity_of_file
from fep.operator.bank_status import COMMAND, Standing
from fep.operator.control import ControlError, NotAnswering, is_served
from fep.settings.config import Bank, Settings
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Hours
from firewall_rules.policy import Packet, allows
from ledger.rules.beijing import BEIJING
from qianzhi_errors import QianzhiError

_ANSWER_SECONDS: Final = 5.0
_TROUBLE_SHOWN: Final = 5
_MENDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        HANDSHAKE_FAILED: "compare the bank's certificate: --certificate FILE; the bank's log has the alert",
    }
)


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
        if self.address is not None:
            return self.address
        network = self.bank.networks[0]
        for host in network.hosts():
            return host
        return network.network_address


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
        except (QianzhiError, OSError) as error:
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
    elif port and port not in listening(machine.fixture.proc):
        yield Found(Verdict.BAD, f"nobody listens at {port}", "a new port takes a restart of the machine")
    elif ip_address(asked.bank.host).is_loopback and not asked.source.is_loopback:
        said = f"listening at {asked.bank.host} alone, which {asked.source} cannot reach by itself"
        yield Found(Verdict.WARN, said, "unless a balancer on this machine passes it on: correct host")
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
    elif owner.hours is not None and not owner.hours.include(machine.now.astimezone(BEIJING).time()):
        yield Found(
            Verdict.BAD, f"only from {_hours(owner.hours)}, Beijing time", "wait, or change the entry's hours"
        )
    else:
        yield Found(Verdict.OK, f"{source} is admitted")


def _firewall(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    source = asked.source
    if not asked.bank.enabled:
        yield Found(Verdict.SKIPPED, "the rules leave out a bank that is disabled")
        return
    here = type(source)("127.0.0.1" if source.version == 4 else "::1")
    at = machine.now.astimezone(BEIJING).time().replace(microsecond=0)
    packet = Packet("input", source, here, "tcp", asked.bank.port, at=at)
    if allows(settings.policy(), packet):
        said = "the settings' rules let it in; whether they are loaded, qianzhi firewall diff says"
        yield Found(Verdict.OK, said)
    else:
        said = f"the settings' rules keep {source} out"
        yield Found(Verdict.BAD, said, "correct the entry's networks or hours")


def _unit(machine: Machine, _settings: Settings, asked: Asked) -> Iterator[Found]:
    """Systemd's own filter of addresses, which neither the allowlist nor the firewall's rules show."""
    if not machine.systemd.exists():
        yield Found(Verdict.SKIPPED, "systemd does not run here")
        return
    said = machine.command("systemctl", "show", UNIT, "--property=IPAddressAllow,IPAddressDeny")
    lists = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    denied, allowed = (
        any(asked.source in ip_network(one) for one in lists.get(name, "").split())
        for name in ("IPAddressDeny", "IPAddressAllow")
    )
    if denied and not allowed:
        mend = "name its network in a drop-in, IPAddressAllow=: docs/hardening.md"
        yield Found(Verdict.BAD, f"{UNIT} does not let {asked.source} through", mend)
    else:
        yield Found(Verdict.OK, f"{UNIT} lets {asked.source} through")


def _certificate(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    bank = asked.bank
    if bank.transport == "plain":
        yield Found(Verdict.WARN, "the link is plain: whoever is on the way can read it", "use TLS")
        return
    if settings.tls is not None:
        ours = Path(settings.tls.certificate_file)
        begins, ends = validity_of_file(ours)
        if not begins <= machine.now <= ends:
            said = f"ours, {ours}, holds from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}: the bank may refuse it"
            yield Found(Verdict.BAD, said, "have one made on the same key; then qianzhi reload")
        Pinned(Path(settings.tls.certificate_file), Path(settings.tls.key_file), bank.pins, bank.tls_minimum)
    if asked.certificate is None:
        count = "1 key is" if len(bank.pins) == 1 else f"{len(bank.pins)} keys are"
        said = f"{count} pinned; which the bank shows, --certificate FILE compares"
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
    key_provider = KeyProvider(settings.keystore)
    try:
        key_provider.bank_keys(asked.bank, os.urandom).fresh()
        said = key_provider.check_value(asked.bank)
    except FepError as error:
        yield Found(Verdict.BAD, str(error), f"qianzhi keys load zmk/{code}")
    else:
        yield Found(Verdict.OK, f"its ZMK wraps a session key; check value {said}, as the bank's must be")
    finally:
        key_provider.close()


def _machine(machine: Machine, settings: Settings, asked: Asked) -> Iterator[Found]:
    """What the process that serves knows: its settings may be older than the file's."""
    where, bank = Path(settings.node.control), asked.bank
    if not is_served(where):
        yield Found(Verdict.SKIPPED, "needs a machine that serves")
        return
    given = {"bank": bank.code, "source": str(asked.source), "port": bank.port}
    try:
        found = Standing.told(machine.ask(where, COMMAND, lambda _: None, _ANSWER_SECONDS, **given))
    except NotAnswering as error:
        yield Found(Verdict.BAD, str(error), f"its log says since when; systemctl restart {UNIT}")
        return
    except ControlError as error:
        yield Found(Verdict.WARN, f"it does not say: {error}", "after an update, restart it")
        return
    if found.refusal or found.owner != bank.code:
        why = found.refusal or f"it is bank {found.owner}'s"
        said = f"it refuses {asked.source} now: {why}"
        yield Found(Verdict.BAD, said, "if the settings' file is right, qianzhi reload")
    else:
        yield Found(Verdict.OK, f"it lets {asked.source} in; {_heard(found)}")
    for one in found.trouble[-_TROUBLE_SHOWN:]:
        times = f", {one.times} times" if one.times > 1 else ""
        what = one.kind.replace("_", " ") + (f": {one.detail}" if one.detail else "")
        yield Found(Verdict.WARN, f"{_ago(one.seconds)}{times}, {what}", _MENDS.get(one.detail, ""))
    if found.stranger:
        said = f"{_ago(found.stranger_seconds)}, {found.stranger} came, which is on no bank's list there"
        yield Found(Verdict.WARN, said, "if that is the bank, add it to the entry's networks")


def _heard(found: Standing) -> str:
    links = ", ".join(f"{count} {state}" for state, count in sorted(found.links.items()))
    if found.heard_seconds is None:
        return f"{links or 'no link'}; not seen since the machine began"
    return f"{links or 'no link'}; last seen {_ago(found.heard_seconds)}"


def _ago(seconds: int) -> str:
    return f"{timedelta(seconds=seconds)} ago"


def _hours(hours: Hours) -> str:
    return " to ".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.opens, hours.closes))


STEPS: Final[tuple[Step, ...]] = (
    Step("entry", _entry),
    Step("listener", _listener),
    Step("allowlist", _allowlist),
    Step("firewall", _firewall),
    Step("unit", _unit),
    Step("certificate", _certificate),
    Step("keys", _keys),
    Step("machine", _machine),
)
"""In the order in which a link meets them; at last what the machine has seen of it."""
