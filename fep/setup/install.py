"""Writes an installation that can serve at once: settings, keys and certificates. For `qianzhi init`, `run`
and the demo.

It writes files only where there are none, and never overwrites a key. Nothing here runs while a machine
serves.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import tomlkit

from fep.errors import FepError
from fep.keys.keys import FRONT, LENGTHS, SEAL, Entropy, Key, KeyKind, generated, zmk_kind, zmk_name
from fep.keys.keystore import MASTER_KEY_LENGTH, Keystore, MasterKey
from fep.setup.certificates import Certificate, self_signed
from ledger.rules.secret import Secret
from protocol.mac_table import mac_of
from qianzhi_errors.sentence import Sentence


class InstallError(FepError):
    """The folder cannot be used for a new installation."""


class SampleBank(NamedTuple):
    """A bank of the sample settings. Each has another framing, dialect and MAC, so that all are seen at work.
    `zmk_bytes` is the length of its ZMK.
    """

    code: str
    name: str
    name_en: str
    framing: str
    dialect: str
    mac: str
    zmk_bytes: int


SAMPLE_BANKS = (
    SampleBank("01020000", "示例工商银行", "SAMPLE INDUSTRIAL BANK", "2be", "ascii87", "aes-cmac", 16),
    SampleBank("01030000", "示例农业银行", "SAMPLE AGRICULTURAL BANK", "4ascii", "bcd87", "x9.19", 16),
    SampleBank("03010000", "示例交通银行", "SAMPLE TRANSPORT BANK", "2be-tpdu", "ebcdic87", "aes-cmac", 32),
)

_HEAD = """# Settings of a Qianzhi front-end machine. Paths count from this file's folder.

[node]
name = "fep1"
database = ""
durable = false                     # for trials only: the disk is not tested; remove this line

[keystore]                          # ZMKs, front key, seal key; see qianzhi keys --help
file = "keys/keystore"
master_key = "file:keys/master.key" # better "credential:NAME": not on the keystore's own disk

[status]                            # page, health, figures, metrics: for operators only
port = 0
breaks = "breaks.json"              # open breaks in figures: a file that the office leaves here

[tls]                               # what banks are shown
certificate_file = "keys/machine.crt"
key_file = "keys/machine.key"

[receipt]                           # what a receipt says of the insurer; empty: not printed
insurer = "示例人寿保险股份有限公司"
insurer_en = "SAMPLE LIFE INSURANCE CO., LTD."
hotline = "400-000-0000"
seal = "加盖银行业务章后有效"
seal_en = "VALID WITH THE BANK'S STAMP"

[day]
archived = "archived.json"          # days that may be retired: a file that the office leaves here
# cutover = "22:00"                 # Beijing time; without it, `qianzhi day cutover` ends a business day
"""
"""The settings without banks: installing fills in the database and the status port, and removes `durable`
from a machine that is no trial and [tls] from one without TLS."""

_BANK = """
[[bank]]
code = ""                   # DE 32
name = ""
name_en = ""                # on receipts in English
port = 0
networks = ["127.0.0.0/8", "::1/128"]
pins = [""]   # SHA-256 of its public key
framing = ""
dialect = ""
mac = ""
limit_transaction_fen = 50000000    # 500,000.00 yuan
limit_day_fen = 0                   # none
"""
_PLAIN_BANK = re.sub(r"pins = .*", 'transport = "plain"', _BANK)


def install(
    folder: Path,
    entropy: Entropy,
    now: datetime,
    *,
    first_port: int,
    status_port: int,
    database: str = "sqlite:///front.db",
    plain: bool = False,
    trial: bool = False,
) -> Path:
    """Write settings, keys and certificates into an empty or new folder, and return the path of the
    settings.

    The certificates are valid from `now` on. `first_port` is the first bank's, the others follow it; with 0
    the system chooses each. With `plain` the links have no TLS; with `trial` the machine serves from a disk
    that is not tested. Raises InstallError where the settings or a key exist already.
    """
    settings = folder / "qianzhi.toml"
    if settings.exists():
        raise InstallError(Sentence("{settings} exists already: nothing was changed", settings=settings))
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    keys.chmod(0o700)
    _fill_keystore(keys / "keystore", write_master_key(keys / "master.key", entropy), entropy)
    if not plain:
        _write_certificate(keys / "machine", self_signed("Qianzhi front-end machine", now))
    parts = [_head_text(database, status_port, plain=plain, trial=trial)]
    for place, bank in enumerate(SAMPLE_BANKS):
        port = first_port + place if first_port else 0
        parts.append(_bank_text(bank, port, "" if plain else _bank_certificate(keys, bank, now)))
    settings.write_text("".join(parts), encoding="utf-8")
    return settings


def _head_text(database: str, status_port: int, *, plain: bool, trial: bool) -> str:
    """The settings without banks, as TOML."""
    document = tomlkit.parse(_HEAD)
    document["node"]["database"] = database
    document["status"]["port"] = status_port
    if not trial:
        del document["node"]["durable"]
    if plain:
        del document["tls"]
    return tomlkit.dumps(document)


def _bank_text(bank: SampleBank, port: int, pin: str) -> str:
    """One [[bank]] as TOML; `pin` is the SHA-256 of its public key in hex, empty for a link without TLS."""
    document = tomlkit.parse(_BANK if pin else _PLAIN_BANK)
    entry = document["bank"][0]
    if pin:
        entry["pins"][0] = pin
    for name in ("code", "name", "name_en", "framing", "dialect", "mac"):
        entry[name] = getattr(bank, name)
    entry["port"] = port
    return tomlkit.dumps(document)


def _bank_certificate(keys: Path, bank: SampleBank, now: datetime) -> str:
    """Write the certificate and key of a sample bank, as that bank would have them, and return its pin."""
    certificate = self_signed(f"sample bank {bank.code}", now)
    _write_certificate(keys / bank.code, certificate)
    return certificate.pin


def _write_certificate(stem: Path, certificate: Certificate) -> None:
    """Write `stem`.key, for its owner alone, and `stem`.crt."""
    _write_private(stem.with_suffix(".key"), certificate.key)
    stem.with_suffix(".crt").write_bytes(certificate.certificate)


def write_master_key(path: Path, entropy: Entropy) -> MasterKey:
    """Write a fresh master key into a new file, and return it. Raises InstallError where the file exists."""
    secret = Secret(entropy(MASTER_KEY_LENGTH))
    _write_private(path, f"{secret.reveal().hex()}\n".encode())
    return MasterKey(secret)


def node_keys(entropy: Entropy) -> dict[str, Key]:
    """Return a node's own keys by name, fresh: the front key and the seal key. Raises KeyRefused where the
    entropy gives a key that may not be used.
    """
    return {
        name: generated(kind, LENGTHS[kind][0], entropy)
        for name, kind in ((FRONT, KeyKind.BLAKE2B), (SEAL, KeyKind.ED25519))
    }


def _fill_keystore(path: Path, master: MasterKey, entropy: Entropy) -> None:
    """Create the keystore with the node's own keys and a ZMK for each sample bank."""
    zmks = {
        zmk_name(bank.code): generated(zmk_kind(mac_of(bank.mac)), bank.zmk_bytes, entropy)
        for bank in SAMPLE_BANKS
    }
    Keystore.create(path, master, {**node_keys(entropy), **zmks}, entropy)


def _write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read from the moment it exists. Raises InstallError where it
    exists.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError as error:
        raise InstallError(
            Sentence("{path} exists already: a key is never overwritten", path=path)
        ) from error
    path.write_bytes(content)
