"""Three nodes on one PostgreSQL, as processes behind the balancer: a key, a reversal, a due and a day are the
same on all of them, and a node that is killed under load takes nothing with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
from twisted.internet.defer import Deferred, gatherResults

from fep.operator.control_client import ask
from ledger.files.bookline import DueLine
from simulators.bank import Bank
from simulators.beliefs import Belief, State
from simulators.cluster import verdict
from simulators.cluster.nodes import BANKS
from simulators.cluster.scene import SPARED, Cluster
from simulators.processes import qianzhi
from tests.cluster.scenes import DATE, NEXT_DATE, approvals, cluster, trading, wait_for

POLICIES = 6_000
WANTED_BY_TWO = 200
EACH_SIDE = 400
"""Approvals that all banks together have between one event and the next."""
SETTLING = frozenset({"00", "12", "21"})
"""All that a bank is told while the database stands: never 91 or 96, however often nodes conflict."""


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with cluster(POLICIES) as made:
        yield made


@pytest.fixture(scope="module")
def unpaid(running: Cluster) -> Iterator[DueLine]:
    """Premiums that no customer of the traffic is after, and that can be paid."""
    active = {policy.policy for policy in running.book.policies if policy.state == "active"}
    spared = running.book.dues[-SPARED:]
    return (due for due in spared if due.code == "500000" and due.policy in active)


@pytest.fixture
def at_nodes(running: Cluster) -> Iterator[list[Bank]]:
    """One bank's branches, each connected to a node of its own."""
    banks = [running.bank_at(node, BANKS[0]) for node in running.nodes]
    for bank in banks:
        wait_for(bank.connect)
    yield banks
    for bank in banks:
        wait_for(bank.sign_off)


def paid(bank: Bank, due: DueLine) -> Belief:
    belief: Belief = wait_for(lambda: bank.settle(due.code, due.policy, due.amount, due=due.due))
    return belief


def test_a_repeat_at_another_node_gets_the_first_answer(
    at_nodes: list[Bank], unpaid: Iterator[DueLine]
) -> None:
    here, there, _ = at_nodes
    first = paid(here, next(unpaid))
    assert first.state is State.DONE
    assert wait_for(lambda: there.carry_out(first, repeat=True)) == first


def test_a_reversal_at_another_node_undoes_the_original_and_the_due_can_be_paid_at_a_third(
    at_nodes: list[Bank], unpaid: Iterator[DueLine]
) -> None:
    here, there, third = at_nodes
    due = next(unpaid)
    first = paid(here, due)
    assert wait_for(lambda: there.reverse(first)).state is State.REVERSED
    assert paid(third, due).state is State.DONE
    assert paid(here, due).reason == "ALREADY PAID"


def test_an_original_that_comes_to_one_node_after_its_reversal_came_to_another_is_refused(
    at_nodes: list[Bank], unpaid: Iterator[DueLine]
) -> None:
    here, there, _ = at_nodes
    due = next(unpaid)
    belief = here.prepare(due.code, due.policy, due.amount, due=due.due)
    assert wait_for(lambda: there.reverse(belief)).state is State.NEVER_WAS
    assert wait_for(lambda: here.carry_out(belief)).response == "21"


def test_a_due_that_two_banks_want_at_two_nodes_at_once_is_settled_once(
    running: Cluster, unpaid: Iterator[DueLine]
) -> None:
    banks = [running.bank_at(node, code) for node, code in zip(running.nodes, BANKS[:2], strict=False)]
    dues = list(islice(unpaid, WANTED_BY_TWO))

    async def all_at_once() -> list[tuple[Belief, Belief]]:
        asked = [
            gatherResults(
                Deferred.fromCoroutine(bank.settle(due.code, due.policy, due.amount, due=due.due))
                for bank in banks
            )
            for due in dues
        ]
        return [tuple(pair) for pair in await gatherResults(asked)]

    for bank in banks:
        wait_for(bank.connect)
    answered = wait_for(all_at_once)
    for bank in banks:
        wait_for(bank.sign_off)
    counts = Counter(tuple(sorted((answer.response, answer.reason) for answer in pair)) for pair in answered)
    assert counts == {(("00", ""), ("12", "ALREADY PAID")): WANTED_BY_TWO}


def test_a_day_is_cut_over_and_a_node_killed_in_full_flow_and_nothing_is_lost_or_done_twice(
    running: Cluster,
) -> None:
    first, victim, _ = running.nodes
    with trading(running) as traffic:
        approvals(traffic, EACH_SIDE)
        served = [node.figures()["batched"] > 0 for node in running.nodes]
        assert served == [True] * 3, "the balancer sends banks to all of them"
        victim.kill()
        approvals(traffic, EACH_SIDE)
        assert ask(first.control, "cutover", date=DATE)["next_date"] == NEXT_DATE
        victim.start()
        victim.wait()
        approvals(traffic, EACH_SIDE)
        codes = [wait_for(lambda trader=trader: trader.bank.echo()).fields[39] for trader in traffic.banks]
        assert codes == ["00"] * 3
        dates = [node.figures()["business_date"] for node in running.nodes]
        assert dates == [NEXT_DATE] * 3, "seen by all"
        wait_for(traffic.finish)
        assert [line for trader in traffic.banks for line in trader.bank.violations] == []
        assert {code for trader in traffic.banks for code in trader.bank.codes} == SETTLING
        assert running.faults() == []
        lines = verdict.journals(running.uri, BANKS)
        for trader in traffic.banks:
            wanted = verdict.totals_answer(trader.bank.record, lines[trader.bank.record.bank])
            assert wait_for(lambda trader=trader: trader.bank.reconcile(DATE[4:])).fields[39] == wanted
    assert qianzhi("journal", "verify", "--config", str(first.config)).endswith("every link holds\n")
