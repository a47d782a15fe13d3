"""Who may do what stands in the settings, and the refusal names who else may."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ledger.files.clerks import name_faults, refusal


class Person(NamedTuple):
    name: str
    may: tuple[str, ...]


LI, WANG, ZHAO = Person("li", ("propose",)), Person("wang", ("propose", "approve")), Person("zhao", ())


@pytest.mark.parametrize(
    ("person", "permission", "reason"),
    [
        ("li", "propose", ""),
        ("wang", "approve", ""),
        ("li", "approve", "'li' may not approve; these may: wang"),
        ("zhao", "propose", "'zhao' may not propose; these may: li, wang"),
        ("sun", "propose", "'sun' may not propose; these may: li, wang"),
        ("wang", "shred", "'wang' may not shred; these may: nobody yet"),
    ],
)
def test_who_has_no_permission_is_told_who_has(person: str, permission: str, reason: str) -> None:
    assert refusal((LI, WANG, ZHAO), person, permission) == reason


def test_two_clerks_of_one_name_are_one_fault() -> None:
    assert list(name_faults((LI, WANG, ZHAO))) == []
    assert [str(fault) for fault in name_faults((LI, WANG, LI._replace(may=())))] == [
        "clerk: two clerks have one name"
    ]
