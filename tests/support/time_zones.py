"""The zone of a process, as it is set for a whole host: for tests of what must not follow it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ELSEWHERE = ("UTC", "America/New_York", "Asia/Shanghai", "Pacific/Kiritimati")


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """For as long as this lasts, local time is that of a zone of the tz database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        try:
            yield
        finally:
            patch.undo()
            time.tzset()
