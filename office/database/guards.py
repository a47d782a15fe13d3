"""The triggers with which the office's database itself refuses postings and changes of breaks.

SQL text only, in the forms of `ledger.book.guards`; `office.database.schema` attaches each statement to its
table. The database takes a posting only if the books explain it. A day's posting is explained leg by leg, by
the reconciliation, its products and its breaks. Any other posting is explained by a break that two people
have settled, and by the chart's account for its resolution and processing code. On PostgreSQL the office's
role cannot insert a posting or a leg: it calls `make_posting`, which runs with the owner's rights and under
these triggers. What guards a bank's date is in `office.database.date_guards`. Checks that the program makes
first, with a message for people, do not belong here.
"""

# ruff: noqa: S608 - the statements consist of this file's own text
from __future__ import annotations

from typing import Final

from ledger.book.guards import Guard, refused_insert, refusing_function

_UNBALANCED: Final = (
    "(SELECT count(*) FROM legs WHERE posting = NEW.posting) <> NEW.legs OR EXISTS"
    " (SELECT currency FROM legs WHERE posting = NEW.posting GROUP BY currency HAVING sum(amount) <> 0)"
)

_CHART: Final = "(SELECT name, value FROM chart_lines WHERE chart = (SELECT max(chart) FROM chart_lines))"
"""The lines of the chart in force, as `office.accounting.chart.lines_of` writes them."""
_PURPOSE: Final = "substr(NEW.posting, length(NEW.date) + length(NEW.bank) + 3)"
"""The purpose in a posting's name: `day`, or the name of a break."""
_SUSPENSE: Final = f"JOIN {_CHART} s ON s.name = CASE WHEN b.difference > 0 THEN 'long' ELSE 'short' END"
_WITHHELD: Final = (
    f"JOIN {_CHART} a ON b.withheld <> 0 AND a.name = 'product ' || b.code"
    f" JOIN {_CHART} k ON k.name = 'by_bank ' || a.value"
)
"""The product's account from which a break withholds something, by the break's processing code."""
_NAMES_IT: Final = (
    "(a.note = b.resolution OR substr(a.note, 1, length(b.resolution) + 2) = b.resolution || ': ')"
)
_SETTLED: Final = (
    f"""b."break" = {_PURPOSE} AND b.bank = NEW.bank AND b.settled_on = NEW.date AND b.state = 'posted'"""
    """ AND b.difference <> 0 AND EXISTS (SELECT 1 FROM audit_log a JOIN audit_log p"""
    """ ON p.subject = a.subject AND p.number < a.number WHERE a.subject = b."break" AND a.act = 'approve'"""
    f""" AND a."by" = b.approved_by AND {_NAMES_IT} AND p.act = 'propose' AND p."by" = b.proposed_by"""
    f""" AND {_NAMES_IT.replace("a.note", "p.note")})"""
)
"""Whether `b` is the posting's break and two people have settled it, both in the table and in the audit
log.
"""
_DATE: Final = f"CASE WHEN {_PURPOSE} = 'day' THEN NEW.date ELSE {_PURPOSE} END"
"""The bank's date that is posted: the posting's own, or the earlier one that its name has as its purpose."""
_OF_DAY: Final = (
    f"{_PURPOSE} <> NEW.date AND EXISTS (SELECT 1 FROM posted_dates d WHERE d.bank = NEW.bank"
    f" AND d.date = {_DATE} AND d.posted_on = NEW.date)"
)
_OF_STATEMENT: Final = (
    f"t.bank = NEW.bank AND t.date = NEW.date AND {_PURPOSE} = 'statement-' || CAST(t.number AS TEXT)"
    " AND EXISTS (SELECT 1 FROM posted_dates d WHERE d.bank = NEW.bank AND d.posted_on = NEW.date)"
)
"""Whether the posting NEW is that of the statement `t`, on a date on which the bank was posted."""
_TAKEN_IN: Final = (
    f"""b."class" = 'arrival_differs' AND {_PURPOSE} = 'arrival-' || b."break" AND b.bank = NEW.bank"""
    " AND b.date = NEW.date AND b.state = 'suspense' AND b.difference ="
    " (SELECT coalesce(sum(l.amount), 0) FROM statement_lines l WHERE l.bank = b.bank"
    " AND l.kind = 'settlement' AND l.settles = b.key)"
    " - (SELECT coalesce(sum(r.theirs_effect), 0) FROM reconciliations r WHERE r.bank = b.bank"
    " AND r.date = b.key)"
    " - (SELECT coalesce(sum(o.difference), 0) FROM breaks o WHERE o.bank = b.bank AND o.key = b.key"
    """ AND o."class" = 'arrival_differs' AND o."break" <> b."break")"""
)
"""Whether the posting NEW takes in the break `b`, whose difference is what statements and files make."""
_BY_BANK: Final = "CASE WHEN k.value = '1' THEN NEW.bank ELSE '' END"
_LEGS_DUE: Final = f"""(SELECT account, bank, CAST(sum(amount) AS BIGINT) AS amount FROM (
    SELECT s.value AS account, b.bank AS bank, b.difference AS amount FROM breaks b {_SUSPENSE}
        WHERE {_SETTLED}
    UNION ALL SELECT substr(k.name, 9), {_BY_BANK}, -b.difference FROM breaks b
        JOIN {_CHART} e ON e.name = 'end ' || b.resolution || ' ' || b."class"
            || CASE WHEN b.difference > 0 THEN ' +' ELSE ' -' END
        LEFT JOIN {_CHART} p ON p.name = 'product '
            || CASE WHEN e.value = 'product' AND b.bank_code <> '' THEN b.bank_code ELSE b.code END
        JOIN {_CHART} k ON k.name = 'by_bank '
            || CASE WHEN e.value IN ('product', 'our_product') THEN p.value ELSE e.value END
        WHERE {_SETTLED}
    UNION ALL SELECT c.value, r.bank, r.theirs_effect FROM reconciliations r
        JOIN {_CHART} c ON c.name = 'clearing'
        WHERE r.bank = NEW.bank AND r.date = {_DATE} AND {_OF_DAY}
    UNION ALL SELECT substr(k.name, 9), {_BY_BANK}, -p.effect FROM products p
        JOIN {_CHART} a ON a.name = 'product ' || p.code JOIN {_CHART} k ON k.name = 'by_bank ' || a.value
        WHERE p.bank = NEW.bank AND p.date = {_DATE} AND {_OF_DAY}
    UNION ALL SELECT substr(k.name, 9), {_BY_BANK}, b.withheld FROM breaks b {_WITHHELD}
        WHERE b.bank = NEW.bank AND b.date = {_DATE} AND {_OF_DAY}
    UNION ALL SELECT substr(k.name, 9), {_BY_BANK}, -b.withheld FROM breaks b {_WITHHELD}
        WHERE b.bank = NEW.bank AND b.settled_on = {_DATE} AND b.state = 'closed' AND b.resolution = ''
        AND {_OF_DAY}
    UNION ALL SELECT substr(k.name, 9), {_BY_BANK}, t.closing - t.opening FROM statements t
        JOIN {_CHART} a ON a.name = 'deposit' JOIN {_CHART} k ON k.name = 'by_bank ' || a.value
        WHERE {_OF_STATEMENT}
    UNION ALL SELECT substr(k.name, 9), {_BY_BANK}, -l.amount FROM statements t
        JOIN statement_lines l ON l.bank = t.bank AND l.number = t.number
        JOIN {_CHART} a ON a.name = CASE WHEN l.kind = 'fee' THEN 'fee' ELSE 'clearing' END
        JOIN {_CHART} k ON k.name = 'by_bank ' || a.value WHERE {_OF_STATEMENT}
    UNION ALL SELECT c.value, b.bank, b.difference FROM breaks b JOIN {_CHART} c ON c.name = 'clearing'
        WHERE {_TAKEN_IN}
    UNION ALL SELECT s.value, b.bank, -b.difference FROM breaks b {_SUSPENSE} WHERE {_TAKEN_IN}
    UNION ALL SELECT s.value, b.bank, -b.difference FROM breaks b {_SUSPENSE}
        WHERE b.bank = NEW.bank AND b.date = {_DATE} AND {_OF_DAY}
    UNION ALL SELECT s.value, b.bank, b.difference FROM breaks b {_SUSPENSE}
        WHERE b.bank = NEW.bank AND b.settled_on = {_DATE} AND b.state = 'closed' AND b.resolution = ''
        AND {_OF_DAY}
    ) components GROUP BY account, bank HAVING sum(amount) <> 0)"""
