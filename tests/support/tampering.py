"""Ways to change the books behind their back, and what an audit must then say.

Each is SQL for one of the two databases of `tests.support.audit_books.build`, done with every constraint and
trigger of its table taken off, as by somebody who owns the database.
"""

# ruff: noqa: S608 - the statements are put together from this file's own names
from __future__ import annotations

from typing import NamedTuple

from ledger.rules.request import Totals
from tests.support.closing_days import BANKS, CHART

BANK, OTHER = BANKS[0], BANKS[1]
D1, D2, D3 = "20260923", "20260924", "20260928"
IDENTITY, CARD = "11010119900307803X", "6222021234567890128"

# The first entry, of the first node, that meets a condition; and the first break, posting or line.
ENTRY = "chain = 1 AND position = (SELECT min(position) FROM {table} WHERE chain = 1 AND {condition})"
BREAK = '"break" = (SELECT min("break") FROM breaks WHERE {condition})'
DAY = f"{D1}/{BANK}/day"
LEG = f"posting = '{DAY}' AND account = '{CHART.clearing}'"
LINE = f"bank = '{BANK}' AND date = '{D1}'"


def entry(condition: str, table: str = "journal") -> str:
    return ENTRY.format(table=table, condition=condition)


def one_break(condition: str) -> str:
    return BREAK.format(condition=condition)


class Broken(NamedTuple):
    """A statement that changes one side's database, the invariants that then fail, and words of the audit's
    sentences about it.
    """

    side: str
    statement: str
    fails: set[int]
    sentences: tuple[str, ...]


def front(statement: str, fails: set[int], *sentences: str) -> Broken:
    return Broken("front", statement, fails, sentences)


def office(statement: str, fails: set[int], *sentences: str) -> Broken:
    return Broken("office", statement, fails, sentences)


REFUSED = entry("sequence IS NULL AND kind <> 'reversal'")
REVERSAL = entry("kind = 'reversal' AND sequence = 2")
PUT_BACK = "chain = 2 AND kind = 'reversal' AND sequence = 3"
ONCE = (
    "kind = 'collection' AND sequence = 1 AND subject = due"
    " AND subject NOT IN (SELECT subject FROM journal WHERE sequence = 2)"
)
PAID = entry(ONCE)
LAST_CANCEL = (
    "chain = 1 AND position = (SELECT max(position) FROM journal WHERE chain = 1 AND kind = 'cancel')"
)
DUE = f"due = (SELECT min(subject) FROM journal WHERE {ONCE})"
OPEN_DUE = "due = (SELECT min(due) FROM dues WHERE sequence = 0)"

JOURNAL = (
    front(f"DELETE FROM journal WHERE {REFUSED}", {5}, "stands where entry"),
    front("UPDATE chains SET position = position + 1", {5}, "its end"),
    front("UPDATE chains SET tip = node", {5}, "its end"),
    front("DELETE FROM journal WHERE chain = 2", {4, 5, 6, 8}, "has an end and no entries"),
    front("UPDATE journal SET recorded_at = recorded_at + 1 WHERE chain = 1", {5}, "is not the front's"),
    office("DELETE FROM audit_log WHERE number = 2", {5, 7}, "follows act 1"),
    office("UPDATE audit_log SET note = note || ' ' WHERE number = 2", {5, 7}, "act 3: does not carry"),
    office("UPDATE chains SET position = position - 1", {5}, "its end"),
    office("DELETE FROM chains WHERE chain = 2", {5}, "office, chain 2"),
    office(f"UPDATE days SET signature = root WHERE date = '{D2}'", {5}, "not signed by"),
    office(
        f"UPDATE days SET closed_at = closed_at + 1 WHERE date = '{D2}'",
        {5},
        "not as the front",
        "that of the entries",
    ),
    front(f"UPDATE days SET closed_at = closed_at + 1 WHERE date = '{D2}'", {5}, "ends beside it"),
    front(f"UPDATE days SET chains = '[]' WHERE date = '{D1}'", {5, 8}, "do not part"),
    front(f"UPDATE days SET chains = 'no' WHERE date = '{D1}'", {5, 8}, "ends beside it"),
    front(f"UPDATE days SET chains = replace(chains, 'a', 'b') WHERE date = '{D1}'", {5}, "that was sealed"),
    front("UPDATE chains SET epoch = 0", {11}, "under epoch 0"),
    front("UPDATE chains SET node = 'fep1'", {11}, "has 2 chains"),
)

