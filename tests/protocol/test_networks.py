"""Messages that others have published read in a dialect of their kind, and are written again byte for byte.

tests/vectors/networks has them, with the files of the dialects that are not shipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.analyzer.message_trial import tried
from protocol.codec import Codec
from protocol.dialect import load, parse, shipped
from protocol.dialect_fit import unfit
from protocol.errors import DecodeError

FOLDER = Path(__file__).parents[1] / "vectors" / "networks"
MESSAGES = [json.loads(line) for line in (FOLDER / "messages.jsonl").read_text("utf-8").splitlines()]
NAMES = sorted({row["dialect"] for row in MESSAGES})


def codec(name: str) -> Codec:
    path = FOLDER / f"{name}.toml"
    return Codec(parse(path.read_text("utf-8"), name) if path.exists() else load(name))


def fields_on_the_wire(made: Codec, raw: bytes) -> dict[str, str]:
    """The fields as the network numbers them, a subfield as "127.2"."""
    message = made.decode(raw)
    fields = {str(made.dialect.place_of(number)): text for number, text in message.fields.items()}
    for number, within in message.subfields.items():
        fields |= {f"{made.dialect.place_of(number)}.{subfield}": text for subfield, text in within.items()}
    return fields


@pytest.mark.parametrize("name", NAMES)
def test_published_messages_read_and_are_written_alike(name: str) -> None:
    made = codec(name)
    wrong: list[Any] = []
    for row in MESSAGES:
        if row["dialect"] != name:
            continue
        raw = bytes.fromhex(row["hex"])
        trial = tried(made, raw)
        if not row.get("valid", True):
            with pytest.raises(DecodeError) as caught:
                made.decode(raw)
            if caught.value.field != row.get("fault", caught.value.field):
                wrong.append((row["id"], caught.value))
            continue
        if trial.at is not None or trial.mti != row["mti"]:
            wrong.append((row["id"], trial))
            continue
        read = fields_on_the_wire(made, raw)
        wrong += [(row["id"], key) for key, text in row.get("fields", {}).items() if read.get(key) != text]
    assert wrong == []


ONLY_BY_A_FILE = {"ebcdic87": "gicc", "iso93-ascii": "termapp-binary"}
"""Shipped dialects in which none of the published messages reads, and a file with what those have otherwise:
their bitmaps are hex digits in EBCDIC, or they have a field as 1993 has it and the interface as 1987 does (DE
12, 39). tests/vectors/README.md says so too.
"""


@pytest.mark.parametrize("name", shipped())
def test_published_messages_of_its_kind_read_in_the_shipped_dialect_itself_or_in_a_file_on_it(
    name: str,
) -> None:
    made = codec(name)
    published = [row for row in MESSAGES if row.get("valid", True)]
    read = [row["id"] for row in published if tried(made, bytes.fromhex(row["hex"])).at is None]
    assert (read == []) == (name in ONLY_BY_A_FILE), read
    if not read:
        file = ONLY_BY_A_FILE[name]
        assert f'base = "{name}"' in (FOLDER / f"{file}.toml").read_text("utf-8")
        assert file in {row["dialect"] for row in published}


def test_every_dialect_file_of_the_folder_has_a_message() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} <= set(NAMES)
    assert {"unionpay-pos", "cups"} <= set(NAMES)


@pytest.mark.parametrize("name", shipped())
def test_a_bank_can_be_served_in_every_shipped_dialect(name: str) -> None:
    assert unfit(load(name)) == ()
