"""What the tests of the commands share: the language that was spoken before a test is spoken after it."""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _language_as_before() -> Iterator[None]:
    domain, language = gettext.textdomain(), os.environ.get("LANGUAGE")
    yield
    gettext.textdomain(domain)
    os.environ.pop("LANGUAGE", None)
    if language is not None:
        os.environ["LANGUAGE"] = language
