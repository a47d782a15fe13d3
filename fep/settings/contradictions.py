"""What the sections of the settings must mean together: each fault that no section has by itself.

Pure: settings that were read in, faults with their keys out. What one section may hold is its model's
(`fep.settings.config`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fep.settings.database_servers import database_faults, is_here
from firewall_rules.gateway import overlapping, overlaps
from ledger.files.settings import Fault
from qianzhi_errors.sentence import Sentence

if TYPE_CHECKING:
    from fep.settings.config import Settings


def contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield the faults that no section has by itself, only several of them together."""
    codes: dict[str, int] = {}
    for place, bank in enumerate(settings.bank):
        first = codes.setdefault(bank.code.zfill(11), place)
        if first != place:
            yield _bank_fault(
                place,
                "code",
                Sentence("{code} is bank[{first}] already", code=bank.code, first=first),
            )
        if len({other.host for other in settings.bank if other.port == bank.port != 0}) > 1:
            yield _bank_fault(
                place,
                "host",
                Sentence("port {port} is given with different hosts", port=bank.port),
            )
        if bank.transport == "tls" and not bank.pins:
            yield _bank_fault(
                place,
                "pins",
                Sentence('is missing: the SHA-256 of the bank\'s public key, or transport = "plain"'),
            )
        if bank.transport == "plain" and bank.pins:
            yield _bank_fault(
                place,
                "pins",
                Sentence('nothing is pinned on a plain link: remove transport = "plain"'),
            )
        if bank.port and bank.port == settings.status.port:
            yield _bank_fault(place, "port", Sentence("is the status port"))
        sign, most = len(bank.framing.keep_alive), settings.limits.frame_bytes
        if sign > most:
            yield _bank_fault(
                place,
                "framing",
                Sentence(
                    "keep_alive: is of {size} bytes, and a message has {most} at most: limits.frame_bytes",
                    size=sign,
                    most=most,
                ),
            )
    yield from _confused_channels(settings)
    for overlap in overlaps(allowance for allowance in settings.allowances() if allowance.port):
        yield Fault(
            "bank.networks",
            Sentence(
                "{network} on port {port} belongs to both {one} and {other}",
                network=overlap.network,
                port=overlap.port,
                one=overlap.first,
                other=overlap.second,
            ),
        )
    for name, why in settings.day.calendar().faults():
        key = f"day.{name}"
        yield Fault(key, why)
    yield from _confused_zones(settings)
    if settings.tls is None and any(bank.transport == "tls" for bank in settings.bank):
        yield Fault(
            "tls", Sentence("is missing: [tls] certificate_file and key_file are what banks are shown")
        )
    keystore = settings.keystore
    if len({keystore.pkcs11_module is None, keystore.token is None, keystore.pin is None}) > 1:
        yield Fault(
            "keystore.token", Sentence("pkcs11_module, token and pin go together: give all three or none")
        )
    if settings.limits.batch > settings.limits.queue:
        yield Fault("limits.batch", Sentence("cannot be larger than limits.queue"))


def _bank_fault(place: int, name: str, reason: str) -> Fault:
    """Return a fault of one setting of the bank's entry at `place`, the first being 0."""
    key = f"bank[{place}].{name}"
    return Fault(key, reason)


def _confused_channels(settings: Settings) -> Iterator[Fault]:
    """Yield the channels whose code a bank has, or another channel."""
    owners = {bank.code.zfill(11): f"bank[{place}]" for place, bank in enumerate(settings.bank)}
    for place, channel in enumerate(settings.channel):
        mine = f"channel[{place}]"
        owner = owners.setdefault(channel.code.zfill(11), mine)
        if owner != mine:
            yield Fault(f"{mine}.code", Sentence("{code} is {taken} already", code=channel.code, taken=owner))


def _confused_zones(settings: Settings) -> Iterator[Fault]:
    """Yield where a bank's network or port is a zone's too, or a zone cannot serve its purpose."""
    zones, status = settings.zones, settings.status
    for place, bank in enumerate(settings.bank):
        if bank.port in zones.inside_ports:
            yield Fault(
                "zones.inside_ports",
                Sentence("{port} is the port of bank[{place}]", port=bank.port, place=place),
            )
        for zone, networks in (("ops", zones.ops), ("inside", zones.inside)):
            for network in overlapping(networks, bank.networks):
                yield _bank_fault(
                    place,
                    "networks",
                    Sentence(
                        "{network} of zones.{zone} would be this bank's too", network=network, zone=zone
                    ),
                )
    if status.port and status.port in zones.inside_ports:
        yield Fault(
            "zones.inside_ports",
            Sentence("{port} is the status port, which is for zones.ops", port=status.port),
        )
    if bool(zones.inside) != bool(zones.inside_ports):
        missing = "zones.inside" if zones.inside_ports else "zones.inside_ports"
        yield Fault(
            missing,
            Sentence("is missing: inside says who, inside_ports where to"),
        )
    if zones.ops and is_here(status.host):
        yield Fault("status.host", Sentence("{host} cannot be reached from zones.ops", host=status.host))
    yield from database_faults(settings.node.database, zones.databases)
