-- Who may do what in the customers' database on PostgreSQL.
--
-- For psql, run by the owner of the database once the tables are there (the first `qianzhi customers load` under
-- the owner makes them), and again after each change of the tables; running it again changes nothing:
--
--     psql -v ON_ERROR_STOP=1 -f customers/database/roles.sql CUSTOMERS_DATABASE
--
-- The owner of the tables is nobody's everyday login: an owner can drop a trigger. These are groups without a
-- login. Who logs in is made a member of one:
--
--     CREATE ROLE desk LOGIN PASSWORD '...' IN ROLE qianzhi_customers;    -- the `database` URL of customers.toml
--     CREATE ROLE seals LOGIN PASSWORD '...' IN ROLE qianzhi_sealer;      -- the archive, which seals under keys
--     CREATE ROLE audits LOGIN PASSWORD '...' IN ROLE qianzhi_auditor;    -- `qianzhi customers audit`
--
-- After a shredding, the owner has what it deleted taken out of the tables' files too (docs/customers.md):
--
--     VACUUM FULL person_keys, persons, contacts, changes;

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['qianzhi_customers', 'qianzhi_sealer', 'qianzhi_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO qianzhi_customers, qianzhi_sealer, qianzhi_auditor', current_database()
    );
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO qianzhi_customers, qianzhi_sealer, qianzhi_auditor;

-- From nothing, so that a right which an earlier edition of this file gave does not stay.
REVOKE ALL ON facts, loads, persons, person_keys, holdings, proposals, escrows, audit_log,
    contacts, contact_events, agents, serving, consents, changes,
    notices, deliveries, tasks, task_history
    FROM PUBLIC, qianzhi_customers, qianzhi_sealer, qianzhi_auditor;
REVOKE ALL ON SEQUENCE audit_log_number_seq FROM PUBLIC, qianzhi_customers, qianzhi_sealer, qianzhi_auditor;

-- Loads, shows, restricts and shreds: what triggers and constraints let through. Nothing is ever deleted.
GRANT SELECT ON facts, loads, persons, person_keys, holdings, proposals, escrows, audit_log,
    contacts, contact_events, agents, serving, consents, changes TO qianzhi_customers;
GRANT INSERT ON loads, persons, person_keys, holdings, proposals, escrows, audit_log,
    contacts, contact_events, agents, serving, consents, changes TO qianzhi_customers;
GRANT UPDATE (name_sealed, name_masked, id_digest, id_sealed, state) ON persons TO qianzhi_customers;
GRANT UPDATE (wrapped, master, shredded_at, proposal) ON person_keys TO qianzhi_customers;
GRANT UPDATE (to_date, ended_load) ON holdings TO qianzhi_customers;
GRANT UPDATE (state, decided_by, decided_at, done_at, certificate) ON proposals TO qianzhi_customers;
GRANT UPDATE (value_sealed, value_digest, tail, state, verified_at) ON contacts TO qianzhi_customers;
GRANT UPDATE (name, office, phone, state, left_on, load) ON agents TO qianzhi_customers;
GRANT UPDATE (to_date, ended_load) ON serving TO qianzhi_customers;
GRANT UPDATE (withdrawn_at, withdrawal_digest) ON consents TO qianzhi_customers;
GRANT UPDATE (value_sealed, value_digest, tail, sent_at, state, answered_at, reason) ON changes TO qianzhi_customers;

-- Notices and tasks, sent and done under the same role.
GRANT SELECT, INSERT ON notices, deliveries, tasks, task_history TO qianzhi_customers;
GRANT UPDATE (state, not_before, moved_at) ON notices TO qianzhi_customers;
GRANT UPDATE (state, ref, nth_of_day, report_at, reason) ON deliveries TO qianzhi_customers;
GRANT UPDATE (state, owner, outcome, escalated, moved_at) ON tasks TO qianzhi_customers;

-- Seals under persons' keys: who is what to a policy, and each wrapped key; neither names nor documents. Collection's
-- report counts the receipts that have no notice.
GRANT SELECT ON facts, holdings, person_keys TO qianzhi_sealer;
GRANT SELECT (person, state, id_digest) ON persons TO qianzhi_sealer;
GRANT SELECT (dedupe) ON notices TO qianzhi_sealer;

-- The audit: everything, and nothing to write with.
GRANT SELECT ON facts, loads, persons, person_keys, holdings, proposals, escrows, audit_log,
    contacts, contact_events, agents, serving, consents, changes TO qianzhi_auditor;
GRANT SELECT ON notices, deliveries, tasks, task_history TO qianzhi_auditor;

COMMIT;
