"""What `unfit` passes can say every text that the dialect says it carries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codec import Codec
from protocol.dialect import parse, shipped
from protocol.dialect_fit import unfit
from protocol.errors import DialectError
from protocol.message import Message

MOVED = """base = "ascii87"
[interface]
groups = 57
receipt = 56
[elements]
44 = {{ encoding = "{encoding}" }}
56 = {{ format = "ans...999", encoding = "{encoding}", text = true, lines = true }}
57 = {{ format = "ans...999", encoding = "{encoding}"{text} }}
"""


@pytest.mark.parametrize("encoding", ["latin-1", "cp500", "cp037"])
def test_a_de_that_is_no_text_is_refused_where_the_receipt_has_other_characters(encoding: str) -> None:
    dialect = parse(MOVED.format(encoding=encoding, text=""), "bank")
    assert dialect.carries("é")
    assert unfit(dialect) == ("DE 57 is ans...999, and the interface needs ans...999 of text",)


@pytest.mark.parametrize("encoding", ["latin-1", "cp500", "cp037", "ascii", "utf-8", "gbk", "gb18030"])
@pytest.mark.parametrize("text", ["", ", text = true"])
def test_what_is_carried_is_written_in_each_text_of_the_interface(encoding: str, text: str) -> None:
    dialect = parse(MOVED.format(encoding=encoding, text=text), "bank")
    if unfit(dialect):
        return
    for said in filter(dialect.carries, ("plain", "é", "余额不足")):
        message = Message("0110", {44: said, 48: said, 62: f"{said}\n{said}\n"})
        assert Codec(dialect).decode(Codec(dialect).encode(message)) == message


CHARACTERS = ("ascii", "cp500", "cp037", "latin-1")
LENGTHS = st.sampled_from(["ascii", "cp500", "cp037", "bcd", "binary"])
TEXTS = st.sampled_from([*CHARACTERS, "utf-8", "gb18030", "gbk"])
WIRE = st.fixed_dictionaries(
    {},
    optional={
        "mti": st.sampled_from(["ascii", "cp500", "bcd"]),
        "bitmap": st.sampled_from(["binary", "hex", "hex-ascii", "hex-cp500"]),
        "length": LENGTHS,
        "numeric": st.sampled_from(["ascii", "cp037", "bcd"]),
        "other": st.sampled_from(CHARACTERS),
        "binary": st.sampled_from(["binary", "hex"]),
        "text": TEXTS,
        "version": st.sampled_from(["1987", "1993"]),
        "secondary": st.sampled_from(["announced", "always", "always announced"]),
    },
)
FORMATS = st.sampled_from(["n..20", "n...98", "n....998"])
NUMBER = st.one_of(
    st.fixed_dictionaries(
        {"format": FORMATS},
        optional={"encoding": st.sampled_from(["ascii", "cp500", "cp037"]), "length": LENGTHS},
    ),
    st.fixed_dictionaries(
        {
            "format": FORMATS,
            "encoding": st.just("bcd"),
            "fill": st.sampled_from(["left F", "right F", "right A"]),
        },
        optional={"length": LENGTHS, "counts": st.sampled_from(["bytes", "digits"])},
    ),
)
TEXT = st.fixed_dictionaries(
    {"format": st.sampled_from(["ans...999", "ans....9999", "ans......999999"])},
    optional={"encoding": TEXTS, "length": LENGTHS, "text": st.booleans(), "lines": st.booleans()},
)
ASKED = {2: "6222021", 3: "0" * 6, 4: "9" * 12, 7: "1130213000", 11: "000001", 32: "123", 41: "TERM0001"}
TOTALS = {74: "0" * 10, 86: "9" * 16, 97: "D" + "1" * 16}
EXCHANGE = [
    ("0800", {7: "1130213000", 11: "000001", 32: "123", 70: "001"}),
    ("0100", {**ASKED, 48: "g"}),
    ("0200", {**ASKED, 48: "g" * 999}),
    ("0400", {**ASKED, 48: "g", 90: "1" * 42}),
    ("0520", {**ASKED, **TOTALS}),
    ("0210", {**ASKED, 38: "A1b2C3", 39: "00", 48: "g" * 999, 62: "line\n" * 199}),
    ("0530", {**ASKED, **TOTALS, 39: "95"}),
]


def written(table: dict[str, object]) -> str:
    values = (
        (key, str(value).lower() if isinstance(value, bool) else f'"{value}"') for key, value in table.items()
    )
    return ", ".join(f"{key} = {value}" for key, value in values)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(shipped()), WIRE, NUMBER, NUMBER, TEXT, TEXT, st.booleans())
def test_a_file_that_passes_carries_a_whole_exchange(
    base: str,
    wire: dict[str, object],
    card: dict[str, object],
    acquirer: dict[str, object],
    groups: dict[str, object],
    receipt: dict[str, object],
    moved: bool,
) -> None:
    at, below = (57, 56) if moved else (48, 62)
    places = f"groups = {at}\nreceipt = {below}"
    rows = {
        2: card,
        32: acquirer,
        at: {"name": "g", **groups},
        below: {"name": "r", "text": True, "lines": True, **receipt},
    }
    if "encoding" in receipt:  # the interface's texts are in one encoding
        rows[at]["encoding"] = receipt["encoding"]
        rows[44] = {"encoding": receipt["encoding"]}
    elements = "\n".join(f"{number} = {{ {written(row)} }}" for number, row in rows.items())
    head = "\n".join(f'{key} = "{value}"' for key, value in wire.items())
    try:
        dialect = parse(
            f'base = "{base}"\n[wire]\n{head}\n[interface]\n{places}\n[elements]\n{elements}', "bank"
        )
    except DialectError:
        return
    if unfit(dialect):
        return

    codec = Codec(dialect)
    said = next(filter(dialect.carries, ("余额不足", "é", "plain")))
    for mti, fields in (*EXCHANGE, ("0110", {**ASKED, 39: "51", 44: said})):
        raw = codec.seal(Message(mti, fields), lambda data: bytes(8))
        read = codec.decode(raw)
        assert (read.mti, {n: text for n, text in read.fields.items() if n not in (64, 128)}) == (mti, fields)
