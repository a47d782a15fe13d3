"""Builds the site of docs/, strictly: `python -m tests.docs.site FOLDER`, in Chinese below FOLDER/zh.

A warning is a failure: a link to a page or an anchor that is not there, or a page that the navigation leaves
out. What the site looks like, docs/conf.py says; what stands in Chinese on it, tests.docs.translations.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.pages import DOCS, ROOT
from tests.docs.translations import SPHINX_LANGUAGE, TRANSLATED, compile_into


def build(
    folder: Path, source: Path = DOCS, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Build the pages of `source` into a folder; exit code and what Sphinx complained of."""
    strict = ("-b", "html", "-q", "--nitpicky", "--fail-on-warning", "--fresh-env", "--no-color")
    with tempfile.TemporaryDirectory() as trees:
        command = [sys.executable, "-m", "sphinx", *strict, *options, "-d", trees, str(source), str(folder)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def build_in_chinese(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages into a folder, in Chinese where they are translated; exit code and complaints."""
    with tempfile.TemporaryDirectory() as compiled:
        compile_into(Path(compiled))
        language = ("-D", f"language={SPHINX_LANGUAGE}", "-D", f"locale_dirs={compiled}")
        return build(folder, options=(*language, "-A", f"translated={','.join(TRANSLATED)}"))


def main(folder: Path) -> int:
    """Build both languages; the exit code."""
    for done in (build(folder), build_in_chinese(folder / "zh")):
        if done.returncode:
            sys.stderr.write(done.stderr)
            return done.returncode
    sys.stdout.write(f"the site is {folder}/index.html, in Chinese {folder}/zh/index.html\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
