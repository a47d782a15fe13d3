"""The commands on keys: `qianzhi keys ...`, and the custodians' ceremony.

They take the settings of a front-end machine; of a program inside, whose keys are `console.inside_keys`'s,
those commands do that need no custodian.

What a custodian types is hidden and handed on at once. Only names, kinds and check values are printed or
written into the audit log, never a key. The machine reads its keys at start and at `qianzhi reload`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from console import inside_keys
from console.audit_entry import recorded
from console.key_use import ask_for_name, check_unused
from console.options import SETTINGS
from console.output import JSON, show
from console.say import say
from fep.errors import FepError
from fep.keys.key_provider import open_keystore, open_token
from fep.keys.keys import (
    FRONT,
    LENGTHS,
    SEAL,
    Key,
    KeyKind,
    KeyRefused,
    combined,
    component_check_value,
    generated,
    is_zmk,
    zmk_kind,
    zmk_name,
)
from fep.keys.keystore import Keystore, KeystoreError, MasterKey
from fep.operator.audit_trail import NAME, subject_of
from fep.settings.config import Bank, KeystoreSettings, Settings, load_settings
from fep.setup.install import node_keys, write_master_key
from ledger.files.secret_source import SOURCE, KeystoreFile, rooted_source
from ledger.rules.secret import Secret
from qianzhi_errors.sentence import Sentence, listed

if TYPE_CHECKING:
    from fep.keys.hsm import Token

_NODE_KEYS: Final = {FRONT: KeyKind.BLAKE2B, SEAL: KeyKind.ED25519}
_SHOWN: Final = 10
"""Digits of a check value that are written down: as many as a ZMK's has."""
_REPLACE = click.option("--replace", is_flag=True, help="end the key of this name, if there is one")


@click.group()
def keys() -> None:
    """Keys at rest: the keystore, the token, and the custodians' ceremony."""


@keys.command("create")
@SETTINGS
def create_command(config: Path) -> None:
    """Make the keystore with a fresh front key and seal key; the master key too, if its file is not there.

    With the settings of a program inside, the keys are its own: the office's is receipt.
    """
    if (inside := inside_keys.inside_keys(config)) is not None:
        inside_keys.create(inside)
        return
    loaded = load_settings(config)
    settings = loaded.keystore
    with recorded(loaded, "keys create") as details:
        path = settings.master_key.removeprefix("file:")
        if path != settings.master_key and not Path(path).exists():
            write_master_key(Path(path), os.urandom)
            say(_("wrote {path}: keep a copy where the keystore's copies are not").format(path=path))
        master = MasterKey.read(settings.master_key)
        Keystore.create(settings.path, master, node_keys(os.urandom), os.urandom)
        details["master key"] = master.check_value
    say(
        _("wrote {path}, sealed under the master key with check value {check_value}").format(
            path=settings.path, check_value=master.check_value
        )
    )


@keys.command("list")
@SETTINGS
@JSON
def list_command(config: Path, as_json: bool) -> None:
    """Say which keys there are: name, kind, check value. Never a key."""
    inside = inside_keys.inside_keys(config)
    if inside is not None:
        listed = _listed(inside.keystore)
    else:
        settings = load_settings(config).keystore
        listed = _listed(settings)
        if settings.pkcs11_module is not None:
            zmks = _token(settings, writing=False).zmks()
            listed += [ListedKey(name, str(kind), value, str(settings.token)) for name, kind, value in zmks]

    def lines() -> Iterator[str]:
        for name, kind, value, token in listed:
            in_token = _(" in token {token}").format(token=token) if token else ""
            yield f"{name} {kind} {value}{in_token}"

    show(listed, lines, as_json=as_json)


def _listed(settings: KeystoreFile) -> list[ListedKey]:
    """The keys of a keystore's file."""
    keystore = open_keystore(settings)
    return [ListedKey(name, str(keystore[name].kind), keystore[name].check_value, "") for name in keystore]


class ListedKey(NamedTuple):
    """A key by name: its kind, its check value, and the token that holds it, empty for the keystore."""

    name: str
    kind: str
    check_value: str
    token: str


