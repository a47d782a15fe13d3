"""The text of the statements that guard the office's database; what they refuse, test_guarded shows.

PostgreSQL is not started here: it refuses by the conditions by which SQLite does, and the rest is held whole.
"""

from __future__ import annotations

import re

import pytest

from office.database.guards import GUARDS, MAKE_POSTING

EXPLAINED = "no settled break, no statement and no reconciled day explains this posting"
STANDS = "what a break is about never changes"
BELONGS = (
    "(SELECT count(*) FROM legs WHERE posting = NEW.posting)"
    " <> (SELECT legs FROM postings WHERE posting = NEW.posting)"
)
FIXED = (
    'UPDATE OF "break", bank, date, key, line, direction, code, policy, due, ours_effect, theirs_effect,'
    " withheld, difference, bank_code, bank_policy, bank_due"
)
KEYWORDS = (
    "ABORT AFTER ALL AND AS BEFORE BEGIN BIGINT BY CASE CAST CONSTRAINT CREATE DEFERRABLE DEFERRED "
    "DEFINER DELETE EACH ELSE END ERRCODE EXCEPT EXCEPTION EXECUTE EXISTS FOR FROM FUNCTION GROUP HAVING "
    "IF IN INITIALLY INSERT INTO JOIN LANGUAGE LEFT NEW NOT NULL OF ON OR ORDINALITY PUBLIC RAISE RETURN "
    "RETURNS REVOKE ROW SECURITY SELECT SET STATEMENT TEXT THEN TRIGGER TRUE TRUNCATE UNION UPDATE USING "
    "VALUES WHEN WHERE WITH"
)


def of(dialect: str, table: str) -> list[str]:
    return [guard.statement for guard in GUARDS if (guard.dialect, guard.table) == (dialect, table)]


def function(name: str, condition: str, message: str, result: str = "NEW") -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN"
        f" RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; RETURN {result}; END $$"
    )


@pytest.mark.parametrize(
    ("name", "table", "place", "message"),
    [
        ("posting_balances", "postings", 0, "a posting does not balance"),
        ("posting_is_explained", "postings", 1, EXPLAINED),
        ("posting_is_closed", "legs", 0, "a posting that is made gets no more legs"),
        ("export_is_next", "exports", 0, "not the next posted date to be exported"),
        ("answer_is_whole", "export_answers", 0, "an answer is to all lines of an export"),
        (
            "statement_follows",
            "statements",
            0,
            "a statement does not follow the last one, or is not what its lines make",
        ),
        ("statement_is_closed", "statement_lines", 0, "a statement that was taken gets no more lines"),
    ],
)
def test_both_databases_refuse_a_row_by_one_condition(
    name: str, table: str, place: int, message: str
) -> None:
    before, after = (
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN ",
        f" BEGIN SELECT RAISE(ABORT, '{message}'); END",
    )
    sqlite = of("sqlite", table)[place]
    assert sqlite.startswith(before)
    assert sqlite.endswith(after)
    condition = sqlite.removeprefix(before).removesuffix(after)
    assert of("postgresql", table)[2 * place : 2 * place + 2] == [
        function(name, condition, message),
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def test_a_proposal_is_to_name_the_resolution_as_the_approval_is() -> None:
    statement = of("sqlite", "postings")[1]
    names_it = (
        "({0}.note = b.resolution OR substr({0}.note, 1, length(b.resolution) + 2) = b.resolution || ': ')"
    )
    approval = f"""a."by" = b.approved_by AND {names_it.format("a")}"""
    proposal = f"""p."by" = b.proposed_by AND {names_it.format("p")}"""
    assert f"{approval} AND p.act = 'propose' AND {proposal}" in statement


def test_on_postgresql_a_leg_is_looked_at_again_when_its_transaction_ends() -> None:
    assert of("postgresql", "legs")[2:4] == [
        function("leg_belongs", BELONGS, "a posting that is made gets no more legs", "NULL"),
        "CREATE CONSTRAINT TRIGGER leg_belongs AFTER INSERT ON legs DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION leg_belongs()",
    ]


def test_on_postgresql_a_posting_is_made_by_a_function_with_the_owners_rights() -> None:
    types = "text, text, text, text, bigint, text[], text[], text[], bigint[]"
    assert f"make_posting({types})" == MAKE_POSTING
    assert of("postgresql", "legs")[4:] == [
        "CREATE FUNCTION make_posting(posting_ text, date_ text, bank_ text, description_ text,"
        " posted_at_ bigint, accounts_ text[], banks_ text[], currencies_ text[], amounts_ bigint[])"
        " RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN"
        " INSERT INTO legs (posting, number, account, bank, currency, amount)"
        " SELECT posting_, leg.number, leg.account, leg.bank, leg.currency, leg.amount"
        " FROM unnest(accounts_, banks_, currencies_, amounts_)"
        " WITH ORDINALITY AS leg(account, bank, currency, amount, number);"
        " INSERT INTO postings (posting, date, bank, description, legs, posted_at)"
        " VALUES (posting_, date_, bank_, description_, cardinality(accounts_), posted_at_); END $$",
        f"REVOKE ALL ON FUNCTION make_posting({types}) FROM PUBLIC",
    ]


def test_what_a_break_is_about_stands_and_no_break_goes_away() -> None:
    end = f" ON breaks BEGIN SELECT RAISE(ABORT, '{STANDS}'); END"
    assert of("sqlite", "breaks") == [
        f"CREATE TRIGGER break_stands_update BEFORE {FIXED}{end}",
        f"CREATE TRIGGER break_stands_delete BEFORE DELETE{end}",
    ]
    assert of("postgresql", "breaks") == [
        function("break_stands", "TRUE", STANDS, "NULL"),
        f"CREATE TRIGGER break_stands BEFORE {FIXED} OR DELETE OR TRUNCATE ON breaks"
        " FOR EACH STATEMENT EXECUTE FUNCTION break_stands()",
    ]


def test_keywords_are_in_capitals_and_names_in_small_letters() -> None:
    text = " ".join(guard.statement for guard in GUARDS)
    words = set(re.findall(r"[A-Za-z_]+", re.sub(r"'[^']*'", "", text)))
    assert " ".join(sorted(word for word in words if word != word.lower())) == KEYWORDS
    # Types, a schema and a column that are called as a keyword is.
    small = {word for word in words if word.upper() in KEYWORDS.split() and word == word.lower()}
    assert small == {"bigint", "public", "text", "trigger", "by"}
