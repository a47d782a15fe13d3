"""A real PostgreSQL pair under nodes in full flow: the primary dies, the standby takes over, and nothing is
lost or done twice. With a standby that is not waited for something is lost, and the comparison says so.
"""

from __future__ import annotations

from simulators.cluster import verdict
from simulators.cluster.nodes import BANKS
from simulators.cluster.scene import Cluster
from simulators.processes import qianzhi
from tests.cluster.scenes import approvals, cluster, reactor, still, trading, until, wait_for

POLICIES = 4_000
EACH_SIDE = 300
"""Approvals that all banks together have between one event and the next."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
PAUSE_SECONDS = 30
"""No figure: what is measured stands in docs/cluster.md. Only that banks need not wait for a person."""


def check(running: Cluster) -> None:
    assert running.faults() == []
    result = qianzhi("journal", "verify", "--config", str(running.nodes[0].config))
    assert result.endswith("every link holds\n")


def test_the_primary_dies_under_load_and_nothing_is_lost_or_done_twice() -> None:
    with cluster(POLICIES, standby="sync") as running:
        first, *others = running.nodes
        with trading(running) as traffic:
            approvals(traffic, EACH_SIDE)
            died = wait_for(reactor.seconds)
            old = running.pair.fail_over()
            approvals(traffic, EACH_SIDE)
            pause = traffic.longest_pause(died, wait_for(reactor.seconds))
            assert 0 < pause < PAUSE_SECONDS
            old.start()
            assert old.is_in_recovery(), "the old primary is fenced: it comes back, and takes no write"
            first.kill()
            first.start()
            first.wait()
            approvals(traffic, EACH_SIDE)
            assert [node.is_up for node in others] == [True, True], "only the killed node was started anew"
        old.kill()
        check(running)


def test_what_the_primary_has_committed_and_the_standby_has_not_was_not_answered() -> None:
    """The standby is away: commits wait for it, on the primary's disk already. Then the primary dies."""
    with cluster(POLICIES, standby="sync", nodes=2) as running:
        pair = running.pair
        with trading(running) as traffic:
            approvals(traffic, EACH_SIDE)
            away = pair.standby
            assert away is not None
            away.kill()
            until(lambda: pair.primary.ask(WAITING) != [(0,)])
            answered = still(traffic)
            pair.primary.kill()
            away.start()
            assert wait_for(traffic.told_yes) == answered, (
                "before the promotion: after it banks are told yes again"
            )
            pair.fail_over()
            approvals(traffic, EACH_SIDE)
        check(running)


def test_a_standby_that_is_not_waited_for_loses_what_banks_were_told_and_the_comparison_finds_it() -> None:
    with cluster(POLICIES, standby="async", nodes=1) as running:
        pair = running.pair
        away = pair.standby
        assert away is not None
        with trading(running) as traffic:
            approvals(traffic, EACH_SIDE)
            away.kill()
            approvals(traffic, EACH_SIDE)
        assert running.faults() == []
        before = keys(running)
        pair.primary.kill()
        away.start()
        pair.fail_over()
        lost = before - keys(running)
        full_keys = {
            line.split(": ")[1] for line in running.faults() if line.endswith("only the bank has it")
        }
        assert lost
        assert full_keys == lost


def keys(running: Cluster) -> set[str]:
    """Every line of the journal that a bank has a record of, as the comparison names it."""
    return {"/".join(key) for lines in verdict.journals(running.uri, BANKS).values() for key in lines}
