"""How the audit hashes rows: the bytes under a hash, and two digests that another program has made."""

from __future__ import annotations

import pytest

from office.audit.row_digests import json_bytes, row_hash, rows_digest


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((), "[]"),
        ((1, "a", None), '[1,"a",null]'),
        (["张三", "", -5], '["张三","",-5]'),
        (('"', "\\", "\n", "\u2028"), '["\\"","\\\\","\\n","\u2028"]'),
    ],
)
def test_a_row_is_one_json_array_without_blanks_and_text_as_itself(row: tuple[object], expected: str) -> None:
    assert json_bytes(row) == expected.encode()


# printf '%s' '[1,"张三",null]' | sha256sum; and the same, twice, each with a line feed
def test_the_hash_of_a_row_has_no_line_feed_and_a_digest_over_rows_one_after_each() -> None:
    row = (1, "张三", None)
    assert row_hash(row) == "3816fcd9a875ef216fd906d62672c2cf5f4086ef6d4acb04b0229d006b4cb036"
    assert rows_digest([row, row]) == "0ea296962273299a2b89781f6bbcd2566ec4e72d86140107dea315284b4e0f2e"
    assert rows_digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
