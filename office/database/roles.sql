-- Who may do what in the back office's database on PostgreSQL.
--
-- For psql, run by the owner of the database once the tables are there (the first `qianzhi office close` under
-- the owner makes them, and puts the chart of accounts in force; a changed chart goes in by another one under
-- the owner), and again after each change of the tables; running it again changes nothing:
--
--     psql -v ON_ERROR_STOP=1 -f office/database/roles.sql OFFICE_DATABASE
--
-- The owner of the tables is nobody's everyday login: an owner can drop a trigger. These are groups without a
-- login. Who logs in is made a member of one:
--
--     CREATE ROLE closes LOGIN PASSWORD '...' IN ROLE qianzhi_office;   -- the office's `database` URL
--     CREATE ROLE audits LOGIN PASSWORD '...' IN ROLE qianzhi_auditor;  -- reports and `qianzhi audit`
--
-- Creating roles needs CREATEROLE; where the owner has it not, an administrator creates the two beforehand.

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['qianzhi_office', 'qianzhi_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO qianzhi_office, qianzhi_auditor', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO qianzhi_office, qianzhi_auditor;

-- From nothing, so that a right which an earlier edition of this file gave does not stay.
REVOKE ALL ON facts, days, chains, entries, bank_files, bank_lines, reconciliations, held_files,
    date_decisions, posted_dates, products, breaks, break_events, accounts, postings, legs, chart_lines, audit_log,
    exports, export_files, export_answers, export_refusals, statements,
    statement_lines, receipt_keys, signed_receipts FROM PUBLIC, qianzhi_office, qianzhi_auditor;
REVOKE ALL ON SEQUENCE audit_log_number_seq FROM PUBLIC, qianzhi_office, qianzhi_auditor;
REVOKE ALL ON FUNCTION make_posting(text, text, text, text, bigint, text[], text[], text[], bigint[])
    FROM PUBLIC, qianzhi_office, qianzhi_auditor;

-- Closes days and settles breaks. What was pulled, taken, reconciled and done can be added to, and never
-- changed. Nothing is posted by this role itself: `make_posting` is, with the owner's rights, and the triggers
-- under it take only what a reconciled day or a settled break explains. Where money may go, the chart, only the
-- owner changes.
GRANT SELECT ON facts, days, chains, entries, bank_files, bank_lines, reconciliations, held_files,
    date_decisions, posted_dates, products, breaks, break_events, accounts, postings, legs, chart_lines, audit_log,
    exports, export_files, export_answers, export_refusals, statements,
    statement_lines, receipt_keys, signed_receipts TO qianzhi_office;
GRANT INSERT ON days, chains, entries, bank_files, bank_lines, reconciliations, held_files, date_decisions,
    posted_dates, products, breaks, break_events, audit_log, exports, export_files, export_answers,
    export_refusals, statements,
    statement_lines, receipt_keys, signed_receipts TO qianzhi_office;
GRANT EXECUTE ON FUNCTION make_posting(text, text, text, text, bigint, text[], text[], text[], bigint[])
    TO qianzhi_office;
GRANT UPDATE (state) ON days TO qianzhi_office;
GRANT UPDATE (position, tip) ON chains TO qianzhi_office;
-- How far a break has come, never what it is about.
GRANT UPDATE ("class", reason, state, resolution, proposed_by, approved_by, suspense_on, settled_on) ON breaks
    TO qianzhi_office;

-- Reports, and what the audit adds up again: everything, and nothing to write with.
GRANT SELECT ON facts, days, chains, entries, bank_files, bank_lines, reconciliations, held_files,
    date_decisions, posted_dates, products, breaks, break_events, accounts, postings, legs, chart_lines, audit_log,
    exports, export_files, export_answers, export_refusals, statements,
    statement_lines, receipt_keys, signed_receipts TO qianzhi_auditor;

COMMIT;
