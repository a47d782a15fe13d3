"""Whether one bank could connect now: `qianzhi bank test`. The steps are those that its link would go
through.

It opens no link, because that would need the bank's own key; the process that serves is asked what it has
seen instead (fep.operator.bank_status). Each step is one row of a table, as in `fep.doctor.checkup`, which
examines the machine as a whole. Nothing is changed.
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

from fep.doctor.checkup import UNIT, VERDICTS, Machine, listening
from fep.doctor.finding import CheckFinding, Observation, Verdict
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.links.connection import HANDSHAKE_FAILED, TLS_CAME
from fep.links.places import FULL
from fep.links.tls import NOT_PINNED, PLAIN_CAME, pin_of_file, validity_of_file
from fep.operator.bank_status import STATUS_COMMAND, BankStatus, TurnedAway
from fep.operator.control_client import ControlError, NotAnswering, is_served
from fep.settings.config import Bank, Settings
from fep.status.host import read_certificate
from fep.status.host_warnings import certificate_warnings
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Hours
from firewall_rules.policy import Packet, allows
from ledger.rules.beijing import BEIJING
from qianzhi_errors import QianzhiError

_ANSWER_SECONDS: Final = 5.0
_TROUBLE_SHOWN: Final = 5
"""How many of a bank's last troubles are shown, of its refusals, and of strangers."""
_MENDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NOT_PINNED: "ask the bank by another way whether that pin is theirs; then add it to pins",
        PLAIN_CAME: 'the bank must use TLS, or its entry say transport = "plain"',
        TLS_CAME: 'the entry must not say transport = "plain", or the bank not use TLS',
        FULL: "raise links of its entry, or the bank opens fewer",
        HANDSHAKE_FAILED: "compare the bank's certificate: --certificate FILE; the bank's log has the alert",
    }
)
"""What mends a refusal, by words in its reason; the first that are there count."""


@dataclass(frozen=True, slots=True)
class BankProbe:
    """The bank that is examined. `address` is the one it comes from: None for the first of its networks.
    `certificate` is a file with the one it shows: None, and no certificate is compared.
    """

    bank: Bank
    address: IPv4Address | IPv6Address | None = None
    certificate: Path | None = None

    @property
    def source(self) -> IPv4Address | IPv6Address:
        """Return the address that the steps try."""
        if self.address is not None:
            return self.address
        network = self.bank.networks[0]
        for host in network.hosts():
            return host
        return network.network_address


class Step(NamedTuple):
    """One thing that a link needs: the step's name, and what looks at it."""

    name: str
    look: Callable[[Machine, Settings, BankProbe], Iterator[Observation]]


