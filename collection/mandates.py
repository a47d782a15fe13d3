"""Mandates: what a payer signed, so that dues are collected without asking again each time.

An account's number and the name of its holder are sealed under the payer's own key at once; a keyed digest
and the last digits are what is left in clear. Who pays is the policy's payer, else its holder. Each step has
its record in the audit log and in the history, in one transaction; a refused one has a record too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from collection.database.history import Event, write_events
from collection.database.schema import Direction, mandates
from collection.desk import Desk, act, checked_reason, note
from collection.dues import tell_dates
from collection.errors import ActRefused, NoSuchItem
from collection.kept_files import check_new, keep
from collection.rules.mandate import AccountKind, Period, Purpose, SignedBy, is_over, tail_of, unused_since
from collection.rules.states import MANDATE, MandateEvent, MandateState
from customers.rules.person import Role
from customers.rules.states import PersonState
from customers.sealing import NONCE_BYTES, Label, SecretKey, opened, parse, sealed_line
from ledger.rules.names import is_name
from protocol.card_number import is_card_number
from qianzhi_errors.sentence import Sentence

_ACCOUNT: Final = re.compile("[0-9A-Z]{2,30}[0-9]{4}")
_EVIDENCE: Final = re.compile("[0-9a-f]{64}")
_AT_ONCE: Final = 500


class Account(NamedTuple):
    """An account in clear: use it at once, and keep it nowhere."""

    number: str
    name: str

    def __repr__(self) -> str:
        """Say nothing of it."""
        return "Account(...)"


NO_ACCOUNT: Final = Account("", "")
"""What is left of the account of a payer who was forgotten."""


class Wanted(NamedTuple):
    """A mandate as it is entered: dates are YYYYMMDD, `valid_to` empty without an end; a `limit_fen` of 0 is
    no limit.
    """

    policy: str
    purpose: Purpose
    channel: str
    bank: str
    kind: AccountKind
    limit_fen: int
    period: Period
    valid_from: str
    valid_to: str
    account: Account


class Evidence(NamedTuple):
    """What proves that the payer signed: the SHA-256 of it in hex, and the road by which it came."""

    digest: str
    signed_by: SignedBy


class Mandate(NamedTuple):
    """A mandate as it is shown: nothing of its account but the last digits. Moments are microseconds since
    1970-01-01 UTC, dates YYYYMMDD.
    """

    mandate: str
    policy: str
    purpose: Purpose
    person: str
    payer: str
    tail: str
    bank: str
    kind: AccountKind
    channel: str
    limit_fen: int
    period: Period
    valid_from: str
    valid_to: str
    evidence_digest: str
    signed_at: int
    signed_by: str
    state: MandateState
    first_use: str
    last_use: str
    made_by: str


_COLUMNS: Final = tuple(mandates.c[name] for name in Mandate._fields)


def add(desk: Desk, wanted: Wanted) -> Mandate:
    """Enter a mandate as a draft, and return it. Raises CollectionError, and CustomersError where the payer's
    key is not at hand.
    """
    with act(desk, "mandate", "mandate add", wanted.policy) as connection:
        return _added(desk, connection, wanted)


def add_signed(
    desk: Desk, rows: Sequence[tuple[Wanted, Evidence]], name: str, content: bytes
) -> tuple[Mandate, ...]:
    """Enter the mandates of a file, which were signed elsewhere, all of them or none, and return them. Raises
    CollectionError; FileRefused for a file that was taken before.
    """
    with act(desk, "mandate", "mandate import", "") as connection:
        check_new(connection, content)
        digest = keep(desk, connection, Direction.MANDATES, name, content)
        note(desk, connection, "mandate import", "", f"{len(rows)} mandates, file {digest}")
        taken = tuple(
            _signed(desk, connection, _added(desk, connection, wanted), evidence) for wanted, evidence in rows
        )
        tell_dates(desk, connection, desk.today)
        return taken


def sign(desk: Desk, name: str, evidence: Evidence) -> Mandate:
    """Note the evidence of a payer's signature, and return the mandate: active, or still a draft where its
    bank must agree first. Raises CollectionError.
    """
    with act(desk, "mandate", "mandate sign", name) as connection:
        signed = _signed(desk, connection, find(connection, name), evidence)
        tell_dates(desk, connection, desk.today)
        return signed


def resume(desk: Desk, name: str, evidence: Evidence) -> Mandate:
    """Make a suspended mandate active again, by new evidence of the payer's will; return it."""
    with act(desk, "mandate", "mandate resume", name) as connection:
        _check_evidence(evidence)
        mandate = find(connection, name)
        _check_alone(connection, mandate)
        changes = _evidence_columns(desk, evidence)
        resumed = move(desk, connection, mandate, MandateEvent.RESUME, "", **changes)
        tell_dates(desk, connection, desk.today)
        return resumed