KEYS = (
    office("UPDATE entries SET receipt = 'R' WHERE receipt IS NOT NULL", {2, 5, 13}, "receipt R: stands"),
    front(
        f"UPDATE journal SET key = 'K' WHERE {entry('sequence IS NULL')} OR {REFUSED}", {2, 5}, "its fields"
    ),
    front("UPDATE journal SET key = 'K' WHERE kind = 'tombstone'", {2, 5}, "key K: stands"),
    front(f"UPDATE journal SET stan = '999999' WHERE {REFUSED}", {2, 5}, "its fields"),
    front(f"UPDATE journal SET response = '12' WHERE {REVERSAL}", {2, 5}, "does not befit"),
    front("UPDATE journal SET response = '12' WHERE kind = 'tombstone'", {2, 5}, "does not befit"),
    front(f"UPDATE journal SET response = '00' WHERE {REFUSED}", {3, 5}, "does not befit"),
)

SEQUENCES = (
    front(
        f"UPDATE journal SET sequence = 3, sequence_before = 2 WHERE {PAID}", {3, 4, 5}, "has sequence 3 on"
    ),
    front(f"UPDATE journal SET sequence_before = 7 WHERE {PAID}", {3, 5}, "has sequence 1 on"),
    front(f"UPDATE journal SET subject = 'D0' WHERE {PAID}", {4, 5}, "acts on D0, not on"),
    front(f"UPDATE journal SET side = 'benefit' WHERE {PAID}", {3, 4, 5, 6}, "on the side"),
    front(
        f"UPDATE journal SET original = key WHERE {REVERSAL}",
        {3, 5},
        "does not name",
        "is an approved reversal",
    ),
    front(f"UPDATE journal SET amount = 1 WHERE {REVERSAL}", {3, 5, 6}, "does not agree"),
    front(f"UPDATE journal SET bank = '99' WHERE {REVERSAL}", {2, 3, 5, 6}, "does not agree"),
    front(f"UPDATE journal SET kind = 'payout' WHERE {REVERSAL}", {3, 4, 5, 6}, "is settled already"),
    front(f"UPDATE journal SET business_date = '{D1}' WHERE {LAST_CANCEL}", {3, 5, 6, 8}, "cancels on"),
    front(
        "UPDATE journal SET exception_code = '' WHERE subject = key AND sequence = 1",
        {4, 5, 6},
        "fitted the book",
    ),
    front(f"UPDATE journal SET kind = 'cancel' WHERE {PUT_BACK}", {3, 5, 6}, "reverses no cancel"),
    front(f"UPDATE journal SET amount = 1 WHERE {PUT_BACK}", {3, 5, 6}, "which it puts back"),
)

DUES = (
    front(f"UPDATE dues SET amount = amount + 1 WHERE {DUE}", {4}, "moves"),
    front(f"UPDATE dues SET kind = 'benefit' WHERE {DUE}", {4}, "moves"),
    front(f"UPDATE dues SET sequence = 3 WHERE {DUE}", {4}, "another sequence or settler"),
    front(f"UPDATE dues SET settled_by = 'x' WHERE {DUE}", {4}, "another sequence or settler"),
    front(f"UPDATE dues SET state = 'open' WHERE {DUE}", {4}, "the due is open"),
    front(f"DELETE FROM dues WHERE {DUE}", {4}, "does not have"),
    front(f"UPDATE dues SET sequence = 2 WHERE {OPEN_DUE}", {4}, "no entry says so"),
    front(f"UPDATE dues SET state = 'settled' WHERE {OPEN_DUE}", {4}, "no entry says so"),
)

