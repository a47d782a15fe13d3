"""One transaction as the journal has it: what was asked, what was decided and why, what undid it.

Pure: entries in, a story out. What a message had that the journal does not keep is not made up: it is named
as missing. No statement belongs here, and nothing of the office's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.rules.entry import Entry, Kind
from ledger.rules.masking import masked_numbers
from protocol.analyzer.field_display import CODES, OUTCOMES
from protocol.message import answer_mti
from protocol.responses import Response

NOT_KEPT: Final = (
    "messages are not kept: what is shown of them is what the journal has; the rest of DE 48, DE"
    " 62 and the MAC are gone, and a repeat leaves no entry, since it gets the first answer again"
)


class Link(NamedTuple):
    """How an entry is tied to another: `how` reads on with the other's key; `place` is CHAIN:POSITION, empty
    where the other is not in the journal.
    """

    how: str
    key: str
    place: str


class Told(NamedTuple):
    """One entry, told. `request` and `answer` are by DE number, as far as the journal has them; `meaning` is
    the response's; `standing` whether it is in effect now. Amounts in fen; `recorded_at` microseconds since
    1970-01-01 UTC. Identity and card numbers are masked, and the policyholder's name is not in it.
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
    links: tuple[Link, ...]
    request: Mapping[str, str]
    answer: Mapping[str, str]


def tell(entries: Sequence[Entry]) -> tuple[Told, ...]:
    """Tell each of a transaction's entries, with the links between them, in the order given."""
    return tuple(_told(entry, entries) for entry in entries)


def place_of(entry: Entry) -> str:
    """Where an entry stands in the journal."""
    return f"{entry.chain}:{entry.position}"


def _told(entry: Entry, entries: Sequence[Entry]) -> Told:
    return Told(
        place=place_of(entry),
        key=masked_numbers(entry.key),
        kind=entry.kind.value,
        what=CODES.get(entry.code, "unknown processing code") if entry.code else "",
        bank=entry.bank,
        business_date=entry.business_date,
        recorded_at=entry.recorded_at,
        amount=entry.amount,
        policy=masked_numbers(entry.policy),
        due=masked_numbers(entry.due),
        receipt=entry.receipt or "",
        response=entry.response.value,
        meaning=OUTCOMES[entry.response],
        reason=masked_numbers(entry.reason),
        exception_code=masked_numbers(entry.exception_code),
        standing=_standing(entry, entries),
        links=tuple(_links(entry, entries)),
        request=_given(_request(entry)),
        answer=_given(_answer(entry)),
    )


def _standing(entry: Entry, entries: Sequence[Entry]) -> str:
    if entry.response is not Response.APPROVED:
        return "refused: without effect"
    if entry.sequence is None or entry.subject is None:
        return "nothing was left to undo"
    if _is_undone(entry, entries):
        return "undone"
    return "in effect" if entry.kind in (Kind.COLLECTION, Kind.PAYOUT) else "done"


def _is_undone(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether an undoing of it stands. One that is itself undone, as a cancel that is reversed, does not."""
    return any(
        other.original == entry.key
        and other.sequence is not None
        and other.key != entry.key
        and not _is_undone(other, entries)
        for other in entries
    )


def _links(entry: Entry, entries: Sequence[Entry]) -> Iterable[Link]:
    if entry.original:
        place = next((place_of(one) for one in entries if one.key == entry.original), "")
        yield Link(f"{entry.kind.value} of", masked_numbers(entry.original), place)
    for other in entries:
        if other.original == entry.key and other is not entry:
            how = f"{other.kind.value} by"
            if other.response is not Response.APPROVED:
                how = f"{how}, refused with {other.response.value},"
            yield Link(how, masked_numbers(other.key), place_of(other))


def _request(entry: Entry) -> dict[str, str]:
    """What the journal has of the request, by DE; DE 48 by group."""
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
        # Of an undoing, the policy is the original's; the due was decided, whether or not it was named.
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
