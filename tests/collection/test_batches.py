"""A batch from the front's hold to its end: what is unknown stays, and two people do what one may not."""

from __future__ import annotations

import pytest

from collection import approval, mandate_end, releases, results, sending
from collection.errors import ActRefused, FileRefused, SamePerson
from collection.rules.states import BatchState, LineState
from ledger.files.apply_file import read_apply
from ledger.files.hold_file import ReleaseCause, read_release
from ledger.rules.holding import NotHeld
from tests.support.collection_desk import ACCOUNT, FORM, Room
from tests.support.customers_desk import OTHER_POLICY, POLICY

HELD, SENT, UNKNOWN, DONE = LineState.HELD, LineState.SENT, LineState.UNKNOWN, LineState.DONE
FAILED, DROPPED, RELEASED = LineState.FAILED, LineState.DROPPED, LineState.RELEASED


@pytest.fixture
def ready(room: Room) -> Room:
    """Three dues of two policies, each with a mandate."""
    room.mandate()
    room.mandate(OTHER_POLICY)
    room.dues(("D1", POLICY, 100), ("D2", POLICY, 200), ("D3", OTHER_POLICY, 400))
    return room


def test_only_what_the_front_holds_goes_on(ready: Room) -> None:
    planned = ready.plan()
    held = ready.hold(planned, D1=NotHeld.PAID, D2=NotHeld.AMOUNT)
    assert held.state is BatchState.HELD
    assert ready.lines(planned.batch) == {"D1": DROPPED, "D2": DROPPED, "D3": HELD}
    assert ready.rows("SELECT due, state FROM dues ORDER BY due") == [
        ("D1", "settled"),
        ("D2", "open"),
        ("D3", "open"),
    ]


def test_an_answer_of_other_sums_is_refused_and_one_that_holds_nothing_ends_the_batch(ready: Room) -> None:
    planned = ready.plan()
    with pytest.raises(FileRefused, match="the front holds 3 lines and 699 fen"):
        approval.take_hold_answer(ready.desk(), "a", b"HELD|B0000001|3|699\nT|0\n")
    ended = ready.hold(planned, D1=NotHeld.PAID, D2=NotHeld.PAID, D3=NotHeld.PAID)
    assert ended.state is BatchState.CANCELLED


def test_who_planned_a_batch_does_not_approve_it(ready: Room) -> None:
    planned = ready.plan()
    with pytest.raises(ActRefused, match="is planned"):
        approval.approve(ready.desk("wang"), planned.batch, FORM)
    ready.hold(planned)
    with pytest.raises(SamePerson, match="li planned it"):
        approval.approve(ready.desk("li"), planned.batch, FORM)
    approved, release = approval.approve(ready.desk("wang"), planned.batch, FORM)
    assert (approved.state, approved.approved_by, release) == (BatchState.APPROVED, "wang", None)
    assert ready.rows("SELECT \"by\", act FROM audit_log WHERE act LIKE 'batch approve' ORDER BY number") == [
        *(("wang", "batch approve"), ("li", "batch approve"), ("wang", "batch approve"))
    ]


def test_a_mandate_that_ends_takes_its_lines_out_of_what_was_not_sent(ready: Room) -> None:
    planned = ready.plan()
    ready.hold(planned)
    approval.approve(ready.desk("wang"), planned.batch, FORM)
    sending.write_request(ready.desk(), planned.batch, FORM)
    _mandate, [release] = mandate_end.cancel(ready.desk(), "M0000001", "asked for")
    file = read_release(release.content)
    assert (file.cause, file.lines) == (ReleaseCause.RECALL, (1, 2))
    assert ready.lines(planned.batch) == {"D1": DROPPED, "D2": DROPPED, "D3": HELD}
    assert ready.batch(planned.batch).state is BatchState.APPROVED  # to be written anew
    _batch, [written] = sending.write_request(ready.desk(), planned.batch, FORM)
    assert ACCOUNT.number not in written.content.decode()


def test_a_mandate_that_ends_before_the_front_answered_is_seen_at_the_approval(ready: Room) -> None:
    planned = ready.plan()
    mandate_end.cancel(ready.desk(), "M0000001", "asked for")
    ready.hold(planned)
    approved, release = approval.approve(ready.desk("wang"), planned.batch, FORM)
    assert release is not None
    assert read_release(release.content).lines == (1, 2)
    assert (approved.state, ready.lines(planned.batch)["D3"]) == (BatchState.APPROVED, HELD)