TOTALS = (
    front(
        f"UPDATE bank_days SET {', '.join(f'{name} = {name} + 1' for name in Totals._fields)} WHERE {LINE}",
        {6},
        *(f"{name} is" for name in Totals._fields),
    ),
    front(f"DELETE FROM bank_days WHERE {LINE}", {6}, "the journal says"),
)

DATES = (
    front(
        f"DELETE FROM days WHERE date = '{D2}'",
        {5, 8, 10},
        "which is no business day",
        f"is not followed by {D3}",
    ),
    front("UPDATE days SET state = 'closed' WHERE state = 'open'", {5, 8}, "and not open but closed"),
    office(f"UPDATE days SET next_date = '{D1}' WHERE date = '{D3}'", {5, 8}, f"is followed by {D1}"),
    office(f"UPDATE days SET entries = entries + 1 WHERE date = '{D2}'", {5, 8}, "was taken with"),
    office(
        f"DELETE FROM days WHERE date = '{D2}'", {5, 6, 8}, "was posted, by the audit log, and is not there"
    ),
)

POSTINGS = (
    office(f"UPDATE legs SET amount = amount + 1 WHERE {LEG}", {6, 7}, "is out by 1 fen"),
    office(f"UPDATE legs SET currency = '840' WHERE {LEG}", {7}, "in currency 840"),
    office(f"UPDATE legs SET account = '6301' WHERE {LEG}", {6, 7}, "account 6301 of 01020000 has"),
    office(f"UPDATE legs SET account = '0000' WHERE {LEG}", {6, 7}, "belongs to no"),
    office(f"UPDATE legs SET bank = '{OTHER}' WHERE {LEG}", {6, 7}, "or another bank"),
    office(f"UPDATE legs SET number = 77 WHERE {LEG}", {7}, "legs, and says"),
    office(f"DELETE FROM legs WHERE {LEG}", {6, 7}, "legs, and says"),
    office(f"DELETE FROM legs WHERE posting = '{DAY}'", {6, 7}, "has 0 legs"),
    office(f"DELETE FROM postings WHERE posting = '{DAY}'", {6, 7}, "belongs to no posting"),
    office(f"UPDATE postings SET date = '{D2}' WHERE posting = '{DAY}'", {6, 7}, "its name is not"),
    office("UPDATE postings SET posting = posting || '0' WHERE posting NOT LIKE '%/day'", {6, 7}, "its name"),
    office(f"UPDATE days SET state = 'closed' WHERE date = '{D2}'", {6}, "archived by the audit log"),
    office(f"UPDATE reconciliations SET ours = ours + 1 WHERE {LINE}", {6}, "lines and effects"),
    office(f"UPDATE reconciliations SET ours_effect = 0 WHERE {LINE}", {6}, "lines and effects"),
    office(f"UPDATE reconciliations SET theirs = theirs + 1 WHERE {LINE}", {6}, "lines and effects"),
    office(f"UPDATE reconciliations SET theirs_effect = 0 WHERE {LINE}", {6}, "lines and effects"),
    office(f"UPDATE reconciliations SET matched = matched + 1 WHERE {LINE}", {6, 9}, "reconciliation said"),
    office(f"UPDATE products SET effect = effect + 1 WHERE {LINE}", {6}, "the journal comes to"),
    office(f"UPDATE products SET lines = lines + 1 WHERE {LINE}", {6}, "the journal comes to"),
    office(f"DELETE FROM products WHERE {LINE}", {6}, "the journal comes to"),
)

