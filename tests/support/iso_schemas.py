"""Holds files against the published schemas of ISO 20022, in a process of its own.

`xmlschema` looks at each attribute of its classes, and does not bear what zope.interface, by way of Twisted,
puts onto the standard library's. Writes a line for each file: its name, and what is wrong with it, or ok.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.support.python_sources import ROOT

SCHEMAS = ROOT / "tests" / "vectors" / "iso20022"


def verdicts(folder: Path, files: Mapping[str, tuple[str, bytes]]) -> dict[str, str]:
    """Name -> ok, or what is wrong, of each named file: a schema's name, and the file's content."""
    for name, (schema, content) in files.items():
        (folder / f"{schema}_{name}.xml").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.iso_schemas", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def main(folder: Path) -> None:
    """Write the verdict on each file of a folder; its name begins with that of its schema."""
    import xmlschema

    schema = cache(lambda name: xmlschema.XMLSchema(SCHEMAS / f"{name}.xsd"))
    for path in sorted(folder.iterdir()):
        version, _, name = path.stem.partition("_")
        errors = [error.reason for error in schema(version).iter_errors(path.read_text(encoding="utf-8"))]
        sys.stdout.write(f"{name}: {errors[0] if errors else 'ok'}".replace("\n", " ") + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
