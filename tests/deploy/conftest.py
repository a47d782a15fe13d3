"""The Debian package, for all tests of a run that install it or look into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.debian_package import made_once
from tests.support.shared_folder import shared_folder


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was downloaded; all processes of the run share it."""
    return shared_folder(tmp_path_factory, "package")


@pytest.fixture(scope="session")
def package(wheels: Path) -> Path:
    """The package, made once by whichever process of the run comes first."""
    return made_once(wheels)
