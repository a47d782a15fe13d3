"""A small batch, and its files in a form: what the tests of the batch forms begin with."""

from __future__ import annotations

from typing import Final

from collection.forms.lines import Payee, RequestBatch, RequestLine

PAYEE: Final = Payee("示例人寿保险股份有限公司", "1100987654321", "102100099996", "AGR0001")


def request_line(line: int, amount: int = 12000, name: str = "张三") -> RequestLine:
    """A line whose account is as long as a card's number."""
    return RequestLine(
        line=line,
        name=name,
        account=f"62220200{line:08d}4",
        bank="102100099996",
        amount=amount,
        policy=f"P2026{line:04d}",
        due=f"D2026{line:04d}",
        mandate=f"M2026{line:04d}",
        signed_on="20250301",
        kind="renewal",
        note="保费",
    )


def batch_of(*amounts: int) -> RequestBatch:
    """A batch with a line for each amount."""
    lines = tuple(request_line(number, amount) for number, amount in enumerate(amounts, 1))
    return RequestBatch("B0000123", "91020000", "20261124", "20261123203000", PAYEE, lines)
