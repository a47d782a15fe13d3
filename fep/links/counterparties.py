"""Makes the counterparties of the settings' banks, at the start and at each reload.

What of a bank must outlive a reload is kept here: its budget of misses, and until when the certificates are
valid that it has shown. Nothing here knows links: who may open one is `fep.links.server`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from fep.keys.key_provider import KeyProvider
from fep.keys.keys import BankKeys
from fep.links.counterparty import Counterparty
from fep.links.misses import Misses
from fep.links.receipt import letterhead_of
from fep.links.request_parser import RequestParser
from fep.links.tls import OwnCertificate, Pinned, TlsError, Validity
from fep.settings.config import Bank, Settings
from fep.settings.dialects import served_dialect
from protocol.codec import Codec
from protocol.decline import FastDecline
from qianzhi_errors.sentence import Sentence


class Counterparties:
    """Makes counterparties. `misses` are the banks' budgets; `seen` has, by bank and pin, the validity of the
    certificates that banks have shown.
    """

    def __init__(self, key_days: int) -> None:
        self._key_days = key_days
        self.misses: dict[str, Misses] = {}
        self.seen: dict[str, dict[str, Validity]] = {}

    def enabled(
        self, settings: Settings, key_provider: KeyProvider, keys: Mapping[str, BankKeys]
    ) -> dict[str, Counterparty]:
        """Return the banks that may connect, by code: those that have `keys`. Raises TlsError."""
        enabled = (bank for bank in settings.bank if bank.enabled)
        return {
            bank.code: self._counterparty(bank, settings, key_provider, keys[bank.code]) for bank in enabled
        }

    def _counterparty(
        self, bank: Bank, settings: Settings, key_provider: KeyProvider, keys: BankKeys
    ) -> Counterparty:
        dialect = served_dialect(bank.dialect, settings.node.dialects, bank.gb18030)
        codec = Codec(dialect, bank.mac.cover)
        request_parser = RequestParser(bank, key_provider.front_key, dialect, self._key_days)
        return Counterparty(
            bank,
            codec,
            FastDecline(codec),
            request_parser,
            keys,
            self._misses_of(bank),
            letterhead_of(settings.receipt, bank),
            self._pinned(bank, settings),
        )

    def _pinned(self, bank: Bank, settings: Settings) -> Pinned | None:
        if bank.transport != "tls" or settings.tls is None:
            return None
        files = Path(settings.tls.certificate_file), Path(settings.tls.key_file)
        try:
            return Pinned(*files, bank.pins, bank.tls_minimum, self.seen.setdefault(bank.code, {}))
        except TlsError as error:
            raise TlsError(Sentence("[tls] {reason}", reason=error)) from error

    def _misses_of(self, bank: Bank) -> Misses:
        """Return the bank's budget of misses. A reload changes its size, and gives nothing back that was
        used up.
        """
        misses = self.misses.setdefault(bank.code, Misses(bank.misses_a_minute, bank.misses_a_day))
        misses.a_minute, misses.a_day = bank.misses_a_minute, bank.misses_a_day
        return misses


def redefined(before: Mapping[str, Counterparty], after: Mapping[str, Counterparty]) -> Iterator[str]:
    """Yield which banks' dialects have the names that they had, and say something else, for a reload."""
    for code in sorted(before.keys() & after.keys()):
        old, new = before[code].codec.dialect, after[code].codec.dialect
        if old.name == new.name and old != new:
            yield Sentence("bank {code}: its dialect {name} has changed", code=code, name=new.name)


def shown_certificate(counterparties: Mapping[str, Counterparty]) -> OwnCertificate | None:
    """Return the certificate that links are shown; None where every link is plain."""
    shown = (bank.tls.certificate for bank in counterparties.values() if bank.tls is not None)
    return next(shown, None)
