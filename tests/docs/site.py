"""Builds the site of docs/, strictly: `python -m tests.docs.site FOLDER`.

A warning is a failure: a link to a page or an anchor that is not there, or a page that the navigation leaves
out. What the site looks like, docs/conf.py says.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS


def build(folder: Path, source: Path = DOCS) -> subprocess.CompletedProcess[str]:
    """Build the pages of `source` into a folder; exit code and what Sphinx complained of."""
    options = ("-b", "html", "-q", "--nitpicky", "--fail-on-warning", "--fresh-env", "--no-color")
    trees = folder.with_name(f"{folder.name}.trees")
    command = [sys.executable, "-m", "sphinx", *options, "-d", str(trees), str(source), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    done = build(Path(sys.argv[1]))
    sys.stdout.write(f"the site is {sys.argv[1]}/index.html\n" if not done.returncode else done.stderr)
    sys.exit(done.returncode)
