"""The Debian package, for all tests of a run that install it or look into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.debian_package import made_once


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was downloaded; all processes of the run share it."""
    shared = tmp_path_factory.getbasetemp()
    return (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "package"


@pytest.fixture(scope="session")
def package(wheels: Path) -> Path:
    """The package, made once by whichever process of the run comes first."""
    return made_once(wheels)