OUT = "posting NOT LIKE '%/day'"
INVENTED = f"'{D2}/{BANK}/B{D1}-{BANK}-9999'"
_AS_PROPOSED = "UPDATE break_events SET \"by\" = 'nobody' WHERE to_state = 'proposed'"
_AS_APPROVED = "UPDATE break_events SET \"by\" = 'noone' WHERE to_state = 'approved'"

MONEY = (
    office(
        f"INSERT INTO legs VALUES ({INVENTED}, 1, '6711', '', '156', 1000000),"
        f" ({INVENTED}, 2, '{CHART.clearing}', '{BANK}', '156', -1000000);"
        f"INSERT INTO postings VALUES ({INVENTED}, '{D2}', '{BANK}', 'x', 2, 5)",
        {6, 7},
        "no break that two people have settled explains it",
        "was made by no act",
    ),
    office(f"UPDATE legs SET account = '6711' WHERE {OUT} AND number = 2", {6, 7}, "to the account of"),
    office(f"UPDATE legs SET number = 3 - number WHERE {OUT}", {6, 7}, "to the account of"),
    office(f"UPDATE postings SET description = 'x' WHERE {OUT}", {7}, "are not as they were"),
    office(f"UPDATE legs SET bank = '{BANK}' WHERE account = '1122'", {6, 7}, "account 1122 of"),
    office(
        "UPDATE breaks SET proposed_by = 'nobody', approved_by = 'noone' WHERE approved_by <> '';"
        f"{_AS_PROPOSED};{_AS_APPROVED}",
        {9},
        "is not the step to approved",
        "whom the settings do not name as a clerk",
    ),
    office(
        "UPDATE breaks SET resolution = 'loss' WHERE state = 'closed' AND resolution <> ''",
        {6, 9},
        "is not the one that was decided on",
    ),
    office(
        "UPDATE breaks SET resolution = 'loss' WHERE resolution <> '';"
        "UPDATE break_events SET note = 'loss' WHERE to_state = 'proposed'",
        {6, 9},
        "says another resolution",
    ),
    office(
        "UPDATE breaks SET class = 'ours_only' WHERE class = 'amount_differs'", {9}, "its class or reason"
    ),
    office("UPDATE breaks SET code = '501000' WHERE code = '500000'", {6}, "is not as the audit log says"),
    office("UPDATE breaks SET owner = 'zhao'", {6, 9}, "is not as the audit log says"),
    office(
        "DELETE FROM breaks WHERE approved_by <> '';DELETE FROM break_events", {6, 7, 9}, "has no history"
    ),
    office("UPDATE bank_files SET digest = 'x' || digest", {10}, "is not as the audit log says"),
    office("UPDATE bank_lines SET branch = 'B'", {10}, "is not as the audit log says"),
    office("UPDATE accounts SET kind = 'asset' WHERE account = '6711'", {7}, "is not as the chart has it"),
    office("UPDATE chart_lines SET value = '6711' WHERE name = 'product 500000'", {6, 7}, "settings' chart"),
    office("INSERT INTO accounts VALUES ('9999', 'x', 'asset', 'debit')", {7}, "account 9999"),
    front("UPDATE loads SET dues = dues + 1", {10}, "is not as the audit log says"),
)

DECIDED = one_break("state = 'closed' AND resolution <> '' AND difference <> 0")
APPROVED = one_break("state = 'approved' AND difference <> 0")
MATCHED = one_break(f"state = 'closed' AND resolution = '' AND settled_on = '{D2}'")
OURS_ONLY = one_break("class = 'ours_only' AND state = 'suspense' AND difference <> 0")
BANK_ONLY = one_break("class = 'bank_only' AND state = 'suspense' AND difference <> 0")
DUPLICATE = one_break("class = 'duplicate' AND state = 'suspense' AND difference <> 0")
EXCEPTION_ADVICE = one_break("class = 'exception_advice' AND state = 'suspense'")
WHOLE = one_break("class = 'exception_advice' AND state = 'suspense' AND withheld <> 0")
DETAILS = one_break("class = 'details_differ' AND state = 'suspense' AND withheld <> 0")
SECOND = one_break("state = 'proposed'") + " AND number = 2"

