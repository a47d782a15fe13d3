"""The keys of the programs inside: what `qianzhi keys` does with the settings of one, and how one opens them.

A program inside has a keystore of its own, named by the section [keystore] of its settings, and a few keys by
name; which these are, the table here says. They are never those of the front-end machine, whose keystore does
not leave its node. Nothing is done with a key here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import click
from pydantic import ConfigDict

from console.key_use import type_name
from console.say import say
from console.wall_clock import now_us
from fep.keys.key_provider import key_of_kind, open_keystore
from fep.keys.keys import LENGTHS, Key, KeyKind, KeyRefused, generated
from fep.keys.keystore import Keystore, KeystoreError, MasterKey
from fep.operator.identity import at_keyboard
from fep.setup.install import write_master_key
from ledger.files.secret_source import KeystoreFile, rooted_keystore
from ledger.files.settings import Section, read_settings
from ledger.rules.secret import Secret
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.toml_text import read_toml

RECEIPT: Final = "receipt"
"""The office's key: it signs receipts."""
ARCHIVE: Final = "archive"
"""The archive's key: it signs volumes."""
PERSON: Final = "person"
"""A key of the customers' book: it keys the digests of identity numbers."""
PERSONS: Final = "persons"
"""A key of the customers' book: the persons' own keys are wrapped under it."""
ACCOUNT: Final = "account"
"""A key of collection: it keys the digests of accounts."""
FILES: Final = "files"
"""A key of collection: what is kept of banks' files is sealed under it."""
_AES_BYTES: Final = 32


class InsideProgram(NamedTuple):
    """One program inside: its keys by name, and what writes an act on a key into its audit log, given the
    settings' path, the act and the key's name.
    """

    keys: Mapping[str, KeyKind]
    recorded: Callable[[Path, str, str], AbstractContextManager[None]]


@contextmanager
def _recorded_at_office(config: Path, act: str, name: str) -> Iterator[None]:
    """Context manager: write the act into the office's audit log before the block, and how it ended."""
    # Not above: the keys of a front-end machine need no office.
    from console.closing import chart_of, opened  # noqa: PLC0415
    from office import close  # noqa: PLC0415
    from office.config import load_settings  # noqa: PLC0415
    from office.database.audit_log import recorded  # noqa: PLC0415

    settings = load_settings(config)
    with opened(settings) as store:
        close.prepare(store, chart_of(settings), now_us(), at_keyboard())
        with recorded(store, now_us, at_keyboard(), act, name):
            yield


def _not_recorded(_config: Path, _act: str, _name: str) -> AbstractContextManager[None]:
    """For a program whose first act on a key comes before it has a database."""
    return nullcontext()


PROGRAMS: Final[Mapping[str, InsideProgram]] = MappingProxyType(
    {
        "office": InsideProgram({RECEIPT: KeyKind.ED25519}, _recorded_at_office),
        "archive": InsideProgram({ARCHIVE: KeyKind.ED25519}, _not_recorded),
        "customers": InsideProgram({PERSON: KeyKind.BLAKE2B, PERSONS: KeyKind.AES}, _not_recorded),
        "collection": InsideProgram({ACCOUNT: KeyKind.BLAKE2B, FILES: KeyKind.AES}, _not_recorded),
    }
)
"""The programs inside by the section that only the settings of each have."""
_REPLACEABLE: Final = frozenset({RECEIPT, ARCHIVE})
"""Keys that another may follow: what they signed is checked by their public half. Without any other key, what
was made with it is lost.
"""


class InsideKeys(NamedTuple):
    """The keystore of a program inside, by its settings; paths are absolute."""

    config: Path
    program: InsideProgram
    keystore: KeystoreFile

    def recorded(self, act: str, name: str = "") -> AbstractContextManager[None]:
        """Context manager: write the act on a key into the program's audit log, before and after."""
        return self.program.recorded(self.config, act, name)


class _WithKeystore(Section):
    """Of a settings file, the section [keystore]; the program itself checks the rest."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)
    keystore: KeystoreFile


def inside_keys(config: Path) -> InsideKeys | None:
    """Return the keys of the program inside whose settings these are; None for those of a front-end machine.

    Raises SettingsError where the file of a program inside names no keystore.
    """
    try:
        sections = read_toml(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # who reads the settings whole says what is wrong with them
        return None
    program = next((PROGRAMS[name] for name in PROGRAMS if name in sections), None)
    if program is None:
        return None
    keystore = read_settings(config, _WithKeystore).keystore
    return InsideKeys(config, program, rooted_keystore(keystore, config.parent))


def inside_secret(keystore: KeystoreFile, name: str, kind: KeyKind) -> Secret:
    """Return a program's key, for the program to use. Raises KeystoreError and KeyFileError."""
    return key_of_kind(open_keystore(keystore), name, kind).secret


def create(inside: InsideKeys) -> None:
    """Make the keystore with a fresh key of each name; the master key too, if its file is not there."""
    source = inside.keystore.master_key
    with inside.recorded("keys create"):
        path = Path(source.removeprefix("file:"))
        if source.startswith("file:") and not path.exists():
            write_master_key(path, os.urandom)
            say(_("wrote {path}: keep a copy where the keystore's copies are not").format(path=path))
        master = MasterKey.read(source)
        keys = {name: _fresh(kind) for name, kind in inside.program.keys.items()}
        Keystore.create(inside.keystore.path, master, keys, os.urandom)
    say(
        _("wrote {path}, sealed under the master key with check value {check_value}").format(
            path=inside.keystore.path, check_value=master.check_value
        )
    )


def generate(inside: InsideKeys, name: str, *, replace: bool) -> None:
    """Draw a key at random. Raises KeyRefused for a name that the program has no key of, or for one whose
    replacement would lose what was made with it; KeystoreError where there is a key and `replace` is not
    given.
    """
    if (kind := inside.program.keys.get(name)) is None:
        raise KeyRefused(
            Sentence(
                "this program has no key of this name; there are {names}",
                names=listed(tuple(inside.program.keys)),
            )
        )
    keystore = open_keystore(inside.keystore)
    is_there = name in keystore
    if is_there and replace and name not in _REPLACEABLE:
        raise KeyRefused(
            Sentence("{name} is not replaced: what was made with it could not be read any more", name=name)
        )
    if is_there and not replace:
        raise KeystoreError(_("there is a key {name} already; --replace ends it").format(name=name))
    with inside.recorded("keys generate", name):
        if is_there:
            say(
                _(
                    "{name}, check value {check_value}: it signs nothing any more;"
                    " what it signed is still checked by its public half"
                ).format(name=name, check_value=keystore[name].check_value)
            )
            type_name(name)
        key = _fresh(kind)
        keystore.put(name, key, os.urandom, replace=replace)
    say(
        _("stored {name}: {kind}, check value {check_value}").format(
            name=name, kind=kind, check_value=key.check_value
        )
    )


def public_half(inside: InsideKeys, name: str) -> str:
    """Return the public half, hex, of a key that signs. Raises click.BadParameter for any other name."""
    signing = [known for known, kind in inside.program.keys.items() if kind is KeyKind.ED25519]
    if name not in signing:
        text = _("only what signs has a public half; here: {names}").format(names=listed(signing) or "-")
        raise click.BadParameter(text, param_hint="NAME")
    return key_of_kind(open_keystore(inside.keystore), name, KeyKind.ED25519).check_value


def _fresh(kind: KeyKind) -> Key:
    return generated(kind, _AES_BYTES if kind is KeyKind.AES else LENGTHS[kind][0], os.urandom)
