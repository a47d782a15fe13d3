-- Who may do what in the database of collection on PostgreSQL.
--
-- For psql, run by the owner of the database once the tables are there (the first `qianzhi collection` command
-- that writes, under the owner, makes them), and again after each change of the tables:
--
--     psql -v ON_ERROR_STOP=1 -f collection/database/roles.sql COLLECTION_DATABASE
--
-- The owner of the tables is nobody's everyday login: an owner can drop a trigger. These are groups without a
-- login. Who logs in is made a member of one:
--
--     CREATE ROLE collects LOGIN PASSWORD '...' IN ROLE qianzhi_collection;  -- the URL of collection.toml
--     CREATE ROLE audits LOGIN PASSWORD '...' IN ROLE qianzhi_auditor;       -- what only reads

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['qianzhi_collection', 'qianzhi_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO qianzhi_collection, qianzhi_auditor', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO qianzhi_collection, qianzhi_auditor;

-- From nothing, so that a right which an earlier edition of this file gave does not stay.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, qianzhi_collection, qianzhi_auditor;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, qianzhi_collection, qianzhi_auditor;

-- Plans, sends and applies: what triggers and constraints let through. Nothing is ever deleted.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO qianzhi_collection;
GRANT INSERT ON dues_files, dues, attempts, mandates, batches, lines, proposals, files, events, returns,
    statements, statement_lines, audit_log TO qianzhi_collection;
GRANT USAGE ON SEQUENCE events_number_seq TO qianzhi_collection;
GRANT UPDATE (policy, code, due_date, amount, state, file_date) ON dues TO qianzhi_collection;
GRANT UPDATE (evidence_digest, signed_at, signed_by, state, first_use, last_use) ON mandates
    TO qianzhi_collection;
GRANT UPDATE (state, file_sha256, approved_by, approved_at, sent_at, answer_sha256, answered_at, parts,
    settled_fen, fee_fen) ON batches TO qianzhi_collection;
GRANT UPDATE (state, code, class, retry, text, value_date, reference, request_part, part, receipt, entry_key, business_date)
    ON lines TO qianzhi_collection;
GRANT UPDATE (state, decided_by, decided_at) ON proposals TO qianzhi_collection;
GRANT UPDATE (part, business_date) ON returns TO qianzhi_collection;

-- The audit: everything, and nothing to write with.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO qianzhi_auditor;

COMMIT;