def agree(desk: Desk, name: str) -> Mandate:
    """Note that the payer's bank agreed, and return the mandate, now active."""
    with act(desk, "mandate", "mandate agree", name) as connection:
        mandate = find(connection, name)
        _check_alone(connection, mandate)
        agreed = move(desk, connection, mandate, MandateEvent.AGREE, "")
        tell_dates(desk, connection, desk.today)
        return agreed


def refuse(desk: Desk, name: str, reason: str) -> Mandate:
    """Note that the payer's bank refused, and return the mandate."""
    with act(desk, "mandate", "mandate refuse", name) as connection:
        words = checked_reason(reason)
        return move(desk, connection, find(connection, name), MandateEvent.REFUSE, words)


def send(desk: Desk, channel: str) -> tuple[tuple[Mandate, Account], ...]:
    """The signed drafts of a channel whose bank must agree, with their accounts in clear; they are sent now.
    Those that were sent and not answered are among them again.
    """
    with act(desk, "mandate", "mandate export", channel) as connection:
        desk.settings.channel_of(channel)
        waiting = mandates.c.state.in_((MandateState.DRAFT.value, MandateState.SENT.value))
        chosen = (mandates.c.channel == channel, waiting, mandates.c.evidence_digest != "")
        rows = [_mandate(row) for row in _read(connection, *chosen)]
        accounts = open_accounts(desk, connection, [mandate.mandate for mandate in rows])
        rows = [mandate for mandate in rows if accounts[mandate.mandate] != NO_ACCOUNT]
        sent = [
            move(desk, connection, mandate, MandateEvent.SEND, "")
            if mandate.state is MandateState.DRAFT
            else mandate
            for mandate in rows
        ]
        note(desk, connection, "mandate export", channel, f"{len(sent)} mandates")
        return tuple((mandate, accounts[mandate.mandate]) for mandate in sent)


def expire(desk: Desk, connection: Connection, today: str) -> tuple[str, ...]:
    """End each active mandate whose term is over or which was not used for 36 months; return their names. In
    the caller's transaction.
    """
    ended = []
    for mandate in map(_mandate, _read(connection, mandates.c.state == MandateState.ACTIVE.value)):
        over = is_over(mandate.valid_to, today)
        if over or unused_since(mandate.last_use, mandate.valid_from, today):
            move(desk, connection, mandate, MandateEvent.EXPIRE, "term over" if over else "not used")
            ended.append(mandate.mandate)
    return tuple(ended)


def listing(connection: Connection, *, policy: str = "", state: str = "") -> tuple[Mandate, ...]:
    """The mandates of a policy, or those in a state, or all, in the order of their names."""
    chosen = [mandates.c.policy == policy] if policy else []
    chosen += [mandates.c.state == state] if state else []
    return tuple(map(_mandate, _read(connection, *chosen)))


def find(connection: Connection, name: str) -> Mandate:
    """The mandate of this name. Raises NoSuchItem."""
    for row in _read(connection, mandates.c.mandate == name):
        return _mandate(row)
    raise NoSuchItem(Sentence("there is no mandate of this name"))


