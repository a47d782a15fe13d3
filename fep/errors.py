"""The errors of the front-end machine. Only types; each text is a sentence that an operator can act on."""

from __future__ import annotations

from typing import NamedTuple


class FepError(Exception):
    """Base of everything the front-end machine raises by design."""


class Fault(NamedTuple):
    """One thing wrong with the settings: the dotted key, and why."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}" if self.key else self.reason


class SettingsError(FepError):
    """The settings cannot be served with; names the file and every fault found in it."""

    def __init__(self, file: str, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))
        self.file = file
        self.faults = faults