def test_a_line_is_recalled_before_it_is_sent_and_never_after(ready: Room) -> None:
    planned = ready.plan()
    ready.hold(planned)
    _batch, release = approval.recall(ready.desk(), planned.batch, 2, "paid at a counter")
    assert read_release(release.content).lines == (2,)
    approval.approve(ready.desk("wang"), planned.batch, FORM)
    sending.write_request(ready.desk(), planned.batch, FORM)
    sending.mark_sent(ready.desk(), planned.batch)
    for step in (approval.cancel, lambda desk, name, why: approval.recall(desk, name, 1, why)):
        with pytest.raises(ActRefused):
            step(ready.desk(), planned.batch, "too late")
    assert ready.lines(planned.batch) == {"D1": SENT, "D2": DROPPED, "D3": SENT}


def test_the_files_are_the_same_until_they_are_sent(ready: Room) -> None:
    planned = ready.plan()
    ready.hold(planned)
    approval.approve(ready.desk("wang"), planned.batch, FORM)
    first = sending.write_request(ready.desk(), planned.batch, FORM)[1]
    assert ACCOUNT.number in first[0].content.decode()
    assert sending.write_request(ready.desk(), planned.batch, FORM)[1] == first
    sending.mark_sent(ready.desk(), planned.batch)
    with pytest.raises(ActRefused, match="is sent"):
        sending.write_request(ready.desk(), planned.batch, FORM)
    [content] = ready.rows("SELECT content_sealed FROM files WHERE direction = 'request'")[0]
    assert ACCOUNT.number.encode() not in bytes(content)  # type: ignore[call-overload]


def test_files_that_would_differ_from_those_written_are_not_given_out(ready: Room) -> None:
    planned = ready.plan()
    ready.hold(planned)
    approval.approve(ready.desk("wang"), planned.batch, FORM)
    sending.write_request(ready.desk(), planned.batch, FORM)
    named = [channel.model_copy(update={"payee": "other"}) for channel in ready.settings.channel]
    ready.settings = ready.settings.model_copy(update={"channel": tuple(named)})
    with pytest.raises(ActRefused, match="would not be those that were written"):
        sending.write_request(ready.desk(), planned.batch, FORM)


def test_an_answer_of_the_front_about_other_lines_is_refused(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="AM04")
    _batch, written = results.write_results(ready.desk(), name)
    with pytest.raises(FileRefused, match="line 3 of B0000001 was not in part 1"):
        results.take_results_answer(ready.desk(), "a", ready.front_says(written.content, 3))


def test_each_line_gets_its_outcome_and_what_nobody_knows_is_unknown(ready: Room) -> None:
    name = ready.sent()
    answered = ready.answer(name, D1="ACSC", D2="AM04")
    assert (answered.done, answered.done_amount, answered.failed, answered.unknown) == (1, 100, 1, 1)
    assert answered.batch.state is BatchState.ANSWERED
    assert ready.lines(name) == {"D1": DONE, "D2": FAILED, "D3": UNKNOWN}
    assert ready.rows("SELECT due, state FROM dues ORDER BY due")[0] == ("D1", "settled")


def test_a_code_that_no_table_knows_is_unknown_and_said(ready: Room) -> None:
    name = ready.sent()
    answered = ready.answer(name, D1="ACSC", D2="ZZ99", D3="PDNG")
    assert ready.lines(name) == {"D1": DONE, "D2": UNKNOWN, "D3": UNKNOWN}
    assert answered.unmapped == ("ZZ99",)


def test_an_unknown_line_is_not_tried_again_and_a_late_answer_ends_it(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D3="ACSC")
    ready.apply(name)
    for date in ("20261203", "20261211", "20261228"):
        with pytest.raises(ValueError, match="not enough values"):
            ready.plan(date)
    late = ready.answer(name, D1="ACSC", D2="ACSC", D3="ACSC")
    assert (late.done, late.batch.state) == (1, BatchState.ANSWERED)
    assert ready.apply(name).state is BatchState.APPLIED


def test_the_same_file_and_one_that_contradicts_are_refused(ready: Room) -> None:
    name = ready.sent()
    file = ready.bank_says(name, D1="ACSC", D2="AM04")
    ready.take(name, file)
    with pytest.raises(FileRefused, match="was taken before"):
        ready.take(name, file)
    with pytest.raises(FileRefused, match="line 2 of B0000001 is failed by an earlier answer"):
        ready.answer(name, D1="ACSC", D2="ACSC", D3="ACSC")
    assert ready.lines(name) == {"D1": DONE, "D2": FAILED, "D3": UNKNOWN}


def test_a_whole_refusal_releases_and_what_nobody_is_sure_of_keeps_its_holds(ready: Room) -> None:
    name = ready.sent()
    for outcome in ("ask", "resend"):
        batch, release = sending.take_file_code(ready.desk(), name, "99", outcome)  # type: ignore[arg-type]
        assert (batch.state, release) == (BatchState.SENT, None)
    assert set(ready.lines(name).values()) == {SENT}
    batch, release = sending.take_file_code(ready.desk(), name, "16", "release")
    assert release is not None
    assert (batch.state, read_release(release.content).cause) == (
        BatchState.REFUSED_WHOLE,
        ReleaseCause.REFUSED_WHOLE,
    )
    assert set(ready.lines(name).values()) == {DROPPED}
    assert ready.plan("20261202").lines == 3  # certain: it is asked for again, and it is no second attempt
    assert ready.rows("SELECT DISTINCT attempt FROM lines") == [(1,)]


