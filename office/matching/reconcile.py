"""Reconciles a bank's date: reads both sides, matches them, and writes the result and its breaks.

This is one transaction for each bank and date, made only once. Only statements belong here:
`office.matching.match` decides the class of a line, `office.accounting.breaks` what follows for a break.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, insert, or_, select

from ledger.rules.break_classes import BreakClass
from ledger.rules.day import DayState
from ledger.rules.masking import masked_numbers
from office.accounting.bank_dates import (
    EXAMPLES_MAX,
    HeldFile,
    earlier_date_due,
    is_let_through,
    posting_date,
)
from office.accounting.break_reasons import NOT_FITTING
from office.accounting.break_states import Break, BreakState
from office.accounting.breaks import close_matched, listed, listing, open_breaks
from office.accounting.finding import Finding
from office.database.bulk import in_chunks, stream
from office.database.schema import bank_files, bank_lines, breaks, days, products, reconciliations
from office.errors import OfficeError
from office.matching.lines import BroughtForward, Ours, Result, Theirs, effect_of
from office.matching.match import resolve
from office.matching.match_candidates import match_candidates
from office.matching.our_side import (
    Window,
    by_bytes,
    exception_advices,
    late_reversals,
    our_side,
    recorded_at,
)
from office.matching.pairing import keys_to_look_up, pair
from office.matching.tolerance import Tolerance
from qianzhi_errors.sentence import Sentence

_LINES_A_REPORT = 10_000
"""Lines of our side between two calls of `progress`."""
_UNDECIDED = (BreakState.SUSPENSE, BreakState.PROPOSED)


class NotReconcilable(OfficeError):
    """A bank's date cannot be reconciled now; nothing was changed."""


class TooManyBreaks(OfficeError):
    """The file makes more breaks than allowed, and no two people have let it through. The caller rolls its
    transaction back and keeps `held` instead.
    """

    def __init__(self, held: HeldFile) -> None:
        super().__init__(held.text)
        self.held = held


class Terms(NamedTuple):
    """The terms agreed with a bank: whether its files list reversed transactions and have a column for the
    policy, the clerk who looks after its breaks, within how many microseconds of a cut-over the bank may
    date a transaction differently, and how many breaks a date may have.
    """

    lists_reversed: bool
    has_policy: bool
    owner: str
    near_us: int
    tolerance: Tolerance = Tolerance()


class Reconciled(NamedTuple):
    """The result of reconciling a bank's date: numbers of lines, of pairs that agree, of breaks opened and
    closed. `done_before`: it was reconciled earlier, and nothing was written now.
    """

    bank: str
    date: str
    ours: int
    theirs: int
    matched: int
    opened: int
    closed: int
    done_before: bool = False