"""The legs that the posting NEW must have, computed from the books at that moment."""
_LEGS_THERE: Final = "SELECT account, bank, amount FROM legs WHERE posting = NEW.posting"
_UNEXPLAINED: Final = (
    f"NEW.posting <> NEW.date || '/' || NEW.bank || '/' || {_PURPOSE}"
    f" OR NEW.legs <> (SELECT count(*) FROM {_LEGS_DUE} due)"
    f" OR EXISTS ({_LEGS_THERE} EXCEPT SELECT account, bank, amount FROM {_LEGS_DUE} due)"
    f" OR EXISTS (SELECT account, bank, amount FROM {_LEGS_DUE} due EXCEPT {_LEGS_THERE})"
    " OR EXISTS (SELECT 1 FROM legs WHERE posting = NEW.posting AND currency <>"
    f" (SELECT value FROM {_CHART} c WHERE name = 'currency'))"
)
_NOT_EXPORTABLE: Final = (
    "NEW.number <> (SELECT count(*) + 1 FROM exports) OR NOT EXISTS"
    " (SELECT 1 FROM days WHERE date = NEW.date AND state IN ('posted', 'archived')) OR EXISTS"
    " (SELECT 1 FROM days d WHERE d.date < NEW.date AND d.date NOT IN (SELECT date FROM exports))"
)
"""Whether the export NEW is not the next one: of the oldest date that has none, which is posted."""
_NOT_ANSWERABLE: Final = (
    "NEW.number <> (SELECT count(*) + 1 FROM export_answers a WHERE a.date = NEW.date)"
    " OR NEW.accepted + NEW.refused <> (SELECT sum(f.lines) FROM export_files f WHERE f.date = NEW.date)"
)
_LAST: Final = "(SELECT max(number) FROM statements s WHERE s.bank = NEW.bank)"
_ITS_LINES: Final = "FROM statement_lines l WHERE l.bank = NEW.bank AND l.number = NEW.number"
_NOT_FOLLOWING: Final = (
    f"NEW.number <> coalesce({_LAST}, 0) + 1"
    " OR EXISTS (SELECT 1 FROM statements p WHERE p.bank = NEW.bank AND p.number = NEW.number - 1"
    " AND (p.closing <> NEW.opening OR p.to_date >= NEW.from_date))"
    f" OR NEW.lines <> (SELECT count(*) {_ITS_LINES})"
    f" OR NEW.closing - NEW.opening <> (SELECT coalesce(sum(l.amount), 0) {_ITS_LINES})"
)
"""Whether the statement NEW does not follow the bank's last one, or is not what its lines make."""
_NOT_EXPLAINED: Final = "no settled break, no statement and no reconciled day explains this posting"
_IS_CLOSED: Final = "a posting that is made gets no more legs"


