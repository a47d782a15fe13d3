"""When contracts ended, and what follows for the volumes that have papers of them.

Statements on `contract_ends`, `end_lists`, `volume_policies` and on the date of `volumes` after which one may
be destroyed; the caller owns the transaction. How long a class is kept, `archive.rules.retention` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Select, func, insert, select, update

from archive.catalogue.schema import contract_ends, end_lists, volume_policies, volumes
from archive.rules.retention import RetentionClass, contracts_destroy_after
from archive.rules.states import VolumeState

_AT_ONCE: Final = 10_000


class ContractEnd(NamedTuple):
    """The end of a policy's contract: the class by which its papers are kept, and the date (YYYYMMDD); empty
    where it has not ended, or goes on again.
    """

    policy: str
    cls: str
    ended: str


class EndList(NamedTuple):
    """A list of ends that was taken in: its date, SHA-256 in hex, and how many policies it has."""

    listed: str
    sha256: str
    policies: int


def end_lists_taken(connection: Connection) -> tuple[EndList, ...]:
    """The lists that were taken in, the oldest first."""
    columns = [end_lists.c[name] for name in EndList._fields]
    return tuple(EndList._make(row) for row in connection.execute(select(*columns).order_by(columns[0])))


def add_ends(connection: Connection, taken: EndList, ends: Sequence[ContractEnd]) -> None:
    """Write a list down. Of a policy that is in several, the newest list counts, whenever it comes."""
    connection.execute(insert(end_lists).values(taken._asdict()))
    for start in range(0, len(ends), _AT_ONCE):
        rows = [
            {"policy": end.policy, "listed": taken.listed, "class": end.cls, "ended": end.ended}
            for end in ends[start : start + _AT_ONCE]
        ]
        connection.execute(insert(contract_ends), rows)


def add_policies(connection: Connection, volume: str, policies: Iterable[str]) -> None:
    """Write down of which policies a volume has papers."""
    names = sorted(set(policies))
    for start in range(0, len(names), _AT_ONCE):
        rows = [{"volume": volume, "policy": policy} for policy in names[start : start + _AT_ONCE]]
        connection.execute(insert(volume_policies), rows)


def ends_on(connection: Connection, volume: str) -> tuple[ContractEnd, ...]:
    """The policies of which a volume has papers, each with its end as it is known now."""
    newest = _newest_ends().subquery()
    query = (
        select(
            volume_policies.c.policy,
            func.coalesce(newest.c["class"], ""),
            func.coalesce(newest.c.ended, ""),
        )
        .select_from(volume_policies.outerjoin(newest, newest.c.policy == volume_policies.c.policy))
        .where(volume_policies.c.volume == volume)
        .order_by(volume_policies.c.policy)
    )
    return tuple(ContractEnd._make(row) for row in connection.execute(query))


def follow_ends(
    connection: Connection, classes: Mapping[str, RetentionClass], volume: str = ""
) -> dict[str, str]:
    """Have the volumes with papers of policies, or one of them, be kept for as long as the ends of those say;
    returns the volumes whose date of destruction (YYYYMMDD, or empty) is another now.
    """
    newest = _newest_ends().subquery()
    groups = (
        select(
            volume_policies.c.volume,
            newest.c["class"],
            func.min(func.coalesce(newest.c.ended, "")).label("first"),
            func.max(func.coalesce(newest.c.ended, "")).label("last"),
        )
        .select_from(volume_policies.outerjoin(newest, newest.c.policy == volume_policies.c.policy))
        .group_by(volume_policies.c.volume, newest.c["class"])
    )
    ends: dict[str, list[tuple[RetentionClass | None, str]]] = {}
    for row in connection.execute(groups.where(volume_policies.c.volume == volume) if volume else groups):
        ends.setdefault(row.volume, []).append((classes.get(row[1]), row.first and row.last))
    changed = {}
    is_kept = volumes.c.state != VolumeState.DESTROYED.value
    for name, before in connection.execute(select(volumes.c.volume, volumes.c.destroy_after).where(is_kept)):
        if name in ends and (after := contracts_destroy_after(ends[name])) != before:
            changed[name] = after
    for name, after in changed.items():
        connection.execute(update(volumes).where(volumes.c.volume == name).values(destroy_after=after))
    return changed


def _newest_ends() -> Select[tuple[str, str, str]]:
    """The newest end of each policy."""
    newest = (
        select(contract_ends.c.policy, func.max(contract_ends.c.listed).label("listed"))
        .group_by(contract_ends.c.policy)
        .subquery()
    )
    columns = (contract_ends.c.policy, contract_ends.c["class"], contract_ends.c.ended)
    is_newest = (newest.c.policy == contract_ends.c.policy) & (newest.c.listed == contract_ends.c.listed)
    return select(*columns).join(newest, is_newest)