def could_connect(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[CheckFinding]:
    """Yield what each step observes, in the order in which a link meets the steps."""
    for step in STEPS:
        try:
            for observation in step.look(machine, settings, probe):
                yield CheckFinding(step.name, *observation)
        except (QianzhiError, OSError) as error:
            yield CheckFinding(step.name, Verdict.BAD, str(error), "qianzhi doctor")


def _entry(_machine: Machine, _settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    bank = probe.bank
    if bank.enabled:
        yield Observation(Verdict.OK, f"{bank.framing}, {bank.dialect}, {bank.mac}, {bank.transport}")
    else:
        yield Observation(Verdict.BAD, "the bank is disabled", f"qianzhi bank enable {bank.code}")


def _listener(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    port = probe.bank.port
    if not is_served(Path(settings.node.control)):
        yield Observation(Verdict.BAD, "no machine serves with these settings", f"systemctl start {UNIT}")
    elif port and port not in listening(machine.fixture.proc):
        yield Observation(
            Verdict.BAD, f"nobody listens at {port}", "a new port takes a restart of the machine"
        )
    elif ip_address(probe.bank.host).is_loopback and not probe.source.is_loopback:
        text = f"listening at {probe.bank.host} alone, which {probe.source} cannot reach by itself"
        yield Observation(Verdict.WARN, text, "unless a balancer on this machine passes it on: correct host")
    else:
        yield Observation(
            Verdict.OK, f"listening at {probe.bank.host}:{port or 'a port of the system’s choice'}"
        )


def _allowlist(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    source, port = probe.source, probe.bank.port
    gateway = Gateway(settings.allowances())
    owner = gateway.owner_of(str(source), port)
    if owner is None:
        yield Observation(
            Verdict.BAD, f"{source} is on no bank's list at {port}", "add it to the entry's networks"
        )
    elif owner.bank != probe.bank.code:
        yield Observation(Verdict.BAD, f"{source} at {port} is bank {owner.bank}'s", "correct the networks")
    elif owner.hours is not None and not owner.hours.include(machine.now.astimezone(BEIJING).time()):
        yield Observation(
            Verdict.BAD, f"only from {_hours(owner.hours)}, Beijing time", "wait, or change the entry's hours"
        )
    else:
        yield Observation(Verdict.OK, f"{source} is admitted")


def _firewall(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    source = probe.source
    if not probe.bank.enabled:
        yield Observation(Verdict.SKIPPED, "the rules leave out a bank that is disabled")
        return
    here = type(source)("127.0.0.1" if source.version == 4 else "::1")
    at = machine.now.astimezone(BEIJING).time().replace(microsecond=0)
    packet = Packet("input", source, here, "tcp", probe.bank.port, at=at)
    if allows(settings.policy(), packet):
        text = "the settings' rules let it in; whether they are loaded, qianzhi firewall diff says"
        yield Observation(Verdict.OK, text)
    else:
        text = f"the settings' rules keep {source} out"
        yield Observation(Verdict.BAD, text, "correct the entry's networks or hours")


def _unit(machine: Machine, _settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    """Systemd's own filter of addresses (systemd.resource-control(5)); no other step would show it."""
    if not machine.systemd.exists():
        yield Observation(Verdict.SKIPPED, "systemd does not run here")
        return
    text = machine.command("systemctl", "show", UNIT, "--property=IPAddressAllow,IPAddressDeny")
    lists = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    denied, allowed = (
        any(probe.source in ip_network(network) for network in lists.get(name, "").split())
        for name in ("IPAddressDeny", "IPAddressAllow")
    )
    if denied and not allowed:
        mend = "name its network in a drop-in, IPAddressAllow=: docs/hardening.md"
        yield Observation(Verdict.BAD, f"{UNIT} does not let {probe.source} through", mend)
    else:
        yield Observation(Verdict.OK, f"{UNIT} lets {probe.source} through")


def _certificate(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    bank = probe.bank
    if bank.transport == "plain":
        yield Observation(Verdict.WARN, "the link is plain: whoever is on the way can read it", "use TLS")
        return
    if settings.tls is not None:
        for warning in certificate_warnings(read_certificate(settings), machine.now):
            mend = "have one made on the same key; then qianzhi reload"
            yield Observation(VERDICTS[warning.severity], f"ours: {warning.text}", mend)
    if probe.certificate is None:
        count = "1 key is" if len(bank.pins) == 1 else f"{len(bank.pins)} keys are"
        text = f"{count} pinned; which the bank shows, --certificate FILE compares"
        yield Observation(Verdict.OK, text)
        return
    pin = pin_of_file(probe.certificate)
    begins, ends = validity_of_file(probe.certificate)
    if pin not in bank.pins:
        text = f"{probe.certificate} has pin {pin}, which is not pinned"
        yield Observation(
            Verdict.BAD, text, "ask the bank by another way whether it is theirs, then add it to pins"
        )
    elif not begins <= machine.now <= ends:
        text = f"{probe.certificate} holds from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
        yield Observation(
            Verdict.BAD, text, "the bank needs a new certificate; on the same key its pin stays"
        )
    else:
        yield Observation(Verdict.OK, f"its key is pinned, and it holds until {ends:%Y-%m-%d}")


def _keys(_machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    code = probe.bank.code
    key_provider = KeyProvider(settings.keystore)
    try:
        key_provider.bank_keys(probe.bank, os.urandom).fresh()
        text = key_provider.check_value(probe.bank)
    except FepError as error:
        yield Observation(Verdict.BAD, str(error), f"qianzhi keys load zmk/{code}")
    else:
        yield Observation(
            Verdict.OK, f"its ZMK wraps a session key; check value {text}, as the bank's must be"
        )
    finally:
        key_provider.close()


def _machine(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    """What the process that serves has seen of the bank. Its settings may be older than the file's."""
    where, bank = Path(settings.node.control), probe.bank
    if not is_served(where):
        yield Observation(Verdict.SKIPPED, "needs a machine that serves")
        return
    given = {"bank": bank.code, "source": str(probe.source), "port": bank.port}
    try:
        status = BankStatus.from_answer(
            machine.ask(where, STATUS_COMMAND, lambda _: None, _ANSWER_SECONDS, **given)
        )
    except NotAnswering as error:
        yield Observation(Verdict.BAD, str(error), f"its log says since when; systemctl restart {UNIT}")
        return
    except ControlError as error:
        yield Observation(Verdict.WARN, f"it does not say: {error}", "after an update, restart it")
        return
    if status.refusal or status.owner != bank.code:
        why = status.refusal or f"it is bank {status.owner}'s"
        text = f"it refuses {probe.source} now: {why}"
        yield Observation(Verdict.BAD, text, "if the settings' file is right, qianzhi reload")
    else:
        yield Observation(Verdict.OK, f"it lets {probe.source} in; {_heard(status)}")
    for trouble in status.trouble[-_TROUBLE_SHOWN:]:
        times = f", {trouble.times} times" if trouble.times > 1 else ""
        event = trouble.kind.replace("_", " ") + (f": {trouble.detail}" if trouble.detail else "")
        yield Observation(Verdict.WARN, f"{_ago(trouble.seconds)}{times}, {event}", "")
    for refusal in status.refusals[-_TROUBLE_SHOWN:]:
        mend = next((mend for words, mend in _MENDS.items() if words in refusal.reason), "")
        yield Observation(Verdict.WARN, _refusal(refusal), mend)
    for stranger in status.strangers[-_TROUBLE_SHOWN:]:
        mend = "if that is the bank, add it to the entry's networks"
        yield Observation(Verdict.WARN, _refusal(stranger), mend)


def _refusal(refusal: TurnedAway) -> str:
    times = f", {refusal.times} times" if refusal.times > 1 else ""
    shown = f"; it showed {refusal.certificate}" if refusal.certificate else ""
    return f"{_ago(refusal.seconds)}{times}, from {refusal.peer}:{refusal.peer_port}: {refusal.reason}{shown}"


def _heard(status: BankStatus) -> str:
    links = ", ".join(f"{count} {state}" for state, count in sorted(status.links.items()))
    if status.heard_seconds is None:
        return f"{links or 'no link'}; not seen since the machine began"
    return f"{links or 'no link'}; last seen {_ago(status.heard_seconds)}"


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
"""The steps in the order in which a link meets them; the last is what the machine has seen of the bank."""
