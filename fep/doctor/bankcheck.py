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

from fep.doctor.checkup import UNIT, VERDICTS
from fep.doctor.finding import CheckFinding, Observation, Verdict
from fep.doctor.maccheck import on_macs
from fep.doctor.machine import Machine, listening
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.links.connection import HANDSHAKE_FAILED, TLS_CAME
from fep.links.network_management import KEY_REFUSALS
from fep.links.places import FULL
from fep.links.tls import NOT_PINNED, PLAIN_CAME, pin_of_file, validity_of_file
from fep.operator.bank_status import STATUS_COMMAND, BankStatus, Trouble, TurnedAway
from fep.operator.control_client import ControlError, NotAnswering, is_served
from fep.settings.config import Bank, Settings
from fep.status.host import read_certificate
from fep.status.host_warnings import certificate_warnings
from fep.telemetry.event_log import Kind
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Hours
from firewall_rules.policy import Packet, allows
from ledger.rules.beijing import BEIJING
from protocol.errors import KeyBlockFault
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, listed, phrase
from qianzhi_errors.system import text_of

_ANSWER_SECONDS: Final = 5.0
_OTHER_ZMK: Final = KEY_REFUSALS[KeyBlockFault.ALTERED].reason
_OWN_KEYS: Final = "its key was refused"
_WRAPS: Final = phrase("its ZMK wraps a session key; check value {check_value}, as the bank's must be")
_OPENS: Final = phrase("its ZMK opens a session key; check value {check_value}, as the bank's must be")
_TROUBLE_SHOWN: Final = 5
"""How many of a bank's last troubles are shown, of its refusals, and of strangers."""
_MENDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NOT_PINNED: Sentence("ask the bank by another way whether that pin is theirs; then add it to pins"),
        PLAIN_CAME: Sentence('the bank must use TLS, or its entry say transport = "plain"'),
        TLS_CAME: Sentence('the entry must not say transport = "plain", or the bank not use TLS'),
        FULL: Sentence("raise links of its entry, or the bank opens fewer"),
        HANDSHAKE_FAILED: Sentence(
            "compare the bank's certificate: --certificate FILE; the bank's log has the alert"
        ),
        _OTHER_ZMK: Sentence("compare the check value of its ZMK with the bank's: qianzhi keys list"),
        _OWN_KEYS: Sentence(
            "the bank sends another key; what one must be: docs/protocol.md, where the bank makes the keys"
        ),
    }
)
"""What mends a refusal, by words in its reason; the first that are there count."""
_TROUBLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        Kind.LINK_DOWN: Sentence("link down"),
        Kind.BAD_MAC: Sentence("bad MAC"),
    }
)
"""A bank's troubles in words, as fep.operator.bank_status tells them."""


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
            yield CheckFinding(step.name, Verdict.BAD, text_of(error), "qianzhi doctor")


