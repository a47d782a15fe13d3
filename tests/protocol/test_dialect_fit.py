"""What `unfit` passes can say every text that the dialect says it carries."""

from __future__ import annotations

import pytest

from protocol.codec import Codec
from protocol.dialect import parse
from protocol.dialect_fit import unfit
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
