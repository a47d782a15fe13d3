"""A batch's lines as its bank is asked for them, and those that it cannot be asked for.

Accounts are opened here, for use at once, and are kept in no row. What a form can say is in
`collection.forms`; no step of a batch or a line is taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from collection.batches import Batch, Line, lines_of
from collection.config import Channel
from collection.database.schema import dues, lines, mandates
from collection.desk import Desk
from collection.errors import FormFault
from collection.forms.form_file import Form
from collection.forms.lines import Payee, RequestBatch, RequestLine
from collection.forms.request import unwritable, write
from collection.mandates import Account, open_accounts
from collection.plan import moment_of
from collection.rules.states import LineState, MandateState
from ledger.rules.beijing import beijing

FIRST_PREMIUM: Final = "501000"
"""The processing code of a first premium; every other due is one of renewal."""


def request_of(
    desk: Desk, connection: Connection, batch: Batch, channel: Channel, chosen: tuple[Line, ...]
) -> RequestBatch:
    """The lines of a batch as its bank is asked for them, accounts in clear: use it at once."""
    names = sorted({line.mandate for line in chosen})
    accounts = open_accounts(desk, connection, names)
    facts = _facts(connection, batch.batch)
    payee = Payee(channel.payee, channel.payee_account, channel.payee_bank, channel.agreement)
    asked = tuple(_request_line(line, accounts[line.mandate], facts[line.line]) for line in chosen)
    return RequestBatch(batch.batch, batch.channel, batch.date, moment_of(batch.made_at), payee, asked)


class _Facts(NamedTuple):
    """What a request says of a line beside the line itself."""

    code: str
    bank: str
    signed_at: int


def _facts(connection: Connection, name: str) -> dict[int, _Facts]:
    joined = lines.join(dues, dues.c.due == lines.c.due).join(mandates, mandates.c.mandate == lines.c.mandate)
    columns = (lines.c.line, dues.c.code, mandates.c.bank, mandates.c.signed_at)
    rows = connection.execute(select(*columns).select_from(joined).where(lines.c.batch == name))
    return {row[0]: _Facts(*row[1:]) for row in rows}


def _request_line(line: Line, account: Account, facts: _Facts) -> RequestLine:
    return RequestLine(
        line.line,
        account.name,
        account.number,
        facts.bank,
        line.amount,
        line.policy,
        line.due,
        line.mandate,
        f"{beijing(facts.signed_at):%Y%m%d}",
        "first" if facts.code == FIRST_PREMIUM else "renewal",
        line.policy,
    )


def lines_without_mandate(connection: Connection, name: str) -> tuple[Line, ...]:
    """The held lines of a batch whose mandate is not active any more."""
    joined = lines.join(mandates, mandates.c.mandate == lines.c.mandate)
    query = select(lines.c.line).select_from(joined).where(lines.c.batch == name)
    idle = set(connection.execute(query.where(mandates.c.state != MandateState.ACTIVE.value)).scalars())
    return tuple(line for line in lines_of(connection, name, LineState.HELD) if line.line in idle)


def unwritable_lines(
    desk: Desk, connection: Connection, batch: Batch, form: Form, held: Sequence[Line]
) -> tuple[tuple[Line, str], ...]:
    """Those of these lines that the form cannot say, each with the reason. Raises FormFault where no line is
    at fault: the payee's own name, or more files than the form allows.
    """
    if not held:
        return ()
    channel = desk.settings.channel_of(batch.channel)
    request = request_of(desk, connection, batch, channel, tuple(held))
    try:
        write(request, form)
    except FormFault:
        why = dict(unwritable(request, form))
        if not why:
            raise
        return tuple((line, why[line.line]) for line in held if line.line in why)
    return ()
