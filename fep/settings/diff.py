"""What differs between two readings of the settings, in words for the audit log: names alone, never a value,
since one may be a secret.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from fep.settings.config import Bank, Settings


def changes(before: Settings, after: Settings) -> str:
    """Banks added, removed and changed, and other sections that changed; each with the settings' names."""
    return "; ".join(_told(before, after)) or "nothing in the settings"


def _told(before: Settings, after: Settings) -> Iterator[str]:
    old, new = ({bank.code: bank for bank in settings.bank} for settings in (before, after))
    if added := sorted(new.keys() - old.keys()):
        yield f"banks added {', '.join(added)}"
    if removed := sorted(old.keys() - new.keys()):
        yield f"banks removed {', '.join(removed)}"
    both = sorted(old.keys() & new.keys())
    if changed := [_of_bank(old[code], new[code]) for code in both if old[code] != new[code]]:
        yield f"banks changed {', '.join(changed)}"
    sections = [name for name in Settings.model_fields if name != "bank"]
    if others := [name for name in sections if getattr(before, name) != getattr(after, name)]:
        yield f"sections changed {', '.join(others)}"


def _of_bank(before: Bank, after: Bank) -> str:
    names = [name for name in Bank.model_fields if getattr(before, name) != getattr(after, name)]
    return f"{after.code} ({', '.join(names)})"
