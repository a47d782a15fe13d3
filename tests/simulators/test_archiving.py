"""The end of the demo: what the core system knows of its holders is a file that is taken."""

from __future__ import annotations

from customers.load_file import parse, write
from customers.load_rows import ContactRow, ServingRow
from ledger.rules.dues import Policy
from simulators.days import archiving


def test_each_holder_of_the_demo_can_be_reached_and_is_served() -> None:
    holders = (Policy("P1", "in_force", "张三"), Policy("P2", "in_force", "Li Si"))
    file = parse(b"".join(write("20261124", archiving._rows(holders))))
    assert (file.persons, len(file.of(ContactRow)), len(file.of(ServingRow))) == (2, 2, 2)
