"""The child process that fuzzes one target: atheris (libFuzzer) over code that reports its coverage.

    python -m fuzz.engine TARGET INPUT-FOLDER [libFuzzer's options]

A process of its own, since libFuzzer ends the process that it runs in. `fuzz.hunt` reads its report.
"""

from __future__ import annotations

import sys
from itertools import count

import atheris

WEIGHED_EVERY = 64
"""Memory is measured for every 64th input only: it takes several times as long as running the input."""

with atheris.instrument_imports(
    include=["protocol", "ledger", "collection", "fep", "iso8583", "json", "csv"]
):
    from fuzz.targets import TARGETS

from fuzz.limits import timed, weighed  # noqa: E402 - atheris must see the targets imported first


def main(arguments: list[str]) -> None:
    """Fuzz the target named first until libFuzzer's options end the run, or an input raises."""
    run = TARGETS[arguments[0]]
    numbers = count(1)

    def run_input(data: bytes) -> None:
        (timed if next(numbers) % WEIGHED_EVERY else weighed)(run, data)

    atheris.Setup([sys.argv[0], *arguments[1:]], run_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
