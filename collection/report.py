"""What waits in collection at a moment: batches without an answer, lines without an outcome, what people must
look at. Read from the tables; nothing is decided here.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from collection import releases
from collection.batches import Batch, listing
from collection.config import Settings
from collection.database.schema import DueState, batches, dues, lines, mandates
from collection.rules.states import HOLDING_LINES, BatchState, LineState
from ledger.rules.beijing import BEIJING, beijing


class WaitingBatch(NamedTuple):
    """A batch that is not at its end. `answer_due` is YYYYMMDDhhmm in Beijing, empty where no answer is
    awaited.
    """

    batch: str
    channel: str
    date: str
    state: BatchState
    lines: int
    amount: int
    answer_due: str
    overdue: bool


class Report(NamedTuple):
    """What waits. `held` are lines whose dues the front holds; `unknown_since` is the date (YYYYMMDD) of the
    oldest batch with an unknown line, empty for none; sums are in fen.
    """

    open_dues: int
    held: int
    held_amount: int
    unknown: int
    unknown_since: str
    released: int
    misfits: int
    mandates: dict[str, int]
    proposals: int
    batches: tuple[WaitingBatch, ...]


def report(connection: Connection, settings: Settings, at: int) -> Report:
    """What waits at a moment (microseconds since 1970-01-01 UTC)."""
    states: dict[str, tuple[int, int]] = {
        state: (count, int(amount))
        for state, count, amount in connection.execute(
            select(lines.c.state, func.count(), func.sum(lines.c.amount)).group_by(lines.c.state)
        )
    }
    held = [states.get(state.value, (0, 0)) for state in HOLDING_LINES]
    joined = lines.join(batches, batches.c.batch == lines.c.batch)
    oldest = select(func.min(batches.c.date)).select_from(joined)
    since = connection.execute(oldest.where(lines.c.state == LineState.UNKNOWN.value)).scalar()
    by_state = select(mandates.c.state, func.count()).group_by(mandates.c.state).order_by(mandates.c.state)
    open_dues = select(func.count()).select_from(dues).where(dues.c.state == DueState.OPEN.value)
    return Report(
        int(connection.execute(open_dues).scalar_one()),
        sum(count for count, _amount in held),
        sum(amount for _count, amount in held),
        states.get(LineState.UNKNOWN.value, (0, 0))[0],
        since or "",
        states.get(LineState.RELEASED.value, (0, 0))[0],
        states.get(LineState.MISFIT.value, (0, 0))[0],
        {row[0]: row[1] for row in connection.execute(by_state)},
        len(releases.listing(connection)),
        tuple(_waiting(settings, batch, at) for batch in listing(connection)),
    )


def answer_due(settings: Settings, batch: Batch) -> datetime:
    """By when the bank's answer to a batch is due, in Beijing: the morning after its date."""
    hour = time.fromisoformat(settings.channel_of(batch.channel).answer_by)
    day = datetime.strptime(batch.date, "%Y%m%d").replace(tzinfo=BEIJING) + timedelta(1)
    return day.replace(hour=hour.hour, minute=hour.minute)


def _waiting(settings: Settings, batch: Batch, at: int) -> WaitingBatch:
    awaited = batch.state in (BatchState.SENT, BatchState.ACCEPTED)
    known = any(channel.code == batch.channel for channel in settings.channel)
    due = answer_due(settings, batch) if awaited and known else None
    text = f"{due:%Y%m%d%H%M}" if due else ""
    overdue = due is not None and beijing(at) > due
    return WaitingBatch(*batch[:6], text, overdue)
