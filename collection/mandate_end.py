"""The end or the pause of a mandate by its payer's will, and of what was planned by it and not sent yet.

Lines of batches that the bank does not have are taken out in the same transaction, and the front is to let go
of their dues. What was sent goes on: nobody can call it back.
"""

from __future__ import annotations

from collection.approval import recall_of_mandate
from collection.batches import WrittenFile
from collection.desk import Desk, act, checked_reason
from collection.mandates import Mandate, find, move
from collection.rules.states import MandateEvent


def suspend(desk: Desk, name: str, reason: str) -> tuple[Mandate, list[WrittenFile]]:
    """Suspend an active mandate; return it with the files of release for the front. Raises
    CollectionError.
    """
    return _ended(desk, name, MandateEvent.SUSPEND, reason)


def cancel(desk: Desk, name: str, reason: str) -> tuple[Mandate, list[WrittenFile]]:
    """End a mandate because its payer says so; return it with the files of release for the front. Raises
    CollectionError.
    """
    return _ended(desk, name, MandateEvent.CANCEL, reason)


def _ended(desk: Desk, name: str, event: MandateEvent, reason: str) -> tuple[Mandate, list[WrittenFile]]:
    with act(desk, "mandate", f"mandate {event}", name) as connection:
        words = checked_reason(reason)
        mandate = move(desk, connection, find(connection, name), event, words)
        return mandate, recall_of_mandate(desk, connection, name)
