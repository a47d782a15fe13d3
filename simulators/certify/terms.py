"""What a bank and the insurer have agreed, as far as an examination needs it. No socket is opened here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fep.keys.key_provider import KeyProvider
from fep.settings.config import TRANSACTION_CODES, Bank, Settings
from protocol.framing import Framing, Idle
from protocol.mac import MacMethod

TERMINAL = "T0000001"
"""DE 41, unless another is given."""
_STRANGE_TERMINALS = ("ZZZZZZZZ", "99999999", "QQQQQQQQ")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the bank's certificate and key, and the machine's certificate or who vouches for it."""

    certificate: Path
    key: Path
    machine: Path


@dataclass(frozen=True, slots=True)
class Terms:
    """One bank's entry, seen from outside.

    `forbidden_codes` are the processing codes that the bank may not use; `forbidden_terminal` is a DE 41 that
    it may not, empty where it may use any; `limit_fen` is its limit for one transaction, 0 for none;
    `payout_advices` tells whether its word is taken that it has paid, `reversal_days` how many business days
    back its reversals reach, `idle` what is done with an empty frame, `dialects`
    the folder of dialects that are not shipped, `makes_keys` whether the bank makes the session keys.
    """

    code: str
    host: str
    port: int
    framing: Framing = Framing.BE2
    dialect: str = "ascii87"
    mac: MacMethod = MacMethod.AES_CMAC
    zmk: bytes = field(default=b"", repr=False)
    tls: TlsFiles | None = None
    terminal: str = TERMINAL
    branch: str = "BRANCH000000001"
    forbidden_codes: tuple[str, ...] = ()
    forbidden_terminal: str = ""
    limit_fen: int = 0
    payout_advices: bool = False
    reversal_days: int = 1
    idle: Idle = Idle.IGNORE
    dialects: str = ""
    makes_keys: bool = False


def terms_of(settings: Settings, entry: Bank, *, host: str = "", port: int = 0, terminal: str = "") -> Terms:
    """The terms of a bank in a machine's own settings, whose folder of keys holds the bank's too (as samples
    do). Raises KeystoreError and KeyFileError.
    """
    tls = None
    if entry.transport == "tls" and settings.tls is not None:
        folder = settings.keystore.path.parent
        own = folder / f"{entry.code}.crt", folder / f"{entry.code}.key"
        tls = TlsFiles(*own, Path(settings.tls.certificate_file))
    return Terms(
        code=entry.code,
        host=host or entry.host,
        port=port or entry.port,
        framing=entry.framing,
        idle=entry.idle,
        dialect=entry.dialect,
        mac=entry.mac,
        zmk=KeyProvider(settings.keystore).held_zmk(entry),
        tls=tls,
        terminal=terminal or TERMINAL,
        forbidden_codes=tuple(code for code in TRANSACTION_CODES if code not in entry.transactions),
        forbidden_terminal=next(
            (terminal for terminal in _STRANGE_TERMINALS if not entry.terminal_pattern.match(terminal)), ""
        ),
        limit_fen=entry.limit_transaction_fen,
        payout_advices=entry.payout_advices,
        reversal_days=entry.reversal_days,
        dialects=settings.node.dialects,
        makes_keys=entry.keys_made_by == "bank",
    )
