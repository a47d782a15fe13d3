"""ZMKs in a PKCS#11 token (a hardware security module, or SoftHSM): put in, found and used, never taken out.

The two block keys of TR-31 are derived inside the token as session objects (CKM_*_ECB_ENCRYPT_DATA), so that
neither the ZMK nor anything equal to it is ever in this process. A token that cannot derive them is refused,
since to derive them here would bring the ZMK here. python-pkcs11 is imported in this module alone, and this
module only when a token is used.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from fep.errors import FepError
from fep.keys.keys import LENGTHS, Entropy, Key, KeyKind, ZmkUnusable, is_zmk
from ledger.rules.secret import Secret
from protocol.keyblock import (
    BINDINGS,
    FOR_AUTHENTICATION,
    FOR_ENCRYPTION,
    Binding,
    frame,
    key_data,
    unwrap_elsewhere,
)
from protocol.mac import (
    AES_BLOCK_LENGTH,
    AES_CHECK_VALUE_LENGTH,
    DES_BLOCK_LENGTH,
    TDES_CHECK_VALUE_LENGTH,
    MacMethod,
)
from qianzhi_errors.sentence import Sentence, listed

_PAD: Final = b"\x80"


class TokenError(FepError):
    """The token cannot be used, or has no such key. The text says why, and never holds a PIN or a key."""


class UnusableKey(TokenError, ZmkUnusable):
    """One key is not in the token, or cannot be used as a ZMK; the token itself can."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """One cipher as PKCS#11 names it. `key_types` is by key length in bytes; `single` encrypts one block,
    `derive` makes block keys, `cmac` and `cbc` make key blocks; `block_length` is in bytes, and `doubling` is
    the constant of the cipher's CMAC (NIST SP 800-38B).
    """

    key_types: Mapping[int, KeyType]
    single: Mechanism
    derive: Mechanism
    cmac: Mechanism
    cbc: Mechanism
    block_length: int
    doubling: int

    def mechanisms(self) -> frozenset[Mechanism]:
        """The mechanisms that the token must have."""
        return frozenset({self.single, self.derive, self.cmac, self.cbc})


CIPHERS: Final[Mapping[KeyKind, Cipher]] = MappingProxyType(
    {
        KeyKind.AES: Cipher(
            key_types=MappingProxyType(dict.fromkeys(LENGTHS[KeyKind.AES], KeyType.AES)),
            single=Mechanism.AES_ECB,
            derive=Mechanism.AES_ECB_ENCRYPT_DATA,
            cmac=Mechanism.AES_CMAC,
            cbc=Mechanism.AES_CBC,
            block_length=AES_BLOCK_LENGTH,
            doubling=0x87,
        ),
        KeyKind.TDES: Cipher(
            key_types=MappingProxyType({16: KeyType.DES2, 24: KeyType.DES3}),
            single=Mechanism.DES3_ECB,
            derive=Mechanism.DES3_ECB_ENCRYPT_DATA,
            cmac=Mechanism.DES3_CMAC,
            cbc=Mechanism.DES3_CBC,
            block_length=DES_BLOCK_LENGTH,
            doubling=0x1B,
        ),
    }
)
_STAYS: Final = MappingProxyType(
    {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
)


class Token:
    """A token that this process has logged in to. To be used by one thread only."""

    def __init__(self, module: str, label: str, pin: Secret, *, writing: bool = False) -> None:
        """Log in as the token's user. `module` is the library's path, `label` the token's, `pin` ASCII;
        `writing` allows `put` and `remove`. Raises TokenError.
        """
        with _token_errors(Sentence("{module}: ", module=module)):
            self._token = pkcs11.lib(module).get_token(token_label=label)
        self._label = label
        self._mechanisms = frozenset(self._token.slot.get_mechanisms())
        with _token_errors(Sentence("token {label}: ", label=label)):
            try:
                self._session = self._token.open(rw=writing, user_pin=pin.reveal().decode("ascii"))
            except pkcs11.UserAlreadyLoggedIn:  # a process logs in once: all its sessions share the login
                self._session = self._token.open(rw=writing)

    def close(self) -> None:
        """End the session; the block keys that were derived in it are gone. Raises TokenError."""
        with _token_errors(Sentence("token {label}: ", label=self._label)):
            self._session.close()

    def zmks(self) -> Iterator[tuple[str, KeyKind, str]]:
        """Name, kind and check value of each ZMK in the token, sorted by name. Raises TokenError."""
        with _token_errors(Sentence("token {label}: ", label=self._label)):
            zmks = [
                (key.label, kind, zmk_check_value(cipher, key))
                for kind, cipher in CIPHERS.items()
                for key_type in dict.fromkeys(cipher.key_types.values())
                for key in self._objects({Attribute.KEY_TYPE: key_type})
                if is_zmk(key.label)
            ]
        return iter(sorted(zmks))

    def zmk(self, name: str, method: MacMethod, kind: KeyKind) -> TokenZmk:
        """The ZMK of this name, ready to wrap session keys. Raises TokenError, and of it UnusableKey where
        this key alone is missing or no good.
        """
        cipher = CIPHERS[kind]
        missing = cipher.mechanisms() - self._mechanisms
        if missing:
            names = listed(sorted(f"CKM_{mechanism.name}" for mechanism in missing))
            raise TokenError(
                Sentence(
                    "token {label}: cannot do {names}, which TR-31 inside the token takes",
                    label=self._label,
                    names=names,
                )
            )
        with _token_errors(self._place_of(name)):
            key = self._find(name)
            length = _length(cipher, key)
            return TokenZmk(cipher, BINDINGS[method.algorithm], key, length)

    def put(self, name: str, key: Key, *, replace: bool = False) -> None:
        """Store a key in the token, from which it cannot be read again; `replace` ends a key of the same
        name. Raises TokenError.
        """
        cipher = CIPHERS[key.kind]
        with _token_errors(self._place_of(name)):
            old = self._objects({Attribute.LABEL: name})
            if old and not replace:
                raise TokenError(
                    Sentence(
                        "token {label}: there is a key {name} already; --replace ends it",
                        label=self._label,
                        name=name,
                    )
                )
            attributes = {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: cipher.key_types[len(key.secret)],
                Attribute.LABEL: name,
                Attribute.TOKEN: True,
                Attribute.ENCRYPT: True,
                Attribute.DERIVE: True,
                Attribute.DECRYPT: False,
                Attribute.SIGN: False,
                Attribute.WRAP: False,
                Attribute.UNWRAP: False,
                **_STAYS,
            }
            self._session.create_object({**attributes, Attribute.VALUE: key.secret.reveal()})
            for former in old:
                former.destroy()

    def remove(self, name: str) -> None:
        """Destroy the key of this name. Raises TokenError where there is none."""
        with _token_errors(self._place_of(name)):
            keys = self._objects({Attribute.LABEL: name})
            if not keys:
                raise TokenError(
                    Sentence("token {label}: there is no key {name}", label=self._label, name=name)
                )
            for key in keys:  # two if a replacement was interrupted
                key.destroy()

    def _place_of(self, name: str) -> str:
        return Sentence("token {label}, key {name}: ", label=self._label, name=name)

    def _objects(self, attributes: dict[Attribute, Any]) -> list[Any]:
        """The secret keys with these attributes. All are read at once: during a search the session can make
        no other call.
        """
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, **attributes}
        return list(self._session.get_objects(wanted))

    def _find(self, name: str) -> Any:  # noqa: ANN401 - the library's classes are made at run time
        keys = self._objects({Attribute.LABEL: name})
        if len(keys) != 1:
            raise UnusableKey(
                Sentence(
                    "token {label}: there are {count} keys {name}, one is needed",
                    label=self._label,
                    count=len(keys),
                    name=name,
                )
            )
        return keys[0]


class TokenZmk:
    """A ZMK in a token, with the two block keys that were derived from it there."""

    in_token = True

    def __init__(self, cipher: Cipher, binding: Binding, key: Any, length: int) -> None:  # noqa: ANN401 - as above
        self._cipher = cipher
        self._length = length
        self.check_value = zmk_check_value(cipher, key)
        derive = _deriver(cipher, binding, key, length)
        self._encryption = derive(FOR_ENCRYPTION, {Attribute.ENCRYPT: True, Attribute.DECRYPT: True})
        self._authentication = derive(FOR_AUTHENTICATION, {Attribute.SIGN: True})

    def wrap(self, key: bytes, method: MacMethod, entropy: Entropy) -> str:
        """The TR-31 key block that carries a session key; the same as `protocol.keyblock.wrap` makes. Raises
        TokenError.
        """
        header, padding = frame(self._length, key, method, entropy)
        clear = Secret(key_data(key, padding))
        with _token_errors(Sentence("token: ")):
            mac = self._authentication.sign(
                header.encode("ascii") + clear.reveal(), mechanism=self._cipher.cmac
            )
            encrypted = self._encryption.encrypt(
                clear.reveal(), mechanism=self._cipher.cbc, mechanism_param=mac
            )
        return header + bytes(encrypted + mac).hex().upper()

    def unwrap(self, block: str, method: MacMethod) -> bytes:
        """The session key in a TR-31 key block of version D or B, the same as `protocol.keyblock.unwrap`
        finds. Raises KeyBlockError, and TokenError.
        """
        return unwrap_elsewhere(block, method, self._decrypt, self._cmac)

    def _decrypt(self, encrypted: bytes, mac: bytes) -> bytes:
        with _token_errors(Sentence("token: ")):
            return bytes(self._encryption.decrypt(encrypted, mechanism=self._cipher.cbc, mechanism_param=mac))

    def _cmac(self, data: bytes) -> bytes:
        with _token_errors(Sentence("token: ")):
            return bytes(self._authentication.sign(data, mechanism=self._cipher.cmac))


def zmk_check_value(cipher: Cipher, key: Any) -> str:  # noqa: ANN401 - as above
    """The check value of a key in the token, hex, as protocol.mac makes it: for AES the CMAC of a block of
    zeros, for TDES its encryption.
    """
    if cipher.block_length == DES_BLOCK_LENGTH:
        block = key.encrypt(bytes(cipher.block_length), mechanism=cipher.single)
        return str(block[:TDES_CHECK_VALUE_LENGTH].hex().upper())
    block = key.encrypt(_subkeys(cipher, key)[0], mechanism=cipher.single)
    return str(block[:AES_CHECK_VALUE_LENGTH].hex().upper())


def _subkeys(cipher: Cipher, key: Any) -> tuple[bytes, bytes]:  # noqa: ANN401 - as above
    """CMAC's two subkeys: the mask for a last block that is whole, and the mask for one that is padded."""
    first = _doubled(key.encrypt(bytes(cipher.block_length), mechanism=cipher.single), cipher.doubling)
    return first, _doubled(first, cipher.doubling)


