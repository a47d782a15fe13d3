"""A simulated bank's profile: what was agreed with the insurer, and how it follows from a machine's
settings.

Opens the machine's keystore: in the samples and the demo both sides' keys are in one folder. Real banks
have their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fep.keys.key_provider import KeyProvider
from fep.links.tls import Pinned, pin_of_file
from fep.settings.config import Bank, Settings
from protocol.framing import Framing
from protocol.mac import MacMethod


@dataclass(frozen=True, slots=True)
class BankProfile:
    """What was agreed with the insurer."""

    code: str
    host: str
    port: int
    framing: Framing
    dialect: str
    mac: MacMethod
    zmk: bytes
    branches: tuple[str, ...] = ("BRANCH000000001",)
    terminals: tuple[str, ...] = ("T0000001",)
    tls: Pinned | None = None
    gb18030: str = "2005"
    dialects: str = ""
    """The folder of dialects that are not shipped."""
    makes_keys: bool = False
    """Whether the bank makes the session keys; else the machine does."""


def profile_of(settings: Settings, entry: Bank, port: int, host: str = "") -> BankProfile:
    """The profile of a bank of the settings, at the port where the machine listens for it.

    The bank's certificate and key stand beside the keystore, as `<code>.crt` and `<code>.key`.
    """
    tls = None
    if entry.transport == "tls" and settings.tls is not None:
        folder = settings.keystore.path.parent
        own = folder / f"{entry.code}.crt", folder / f"{entry.code}.key"
        tls = Pinned(*own, (pin_of_file(Path(settings.tls.certificate_file)),), entry.tls_minimum)
    return BankProfile(
        entry.code,
        host or entry.host,
        port,
        entry.framing,
        entry.dialect,
        entry.mac,
        KeyProvider(settings.keystore).held_zmk(entry),
        tls=tls,
        gb18030=entry.gb18030,
        dialects=settings.node.dialects,
        makes_keys=entry.keys_made_by == "bank",
    )