def reconcile(
    connection: Connection,
    bank: str,
    date: str,
    terms: Terms,
    at: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Reconciled:
    """Reconcile a bank's date in the caller's transaction. If that was done before, nothing is written.

    A date that was closed without the bank's file ends no break of an earlier date: in the books its lines
    come after those of later dates. `at` is in microseconds since 1970-01-01 UTC; `progress` is called with
    the number of our lines read since its last call. Raises NotReconcilable, TooManyBreaks, and
    InvariantBroken from matching.
    """
    earlier_result = _earlier_result(connection, bank, date)
    if earlier_result is not None:
        return earlier_result
    begins, ends = _cutovers(connection, bank, date)
    window = Window(begins, ends, terms.near_us)
    sums: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    ours = _counted(our_side(connection, bank, date, window), sums, lines, progress)
    paired = pair(ours, _their_side(connection, bank, date), has_policy=terms.has_policy)
    late = late_reversals(connection, bank, date)
    # The keys of our late changes and of reversals refused as too late: their breaks may be decided already.
    changed = {line.key for line in paired.ours_left if line.state == "U"}
    changed |= {reversal.original for reversal in late}
    earlier = _earlier(connection, bank, date, keys_to_look_up(paired))
    is_late = posting_date(connection, date) != date
    brought_forward = () if is_late else tuple(_brought_forward(connection, bank, date, window, changed))
    result = resolve(paired, brought_forward, earlier, terms.lists_reversed, late)
    findings = (*_findings(result, terms.owner), *_exception_advices(connection, bank, date, terms.owner))
    allowed = _allowed(connection, (bank, date), terms.tolerance, result, findings, at)
    names = open_breaks(connection, bank, date, findings, at)
    for closing in result.closings:
        close_matched(connection, closing.name, closing.cls.value, date, at, closing.reason)
    _write_result(connection, bank, date, result, sums, lines, allowed, at)
    return Reconciled(
        bank, date, result.ours, result.theirs, result.matched, len(names), len(result.closings)
    )


def _earlier_result(connection: Connection, bank: str, date: str) -> Reconciled | None:
    """The result of the date if it was reconciled before, or None."""
    columns = (reconciliations.c[name] for name in ("ours", "theirs", "matched"))
    query = select(*columns).where(reconciliations.c.bank == bank, reconciliations.c.date == date)
    row = connection.execute(query).first()
    if row is None:
        return None
    opened = sum(1 for _ in listing(connection, bank=bank, date=date))
    ours, theirs, matched = row
    return Reconciled(bank, date, ours, theirs, matched, opened, 0, done_before=True)


def _cutovers(connection: Connection, bank: str, date: str) -> tuple[int, int]:
    """The moments at which the date began and ended, in microseconds since 1970-01-01 UTC.

    Raises NotReconcilable for a date that is not closed or has no file, or while an earlier date of the bank
    is to be posted first.
    """
    day = connection.execute(select(days.c.state, days.c.closed_at).where(days.c.date == date)).first()
    if day is None:
        raise NotReconcilable(Sentence("business day {date} is not closed, or was not pulled yet", date=date))
    taken = select(bank_files.c.lines).where(bank_files.c.bank == bank, bank_files.c.date == date)
    if connection.execute(taken).first() is None:
        raise NotReconcilable(
            Sentence("the file of bank {bank} for {date} has not been taken", bank=bank, date=date)
        )
    if day.state == DayState.CLOSED.value and (due := earlier_date_due(connection, bank, date)):
        raise NotReconcilable(
            Sentence(
                "business day {due} of bank {bank} comes first: it is not posted yet", due=due, bank=bank
            )
        )
    before = select(days.c.closed_at).where(days.c.date < date).order_by(days.c.date.desc()).limit(1)
    return connection.scalar(before) or 0, day.closed_at


def _allowed(
    connection: Connection,
    place: tuple[str, str],
    tolerance: Tolerance,
    result: Result,
    findings: Sequence[Finding],
    at: int,
) -> int:
    """The number of breaks that the bank's date (`place`) may have. Raises TooManyBreaks if it would have
    more and two people have not let this file through, as this layout reads it.
    """
    allowed = tolerance.allowed(max(result.ours, result.theirs))
    if len(findings) <= allowed:
        return allowed
    file = bank_files.c
    taken = connection.execute(
        select(file.digest, file.layout).where(file.bank == place[0], file.date == place[1])
    )
    digest, layout = taken.one()
    if is_let_through(connection, *place, digest, layout):
        return allowed
    examples = "; ".join(
        f"{finding.cls} {f'line {finding.line}' if finding.line else finding.key}: {finding.reason}"
        for finding in findings[:EXAMPLES_MAX]
    )
    figures = result.ours, result.theirs, len(findings), allowed, result.theirs_effect - result.ours_effect
    raise TooManyBreaks(HeldFile(*place, digest, layout, *figures, masked_numbers(examples), at))


def _counted(
    ours: Iterator[Ours], sums: Counter[str], lines: Counter[str], progress: Callable[[int], None]
) -> Iterator[Ours]:
    """Yield our lines unchanged, adding their effects (fen) and numbers up by processing code."""
    passed = 0
    for line in ours:
        sums[line.code] += line.effect
        lines[line.code] += 1
        passed += 1
        if passed % _LINES_A_REPORT == 0:
            progress(_LINES_A_REPORT)
        yield line
    progress(passed % _LINES_A_REPORT)


def _their_side(connection: Connection, bank: str, date: str) -> Iterator[Theirs]:
    """Yield the lines of the bank's file, sorted by the bytes of their keys and by line."""
    query = select(*(bank_lines.c[name] for name in Theirs._fields)).where(
        bank_lines.c.bank == bank, bank_lines.c.date == date
    )
    ordered = query.order_by(by_bytes(connection, bank_lines.c.key), bank_lines.c.line)
    return map(Theirs._make, stream(connection, ordered))


def _earlier(connection: Connection, bank: str, date: str, keys: Sequence[str]) -> dict[str, int]:
    """The effects, in fen, that the bank's earlier files leave of these keys: a line in state S adds its
    effect, a line in state R takes back everything before it.
    """
    effects: Counter[str] = Counter()
    names = ("key", "direction", "state", "amount")
    for chunk in in_chunks(keys):
        query = (
            select(*(bank_lines.c[name] for name in names))
            .where(bank_lines.c.key.in_(chunk), bank_lines.c.bank == bank, bank_lines.c.date < date)
            .order_by(bank_lines.c.date, bank_lines.c.line)
        )
        for key, direction, state, amount in connection.execute(query):
            if state == "R":
                effects[key] = 0
            else:
                effects[key] += effect_of(direction, state, amount)
    return dict(effects)


def _brought_forward(
    connection: Connection, bank: str, date: str, window: Window, changed: Iterable[str]
) -> Iterator[BroughtForward]:
    """Yield the breaks of earlier dates that a line of this date may close, since nobody has decided on them.

    Also those with a key in `changed` that have withheld something, decided or not.
    """
    undecided = listing(connection, bank=bank, states=_UNDECIDED)
    of_lines = [row for row in undecided if row.cls != BreakClass.ARRIVAL_DIFFERS]
    waiting = [row for row in of_lines if row.date < date and row.suspense_on <= date and row.difference]
    waiting += _decided(connection, bank, date, changed)
    followed = {row.date: row.next_date for row in connection.execute(select(days.c.date, days.c.next_date))}
    moments = recorded_at(connection, (row.key for row in waiting))
    for row in waiting:
        moment = moments.get(row.key)
        yield BroughtForward(
            name=row.name,
            date=row.date,
            cls=BreakClass(row.cls),
            key=row.key,
            direction=row.direction,
            ours_effect=row.ours_effect,
            theirs_effect=row.theirs_effect,
            adjacent=followed.get(row.date) == date,
            near=moment is not None and abs(moment - window.begins) <= window.near_us,
            code=row.code,
            policy=row.policy,
            due=row.due,
            withheld=row.withheld,
            is_decided=row.state not in _UNDECIDED,
        )


def _decided(connection: Connection, bank: str, date: str, keys: Iterable[str]) -> Iterator[Break]:
    """Yield the earlier breaks with these keys that withhold something and that two people have decided."""
    is_settled = and_(breaks.c.state == BreakState.CLOSED, breaks.c.resolution != "")
    was_decided = or_(breaks.c.state.in_((BreakState.APPROVED, BreakState.POSTED)), is_settled)
    for chunk in in_chunks(sorted(set(keys))):
        of_keys = and_(breaks.c.key.in_(chunk), breaks.c.bank == bank, breaks.c.date < date)
        of_keys = and_(of_keys, breaks.c.suspense_on <= date)
        yield from listed(connection, and_(of_keys, breaks.c.withheld != 0, was_decided))


def _findings(result: Result, owner: str) -> Iterator[Finding]:
    """Yield the findings of a result, each with its match candidate (`hint`) and the clerk who looks after
    the
    bank's breaks (`owner`).
    """
    candidates: Mapping[int, str] = match_candidates(result.findings)
    for place, finding in enumerate(result.findings):
        yield finding._replace(hint=candidates.get(place, ""), owner=owner)


def _exception_advices(connection: Connection, bank: str, date: str, owner: str) -> Iterator[Finding]:
    """Yield the findings on advices that did not fit the book; each withholds its whole effect.

    The bank has moved the money already. Until two people have decided for what, no product's account takes
    it.
    """
    for advice in exception_advices(connection, bank, date):
        reason = NOT_FITTING.format(kind=advice.kind, response=advice.exception_code)
        yield Finding(
            BreakClass.EXCEPTION_ADVICE,
            key=advice.key,
            line=0,
            direction=advice.direction,
            code=advice.code,
            policy=advice.policy,
            due=advice.due,
            ours_effect=0,
            theirs_effect=0,
            reason=reason,
            withheld=advice.effect,
            owner=owner,
        )


def _write_result(
    connection: Connection,
    bank: str,
    date: str,
    result: Result,
    sums: Counter[str],
    lines: Counter[str],
    allowed: int,
    at: int,
) -> None:
    """Insert the result of the date, and our side of it by processing code."""
    figures = {
        name: getattr(result, name) for name in ("ours", "theirs", "matched", "ours_effect", "theirs_effect")
    }
    figures |= {"breaks_allowed": allowed, "made_at": at}
    connection.execute(insert(reconciliations).values(bank=bank, date=date, **figures))
    rows = [
        {"bank": bank, "date": date, "code": code, "lines": lines[code], "effect": sums[code]}
        for code in sorted(lines)
    ]
    if rows:
        connection.execute(insert(products), rows)
