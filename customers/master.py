"""Wraps the persons' keys under another master key, in transactions of a thousand.

Each row says which master key wraps it, so that a run which was killed is run again and goes on. Once every
key is wrapped anew and the former master key is destroyed, no copy of the database that was made before
opens any more: that is how a shredding reaches backups. Keys of the keystore are drawn and put in place by
console/.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select, update

from customers.database.audit_log import write_record
from customers.database.schema import person_keys
from customers.decisions import Desk, empty_log, refusals_recorded
from customers.keys import KeyRow, key_of_row
from customers.sealing import NONCE_BYTES, Entropy, SecretKey, wrap

REWRAP: Final = "rewrap"
"""The act in the audit log."""
_AT_ONCE: Final = 1000


def rewrap(desk: Desk, by: str, former: SecretKey, new: SecretKey, entropy: Entropy) -> int:
    """Wrap every key that is wrapped under `former` under `new`; return how many. Raises NotAllowed, and
    OtherKeys for a key that neither of the two wraps.
    """
    with refusals_recorded(desk, by, REWRAP, ""):
        desk.settings.check_may(by, "rewrap")
    total = 0
    while True:
        with desk.store.transaction() as connection:
            query = (
                select(*(person_keys.c[name] for name in KeyRow._fields))
                .where(person_keys.c.shredded_at == 0, person_keys.c.master != new.check_value)
                .order_by(person_keys.c.person)
                .limit(_AT_ONCE)
            )
            rows = [KeyRow._make(row) for row in connection.execute(query)]
            if not rows:
                note = f"{total} keys, under the master key {new.check_value}"
                write_record(connection, desk.at, by, REWRAP, "", note)
                break
            changed = [
                {
                    "of": row.person,
                    "wrapped": wrap(new, row.person, key_of_row(former, row), entropy(NONCE_BYTES)),
                }
                for row in rows
            ]
            connection.execute(
                update(person_keys)
                .where(person_keys.c.person == bindparam("of"))
                .values(wrapped=bindparam("wrapped"), master=new.check_value),
                changed,
            )
            total += len(rows)
    empty_log(desk.store)
    return total