def open_accounts(desk: Desk, connection: Connection, names: Sequence[str]) -> dict[str, Account]:
    """The accounts of these mandates in clear, by mandate: use them at once. Of a payer who was forgotten
    nothing is left, and it is NO_ACCOUNT.
    """
    columns = (mandates.c.mandate, mandates.c.policy, mandates.c.payer, mandates.c.account_sealed)
    found: dict[str, Account] = {}
    keys: dict[str, SecretKey] = {}
    for start in range(0, len(names), _AT_ONCE):
        chosen = mandates.c.mandate.in_(names[start : start + _AT_ONCE])
        for row in connection.execute(select(*columns, mandates.c.name_sealed).where(chosen)):
            key = keys.get(row.payer) or desk.book.key_of(row.payer)
            if key is None:
                found[row.mandate] = NO_ACCOUNT
                continue
            keys[row.payer] = key
            number, name = (
                opened(key, parse(text), _place(row.mandate, kind)).decode()
                for text, kind in ((row.account_sealed, "account"), (row.name_sealed, "name"))
            )
            found[row.mandate] = Account(number, name)
    return found


def move(
    desk: Desk,
    connection: Connection,
    mandate: Mandate,
    event: MandateEvent,
    reason: str,
    **changes: str | int,
) -> Mandate:
    """Take a mandate a step further in the caller's transaction, with its record; return it as it is then.
    Raises ActRefused where its state does not allow the step.
    """
    following = MANDATE.get((mandate.state, event))
    if following is None:
        raise ActRefused(
            Sentence(
                "mandate {mandate} is {state}: it cannot be {event}",
                mandate=mandate.mandate,
                state=mandate.state,
                event=event,
            )
        )
    same = (mandates.c.mandate == mandate.mandate) & (mandates.c.state == mandate.state.value)
    connection.execute(update(mandates).where(same).values(state=following.value, **changes))
    write_events(connection, desk.at, desk.by, [Event(event, following, mandate=mandate.mandate)])
    note(desk, connection, f"mandate {event}", mandate.mandate, reason)
    return find(connection, mandate.mandate)


def note_use(connection: Connection, names: Iterable[str], date: str) -> None:
    """Write down that money was collected by these mandates, on a date."""
    used = sorted(set(names))
    for start in range(0, len(used), _AT_ONCE):
        chosen = mandates.c.mandate.in_(used[start : start + _AT_ONCE])
        first = chosen & (mandates.c.first_use == "")
        connection.execute(update(mandates).where(first).values(first_use=date, last_use=date))
        later = chosen & (mandates.c.last_use < date)
        connection.execute(update(mandates).where(later).values(last_use=date))


def _added(desk: Desk, connection: Connection, wanted: Wanted) -> Mandate:
    _check(desk, wanted)
    held = desk.book.held_of(wanted.policy)
    person = next((row.person for row in held if row.role == Role.HOLDER), "")
    payer = next((row.person for row in held if row.role == Role.PAYER), person)
    if not person:
        raise NoSuchItem(Sentence("nobody holds this policy: the customers' file brings its holder"))
    if desk.book.state_of(payer) is not PersonState.ACTIVE:
        raise ActRefused(Sentence("{person} is restricted or forgotten: no mandate is entered", person=payer))
    number = 1 + int(connection.execute(select(func.count()).select_from(mandates)).scalar_one())
    name, key = f"M{number:07d}", _key(desk, payer)
    sealed = {
        f"{kind}_sealed": sealed_line(
            key, Label(payer, kind, name), text.encode(), desk.entropy(NONCE_BYTES), _place(name, kind)
        )
        for kind, text in (("account", wanted.account.number), ("name", wanted.account.name))
    }
    given = wanted._asdict()
    del given["account"]
    row = {
        **given,
        **sealed,
        "mandate": name,
        "person": person,
        "payer": payer,
        "account_digest": desk.keys.account.of(wanted.bank, wanted.account.number),
        "tail": tail_of(wanted.account.number),
        "state": MandateState.DRAFT.value,
        **{"evidence_digest": "", "signed_at": 0, "signed_by": "", "first_use": "", "last_use": ""},
        "made_by": desk.by,
        "made_at": desk.at,
    }
    connection.execute(insert(mandates).values(row))
    write_events(connection, desk.at, desk.by, [Event("add", MandateState.DRAFT, mandate=name)])
    note(desk, connection, "mandate add", name, f"policy {wanted.policy}, channel {wanted.channel}")
    return find(connection, name)