MAKE_POSTING: Final = "make_posting(text, text, text, text, bigint, text[], text[], text[], bigint[])"
"""The function's name and the types of its arguments, as `office/database/roles.sql` names them."""
_MAKE_POSTING: Final = (
    "CREATE FUNCTION make_posting(posting_ text, date_ text, bank_ text, description_ text,"
    " posted_at_ bigint, accounts_ text[], banks_ text[], currencies_ text[], amounts_ bigint[]) RETURNS void"
    " LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN"
    " INSERT INTO legs (posting, number, account, bank, currency, amount)"
    " SELECT posting_, leg.number, leg.account, leg.bank, leg.currency, leg.amount"
    " FROM unnest(accounts_, banks_, currencies_, amounts_)"
    " WITH ORDINALITY AS leg(account, bank, currency, amount, number);"
    " INSERT INTO postings (posting, date, bank, description, legs, posted_at)"
    " VALUES (posting_, date_, bank_, description_, cardinality(accounts_), posted_at_); END $$"
)

# The columns that say what a break is about. Its class is not one: a later day's line may show that it was
# timing.
_FIXED: Final = (
    'UPDATE OF "break", bank, date, key, line, direction, code, policy, due, ours_effect, theirs_effect,'
    " withheld, difference, bank_code, bank_policy, bank_due"
)
_STANDS: Final = "what a break is about never changes"

