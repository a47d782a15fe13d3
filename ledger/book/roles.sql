-- Who may do what in the front book on PostgreSQL.
--
-- For psql, run by the owner of the database once the tables are there (the first `qianzhi book load` under the
-- owner makes them), and again after each change of the tables; running it again changes nothing:
--
--     psql -v ON_ERROR_STOP=1 -f ledger/book/roles.sql FRONT_DATABASE
--
-- The owner of the tables is nobody's everyday login: an owner can drop a trigger. These are groups without a
-- login. Who logs in is made a member of one:
--
--     CREATE ROLE fep1 LOGIN PASSWORD '...' IN ROLE qianzhi_front;      -- one for each machine that serves
--     CREATE ROLE loads LOGIN PASSWORD '...' IN ROLE qianzhi_loader;    -- `qianzhi book load` without a machine
--     CREATE ROLE pulls LOGIN PASSWORD '...' IN ROLE qianzhi_reader;    -- the office's `front` URL
--     CREATE ROLE audits LOGIN PASSWORD '...' IN ROLE qianzhi_auditor;  -- `qianzhi audit`
--
-- Creating roles needs CREATEROLE; where the owner has it not, an administrator creates the four beforehand.

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['qianzhi_front', 'qianzhi_loader', 'qianzhi_reader', 'qianzhi_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO qianzhi_front, qianzhi_loader, qianzhi_reader,'
        ' qianzhi_auditor', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO qianzhi_front, qianzhi_loader, qianzhi_reader, qianzhi_auditor;

-- From nothing, so that a right which an earlier edition of this file gave does not stay.
REVOKE ALL ON facts, days, loads, policies, dues, identity_guesses, loading, chains,
    bank_days, journal, retired, audit_log, holds, hold_lines, hold_files FROM PUBLIC, qianzhi_front, qianzhi_loader, qianzhi_reader, qianzhi_auditor;

-- Loads a day's dues. Neither the journal nor any total is within its reach, but for when the last entry of each
-- chain was written: what is stamped next is stamped no earlier.
GRANT SELECT (chain, position) ON chains TO qianzhi_loader;
GRANT SELECT (chain, position, recorded_at) ON journal TO qianzhi_loader;
GRANT SELECT ON facts, days, loads, policies, dues, loading, audit_log TO qianzhi_loader;
GRANT INSERT ON days, loads, policies, dues, loading, audit_log TO qianzhi_loader;
GRANT DELETE ON policies, dues, loading TO qianzhi_loader;
GRANT UPDATE (state, holder, serving, serving_phone, changes, next_state, next_holder, next_serving,
    next_serving_phone) ON policies TO qianzhi_loader;
GRANT UPDATE (state, withdrawn, leaves, leaves_as) ON dues TO qianzhi_loader;
GRANT UPDATE (withdrawn, withdrawn_late, withdrawn_held, lapsed, lapsed_held) ON loads TO qianzhi_loader;
GRANT UPDATE ON loading TO qianzhi_loader;
-- To hold the open day (FOR SHARE) takes the right to update some column of it. This one is under the day's
-- seal: the office sees it changed.
GRANT UPDATE (chains) ON days TO qianzhi_loader;

-- Serves the banks, cuts over, and loads for the operator. It adds to the journal, and can do nothing else to it
-- but forget the days that are retired.
GRANT qianzhi_loader TO qianzhi_front;
GRANT SELECT ON chains, bank_days, identity_guesses, journal TO qianzhi_front;
GRANT INSERT ON chains, bank_days, identity_guesses, journal TO qianzhi_front;
GRANT UPDATE (date, wrong, locked) ON identity_guesses TO qianzhi_front;
GRANT UPDATE (epoch, position, tip) ON chains TO qianzhi_front;
GRANT UPDATE (collections, collected, collections_reversed, collected_reversed, payouts, paid, payouts_reversed,
    paid_reversed, used, unfit) ON bank_days TO qianzhi_front;
GRANT UPDATE (state, settled_by, sequence, held_by) ON dues TO qianzhi_front;
-- It holds dues for batches. What a batch was granted is never changed.
GRANT SELECT, INSERT ON holds, hold_lines, hold_files TO qianzhi_front;
GRANT UPDATE (lines, amount, held_at, released_at) ON holds TO qianzhi_front;
GRANT UPDATE (at, lines, amount, withdrawn, answer) ON hold_files TO qianzhi_front;
-- The whole row: the cut-over locks the table, for which a column is not enough.
GRANT UPDATE ON days TO qianzhi_front;
-- It retires days: marks the oldest closed one, which a trigger sees to, and has its entries forgotten by a
-- function of the owner's. It cannot delete.
GRANT SELECT, INSERT ON retired TO qianzhi_front;
REVOKE ALL ON FUNCTION forget_entries(integer, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_entries(integer, bigint, bigint) TO qianzhi_front;

-- `qianzhi backup` dumps the whole book under this role; what it lacks above, it may read.
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO qianzhi_front;

-- What the office pulls; no policy, no due, and nothing to write with.
GRANT SELECT ON chains, days, journal, loads, retired TO qianzhi_reader;

-- What the audit adds up again: everything, and nothing to write with.
GRANT SELECT ON facts, days, loads, policies, dues, loading, chains, bank_days, journal,
    identity_guesses, retired, audit_log, holds, hold_lines, hold_files TO qianzhi_auditor;

COMMIT;
