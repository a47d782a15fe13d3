"""The world's stores: what each fault does to a transaction, and to that of no other store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ledger.errors import BatchRefused, OutcomeUnknown, Unavailable
from simulators.world.store import Fault, FaultyStore, KeptStore, Killed

COMES_TO = {
    Fault.UNREACHABLE: (Unavailable, False),
    Fault.LOST_BEFORE_COMMIT: (Unavailable, False),
    Fault.REFUSED: (BatchRefused, False),
    Fault.LOST_UNDONE: (OutcomeUnknown, False),
    Fault.LOST_DONE: (OutcomeUnknown, True),
    Fault.KILLED_BEFORE_COMMIT: (Killed, False),
    Fault.KILLED_AFTER_COMMIT: (Killed, True),
}
"""What is raised, and whether the work is there."""


def written(store: FaultyStore) -> type[BaseException] | None:
    """Write a row; what that raised."""
    try:
        with store.transaction() as connection:
            connection.execute(text("INSERT INTO rows VALUES (1)"))
    except BaseException as error:
        return type(error)
    return None


def count(path: Path) -> int:
    store = KeptStore(f"sqlite:///{path}", lock=False)
    try:
        with store.reading() as connection:
            return int(connection.execute(text("SELECT COUNT(*) FROM rows")).scalar_one())
    finally:
        store.close()


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[list[Fault]], FaultyStore]:
    """Opens the one file again and again, as run after run does."""
    url = f"sqlite:///{tmp_path / 'book.db'}"
    first = FaultyStore([], url)
    with first.transaction() as connection:
        connection.execute(text("CREATE TABLE rows (number INTEGER)"))
    first.close()
    return lambda faults: FaultyStore(faults, url)


def test_every_fault_is_told_here() -> None:
    assert set(COMES_TO) == set(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_meets_one_transaction_and_no_other(
    fault: Fault, opened: Callable[[list[Fault]], FaultyStore], tmp_path: Path
) -> None:
    faults = [fault]
    raised, is_there = COMES_TO[fault]
    store = opened(faults)
    assert (written(store), faults) == (raised, [])
    store.close()
    assert count(tmp_path / "book.db") == is_there
    store = opened([])
    assert written(store) is None
    store.close()
    assert count(tmp_path / "book.db") == is_there + 1


def test_what_one_store_has_left_of_its_faults_meets_no_later_one(
    opened: Callable[[list[Fault]], FaultyStore], tmp_path: Path
) -> None:
    left = [Fault.LOST_UNDONE]
    opened(left).close()
    store = opened([])
    assert (written(store), left) == (None, [Fault.LOST_UNDONE])
    store.close()
    assert count(tmp_path / "book.db") == 1


def writer_of(store: KeptStore) -> Engine:
    store.close()
    return store._engines(by_index=True, erase=False)[0]


def test_engines_are_kept_for_a_kind_of_store_and_a_file(tmp_path: Path) -> None:
    first, second = (f"sqlite:///{tmp_path / name}" for name in ("one.db", "two.db"))
    engines = [writer_of(store) for store in (KeptStore(first), KeptStore(second))]
    engines.append(writer_of(FaultyStore([], second)))
    assert len(set(engines)) == 3
    assert engines == [
        writer_of(KeptStore(first)),
        writer_of(KeptStore(second)),
        writer_of(FaultyStore([], second)),
    ]
