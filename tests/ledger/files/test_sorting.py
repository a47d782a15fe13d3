"""Rows in order, however many, with few of them held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.files.sorting import Sorted

ROWS = st.lists(st.tuples(st.text(max_size=3), st.integers(-9, 9)), max_size=40)


@given(rows=ROWS, chunk=st.integers(1, 7))
def test_rows_come_back_in_order_and_as_often_as_asked(rows: list[tuple[str, int]], chunk: int) -> None:
    with Sorted(chunk) as kept:
        for row in rows:
            kept.add(row)
        assert list(kept) == sorted(rows)
        kept.add(("m", 0))
        assert list(kept) == sorted([*rows, ("m", 0)])
        assert len(kept._held) <= chunk