def _doubled(block: bytes, doubling: int) -> bytes:
    """The block times two in CMAC's finite field (NIST SP 800-38B, section 6.1)."""
    bits = 8 * len(block)
    number = int.from_bytes(block, "big") << 1
    if number >> bits:
        number = (number ^ doubling) & ((1 << bits) - 1)
    return number.to_bytes(len(block), "big")


def _deriver(
    cipher: Cipher,
    binding: Binding,
    key: Any,  # noqa: ANN401 - as above
    length: int,
) -> Callable[[bytes, dict[Attribute, bool]], Any]:
    """A function that derives a block key inside the token, from its usage and its permissions.

    The CMAC of one block is the encryption of the block after its mask is applied. So CKM_*_ECB_ENCRYPT_DATA,
    given the masked blocks, makes the CMACs that TR-31 derives block keys by.
    """
    masks = _subkeys(cipher, key)

    def derive(usage: bytes, may: dict[Attribute, bool]) -> Any:  # noqa: ANN401 - as above
        data = b"".join(
            _masked(part, masks, cipher.block_length) for part in binding.derivation_data(length, usage)
        )
        buffer = ctypes.create_string_buffer(data, len(data))
        # python-pkcs11 packs CK_KEY_DERIVATION_STRING_DATA for AES, and takes it packed for TDES.
        packed = struct.pack("@PL", ctypes.addressof(buffer), len(data))
        aes = cipher.block_length == AES_BLOCK_LENGTH
        # The type of a DES key implies its length, and a token refuses VALUE_LEN beside it.
        extra = {} if aes else {Attribute.VALUE_LEN: pkcs11.DEFAULT}
        return key.derive_key(
            cipher.key_types[length],
            8 * length,
            capabilities=0,
            mechanism=cipher.derive,
            mechanism_param=data if aes else packed,
            template={**_STAYS, **extra, **may},
        )

    return derive


