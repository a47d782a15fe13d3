"""The example in the rules' own text is what the rules do."""

from __future__ import annotations

import re

from ledger import rules
from ledger.rules.decide import fold
from ledger.rules.request import Act
from tests.support.builders import BANK, due, request, view

ACTS = {"collects": Act.COLLECT, "collected": Act.COLLECT, "cancels": Act.CANCEL, "reverses": Act.REVERSE}
TABLE = re.compile(r"^    key  what comes .*?\n\n", re.MULTILINE | re.DOTALL)


def key(number: str) -> str:
    """The key that the text writes as a number."""
    return f"{BANK.zfill(11)}/T0000001/20261124101112/{number.zfill(6)}"


def example() -> list[list[str]]:
    table = TABLE.search(rules.__doc__ or "")
    assert table is not None
    return [re.split(r" {2,}", line.strip()) for line in table[0].splitlines()[1:] if line]


def test_the_example_has_every_kind_of_row() -> None:
    assert len(example()) == 11
    assert {row[1].split()[1] for row in example()} == {*ACTS, "repeats"}


def test_the_example_is_what_the_rules_do() -> None:
    book = view(due())
    names = {key(row[0]): row[0] for row in example()} | {"D1": "D1", None: "-"}
    asked = {}
    rows = []
    for number, what, *_ in example():
        mti, verb, target = what.split()
        if verb != "repeats":
            asked[number] = request(
                ACTS[verb],
                mti=mti,
                stan=number.zfill(6),
                key=key(number),
                code="020000" if verb == "cancels" or target == "2" else "500000",
                original="" if target == "D1" else key(target),
                advice=mti == "0220",
            )
        before = len(book.written)
        [answer] = fold([asked[number]], book)
        written = book.written[before:]
        own = next((entry for entry in written if entry.key == key(number)), None)
        left = book.dues["D1"]
        settled = f"settled by {names[left.settled_by]}" if left.settled_by else str(left.state)
        effect = [names[own.subject], str(own.sequence or "-")] if own else ["-", "-"]
        rows.append([number, what, answer.response, (own and own.exception_code) or "-", *effect, settled])
        assert answer.replayed == (verb == "repeats" or number == "10"), "nothing is decided a second time"
    assert rows == example()
