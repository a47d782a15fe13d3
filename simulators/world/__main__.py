"""`python -m simulators.world`: the deterministic world, see `cli`."""

from __future__ import annotations

import sys

from simulators.world.cli import main

if __name__ == "__main__":
    sys.exit(main())
