"""One transaction as the journal has it: what was asked, what was decided and why, what took it back.

Pure: entries in, text by field out. What a message had and the journal does not keep is named as missing
(NOT_KEPT), never made up. No database statement belongs here, and nothing that only the office knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.rules.entry import Entry, Kind
from ledger.rules.masking import masked_numbers
from protocol.code_names import RESPONSE_NAMES, TRANSACTION_NAMES
from protocol.message import answer_mti
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

NOT_KEPT: Final = Sentence(
    "messages are not kept: what is shown of them is what the journal has; the rest of DE 48, DE"
    " 62 and the MAC are gone, and a repeat leaves no entry, since it gets the first answer again"
)
KIND_NAMES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.COLLECTION: Sentence("collection"),
        Kind.PAYOUT: Sentence("payout"),
        Kind.CANCEL: Sentence("cancel"),
        Kind.REVERSAL: Sentence("reversal"),
        Kind.TOMBSTONE: Sentence("tombstone"),
    }
)


class EntryLink(NamedTuple):
    """A tie to another entry. `how` and `key` read as one text, `cancel of KEY`; `place` is CHAIN:POSITION,
    empty if the other entry is not in the journal.
    """

    how: str
    key: str
    place: str


class TracedEntry(NamedTuple):
    """One entry as it is shown to a person. `request` and `answer` are texts by DE number, as far as the
    journal has them; `meaning` is the response code's; `standing` says whether the entry is in effect now.
    Amounts in fen; `recorded_at` microseconds since 1970-01-01 UTC. Identity and card numbers are masked, and
    the policyholder's name is left out.
    """

    place: str
    key: str
    kind: str
    what: str
    bank: str
    business_date: str
    recorded_at: int
    amount: int
    policy: str
    due: str
    receipt: str
    response: str
    meaning: str
    reason: str
    exception_code: str
    standing: str
    links: tuple[EntryLink, ...]
    request: Mapping[str, str]
    answer: Mapping[str, str]


def trace(entries: Sequence[Entry]) -> tuple[TracedEntry, ...]:
    """Each of a transaction's entries as it is shown to a person, with its links to the others, in the order
    given.
    """
    return tuple(_traced(entry, entries) for entry in entries)


def place_of(entry: Entry) -> str:
    """The entry's place in the journal, CHAIN:POSITION."""
    return f"{entry.chain}:{entry.position}"


def _traced(entry: Entry, entries: Sequence[Entry]) -> TracedEntry:
    return TracedEntry(
        place=place_of(entry),
        key=masked_numbers(entry.key),
        kind=KIND_NAMES[entry.kind],
        what=TRANSACTION_NAMES.get(entry.code, Sentence("unknown processing code")) if entry.code else "",
        bank=entry.bank,
        business_date=entry.business_date,
        recorded_at=entry.recorded_at,
        amount=entry.amount,
        policy=masked_numbers(entry.policy),
        due=masked_numbers(entry.due),
        receipt=entry.receipt or "",
        response=entry.response.value,
        meaning=RESPONSE_NAMES[entry.response],
        reason=masked_numbers(entry.reason),
        exception_code=masked_numbers(entry.exception_code),
        standing=_standing(entry, entries),
        links=tuple(_links(entry, entries)),
        request=_given(_request(entry)),
        answer=_given(_answer(entry)),
    )


def _standing(entry: Entry, entries: Sequence[Entry]) -> str:
    if entry.response is not Response.APPROVED:
        return Sentence("refused: without effect")
    if entry.sequence is None or entry.subject is None:
        return Sentence("nothing was left to undo")
    if _is_undone(entry, entries):
        return Sentence("undone")
    if entry.kind in (Kind.COLLECTION, Kind.PAYOUT):
        return Sentence("in effect")
    return Sentence("done")


def _is_undone(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether a cancel or reversal took the entry out of effect, and was not itself reversed."""
    return any(
        other.original == entry.key
        and other.sequence is not None
        and other.key != entry.key
        and not _is_undone(other, entries)
        for other in entries
    )


def _links(entry: Entry, entries: Sequence[Entry]) -> Iterable[EntryLink]:
    if entry.original:
        place = next((place_of(other) for other in entries if other.key == entry.original), "")
        yield EntryLink(
            Sentence("{kind} of", kind=KIND_NAMES[entry.kind]), masked_numbers(entry.original), place
        )
    for other in entries:
        if other.original == entry.key and other is not entry:
            how = Sentence("{kind} by", kind=KIND_NAMES[other.kind])
            if other.response is not Response.APPROVED:
                how = Sentence("{how}, refused with {response},", how=how, response=other.response.value)
            yield EntryLink(how, masked_numbers(other.key), place_of(other))


def _request(entry: Entry) -> dict[str, str]:
    """The fields of the request that the journal has, by DE; DE 48 by group."""
    return {
        "MTI": entry.mti,
        "2": entry.card,
        "3": entry.code,
        "4": f"{entry.amount:012d}",
        "7": entry.sent_at[4:],
        "11": entry.stan,
        "12": entry.local_at[8:],
        "13": entry.local_at[4:8],
        "32": entry.bank,
        "37": entry.rrn,
        "41": entry.terminal,
        "42": entry.branch,
        # A cancel's or reversal's entry has its original's policy. The due is not shown: it is what was
        # decided, whether or not the request named it.
        "48.PN": entry.policy if entry.kind in (Kind.COLLECTION, Kind.PAYOUT) else "",
        "49": entry.currency,
        "90 names": entry.original,
    }


def _answer(entry: Entry) -> dict[str, str]:
    if not entry.mti:
        return {}
    return {
        "MTI": answer_mti(entry.mti),
        "15": entry.business_date[4:],
        "38": entry.authorization,
        "39": entry.response.value,
        "44": entry.reason if entry.response is not Response.APPROVED else "",
        "48.DU": entry.due if entry.response is Response.APPROVED else "",
        "48.RN": entry.receipt or "",
    }


def _given(fields: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name: masked_numbers(text) for name, text in fields.items() if text})
