"""What the tests of the status port share: the settings of a machine that was just installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fep.settings.config import Settings, load_settings
from fep.setup.install import install
from tests.support.host_files import MADE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(install(tmp_path, os.urandom, MADE, first_port=0, status_port=0))
