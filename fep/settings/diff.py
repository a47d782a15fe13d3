"""What differs between two readings of the settings, in words for the audit log.

Pure. Only names are told, never a value, since it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator

from fep.settings.config import Bank, Settings


def changes(before: Settings, after: Settings) -> str:
    """Return the banks added, removed and changed, and the other sections that changed, by their names."""
    return "; ".join(_differences(before, after)) or "nothing in the settings"


def _differences(before: Settings, after: Settings) -> Iterator[str]:
    old, new = ({bank.code: bank for bank in settings.bank} for settings in (before, after))
    if added := sorted(new.keys() - old.keys()):
        yield f"banks added {', '.join(added)}"
    if removed := sorted(old.keys() - new.keys()):
        yield f"banks removed {', '.join(removed)}"
    both = sorted(old.keys() & new.keys())
    if changed := [_bank_difference(old[code], new[code]) for code in both if old[code] != new[code]]:
        yield f"banks changed {', '.join(changed)}"
    sections = [name for name in Settings.model_fields if name != "bank"]
    if others := [name for name in sections if getattr(before, name) != getattr(after, name)]:
        yield f"sections changed {', '.join(others)}"


def _bank_difference(before: Bank, after: Bank) -> str:
    names = [name for name in Bank.model_fields if getattr(before, name) != getattr(after, name)]
    return f"{after.code} ({', '.join(names)})"
