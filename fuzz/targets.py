"""The table of targets: everything that reads bytes from outside, by name.

A target is a function of bytes. It returns if all is well; anything that it raises is a defect.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from collection.forms import form_file
from fuzz import batches, files, operator, wire
from fuzz.limits import Run
from ledger.files import layout
from protocol import dialect

TARGETS: Final[Mapping[str, Run]] = MappingProxyType(
    {
        "framing": wire.frames,
        "framing-table": wire.framing_table,
        **{f"codec-{name}": partial(wire.message, name) for name in dialect.shipped()},
        "subfields": wire.subfields,
        "dialect": wire.dialect_file,
        "tlv": wire.groups,
        "keyblock": wire.block,
        "describe": wire.described,
        **{f"bankfile-{name}": partial(files.bank_file, name) for name in layout.shipped()},
        "bookfile": files.dues,
        "holdings": files.holdings,
        "sealed-line": files.sealed_line,
        **{
            f"batchfile-{name.removeprefix('batch-')}": partial(batches.bank_files, name)
            for name in form_file.shipped()
        },
        "batch-form": batches.form_text,
        "held-batch": batches.front_files,
        "control": operator.lines,
    }
)
