"""A front book, an office, and the days that pass between them: what several tests of the close share."""

from __future__ import annotations

import io
from hashlib import sha256
from itertools import count
from os import urandom
from random import Random
from typing import BinaryIO

from ledger.book.front import FrontBook
from ledger.book.store import Store
from ledger.files import bankfile, layout
from ledger.rules.calendar import Calendar
from ledger.rules.seal import Sealer
from office.accounting import chart
from office.close import Close, StepResult
from office.config import Settings
from office.receipts.sign import Signing
from receipts.signature import Signer
from simulators.days.business_days import Days
from simulators.days.discrepancies import Counts

BANKS = ("01020000", "01030000", "03010000")
LAYOUTS = ("standard", "fixed-gb18030", "csv-yuan")
SEALER = Sealer(bytes(range(32)))
FIRST_DATE = "20260923"  # the Mid-Autumn and National Day holidays lie within the ten days that follow
CHART = chart.shipped()
SIGNING = Signing("EXAMPLE", Signer(bytes(range(1, 33))))


class World:
    """A front book, an office, and the days that pass between them."""

    def __init__(self, front_url: str, office_url: str, seed: int, policies: int) -> None:
        self.random = Random(seed)
        self._ticks = count(1)
        self.front_store = Store(front_url)
        front = FrontBook(self.front_store, "check", urandom)
        front.create()
        front.claim("fep1")
        self.front = front
        self.days = Days(
            self.front_store,
            front,
            SEALER,
            lambda number: sha256(number.encode()).hexdigest(),
            self.random,
            BANKS,
            Calendar().next_business_date,
        )
        self.days.first_book(FIRST_DATE, policies)
        self.office_url, self.front_url = office_url, front_url
        self.office = Store(office_url, by_index=False)
        self.files: dict[tuple[str, str], bytes] = {}
        self.settings = Settings.model_validate(
            {
                "office": {"database": office_url, "front": front_url, "seal_key": SEALER.public},
                "bank": [
                    {"code": code, "name": code, "layout": name, "owner": "li", "breaks_few": 100}
                    for code, name in zip(BANKS, LAYOUTS, strict=True)
                ],
                "clerk": [{"name": "li"}, {"name": "wang"}],
            }
        )

    def close_world(self) -> None:
        self.office.close()
        self.front_store.close()

    def open_file(self, bank: str, date: str) -> BinaryIO | None:
        data = self.files.get((bank, date))
        return None if data is None else io.BytesIO(data)

    def tick(self) -> int:
        """The next moment of the office's clock."""
        return next(self._ticks)

    def at_close(self) -> Close:
        return Close(
            *(self.office, self.front_store, self.settings, CHART, self.tick, self.open_file),
            signing=lambda: SIGNING,
        )

    def leave_files(self, date: str, counts: Counts) -> None:
        """Each bank's file of a date, in its own layout; one that knows no RRN cannot be matched by it."""
        for code in BANKS:
            of_bank = layout.load(self.settings.named(code).layout)
            has_rrn = any(column.name == "rrn" for column in of_bank.detail)
            given = counts if has_rrn else counts._replace(renumbered=0)
            lines = self.days.lines(code, date, given)
            self.files[code, date] = b"".join(bankfile.write(of_bank, code, date, lines))

    def one_day(self, customers: int, counts: Counts) -> tuple[str, list[StepResult]]:
        """Trade, cut over, close; the date, and what the close said."""
        self.days.trade(customers)
        done = self.days.cut_over()
        self.leave_files(done.date, counts)
        return done.date, list(self.at_close().run())
