"""A transaction told from its entries: what was asked and answered, whether it stands, what undid it."""

from __future__ import annotations

import pytest

from ledger.rules.entry import Entry, Kind
from ledger.rules.trace import NOT_KEPT, EntryLink, TracedEntry, place_of, trace
from protocol.responses import Response
from tests.support.builders import BANK, DATE, entry

PERSON, HIDDEN = "11010519491231002X", "**************002X"
PAID = entry(1)
CANCEL = entry(2, kind=Kind.CANCEL, code="020000", original=PAID.key, subject=PAID.key, sequence=2)
UNCANCEL = entry(3, kind=Kind.REVERSAL, mti="0400", original=CANCEL.key, subject=CANCEL.key, sequence=2)
NOTHING_LEFT = entry(4, kind=Kind.REVERSAL, mti="0400", original=PAID.key, subject=None, sequence=None)
REFUSED = entry(
    5, kind=Kind.CANCEL, original=PAID.key, response=Response.NOT_POSSIBLE, subject=None, sequence=None
)
TOMBSTONE = entry(6, kind=Kind.TOMBSTONE, mti="0420", code="", original="X/1", receipt=None)


def test_all_that_the_journal_has_of_a_collection_is_told() -> None:
    traced_entry = entry(
        1, card="622202******1234", chain=2, sent_at="20261124101112", local_at="20261123235958"
    )
    assert trace([traced_entry]) == (
        TracedEntry(
            place="2:1",
            key=traced_entry.key,
            kind="collection",
            what="collection: renewal premium",
            bank=BANK,
            business_date=DATE,
            recorded_at=1,
            amount=120_000,
            policy="P1",
            due="D1",
            receipt=str(traced_entry.receipt),
            response="00",
            meaning="approved: done, and on disk",
            reason="",
            exception_code="",
            standing="in effect",
            links=(),
            request={
                "MTI": "0200",
                "2": "622202******1234",
                "3": "500000",
                "4": "000000120000",
                "7": "1124101112",
                "11": "000001",
                "12": "235958",
                "13": "1123",
                "32": BANK,
                "37": "RRN000000001",
                "41": "T0000001",
                "42": "B00000000000001",
                "48.PN": "P1",
                "49": "156",
            },
            answer={
                "MTI": "0210",
                "15": "1124",
                "38": "000001",
                "39": "00",
                "48.DU": "D1",
                "48.RN": str(traced_entry.receipt),
            },
        ),
    )


def test_a_refusal_is_told_with_its_reason_and_without_a_due_or_a_receipt() -> None:
    traced_entry = entry(
        1, kind=Kind.PAYOUT, code="260000", response=Response.AMOUNT_DIFFERS, reason="DE 4",
        exception_code="amount", authorization="", receipt=None, subject=None, sequence=None,
    )  # fmt: skip
    [traced] = trace([traced_entry])
    assert traced.answer == {"MTI": "0210", "15": "1124", "39": "13", "44": "DE 4"}
    assert (traced.kind, traced.what, traced.receipt) == ("payout", "payout: maturity benefit", "")
    assert traced.request["48.PN"] == "P1"
    assert (traced.response, traced.meaning) == ("13", "the amount is not the due's")
    assert (traced.reason, traced.exception_code) == ("DE 4", "amount")
    assert traced.standing == "refused: without effect"


def test_an_undoing_names_its_original_and_no_policy_that_its_message_had() -> None:
    [traced] = trace([CANCEL])
    assert traced.request == {
        "MTI": "0200",
        "3": "020000",
        "4": "000000120000",
        "7": "1124101112",
        "11": "000002",
        "12": "101112",
        "13": "1124",
        "32": BANK,
        "37": "RRN000000002",
        "41": "T0000001",
        "42": "B00000000000001",
        "49": "156",
        "90 names": PAID.key,
    }


@pytest.mark.parametrize(
    ("code", "what"),
    [("", ""), ("999999", "unknown processing code"), ("501000", "collection: first premium")],
)
def test_a_processing_code_is_told_in_words(code: str, what: str) -> None:
    assert trace([entry(1, code=code)])[0].what == what


def test_an_entry_that_no_message_made_has_no_answer() -> None:
    [traced] = trace([entry(1, mti="", code="", receipt=None)])
    assert traced.answer == {}
    assert {name: traced.request.get(name) for name in ("MTI", "3", "49")} == {
        "MTI": None,
        "3": None,
        "49": "156",
    }


