"""What a machine serves with that is not in its settings' file: the banks' ZMKs and its certificate, by what
may be said of them.

A reload takes new ones without a change of the file, so the two states are compared by check values and
digests. No key and no certificate's contents come in here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fep.keys.key_provider import KeyProvider
from fep.keys.keys import BankKeys, Entropy, KeyFileError, ZmkUnusable
from fep.keys.keystore import KeystoreError
from fep.settings.config import Bank, Settings
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason


@dataclass(frozen=True, slots=True)
class Material:
    """The check value of each enabled bank's ZMK, by the bank's code, empty where the token lacks it; and a
    digest of the files of the machine's certificate and its key, empty where all links are plain.
    """

    zmks: Mapping[str, str]
    certificate: str


def material_of(settings: Settings, key_provider: KeyProvider) -> Material:
    """Return what a machine with these settings serves with. Raises KeystoreError, KeyFileError and
    TokenError.
    """
    zmks = {bank.code: _check_value(key_provider, bank) for bank in settings.bank if bank.enabled}
    digest = ""
    if settings.tls is not None:
        whole = hashlib.sha256()
        for name, file in settings.tls.model_dump().items():
            try:
                whole.update(Path(file).read_bytes())
            except OSError as error:
                raise KeyFileError(
                    Sentence(
                        "[tls] {name} {file}: cannot be read: {reason}",
                        name=name,
                        file=file,
                        reason=system_reason(error),
                    )
                ) from error
        digest = whole.hexdigest()
    return Material(zmks, digest)


def _check_value(key_provider: KeyProvider, bank: Bank) -> str:
    """Return the check value of a bank's ZMK; empty where the token lacks it, which is this bank's trouble
    alone.
    """
    try:
        return key_provider.check_value(bank)
    except ZmkUnusable:
        return ""


def held_keys(
    settings: Settings, key_provider: KeyProvider, entropy: Entropy
) -> tuple[dict[str, BankKeys], Material]:
    """Return the keys of the banks that may connect, by code, and what may be said of them. A disabled bank
    needs none. Asks the token, where there is one. Raises what material_of does.
    """
    enabled = (bank for bank in settings.bank if bank.enabled)
    keys = {bank.code: key_provider.bank_keys(bank, entropy) for bank in enabled}
    return keys, material_of(settings, key_provider)


def token_is_silent(_result: object, seconds: float) -> NoReturn:
    """Raise KeystoreError: a reload has waited for the token for so long."""
    raise KeystoreError(
        Sentence("the token has not answered for {seconds} s: nothing was changed", seconds=f"{seconds:.0f}")
    )


def renewed(before: Material, after: Material, certificate_ends: str) -> Iterator[str]:
    """Yield in words what is another one in `after`. `certificate_ends` is the date on which the certificate
    of `after` ends.
    """
    for code, check_value in sorted(after.zmks.items()):
        if not check_value:
            yield Sentence("the token has no ZMK that bank {code} can sign on with", code=code)
        elif before.zmks.get(code, check_value) != check_value:
            yield Sentence(
                "new ZMK of bank {code}, check value {check_value}", code=code, check_value=check_value
            )
    if before.certificate and after.certificate and before.certificate != after.certificate:
        yield Sentence("new certificate of the machine, until {ends}", ends=certificate_ends)
