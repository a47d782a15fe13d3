"""What differs between two readings of the settings, in words for the operator and for the audit log.

Pure. Only names are told, never a value, since it may be a secret. What lies outside the settings' file, keys
and certificates, is `fep.keys.material`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fep.settings.config import Bank, Settings
from ledger.files.settings import Section
from qianzhi_errors.sentence import Sentence, listed


def changes(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return the banks added, removed, enabled, disabled and changed, and the other sections that changed,
    each with the names of its settings.
    """
    return tuple(_differences(before, after))


def links_ended(ended: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield how many links of each bank the new settings have ended, and why, by bank and reason."""
    for (code, reason), count in sorted(ended.items()):
        yield Sentence("links of bank {code} ended: {count}, {reason}", code=code, count=count, reason=reason)


def _differences(before: Settings, after: Settings) -> Iterator[str]:
    old, new = ({bank.code: bank for bank in settings.bank} for settings in (before, after))
    for code in sorted(old.keys() | new.keys()):
        if code not in old:
            yield Sentence("bank {code} added", code=code)
        elif code not in new:
            yield Sentence("bank {code} removed", code=code)
        else:
            yield from _bank_differences(old[code], new[code])
    for name in Settings.model_fields:
        mine, theirs = getattr(before, name), getattr(after, name)
        if name != "bank" and mine != theirs:
            names = _names(mine, theirs) if isinstance(mine, Section) and isinstance(theirs, Section) else ""
            yield (
                Sentence("section {name} changed: {names}", name=name, names=names)
                if names
                else Sentence("section {name} changed", name=name)
            )


def _bank_differences(before: Bank, after: Bank) -> Iterator[str]:
    if before.enabled != after.enabled:
        yield (
            Sentence("bank {code} enabled", code=after.code)
            if after.enabled
            else Sentence("bank {code} disabled", code=after.code)
        )
    names = _names(before.model_copy(update={"enabled": after.enabled}), after)
    if names:
        yield Sentence("bank {code} changed: {names}", code=after.code, names=names)


def _names(before: Section, after: Section) -> str:
    fields = type(after).model_fields
    return listed([name for name in fields if getattr(before, name) != getattr(after, name)])