BREAKS = (
    office(f"UPDATE breaks SET difference = difference + 1 WHERE {APPROVED}", {6, 9}, "its difference is"),
    office(
        f"UPDATE breaks SET ours_effect = 1, theirs_effect = 1 WHERE {EXCEPTION_ADVICE}",
        {6, 9},
        "and has effects",
    ),
    office(f"UPDATE breaks SET theirs_effect = 1, difference = 1 WHERE {BANK_ONLY}", {6, 9}, "by its line"),
    office(f"UPDATE breaks SET ours_effect = 1, difference = -1 WHERE {OURS_ONLY}", {6, 9}, "by the journal"),
    office(f"UPDATE breaks SET withheld = 0, difference = 0 WHERE {WHOLE}", {6, 9}, "at stake are"),
    office(
        f"UPDATE breaks SET state = 'closed', settled_on = '{D2}' WHERE {WHOLE}",
        {6, 9},
        "its breaks withhold 0",
    ),
    office(f"UPDATE breaks SET withheld = 0, difference = 0 WHERE {DETAILS}", {6, 9}, "at stake are"),
    office(
        f"UPDATE breaks SET withheld = 9, difference = difference + 9 WHERE {OURS_ONLY}",
        {6, 9},
        "at stake are 0",
    ),
    office(f"UPDATE breaks SET bank_code = '502000' WHERE {DETAILS}", {6}, "is not as the audit log says"),
    office(f"DELETE FROM breaks WHERE {DETAILS}", {6, 9}, "agrees with none of ours"),
    office(f"UPDATE breaks SET line = 999 WHERE {BANK_ONLY}", {6, 9}, "which the bank's file does not have"),
    office(f"UPDATE breaks SET key = 'K' WHERE {OURS_ONLY}", {6, 9}, "names a line that is on neither side"),
    office(f"UPDATE breaks SET key = 'K' WHERE {EXCEPTION_ADVICE}", {6, 9}, "did fit the book"),
    office(f"UPDATE breaks SET bank = '{OTHER}' WHERE {EXCEPTION_ADVICE}", {6, 9}, "is not named after"),
    office(f"UPDATE breaks SET approved_by = proposed_by WHERE {DECIDED}", {9}, "by one person"),
    office(f"UPDATE breaks SET approved_by = 'LI' WHERE {DECIDED}", {9}, "by one person"),
    office(f"UPDATE breaks SET approved_by = '' WHERE {APPROVED}", {9}, "not by two people"),
    office(f"UPDATE breaks SET approved_by = 'zhao' WHERE {APPROVED}", {9}, "other people"),
    office(f"UPDATE breaks SET resolution = '' WHERE {APPROVED}", {9}, "nothing says how"),
    office(f"UPDATE breaks SET settled_on = '' WHERE {DECIDED}", {6, 9}, "settled on no date"),
    office(f"UPDATE breaks SET settled_on = '{D1}' WHERE {DECIDED}", {6, 9}, "from suspense"),
    office(f"UPDATE breaks SET settled_on = '{D3}' WHERE {MATCHED}", {6, 9}, "that is on neither side"),
    office(
        f"UPDATE breaks SET state = 'suspense' WHERE {one_break('state = ' + repr('proposed'))}",
        {9},
        "ends at",
    ),
    office(f"UPDATE breaks SET state = 'suspense' WHERE {MATCHED}", {6, 9}, "the breaks"),
    office(f"UPDATE breaks SET state = 'closed', settled_on = '{D2}' WHERE {OURS_ONLY}", {6, 9}, "holds"),
    office(f"DELETE FROM breaks WHERE {BANK_ONLY}", {6, 9}, "agrees with none of ours"),
    office(f"DELETE FROM breaks WHERE {OURS_ONLY}", {6, 9}, "agrees with none of the bank's"),
    office(f"DELETE FROM breaks WHERE {DUPLICATE}", {6, 9}, "of ours agree with"),
    office(
        f"DELETE FROM breaks WHERE {EXCEPTION_ADVICE}",
        {6, 9},
        "is in no break",
        "has a history, and is not there",
    ),
    office(f"DELETE FROM break_events WHERE {EXCEPTION_ADVICE}", {6, 9}, "and the history of"),
    office(f"DELETE FROM break_events WHERE {SECOND}", {9}, "where line 2 should"),
    office(f"UPDATE break_events SET to_state = 'posted' WHERE {SECOND}", {9}, "goes from open to posted"),
    office("UPDATE break_events SET \"by\" = 'Office' WHERE to_state = 'approved'", {9}, "by no person"),
)