def _entry(_machine: Machine, _settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    bank = probe.bank
    if bank.enabled:
        yield Observation(
            Verdict.OK,
            listed([str(bank.framing), bank.dialect, str(bank.mac), bank.transport]),
        )
        if bank.keys_made_by == "bank":
            yield Observation(Verdict.OK, Sentence("the bank makes the session keys and sends them"))
        yield from on_macs([bank])
    else:
        yield Observation(Verdict.BAD, Sentence("the bank is disabled"), f"qianzhi bank enable {bank.code}")


def _listener(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    port = probe.bank.port
    if not is_served(Path(settings.node.control)):
        yield Observation(
            Verdict.BAD, Sentence("no machine serves with these settings"), f"systemctl start {UNIT}"
        )
    elif port and port not in listening(machine.fixture.proc):
        yield Observation(
            Verdict.BAD,
            Sentence("nobody listens at {port}", port=port),
            Sentence("a new port takes a restart of the machine"),
        )
    elif ip_address(probe.bank.host).is_loopback and not probe.source.is_loopback:
        text = Sentence(
            "listening at {host} alone, which {source} cannot reach by itself",
            host=probe.bank.host,
            source=probe.source,
        )
        yield Observation(
            Verdict.WARN, text, Sentence("unless a balancer on this machine passes it on: correct host")
        )
    else:
        yield Observation(
            Verdict.OK,
            Sentence(
                "listening at {host}:{port}",
                host=probe.bank.host,
                port=port or Sentence("a port of the system’s choice"),
            ),
        )


def _allowlist(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    source, port = probe.source, probe.bank.port
    gateway = Gateway(settings.allowances())
    owner = gateway.owner_of(str(source), port)
    if owner is None:
        yield Observation(
            Verdict.BAD,
            Sentence("{source} is on no bank's list at {port}", source=source, port=port),
            Sentence("add it to the entry's networks"),
        )
    elif owner.bank != probe.bank.code:
        yield Observation(
            Verdict.BAD,
            Sentence("{source} at {port} is bank {bank}'s", source=source, port=port, bank=owner.bank),
            Sentence("correct the networks"),
        )
    elif owner.hours is not None and not owner.hours.include(machine.now.astimezone(BEIJING).time()):
        yield Observation(
            Verdict.BAD,
            Sentence("only from {hours}, Beijing time", hours=_hours(owner.hours)),
            Sentence("wait, or change the entry's hours"),
        )
    else:
        yield Observation(Verdict.OK, Sentence("{source} is admitted", source=source))


def _firewall(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    source = probe.source
    if not probe.bank.enabled:
        yield Observation(Verdict.SKIPPED, Sentence("the rules leave out a bank that is disabled"))
        return
    here = type(source)("127.0.0.1" if source.version == 4 else "::1")
    at = machine.now.astimezone(BEIJING).time().replace(microsecond=0)
    packet = Packet("input", source, here, "tcp", probe.bank.port, at=at)
    if allows(settings.policy(), packet):
        text = Sentence("the settings' rules let it in; whether they are loaded, qianzhi firewall diff says")
        yield Observation(Verdict.OK, text)
    else:
        text = Sentence("the settings' rules keep {source} out", source=source)
        yield Observation(Verdict.BAD, text, Sentence("correct the entry's networks or hours"))


def _unit(machine: Machine, _settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    """Systemd's own filter of addresses (systemd.resource-control(5)); no other step would show it."""
    if not machine.systemd.exists():
        yield Observation(Verdict.SKIPPED, Sentence("systemd does not run here"))
        return
    text = machine.command("systemctl", "show", UNIT, "--property=IPAddressAllow,IPAddressDeny")
    lists = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    denied, allowed = (
        any(probe.source in ip_network(network) for network in lists.get(name, "").split())
        for name in ("IPAddressDeny", "IPAddressAllow")
    )
    if denied and not allowed:
        mend = Sentence("name its network in a drop-in, IPAddressAllow=: docs/hardening.md")
        yield Observation(
            Verdict.BAD,
            Sentence("{unit} does not let {source} through", unit=UNIT, source=probe.source),
            mend,
        )
    else:
        yield Observation(
            Verdict.OK, Sentence("{unit} lets {source} through", unit=UNIT, source=probe.source)
        )


def _certificate(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    bank = probe.bank
    if bank.transport == "plain":
        yield Observation(
            Verdict.WARN,
            Sentence("the link is plain: whoever is on the way can read it"),
            Sentence("use TLS"),
        )
        return
    if settings.tls is not None:
        for warning in certificate_warnings(read_certificate(settings), machine.now):
            mend = Sentence("have one made on the same key; then qianzhi reload")
            yield Observation(VERDICTS[warning.severity], Sentence("ours: {text}", text=warning.text), mend)
    if probe.certificate is None:
        text = (
            Sentence("1 key is pinned; which the bank shows, --certificate FILE compares")
            if len(bank.pins) == 1
            else Sentence(
                "{count} keys are pinned; which the bank shows, --certificate FILE compares",
                count=len(bank.pins),
            )
        )
        yield Observation(Verdict.OK, text)
        return
    pin = pin_of_file(probe.certificate)
    begins, ends = validity_of_file(probe.certificate)
    if pin not in bank.pins:
        text = Sentence(
            "{certificate} has pin {pin}, which is not pinned", certificate=probe.certificate, pin=pin
        )
        yield Observation(
            Verdict.BAD,
            text,
            Sentence("ask the bank by another way whether it is theirs, then add it to pins"),
        )
    elif not begins <= machine.now <= ends:
        text = Sentence(
            "{certificate} holds from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}",
            certificate=probe.certificate,
            begins=begins,
            ends=ends,
        )
        yield Observation(
            Verdict.BAD, text, Sentence("the bank needs a new certificate; on the same key its pin stays")
        )
    else:
        yield Observation(
            Verdict.OK, Sentence("its key is pinned, and it holds until {ends:%Y-%m-%d}", ends=ends)
        )


def _keys(_machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    code = probe.bank.code
    key_provider = KeyProvider(settings.keystore)
    try:
        keys = key_provider.bank_keys(probe.bank, os.urandom)
        fresh = keys.fresh()
        keys.opened(fresh.block, fresh.check_value)
        text = key_provider.check_value(probe.bank)
    except FepError as error:
        yield Observation(Verdict.BAD, str(error), f"qianzhi keys load zmk/{code}")
    else:
        pattern = _OPENS if probe.bank.keys_made_by == "bank" else _WRAPS
        yield Observation(Verdict.OK, Sentence(pattern, check_value=text))
    finally:
        key_provider.close()


def _machine(machine: Machine, settings: Settings, probe: BankProbe) -> Iterator[Observation]:
    """What the process that serves has seen of the bank. Its settings may be older than the file's."""
    where, bank = Path(settings.node.control), probe.bank
    if not is_served(where):
        yield Observation(Verdict.SKIPPED, Sentence("needs a machine that serves"))
        return
    given = {"bank": bank.code, "source": str(probe.source), "port": bank.port}
    try:
        status = BankStatus.from_answer(
            machine.ask(where, STATUS_COMMAND, lambda _: None, _ANSWER_SECONDS, **given)
        )
    except NotAnswering as error:
        yield Observation(
            Verdict.BAD, str(error), Sentence("its log says since when; systemctl restart {unit}", unit=UNIT)
        )
        return
    except ControlError as error:
        yield Observation(
            Verdict.WARN,
            Sentence("it does not say: {reason}", reason=error),
            Sentence("after an update, restart it"),
        )
        return
    if status.refusal or status.owner != bank.code:
        why = status.refusal or Sentence("it is bank {bank}'s", bank=status.owner)
        text = Sentence("it refuses {source} now: {why}", source=probe.source, why=why)
        yield Observation(Verdict.BAD, text, Sentence("if the settings' file is right, qianzhi reload"))
    else:
        yield Observation(
            Verdict.OK, Sentence("it lets {source} in; {heard}", source=probe.source, heard=_heard(status))
        )
    for trouble in status.trouble[-_TROUBLE_SHOWN:]:
        yield Observation(
            Verdict.WARN, Sentence("{when}, {event}", when=_when(trouble), event=_event(trouble)), ""
        )
    for refusal in status.refusals[-_TROUBLE_SHOWN:]:
        mend = next((mend for words, mend in _MENDS.items() if words in refusal.reason), "")
        yield Observation(Verdict.WARN, _refusal(refusal), mend)
    for stranger in status.strangers[-_TROUBLE_SHOWN:]:
        mend = Sentence("if that is the bank, add it to the entry's networks")
        yield Observation(Verdict.WARN, _refusal(stranger), mend)


def _refusal(refusal: TurnedAway) -> str:
    told = Sentence(
        "{when}, from {peer}:{port}: {reason}",
        when=_when(refusal),
        peer=refusal.peer,
        port=refusal.peer_port,
        reason=refusal.reason,
    )
    if not refusal.certificate:
        return told
    return Sentence("{refusal}; it showed {certificate}", refusal=told, certificate=refusal.certificate)


def _event(trouble: Trouble) -> str:
    kind = _TROUBLES[trouble.kind]
    return Sentence("{kind}: {detail}", kind=kind, detail=trouble.detail) if trouble.detail else kind


def _heard(status: BankStatus) -> str:
    states = [
        Sentence("{count} {state}", count=count, state=Sentence(state))
        for state, count in sorted(status.links.items())
    ]
    links = listed(states) if states else Sentence("no link")
    if status.heard_seconds is None:
        return Sentence("{links}; not seen since the machine began", links=links)
    return Sentence("{links}; last seen {ago}", links=links, ago=_ago(status.heard_seconds))


def _when(event: Trouble | TurnedAway) -> str:
    """How long ago an event was, and how often it came where that was more than once."""
    ago = _ago(event.seconds)
    return Sentence("{ago}, {times} times", ago=ago, times=event.times) if event.times > 1 else ago


def _ago(seconds: int) -> str:
    return Sentence("{time} ago", time=timedelta(seconds=seconds))


def _hours(hours: Hours) -> str:
    opens, closes = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.opens, hours.closes))
    return Sentence("{opens} to {closes}", opens=opens, closes=closes)


STEPS: Final[tuple[Step, ...]] = (
    Step(phrase("entry"), _entry),
    Step(phrase("listener"), _listener),
    Step(phrase("allowlist"), _allowlist),
    Step(phrase("firewall"), _firewall),
    Step(phrase("unit"), _unit),
    Step(phrase("certificate"), _certificate),
    Step(phrase("keys"), _keys),
    Step(phrase("machine"), _machine),
)
"""The steps in the order in which a link meets them; the last is what the machine has seen of the bank."""
