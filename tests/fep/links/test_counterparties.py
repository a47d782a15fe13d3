"""What a reload says of the banks' dialects: which of the same name say something else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fep.links.counterparties import redefined
from protocol.codec import Codec
from protocol.dialect import parse

OWN = 'base = "bcd87"\n[elements]\n60 = { format = "n...17" }\n'


def served(source: str, name: str = "anybank") -> Any:  # noqa: ANN401 - what a bank is served in, of all it has
    return SimpleNamespace(codec=Codec(parse(source, name)))


def test_a_bank_whose_dialect_file_has_changed_is_named_and_no_other() -> None:
    before = {"01": served(OWN), "02": served(OWN), "03": served(OWN), "04": served(OWN)}
    after = {
        "01": served(OWN),
        "02": served(OWN.replace("17", "18")),
        "03": served("base = 'bcd87'", "other"),
    }
    assert tuple(redefined(before, after)) == ("bank 02: its dialect anybank has changed",)