@keys.command("load")
@click.argument("name")
@click.option("--parts", type=click.IntRange(2, 9), default=2, show_default=True, help="how many custodians")
@_REPLACE
@SETTINGS
def load_command(name: str, parts: int, replace: bool, config: Path) -> None:
    """Put a bank's ZMK together from its custodians' components. NAME is zmk/<bank>."""
    settings = load_settings(config)
    with recorded(settings, "keys load", subject_of("keys load", name)) as details:
        bank = _bank(settings, name)
        details["kind"] = kind = zmk_kind(bank.mac)
        store = _place(settings.keystore, name, replace=replace)
        custodians: list[Custodian] = []
        for place in range(1, parts + 1):
            custodians.append(_custodian(kind, place, parts, custodians))
            details["custodians"] = ", ".join(
                f"{custodian.name} {custodian.check_value}" for custodian in custodians
            )
        key = combined(kind, [custodian.component for custodian in custodians])
        say(
            _("{name}: {kind}, {bits} bits, check value {check_value}").format(
                name=name, kind=kind, bits=8 * len(key.secret), check_value=key.check_value
            )
        )
        details["check value"] = key.check_value
        click.confirm(_("Is that the check value on the bank's sheet?"), abort=True)
        store(key)
    say(_("stored {name}; the machine takes it at its next start, or at qianzhi reload").format(name=name))


@keys.command("generate")
@click.argument("name")
@click.option("--bytes", "length", type=int, default=None, help="a ZMK's length  [default: 16]")
@_REPLACE
@SETTINGS
def generate_command(name: str, length: int | None, replace: bool, config: Path) -> None:
    """Draw a key at random: front, seal, or zmk/<bank>. A ZMK drawn here nobody else has: for trials only.

    With the settings of a program inside: one of its keys.
    """
    if (inside := inside_keys.inside_keys(config)) is not None:
        inside_keys.generate(inside, name, replace=replace)
        return
    settings = load_settings(config)
    with recorded(settings, "keys generate", subject_of("keys generate", name)) as details:
        details["kind"] = kind = (
            _NODE_KEYS[name] if name in _NODE_KEYS else zmk_kind(_bank(settings, name).mac)
        )
        key = generated(kind, length or LENGTHS[kind][0], os.urandom)
        store = _place(settings.keystore, name, replace=replace)
        if replace:
            _ask_before_replacing(settings, name)
        store(key)
        details["check value"] = key.check_value[:_SHOWN]
    say(
        _(
            "stored {name}: {kind}, check value {check_value};"
            " the machine takes it at its next start, or at qianzhi reload"
        ).format(name=name, kind=kind, check_value=key.check_value)
    )


@keys.command("remove")
@click.argument("name")
@SETTINGS
def remove_command(name: str, config: Path) -> None:
    """Remove a key for good, once its name is typed; refused while a bank or the front book uses it."""
    loaded = load_settings(config)
    settings = loaded.keystore
    with recorded(loaded, "keys remove", subject_of("keys remove", name)):
        token = _token(settings) if _in_token(settings, name) else None
        check_value = _check_value(settings, token, name)
        check_unused(loaded, name, check_value)
        ask_for_name(name, check_value)
        if token is not None:
            token.remove(name)
        else:
            open_keystore(settings).remove(name, os.urandom)
    say(_("removed {name}").format(name=name))


@keys.command("rewrap")
@click.argument("source")
@SETTINGS
def rewrap_command(source: str, config: Path) -> None:
    """Seal the keystore under another master key, from SOURCE: file:PATH, env:NAME or credential:NAME.

    A file that is not there is made, with a fresh key.
    """
    if not re.match(SOURCE, source):  # not repeated: it may be the key itself
        raise KeystoreError(_("SOURCE is file:PATH, env:NAME or credential:NAME, never a key"))
    rooted = rooted_source(source, config.parent)
    settings: KeystoreFile
    if (inside := inside_keys.inside_keys(config)) is not None:
        settings = inside.keystore
        with inside.recorded("keys rewrap"):
            master = _rewrapped(settings, rooted, {})
    else:
        loaded = load_settings(config)
        settings = loaded.keystore
        with recorded(loaded, "keys rewrap") as details:
            master = _rewrapped(settings, rooted, details)
    say(
        _("{path} is sealed under the master key with check value {check_value}").format(
            path=settings.path, check_value=master.check_value
        )
    )
    say(
        _('now set [keystore] master_key = "{source}" in {config}: the old one opens it no more').format(
            source=source, config=config
        )
    )


def _rewrapped(settings: KeystoreFile, source: str, details: dict[str, str]) -> MasterKey:
    """Seal a keystore under the master key at `source`, made where its file is not there; returns it."""
    keystore = open_keystore(settings)
    path = Path(source.removeprefix("file:"))
    if source.startswith("file:") and not path.exists():
        write_master_key(path, os.urandom)
    master = MasterKey.read(source)
    details["master key"] = master.check_value
    keystore.rewrap(master, os.urandom)
    return master


