"""The files of an installed machine's certificate, when it was made, and a disk with room."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fep.settings.config import Settings
from fep.status.limits import Room

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROOM = Room(900 << 30, 1000 << 30)


def files(settings: Settings) -> tuple[Path, Path]:
    assert settings.tls is not None
    return Path(settings.tls.certificate_file), Path(settings.tls.key_file)
