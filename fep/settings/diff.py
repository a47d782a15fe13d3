"""What differs between two readings of the settings, in words for the operator and for the audit log.

Pure. Only names are told, never a value, since it may be a secret. What lies outside the settings' file, keys
and certificates, is `fep.keys.material`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from fep.settings.config import Bank, Settings
from ledger.files.settings import Section


def changes(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return the banks added, removed, enabled, disabled and changed, and the other sections that changed,
    each with the names of its settings.
    """
    return tuple(_differences(before, after))


def _differences(before: Settings, after: Settings) -> Iterator[str]:
    old, new = ({bank.code: bank for bank in settings.bank} for settings in (before, after))
    for code in sorted(old.keys() | new.keys()):
        if code not in old:
            yield f"bank {code} added"
        elif code not in new:
            yield f"bank {code} removed"
        else:
            yield from _bank_differences(old[code], new[code])
    for name in Settings.model_fields:
        mine, theirs = getattr(before, name), getattr(after, name)
        if name != "bank" and mine != theirs:
            names = _names(mine, theirs) if isinstance(mine, Section) and isinstance(theirs, Section) else ""
            yield f"section {name} changed: {names}" if names else f"section {name} changed"


def _bank_differences(before: Bank, after: Bank) -> Iterator[str]:
    if before.enabled != after.enabled:
        yield f"bank {after.code} {'enabled' if after.enabled else 'disabled'}"
    names = _names(before.model_copy(update={"enabled": after.enabled}), after)
    if names:
        yield f"bank {after.code} changed: {names}"


def _names(before: Section, after: Section) -> str:
    fields = type(after).model_fields
    return ", ".join(name for name in fields if getattr(before, name) != getattr(after, name))