def _signed(desk: Desk, connection: Connection, mandate: Mandate, evidence: Evidence) -> Mandate:
    _check_evidence(evidence)
    columns = _evidence_columns(desk, evidence)
    if not desk.settings.channel_of(mandate.channel).bank_agrees:
        _check_alone(connection, mandate)
        return move(desk, connection, mandate, MandateEvent.SIGN, evidence.signed_by, **columns)
    if mandate.state is not MandateState.DRAFT:
        raise ActRefused(
            Sentence(
                "mandate {mandate} is {state}: it cannot be {event}",
                mandate=mandate.mandate,
                state=mandate.state,
                event=MandateEvent.SIGN,
            )
        )
    connection.execute(update(mandates).where(mandates.c.mandate == mandate.mandate).values(**columns))
    note(desk, connection, "mandate sign", mandate.mandate, f"{evidence.signed_by}; its bank is to agree")
    return find(connection, mandate.mandate)


def _evidence_columns(desk: Desk, evidence: Evidence) -> dict[str, str | int]:
    return {
        "evidence_digest": evidence.digest,
        "signed_at": desk.at,
        "signed_by": evidence.signed_by.value,
    }


def _check(desk: Desk, wanted: Wanted) -> None:
    """Raise ActRefused for a mandate that cannot be; no text repeats the account or the name."""
    channel = desk.settings.channel_of(wanted.channel)
    is_credit = wanted.kind is AccountKind.CREDIT
    number = wanted.account.number
    if not (channel.credit if is_credit else channel.debit):
        raise ActRefused(
            Sentence("channel {channel} takes no {kind}", channel=channel.code, kind=wanted.kind)
        )
    if _ACCOUNT.fullmatch(number) is None:
        raise ActRefused(Sentence("the account: not 6 to 34 digits and capitals, the last four digits"))
    if is_credit and not is_card_number(number):
        raise ActRefused(Sentence("the account: the check digit of the card's number is wrong"))
    if not is_name(wanted.account.name):
        raise ActRefused(Sentence("the account holder's name: not a name of printable characters"))
    if wanted.limit_fen < 0 or (wanted.valid_to and wanted.valid_to < wanted.valid_from):
        raise ActRefused(Sentence("a limit is not below 0, and a term does not end before it begins"))


def _check_evidence(evidence: Evidence) -> None:
    if _EVIDENCE.fullmatch(evidence.digest) is None:
        raise ActRefused(Sentence("evidence is a SHA-256 of 64 hex digits in small letters"))


def _check_alone(connection: Connection, mandate: Mandate) -> None:
    """Raise ActRefused where another mandate of this policy and purpose is active: it is cancelled first."""
    chosen = (mandates.c.policy == mandate.policy, mandates.c.purpose == mandate.purpose.value)
    for other in map(_mandate, _read(connection, *chosen)):
        if other.state is MandateState.ACTIVE and other.mandate != mandate.mandate:
            raise ActRefused(
                Sentence(
                    "mandate {mandate} of this policy is active: cancel or suspend it first",
                    mandate=other.mandate,
                )
            )


def _key(desk: Desk, person: str) -> SecretKey:
    key = desk.book.key_of(person)
    if key is None:
        raise ActRefused(Sentence("{person} was forgotten: the account cannot be opened", person=person))
    return key


def _place(mandate: str, kind: str) -> bytes:
    """The associated data of a sealed line, so that one that was moved to another mandate does not open."""
    return f"mandate|{mandate}|{kind}".encode()


def _read(connection: Connection, *chosen: object) -> Iterable[RowMapping]:
    query = select(*_COLUMNS).order_by(mandates.c.mandate)
    return connection.execute(query.where(*chosen)).mappings().all()  # type: ignore[arg-type]


def _mandate(row: RowMapping) -> Mandate:
    mandate = Mandate(**row)
    return mandate._replace(
        purpose=Purpose(mandate.purpose),
        kind=AccountKind(mandate.kind),
        period=Period(mandate.period),
        state=MandateState(mandate.state),
    )
