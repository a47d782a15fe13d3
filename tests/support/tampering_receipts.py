"""Ways to change signed receipts and their keys behind the books' back, as in `tests.support.tampering`."""

# ruff: noqa: S608 - the statements are put together from this file's own names
from __future__ import annotations

from tests.support.tampering import D2, Broken


def signed(statement: str, *sentences: str, fails: frozenset[int] = frozenset({13})) -> Broken:
    """A change of the office's database that invariant 13 shows."""
    return Broken("office", statement, set(fails), sentences)


FIRST_SIGNED = "chain = 1 AND position = (SELECT min(position) FROM signed_receipts WHERE chain = 1)"
OTHER_SIGNATURE = "(SELECT max(signature) FROM signed_receipts)"
RECEIPTS = (
    signed(
        f"UPDATE signed_receipts SET signature = {OTHER_SIGNATURE} WHERE {FIRST_SIGNED}",
        "its signature is not that of its receipt",
        "is not as the audit log says",
    ),
    signed(f"UPDATE signed_receipts SET signature = 'x' WHERE {FIRST_SIGNED}", "not that of its receipt"),
    signed(
        f"DELETE FROM signed_receipts WHERE {FIRST_SIGNED}",
        "its receipt has no signature",
        "is not as the audit log says",
    ),
    signed("DELETE FROM signed_receipts", "signs receipts that are not there"),
    signed(f"UPDATE signed_receipts SET signed_at = 0 WHERE {FIRST_SIGNED}", "as the audit log says"),
    signed(f"UPDATE signed_receipts SET key = 'x' WHERE {FIRST_SIGNED}", "by a key that is not there"),
    signed(
        f"UPDATE signed_receipts SET position = (SELECT min(position) FROM entries WHERE chain = 1"
        f" AND receipt IS NULL) WHERE {FIRST_SIGNED}",
        "is signed, and has no receipt of a payment",
    ),
    signed(
        f"UPDATE entries SET local_at = '20260923000000' WHERE {FIRST_SIGNED}",
        "its signature is not that of its receipt",
        fails=frozenset({5, 13}),
    ),
    signed("UPDATE receipt_keys SET insurer = 'ANOTHER'", "is not as the audit log says"),
    signed("UPDATE receipt_keys SET key = 'AAAAAAAA'", "is not the id of its public half"),
    signed(f"UPDATE receipt_keys SET from_date = '{D2}'", "is signed by a key that was not in force"),
    signed("UPDATE receipt_keys SET number = 2", "does not follow the key before it"),
    signed(
        "INSERT INTO receipt_keys VALUES (2, 'x', 'x', 'EXAMPLE', '20260923', '20260923', 1)",
        "key x of receipts: is not as the audit log says",
    ),
    signed("DELETE FROM receipt_keys", "adds a key that is not there"),
)