# A line on which both sides agree, and that repeats none.
AGREED = (
    f"bank = '{BANK}' AND date = '{D2}' AND line = (SELECT min(line) FROM bank_lines JOIN entries"
    f" ON entries.key = bank_lines.key WHERE bank_lines.bank = '{BANK}' AND date = '{D2}'"
    " AND business_date = date AND state = 'S' AND bank_lines.amount = entries.amount"
    " AND NOT EXISTS (SELECT 1 FROM breaks WHERE breaks.key = bank_lines.key)"
    " AND NOT EXISTS (SELECT 1 FROM entries AS later WHERE later.original = entries.key))"
)

LINES = (
    office(
        f"UPDATE bank_lines SET amount = amount + 1 WHERE {AGREED}", {6, 9, 10}, "agrees with none of ours"
    ),
    office(
        f"UPDATE bank_lines SET direction = CASE direction WHEN 'P' THEN 'C' ELSE 'P' END WHERE {AGREED}",
        {6, 9, 10},
        "agrees with none of the",
    ),
    office(f"UPDATE bank_lines SET state = 'R' WHERE {AGREED}", {6, 9, 10}, "agrees with none of ours"),
    office(f"UPDATE bank_lines SET stan = '999999' WHERE {AGREED}", {10}, "its key is not"),
    office(f"UPDATE bank_lines SET key = 'K', rrn = '' WHERE {AGREED}", {9, 10}, "agrees with none of ours"),
    office(f"DELETE FROM bank_lines WHERE {AGREED}", {6, 9, 10}, "agrees with none of the bank's"),
    office(f"UPDATE bank_files SET lines = lines + 1 WHERE {LINE}", {10}, "was taken with"),
    office(f"UPDATE bank_files SET collected = collected + 1 WHERE {LINE}", {10}, "was taken with"),
    office(f"UPDATE bank_files SET paid = paid + 1 WHERE {LINE}", {10}, "was taken with"),
    office("UPDATE bank_files SET digest = 'same'", {10}, "digest same: stands"),
    office(f"DELETE FROM bank_files WHERE {LINE}", {10}, "are of no file"),
    office(f"DELETE FROM reconciliations WHERE {LINE}", {6, 9}, "the day is posted without them"),
    front("UPDATE loads SET digest = 'same'", {10}, "digest same: stands"),
    front("UPDATE loads SET date = '20990101'", {10}, "date 20990101: stands"),
    office(
        "UPDATE entries SET exception_code = '' WHERE kind = 'cancel'",
        {5, 9},
        "is not marked as one that did not fit the book",
    ),
    office(
        "UPDATE entries SET exception_code = '' WHERE exception_code <> ''", {4, 5, 9}, "did fit the book"
    ),
)