def test_a_hard_failure_suspends_the_mandate_and_a_soft_one_is_tried_again_on_a_told_date(
    ready: Room,
) -> None:
    name = ready.sent()
    ready.answer(name, D1="AM04", D2="AM04", D3="AC04")
    assert [mandate.state.value for mandate in ready.mandates()] == ["active", "suspended"]
    assert ready.rows("SELECT due, attempt, date FROM attempts WHERE attempt = 2 ORDER BY due") == [
        ("D1", 2, "20261207"),
        ("D2", 2, "20261207"),
    ]
    assert ready.plan("20261207").lines == 2


def test_outcomes_go_to_the_front_once_and_come_back_with_receipts(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="AM04")
    _batch, written = results.write_results(ready.desk(), name)
    file = read_apply(written.content)
    assert (file.part, len(file.lines), file.done_amount) == (1, 2, 100)
    assert results.write_results(ready.desk(), name)[1] == written
    applied = results.take_results_answer(ready.desk(), "a", ready.front_says(written.content))
    assert applied.state is BatchState.APPLIED
    assert ready.rows("SELECT receipt FROM lines WHERE receipt <> ''") == [("26120101000001",)]
    assert ready.mandates(POLICY)[0].last_use == "20261201"
    with pytest.raises(ActRefused, match="no outcome that is new"):
        results.write_results(ready.desk(), name)
    with pytest.raises(FileRefused, match="was taken before"):
        results.take_results_answer(ready.desk(), "a", ready.front_says(written.content))


def test_money_that_fits_no_due_is_a_misfit(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="ACSC", D3="ACSC")
    assert ready.apply(name, 2).state is BatchState.APPLIED
    assert ready.lines(name) == {"D1": DONE, "D2": LineState.MISFIT, "D3": DONE}


def test_a_forced_release_needs_two_people_and_the_due_is_not_planned_again(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="ACSC")
    proposed = releases.propose(ready.desk("li"), name, (), "the bank has no trace of it")
    assert proposed.lines == (3,)
    with pytest.raises(SamePerson):
        releases.approve(ready.desk("li"), proposed.number)
    decided, release = releases.approve(ready.desk("wang"), proposed.number)
    file = read_release(release.content)
    assert (decided.state, file.cause, file.forced_by, file.lines) == (
        "approved",
        ReleaseCause.FORCED,
        ("li", "wang"),
        (3,),
    )
    assert ready.lines(name)["D3"] is RELEASED
    with pytest.raises(ValueError, match="not enough values"):
        ready.plan("20261203")
    with pytest.raises(ActRefused, match="only lines of B0000001 that were sent"):
        releases.propose(ready.desk("li"), name, (1,), "again")
    late = ready.answer(name, D1="ACSC", D2="ACSC", D3="ACSC")
    assert (late.done, ready.lines(name)["D3"]) == (1, DONE)


def test_a_rejected_proposal_changes_nothing(ready: Room) -> None:
    name = ready.sent()
    proposed = releases.propose(ready.desk("li"), name, (1, 2), "no trace")
    with pytest.raises(ActRefused, match="proposal 1 about this batch waits"):
        releases.propose(ready.desk("wang"), name, (3,), "no trace")
    assert releases.reject(ready.desk("wang"), proposed.number).state == "rejected"
    with pytest.raises(ActRefused, match="is rejected"):
        releases.approve(ready.desk("wang"), proposed.number)
    assert set(ready.lines(name).values()) == {SENT}


def test_a_batch_whose_last_open_lines_were_forced_goes_on(ready: Room) -> None:
    name = ready.sent()
    proposed = releases.propose(ready.desk("li"), name, (), "no trace")
    releases.approve(ready.desk("wang"), proposed.number)
    assert ready.batch(name).state is BatchState.ANSWERED


def test_a_batch_is_settled_with_what_moved_and_closed_without_open_lines(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="ACSC")
    ready.apply(name)
    with pytest.raises(ActRefused, match="299 fen were paid for B0000001, and 300 fen"):
        results.settle(ready.desk(), name, 299, 60)
    results.settle(ready.desk(), name, 300, 60)
    with pytest.raises(ActRefused, match="line 3 of B0000001 is unknown"):
        results.close(ready.desk(), name)
    ready.answer(name, D1="ACSC", D2="ACSC", D3="AM04")
    ready.apply(name)
    results.settle(ready.desk(), name, 300, 90)
    assert results.close(ready.desk(), name).state is BatchState.CLOSED
