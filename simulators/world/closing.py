"""The office's close after a run: the banks' files with mistakes put in, the real close over them, and the
decisions of two people.

`accounts` says what the close must come to. Only files and wiring here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from random import Random
from typing import BinaryIO

from ledger.book.store import Store
from ledger.files import bankfile, layout
from ledger.files.bankline import BankLine
from ledger.rules.seal import Sealer
from office.accounting import chart
from office.accounting.decisions import Desk
from office.close import Close, StepResult
from office.config import Settings
from simulators.world.accounts import Line, in_suspense, misplaced, signed
from simulators.world.banks import Bank, Deal
from simulators.world.clerks import NAMES, Clerks
from simulators.world.fixture import SEAL_KEY, Fixture
from simulators.world.reading import CANCEL, COLLECTIONS
from simulators.world.store import KeptStore

_NOW_US = 1_800_000_000_000_000
_chart = cache(chart.shipped)
Files = Mapping[tuple[str, str], Sequence[BankLine]]


def file_lines(bank: Bank, date: str) -> Iterator[BankLine]:
    """A bank's lines for a business date: transactions of that date, and reversals of earlier ones on it."""
    month_day = date[4:]
    for deal in bank.deals:
        if deal.code == CANCEL or deal.state not in ("done", "undone"):
            continue
        began = deal.date or deal.undone_on
        if began == month_day:
            yield _line(deal, "R" if deal.undone_on == month_day else "S")
        elif deal.undone_on == month_day:
            yield _line(deal, "R")


def _line(deal: Deal, state: str) -> BankLine:
    return BankLine(
        0,
        deal.terminal,
        deal.branch,
        deal.sent_at,
        deal.stan,
        deal.rrn,
        deal.code,
        deal.policy,
        deal.due,
        deal.amount,
        deal.receipt,
        state,
    )


def with_mistakes(lines: Sequence[BankLine], random: Random) -> list[BankLine]:
    """The lines with mistakes put in: one left out, one with another amount, one that nobody knows."""
    changed = list(lines)
    done_lines = [line for line in changed if line.state == "S"]
    if done_lines and random.random() < 0.5:
        changed.remove(random.choice(done_lines))
    elif done_lines and random.random() < 0.5:
        line = random.choice(done_lines)
        changed[changed.index(line)] = line._replace(amount=line.amount + 7)
    if done_lines and random.random() < 0.3:
        line = random.choice(done_lines)
        changed.append(line._replace(stan=f"9{line.stan[1:]}", rrn=f"9{line.rrn[1:]}"))
    return changed


def counted(
    bank: Bank, date: str, lines: Sequence[BankLine], begun: Mapping[str, tuple[str, int]]
) -> Iterator[Line]:
    """The lines as the oracle counts them: a line reversed on a later date takes back the effect that its
    bank had counted; one reversed on its own date has none.
    """
    for line in lines:
        key = f"{bank.terms.full_code}/{line.terminal}/{line.sent_at}/{line.stan}"
        effect = signed("collection" if line.code in COLLECTIONS else "payout", line.amount)
        if line.state == "R":
            before, was = begun.get(key, (date, 0))
            effect = -was if before < date else 0
        yield Line(bank.terms.code, date, key, effect)


def close(
    fixture: Fixture, banks: Sequence[Bank], dates: Sequence[str], random: Random
) -> tuple[list[Line], list[StepResult]]:
    """Write the banks' files and have the office close the dates; the lines of all files, and the results of
    the close.
    """
    lines: list[Line] = []
    files: dict[tuple[str, str], bytes] = {}
    standard = layout.load("standard")
    begun: dict[str, tuple[str, int]] = {}
    for date in dates:
        for bank in banks:
            given = with_mistakes(list(file_lines(bank, date)), random)
            more = list(counted(bank, date, given, begun))
            for line in more:
                if line.effect:
                    begun.setdefault(line.key, (date, line.effect))
            lines += more
            files[bank.terms.code, date] = b"".join(bankfile.write(standard, bank.terms.code, date, given))
    fixture.fresh(fixture.office)
    with _office(fixture, banks, files) as (_, _, work):
        return lines, list(work.run())


def decide(fixture: Fixture, banks: Sequence[Bank], random: Random) -> tuple[Clerks, list[str]]:
    """Have two clerks decide on the breaks, and post what they agreed on; the clerks, and violations."""
    with _office(fixture, banks, {}) as (store, settings, work):
        clerks = Clerks(Desk(store, settings, _NOW_US), _chart(), random)
        wrong = list(clerks.work(in_suspense(fixture.office)))
        work.post_decisions()
    wrong += misplaced(fixture.office, clerks.states)
    return clerks, wrong


@contextmanager
def _office(
    fixture: Fixture, banks: Sequence[Bank], files: Mapping[tuple[str, str], bytes]
) -> Iterator[tuple[Store, Settings, Close]]:
    settings = Settings.model_validate(
        {
            "office": {
                "database": f"sqlite:///{fixture.office}",
                "front": f"sqlite:///{fixture.database}",
                "seal_key": Sealer(SEAL_KEY).public,
            },
            "bank": [
                {"code": bank.terms.code, "name": f"Bank {bank.terms.code}", "breaks_few": 100}
                for bank in banks
            ],
            "clerk": [{"name": name} for name in NAMES],
        }
    )

    def open_file(bank: str, date: str) -> BinaryIO | None:
        data = files.get((bank, date))
        return None if data is None else io.BytesIO(data)

    ticks = count(_NOW_US)
    office = KeptStore(settings.office.database, by_index=False)
    front = KeptStore(settings.office.front, lock=False)
    try:
        yield office, settings, Close(office, front, settings, _chart(), lambda: next(ticks), open_file)
    finally:
        office.close()
        front.close()
