"""A simulated bank's profile out of a front-end machine's settings: what was agreed, from the bank's side.

Reads the settings' key files, for the samples and the demo keep both sides' in one folder. Real banks have
their own.
"""

from __future__ import annotations

from pathlib import Path

from fep.config import Bank, Settings
from fep.keys import read_key_file
from fep.tls import Pinned, pin_of_file
from simulators.bank import BankProfile


def profile_of(settings: Settings, entry: Bank, port: int, host: str = "") -> BankProfile:
    """The profile of a bank of the settings, at the port where the machine listens for it.

    The bank's certificate and key stand beside its ZMK, as `<code>.crt` and `<code>.key`.
    """
    zmk = Path(entry.zmk_file)
    tls = None
    if entry.transport == "tls" and settings.tls is not None:
        own = zmk.with_name(f"{entry.code}.crt"), zmk.with_name(f"{entry.code}.key")
        tls = Pinned(*own, (pin_of_file(Path(settings.tls.certificate_file)),), entry.tls_minimum)
    return BankProfile(
        entry.code,
        host or entry.host,
        port,
        entry.framing,
        entry.dialect,
        entry.mac,
        read_key_file(zmk, (16, 24, 32)),
        tls=tls,
    )
