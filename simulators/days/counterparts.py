"""What the demo plays beside the banks' counters: the core system, which answers an export, and the bank that
keeps the insurer's account.

Pure: values in, the bytes of a file out. It is written as the interface page says, so nothing of how the
office reads either file may be used here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence

from office.reports.wording import plain_yuan

HEADS = ("交易日期", "收入金额", "支出金额", "流水号", "摘要")
"""The columns of the layout `csv-heads`."""
CSV = ".csv"
"""How the names of an export's files of lines end; the workbook repeats them."""


def acceptance(manifest: bytes) -> bytes:
    """Return the core system's answer to the export of this manifest.json: each line is accepted."""
    content = json.loads(manifest)
    files = [
        {"name": file["name"], "accepted": file["lines"], "accepted_fen": file["sum_fen"]}
        for file in content["files"]
        if file["name"].endswith(CSV)
    ]
    digest = hashlib.sha256(manifest).hexdigest()
    answer = {
        "format": "qianzhi-export-answer-1",
        "date": content["date"],
        "manifest": digest,
        "files": files,
    }
    return json.dumps(answer).encode()


def statement(account: str, booked_on: str, settled: Sequence[tuple[str, int]], fee: int) -> bytes:
    """Return a bank's statement of the account for the one date `booked_on` (YYYYMMDD), in the layout
    `csv-heads`.

    `settled` has business dates and what came in for each, in fen (- went out); `fee` in fen is what the bank
    took for itself. The account was empty before.
    """
    moves = [(amount, f"代收付清算{date}") for date, amount in settled] + [(-fee, "代收付手续费")]
    stream = io.StringIO()
    rows = csv.writer(stream)
    rows.writerows(
        (
            ("账号", account),
            ("对账单号", booked_on),
            ("起始日期", booked_on),
            ("截止日期", booked_on),
            ("期初余额", plain_yuan(0)),
            ("期末余额", plain_yuan(sum(amount for amount, _ in moves))),
            HEADS,
        )
    )
    for number, (amount, text) in enumerate(moves, 1):
        cells = (plain_yuan(amount), "") if amount > 0 else ("", plain_yuan(-amount))
        rows.writerow((booked_on, *cells, number, text))
    return stream.getvalue().encode()