def _masked(part: bytes, masks: tuple[bytes, bytes], block_length: int) -> bytes:
    """A last block of CMAC with its padding and mask applied."""
    whole = len(part) == block_length
    block = part if whole else (part + _PAD).ljust(block_length, b"\x00")
    return bytes(a ^ b for a, b in zip(block, masks[0 if whole else 1], strict=True))


def _length(cipher: Cipher, key: Any) -> int:  # noqa: ANN401 - as above
    """The length of a key in the token, in bytes. Raises UnusableKey for a key of another cipher."""
    for length, key_type in cipher.key_types.items():
        if key.key_type == key_type != KeyType.AES:
            return length
    if key.key_type != KeyType.AES or cipher.block_length != AES_BLOCK_LENGTH:
        raise UnusableKey(
            Sentence("is a {kind} key, which the bank's MAC does not go with", kind=key.key_type.name)
        )
    return int(key[Attribute.VALUE_LEN])


@contextmanager
def _token_errors(place: str) -> Iterator[None]:
    """Context manager: turns the library's errors into TokenError. The text is `place` and the error's name
    in words, and nothing that was passed in.
    """
    try:
        yield
    except pkcs11.PKCS11Error as error:
        name = type(error).__name__
        kind = UnusableKey if name in _OF_ONE_KEY else TokenError
        raise kind(Sentence("{place}{reason}", place=place, reason=_WORDS.get(name, name))) from None


_OF_ONE_KEY: Final = frozenset({"KeyFunctionNotPermitted", "KeySizeRange", "KeyTypeInconsistent"})
"""The library's errors about the key that was used, and about nothing else of the token."""
_WORDS: Final = MappingProxyType(
    {
        "PinIncorrect": Sentence("the PIN is wrong"),
        "PinLenRange": Sentence("the PIN is wrong"),
        "PinLocked": Sentence("the PIN is locked after too many wrong ones"),
        "NoSuchToken": Sentence("there is no such token"),
        "PKCS11Error": Sentence("the module cannot be loaded"),
    }
)