@keys.command("export-public")
@click.argument("name")
@SETTINGS
def export_command(name: str, config: Path) -> None:
    """Print the public half of the key NAME: seal, for the office's settings, or what a program inside signs
    with.
    """
    if (inside := inside_keys.inside_keys(config)) is not None:
        say(inside_keys.public_half(inside, name))
        return
    if name != SEAL:
        raise click.BadParameter(
            _("only what signs has a public half; here: {names}").format(names=SEAL), param_hint="NAME"
        )
    say(open_keystore(load_settings(config).keystore)[name].check_value)


def _ask_before_replacing(settings: Settings, name: str) -> None:
    """Let a key that is there be replaced by another that was drawn: nothing of the old one is kept. Raises
    KeyInUse for the front key of a book, and Abort.
    """
    token = _token(settings.keystore) if _in_token(settings.keystore, name) else None
    try:
        check_value = _check_value(settings.keystore, token, name)
    except FepError:
        return  # there is none of this name
    if name == FRONT:
        check_unused(settings, name, check_value)
    ask_for_name(name, check_value)


def _check_value(settings: KeystoreSettings, token: Token | None, name: str) -> str:
    """Return the check value of a key. Raises KeystoreError where there is none of this name."""
    if token is None:
        return open_keystore(settings)[name].check_value
    for there, _kind, check_value in token.zmks():
        if there == name:
            return check_value
    raise KeystoreError(_("there is no key {name} in token {token}").format(name=name, token=settings.token))


def _bank(settings: Settings, name: str) -> Bank:
    """Return the bank whose ZMK has this name. Raises KeyRefused where there is none."""
    for bank in settings.bank:
        if zmk_name(bank.code) == name:
            return bank
    names = listed([zmk_name(bank.code) for bank in settings.bank])
    raise KeyRefused(
        Sentence("no bank of the settings has a ZMK of this name; there are {names}", names=names)
    )


class Custodian(NamedTuple):
    """A custodian, by the name that was typed, with the component that this custodian brought."""

    name: str
    component: Secret
    check_value: str


def _custodian(kind: KeyKind, place: int, parts: int, before: Sequence[Custodian]) -> Custodian:
    """Ask one custodian for a component, hidden, and only then for a name, which is shown."""
    component, check_value = _component(kind, place, parts)
    while True:
        name = click.prompt(
            _("Custodian {place} of {parts}, your name").format(place=place, parts=parts)
        ).strip()
        if re.fullmatch(NAME, name) is None:
            say(_("that is no name: letters, 40 at most, and no digit; type it again"))
        elif name.casefold() in [custodian.name.casefold() for custodian in before]:
            say(_("{name} has brought a component already: another custodian is needed").format(name=name))
        else:
            return Custodian(name, component, check_value)


def _component(kind: KeyKind, place: int, parts: int) -> tuple[Secret, str]:
    """Ask for one component, hidden, until the custodian confirms its check value; return both."""
    while True:
        typed = click.prompt(
            _("Custodian {place} of {parts}, your component in hex").format(place=place, parts=parts),
            hide_input=True,
        )
        component = Secret.from_hex(typed)
        if component is None:
            say(_("that is not hex digits: type it again"))
            continue
        try:
            check_value = component_check_value(kind, component)
        except KeyRefused as refused:
            say(_("{refused}: type it again").format(refused=refused))
            continue
        if click.confirm(
            _("Check value {check_value}: is it the one on your sheet?").format(check_value=check_value)
        ):
            return component, check_value


def _in_token(settings: KeystoreSettings, name: str) -> bool:
    return settings.pkcs11_module is not None and is_zmk(name)


def _token(settings: KeystoreSettings, *, writing: bool = True) -> Token:
    return open_token(settings, writing=writing)


def _place(settings: KeystoreSettings, name: str, *, replace: bool) -> Callable[[Key], None]:
    """Return a function that stores the key, in the keystore or the token.

    Whatever storing needs is tried here, before a custodian types. Raises KeystoreError where there is a key
    of this name and `replace` is not given.
    """
    if _in_token(settings, name):
        token = _token(settings)
        if not replace and any(name == there for there, _, _ in token.zmks()):
            raise KeystoreError(_("there is a key {name} already; --replace ends it").format(name=name))
        return lambda key: token.put(name, key, replace=replace)
    keystore = open_keystore(settings)
    if not replace and name in keystore:
        raise KeystoreError(_("there is a key {name} already; --replace ends it").format(name=name))
    return lambda key: keystore.put(name, key, os.urandom, replace=replace)
