"""What holds for every test: how hypothesis searches. The fixtures of one area live with it.

Tests are collected in importlib mode and `tests/` has no `__init__.py`, so `tests/protocol` never hides the
package `protocol`. Code that several tests share is imported in full: `from tests.builders import ...`.
The order is random; a run prints its seed, and `make test PYTEST_ARGS=--randomly-seed=N` repeats that order.
`make test PYTEST_ARGS=--hypothesis-profile=thorough` searches twenty times longer.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# So that a failing `assert` in shared test code shows its values, as one in a test does.
pytest.register_assert_rewrite("tests.builders", "tests.fakes")

# No deadline: how long an example takes on a busy machine says nothing about whether it is right.
settings.register_profile(
    "usual", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("usual"), max_examples=2_000)
settings.load_profile("usual")
