"""Gets a process its keys: from the keystore, and the banks' ZMKs from the token if one is configured.

Opened at start and at each reload. Nothing else in the machine knows where a key is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fep.errors import FepError
from fep.keys.keys import (
    FRONT,
    SEAL,
    BankKeys,
    Entropy,
    FrontKey,
    HeldZmk,
    Key,
    KeyKind,
    Zmk,
    ZmkUnusable,
    zmk_kind,
    zmk_name,
)
from fep.keys.keystore import Keystore, KeystoreError, MasterKey, read_source
from fep.settings.config import Bank, KeystoreSettings
from ledger.files.secret_source import KeystoreFile
from ledger.rules.seal import Sealer
from ledger.rules.secret import Secret
from protocol.errors import KeyBlockError
from protocol.mac import MacMethod
from qianzhi_errors.sentence import Sentence

if TYPE_CHECKING:
    from fep.keys.hsm import Token, TokenZmk


class TokenSession:
    """The session with the token of these settings, opened when it is first needed, and anew after a failure:
    what was derived in a session is gone with it. To be used by one thread at a time.
    """

    def __init__(self, settings: KeystoreSettings) -> None:
        self._settings = settings
        self._token: Token | None = None

    def zmk(self, name: str, method: MacMethod, kind: KeyKind) -> TokenZmk:
        """A ZMK of the token. Raises KeystoreError, KeyFileError and TokenError."""
        if self._token is None:
            self._token = open_token(self._settings)
        return self._token.zmk(name, method, kind)

    def close(self) -> None:
        """End the session. What a lost token says to that is of no use to anyone."""
        token, self._token = self._token, None
        if token is not None:
            with suppress(FepError):
                token.close()


class ReopenedZmk:
    """A ZMK in the token: found when it is first used, and again in a new session after the token failed."""

    in_token = True

    def __init__(self, session: TokenSession, name: str, method: MacMethod, kind: KeyKind) -> None:
        self._session = session
        self._names = name, method, kind
        self._zmk: TokenZmk | None = None

    @property
    def check_value(self) -> str:
        """The check value, hex. Raises KeystoreError, KeyFileError and TokenError."""
        return self._found().check_value

    def wrap(self, key: bytes, method: MacMethod, entropy: Entropy) -> str:
        """The TR-31 key block that carries a session key. Raises ZmkUnusable; and TokenError, and then begins
        a new session when it is next asked.
        """
        with self._session_ended_by_a_fault():
            return self._found().wrap(key, method, entropy)

    def unwrap(self, block: str, method: MacMethod) -> bytes:
        """The session key in a TR-31 key block. Raises KeyBlockError, and what `wrap` does."""
        with self._session_ended_by_a_fault():
            return self._found().unwrap(block, method)

    @contextmanager
    def _session_ended_by_a_fault(self) -> Iterator[None]:
        """Context manager: has the next call begin a new session where the token failed in this one."""
        try:
            yield
        except KeyBlockError:  # the bank's fault: the token has done what it was asked
            raise
        except ZmkUnusable:  # the session is good, and other banks' keys were derived in it
            self._zmk = None
            raise
        except Exception:  # whatever a vendor's library raises, its session is not asked again
            self._zmk = None
            self._session.close()
            raise

    def _found(self) -> TokenZmk:
        if self._zmk is None:
            self._zmk = self._session.zmk(*self._names)
        return self._zmk


class KeyProvider:
    """A node's keys, ready to use."""

    def __init__(self, settings: KeystoreSettings, former: KeyProvider | None = None) -> None:
        """Open the keystore; the token is opened when a ZMK is first asked for. `former` is the key provider
        that this one replaces at a reload: a session with the same token is taken over, since open links go
        on using its keys. Raises KeystoreError and KeyFileError.
        """
        self._settings = settings
        self._keystore = open_keystore(settings)
        self.front_key = FrontKey(self._of_kind(FRONT, KeyKind.BLAKE2B).secret.reveal())
        self.sealer = Sealer(self._of_kind(SEAL, KeyKind.ED25519).secret.reveal())
        self._session = TokenSession(settings)
        if former is not None and _same_token(settings, former._settings):
            self._session = former._session

    def close(self) -> None:
        """End the session with the token, if there is one."""
        self._session.close()

    def other_than(self, former: KeyProvider) -> tuple[str, ...]:
        """Names of the node's own keys (front, seal) that differ from `former`'s. A change of one makes the
        books and seals that were made with it useless.
        """
        pairs = {
            FRONT: (self.front_key.check_value, former.front_key.check_value),
            SEAL: (self.sealer.public, former.sealer.public),
        }
        return tuple(name for name, (ours, former_value) in pairs.items() if ours != former_value)

    def bank_keys(self, bank: Bank, entropy: Entropy) -> BankKeys:
        """The maker of a bank's session keys; one whose ZMK the token lacks makes none. Raises KeystoreError
        and KeyFileError.
        """
        return BankKeys(bank.mac, self._zmk(bank), entropy)

    def check_value(self, bank: Bank) -> str:
        """The check value of a bank's ZMK, hex. Raises KeystoreError, KeyFileError and TokenError."""
        return self._zmk(bank).check_value

    def held_zmk(self, bank: Bank) -> bytes:
        """The bytes of a bank's ZMK, for a simulated bank that shares the keystore. Raises KeystoreError."""
        return self._of_kind(zmk_name(bank.code), zmk_kind(bank.mac)).secret.reveal()

    def _zmk(self, bank: Bank) -> Zmk:
        name, kind = zmk_name(bank.code), zmk_kind(bank.mac)
        if self._settings.pkcs11_module is None:
            return HeldZmk(self._of_kind(name, kind))
        return ReopenedZmk(self._session, name, bank.mac, kind)

    def _of_kind(self, name: str, kind: KeyKind) -> Key:
        return key_of_kind(self._keystore, name, kind)


def _same_token(settings: KeystoreSettings, former: KeystoreSettings) -> bool:
    return (settings.pkcs11_module, settings.token) == (former.pkcs11_module, former.token)


def key_of_kind(keystore: Keystore, name: str, kind: KeyKind) -> Key:
    """A key of a keystore, if it is of the kind that is needed. Raises KeystoreError."""
    key = keystore[name]
    if key.kind is not kind:
        raise KeystoreError(
            Sentence(
                "{name} is a key for {kind}, one for {needed} is needed",
                name=name,
                kind=key.kind,
                needed=kind,
            )
        )
    return key


def open_keystore(settings: KeystoreFile) -> Keystore:
    """The keystore that the settings name, opened. Raises KeystoreError and KeyFileError."""
    return Keystore(settings.path, MasterKey.read(settings.master_key))


def open_token(settings: KeystoreSettings, *, writing: bool = False) -> Token:
    """The token that the settings name, logged in to; `writing` allows to put keys in and remove them. Raises
    KeystoreError, KeyFileError and TokenError.
    """
    if settings.pkcs11_module is None or settings.token is None or settings.pin is None:
        raise KeystoreError(Sentence("the settings name no token: [keystore] pkcs11_module, token and pin"))
    from fep.keys.hsm import Token  # noqa: PLC0415 - the library is loaded only where there is a token

    pin = Secret(read_source(settings.pin).encode("ascii"))
    return Token(settings.pkcs11_module, settings.token, pin, writing=writing)
