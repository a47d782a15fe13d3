"""Who uses a key that somebody is about to end, and what is lost with it: looked at before it is ended.

A key that is in use is not ended at all. Any other is ended once its name has been typed: a `y` is typed
from habit. Here is only the judgement; the keys are `console.keys`'s.
"""

from __future__ import annotations

from gettext import gettext as _

import click

from console.say import say
from fep.errors import FepError
from fep.keys.keys import FRONT, SEAL, zmk_name
from fep.settings.config import Settings
from ledger.book.lookup import read_key_use
from ledger.book.store import Store


class KeyInUse(FepError):
    """The key is in use, and was not ended."""


def check_unused(settings: Settings, name: str, check_value: str) -> None:
    """Raise KeyInUse where an entry of the settings, or their front book, uses the key of this name and check
    value; LedgerError where the book cannot be asked.
    """
    for bank in settings.bank:
        if zmk_name(bank.code) == name:
            raise KeyInUse(
                _(
                    "{name} is not ended: bank {code} signs on with it; take its entry out of the settings"
                    " first, or give it another key by qianzhi keys load --replace"
                ).format(name=name, code=bank.code)
            )
    if name not in (FRONT, SEAL):
        return
    store = Store(settings.node.database, lock=False)
    try:
        with store.reading() as connection:
            use = read_key_use(connection)
    finally:
        store.close()
    if name == FRONT and use.front_key == check_value:
        raise KeyInUse(
            _(
                "{name} is not ended: the front book {place} was made with it, and is of no use without it"
            ).format(name=name, place=store.place)
        )
    if name == SEAL and use.has_days:
        raise KeyInUse(
            _(
                "{name} is not ended: the business days of the front book {place} are sealed with it;"
                " another one in its place: qianzhi keys generate seal --replace"
            ).format(name=name, place=store.place)
        )


def ask_for_name(name: str, check_value: str) -> None:
    """Say what is lost with a key, and go on only when its name is typed in full. Raises Abort."""
    say(
        _("{name}, check value {check_value}: {lost}").format(
            name=name, check_value=check_value, lost=_lost(name)
        )
    )
    type_name(name)


def type_name(name: str) -> None:
    """Go on only when the key's name is typed in full. Raises Abort."""
    typed = click.prompt(
        _("To end it for good, type its name, {name}").format(name=name), default="", show_default=False
    )
    if typed.strip() != name:
        say(_("that is not its name: nothing was done"))
        raise click.Abort


def _lost(name: str) -> str:
    """What is lost with the key of this name."""
    if name == FRONT:
        return _(
            "The front key is lost, and what was digested with it has nothing to be compared with: no repeat"
            " with its original, no identity number with a beneficiary's. No book made with it"
            " is served again."
        )
    if name == SEAL:
        return _(
            "No business day can be sealed with the seal key any more. Seals that it made are still proved"
            " by its public half, where somebody has kept that."
        )
    return _(
        "The bank cannot sign on with this key any more, and it cannot be made again from here: the"
        " custodians must bring their components once more."
    )
