"""The Library of Congress's own reader of BagIt, which knows nothing of us.

It asks `pkg_resources`, which setuptools no longer has, for its own version: a module with what it asks for
stands in while it is imported, and is gone again after that.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace


def _imported() -> ModuleType:
    stand_in = ModuleType("pkg_resources")
    stand_in.DistributionNotFound = LookupError  # type: ignore[attr-defined]
    stand_in.get_distribution = lambda name: SimpleNamespace(version="1.8.1")  # type: ignore[attr-defined]
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import bagit
    finally:
        if before is None:
            del sys.modules["pkg_resources"]
        else:
            sys.modules["pkg_resources"] = before
    return bagit


bagit = _imported()


def bag_fault(folder: Path) -> str:
    """Return what bagit finds wrong with a folder, empty if it is a valid bag."""
    logging.getLogger("bagit").setLevel(logging.CRITICAL)
    try:
        bagit.Bag(str(folder)).validate()
    except bagit.BagError as error:
        return str(error)
    return ""