GUARDS: Final[tuple[Guard, ...]] = (
    *refused_insert("posting_balances", "postings", _UNBALANCED, "a posting does not balance"),
    *refused_insert("posting_is_explained", "postings", _UNEXPLAINED, _NOT_EXPLAINED),
    *refused_insert(
        "posting_is_closed",
        "legs",
        "EXISTS (SELECT 1 FROM postings WHERE posting = NEW.posting)",
        _IS_CLOSED,
    ),
    # Checked again when the transaction ends: the trigger above cannot see a posting that another transaction
    # is about to commit.
    Guard(
        "legs",
        "postgresql",
        refusing_function(
            "leg_belongs",
            "(SELECT count(*) FROM legs WHERE posting = NEW.posting)"
            " <> (SELECT legs FROM postings WHERE posting = NEW.posting)",
            _IS_CLOSED,
            "NULL",
        ),
    ),
    Guard(
        "legs",
        "postgresql",
        "CREATE CONSTRAINT TRIGGER leg_belongs AFTER INSERT ON legs DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION leg_belongs()",
    ),
    Guard("legs", "postgresql", _MAKE_POSTING),
    *refused_insert(
        "statement_follows",
        "statements",
        _NOT_FOLLOWING,
        "a statement does not follow the last one, or is not what its lines make",
    ),
    *refused_insert(
        "statement_is_closed",
        "statement_lines",
        "EXISTS (SELECT 1 FROM statements t WHERE t.bank = NEW.bank AND t.number = NEW.number)",
        "a statement that was taken gets no more lines",
    ),
    *refused_insert("export_is_next", "exports", _NOT_EXPORTABLE, "not the next posted date to be exported"),
    *refused_insert(
        "answer_is_whole", "export_answers", _NOT_ANSWERABLE, "an answer is to all lines of an export"
    ),
    Guard("legs", "postgresql", f"REVOKE ALL ON FUNCTION {MAKE_POSTING} FROM PUBLIC"),
    *(
        Guard(
            "breaks",
            "sqlite",
            f"CREATE TRIGGER break_stands_{operation[:6].lower()} BEFORE {operation} ON breaks"
            f" BEGIN SELECT RAISE(ABORT, '{_STANDS}'); END",
        )
        for operation in (_FIXED, "DELETE")
    ),
    Guard("breaks", "postgresql", refusing_function("break_stands", "TRUE", _STANDS, "NULL")),
    Guard(
        "breaks",
        "postgresql",
        f"CREATE TRIGGER break_stands BEFORE {_FIXED} OR DELETE OR TRUNCATE ON breaks"
        " FOR EACH STATEMENT EXECUTE FUNCTION break_stands()",
    ),
)
