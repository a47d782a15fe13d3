"""`python -m tests.docs`: writes what the pages have from the code, where it is not as the code has it."""

from __future__ import annotations

import sys

from tests.docs.made import FIGURES, stale
from tests.docs.pages import ROOT


def main() -> None:
    """Write, and name each file that was written."""
    FIGURES.mkdir(exist_ok=True)
    for path, text in stale().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