@pytest.mark.parametrize(
    ("entries", "standings"),
    [
        ([PAID], ["in effect"]),
        ([entry(1, kind=Kind.PAYOUT)], ["in effect"]),
        ([PAID, CANCEL], ["undone", "done"]),
        ([PAID, CANCEL, UNCANCEL], ["in effect", "undone", "done"]),
        ([PAID, NOTHING_LEFT], ["in effect", "nothing was left to undo"]),
        ([PAID, REFUSED], ["in effect", "refused: without effect"]),
        ([PAID, CANCEL, NOTHING_LEFT], ["undone", "done", "nothing was left to undo"]),
        ([entry(1, subject=None)], ["nothing was left to undo"]),
        ([entry(1, sequence=None)], ["nothing was left to undo"]),
        ([TOMBSTONE], ["done"]),
        ([PAID, entry(2)], ["in effect", "in effect"]),
        ([entry(1, original=PAID.key)], ["in effect"]),
    ],
)
def test_what_stands_is_what_no_standing_undoing_names(entries: list[Entry], standings: list[str]) -> None:
    assert [traced.standing for traced in trace(entries)] == standings


@pytest.mark.parametrize(
    ("entries", "links"),
    [
        ([PAID], [()]),
        ([CANCEL], [(EntryLink("cancel of", PAID.key, ""),)]),
        (
            [PAID, CANCEL, UNCANCEL],
            [
                (EntryLink("cancel by", CANCEL.key, "1:2"),),
                (EntryLink("cancel of", PAID.key, "1:1"), EntryLink("reversal by", UNCANCEL.key, "1:3")),
                (EntryLink("reversal of", CANCEL.key, "1:2"),),
            ],
        ),
        (
            [PAID, REFUSED, NOTHING_LEFT],
            [
                (
                    EntryLink("cancel by, refused with 12,", REFUSED.key, "1:5"),
                    EntryLink("reversal by", NOTHING_LEFT.key, "1:4"),
                ),
                (EntryLink("cancel of", PAID.key, "1:1"),),
                (EntryLink("reversal of", PAID.key, "1:1"),),
            ],
        ),
        ([TOMBSTONE], [(EntryLink("tombstone of", "X/1", ""),)]),
        (
            [entry(1, key="X/1"), TOMBSTONE],
            [(EntryLink("tombstone by", TOMBSTONE.key, "1:6"),), (EntryLink("tombstone of", "X/1", "1:1"),)],
        ),
        (
            [PAID, entry(2, original=PAID.key)],
            [
                (EntryLink("collection by", entry(2).key, "1:2"),),
                (EntryLink("collection of", PAID.key, "1:1"),),
            ],
        ),
        ([entry(1, key="X/1", original="X/1")], [(EntryLink("collection of", "X/1", "1:1"),)]),
    ],
)
def test_entries_are_tied_to_what_they_undo_and_to_what_undid_them(
    entries: list[Entry], links: list[tuple[EntryLink, ...]]
) -> None:
    assert [traced.links for traced in trace(entries)] == links


def test_a_persons_number_is_hidden_wherever_a_bank_put_it() -> None:
    names = ("key", "policy", "due", "exception_code", "original", "rrn", "terminal")
    traced_entry = entry(1, **dict.fromkeys(names, PERSON))
    [traced, undone] = trace([traced_entry, entry(2, key=f"{PERSON}/2", original=PERSON)])
    assert (traced.key, traced.policy, traced.due, traced.exception_code) == (HIDDEN,) * 4
    assert [link.key for link in traced.links] == [HIDDEN, f"{HIDDEN}/2"]
    assert [link.key for link in undone.links] == [HIDDEN]
    assert {name: traced.request[name] for name in ("37", "41", "48.PN", "90 names")} == dict.fromkeys(
        ("37", "41", "48.PN", "90 names"), HIDDEN
    )
    assert traced.answer["48.DU"] == HIDDEN
    assert "44" not in trace([entry(1, reason="only a refusal has one")])[0].answer
    [refused] = trace([entry(1, response=Response.NOT_FOUND, reason=PERSON)])
    assert (refused.reason, refused.answer["44"]) == (HIDDEN, HIDDEN)


def test_an_entrys_place_is_its_chain_and_position() -> None:
    assert place_of(entry(7, chain=3)) == "3:7"


def test_what_the_journal_does_not_keep_is_named() -> None:
    assert NOT_KEPT == (
        "messages are not kept: what is shown of them is what the journal has; the rest of DE 48, DE 62"
        " and the MAC are gone, and a repeat leaves no entry, since it gets the first answer again"
    )