NUMBERS = (
    office(
        f"UPDATE audit_log SET note = note || ' {IDENTITY}'",
        {5, 6, 7, 9, 10, 12, 13},
        "audit_log 1: has an identity or card number",
        "number in the column note",
    ),
    office(
        f"UPDATE audit_log SET subject = '{IDENTITY.lower()}'",
        {5, 6, 7, 9, 10, 12, 13},
        "audit_log 1: has an identity or card number",
        "number in the column subject",
    ),
    office(
        f"UPDATE breaks SET reason = 'card {CARD}' WHERE {EXCEPTION_ADVICE}",
        {9, 12},
        "number in the column reason",
    ),
    office(
        f"UPDATE breaks SET policy = '{IDENTITY}' WHERE {EXCEPTION_ADVICE}",
        {6, 12},
        "number in the column policy",
    ),
    office(
        f"UPDATE bank_lines SET receipt = '{CARD}' WHERE {AGREED}",
        {10, 12},
        "number in the column receipt",
    ),
    office(
        f"UPDATE bank_lines SET policy = '{IDENTITY}' WHERE {AGREED}",
        {9, 10, 12},
        "number in the column policy",
    ),
    office(
        f"UPDATE break_events SET note = '{CARD}' WHERE {SECOND}",
        {9, 12},
        "number in the column note",
    ),
    office(
        f"UPDATE postings SET description = '{CARD}'",
        {7, 12},
        "number in the column description",
    ),
    office(
        f"UPDATE entries SET holder = '{IDENTITY}' WHERE chain = 1",
        {5, 12},
        "number in the column holder",
    ),
    front(
        f"UPDATE journal SET card = '{CARD}' WHERE {PAID}",
        {5, 12},
        "number in the column card",
    ),
    front(
        f"UPDATE journal SET content = '{CARD}' WHERE {PAID}",
        {5, 12},
        "number in the column content",
    ),
    front(
        f"UPDATE journal SET policy = '{IDENTITY}' WHERE holder = ''",
        {5, 12},
        "number in the column policy",
    ),
    front(
        f"UPDATE journal SET due = '{CARD}' WHERE {REFUSED}",
        {5, 12},
        "number in the column due",
    ),
    front(
        f"UPDATE dues SET beneficiary = '{IDENTITY}' WHERE beneficiary <> ''",
        {12},
        "number in the column beneficiary",
    ),
    front(
        f"UPDATE dues SET payee = '{IDENTITY}' WHERE kind = 'benefit'",
        {12},
        "number in the column payee",
    ),
    front(
        f"UPDATE policies SET holder = '{IDENTITY}'",
        {12},
        "number in the column holder",
    ),
)

BROKEN = (
    *JOURNAL,
    *KEYS,
    *SEQUENCES,
    *DUES,
    *TOTALS,
    *DATES,
    *MONEY,
    *POSTINGS,
    *BREAKS,
    *LINES,
    *NUMBERS,
)

HARMLESS = (
    "UPDATE break_events SET note = '6222021234567890129' WHERE number = 1",  # its check digit is wrong
    "UPDATE break_events SET note = '622202123456' WHERE number = 2",  # too short for a card
    "UPDATE break_events SET note = '11010119901307803X' WHERE number = 3",  # there is no such month
    "UPDATE break_events SET note = '62220******0128' WHERE number > 3",
    f"UPDATE bank_lines SET policy = '{CARD}' WHERE {AGREED}",  # an insurer may number its policies so
    f"UPDATE bank_files SET layout = 'a{CARD[:12]}b'",
    # the second of a key, which ends in a card number's check digit
    "UPDATE entries SET sent_at = '20261124100003', original = '00001020000/T1/20261124100003/000001'",
)
"""What only looks like a number of a person, at the office."""

UNKNOWN_POLICY = f"UPDATE journal SET policy = '{CARD}' WHERE policy = 'NONE'"
POLICY_KNOWN = f"UPDATE policies SET policy = '{CARD}' WHERE policy = (SELECT min(policy) FROM policies)"
"""At the front: an entry for a policy that is not in the book; and what makes it be there."""
