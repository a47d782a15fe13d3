-- Who may do what in the archive's catalogue on PostgreSQL.
--
-- For psql, run by the owner of the database once the tables are there (`qianzhi archive init`, or the first
-- `intake`, under the owner makes them), and again after each change of the tables; running it again changes nothing:
--
--     psql -v ON_ERROR_STOP=1 -f archive/catalogue/roles.sql ARCHIVE_DATABASE
--
-- The owner of the tables is nobody's everyday login: an owner can drop a trigger. These are groups without a
-- login. Who logs in is made a member of one:
--
--     CREATE ROLE keeps LOGIN PASSWORD '...' IN ROLE qianzhi_archive;   -- the `database` URL of archive.toml
--     CREATE ROLE audits LOGIN PASSWORD '...' IN ROLE qianzhi_auditor;  -- status and the audit
--
-- In the office's and the front's databases the archive's login is a member of `qianzhi_auditor`: it reads, and
-- writes nothing.

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['qianzhi_archive', 'qianzhi_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO qianzhi_archive, qianzhi_auditor', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO qianzhi_archive, qianzhi_auditor;

-- From nothing, so that a right which an earlier edition of this file gave does not stay.
REVOKE ALL ON facts, parcels, volumes, files, copies, checks, loans, holds, releases, proposals, decisions, fetches,
    cosignatures, end_lists, contract_ends, volume_policies, audit_log, accesses FROM PUBLIC, qianzhi_archive, qianzhi_auditor;

-- Takes in, seals, keeps: what triggers and constraints let through. Nothing is ever deleted.
GRANT SELECT ON facts, parcels, volumes, files, copies, checks, loans, holds, releases, proposals, decisions, fetches,
    cosignatures, end_lists, contract_ends, volume_policies, audit_log, accesses TO qianzhi_archive;
GRANT INSERT ON parcels, volumes, files, copies, checks, loans, holds, releases, proposals, decisions, fetches,
    cosignatures, end_lists, contract_ends, volume_policies, audit_log, accesses TO qianzhi_archive;
GRANT UPDATE ON parcels, volumes TO qianzhi_archive;
GRANT UPDATE (place, verified_at, state) ON copies TO qianzhi_archive;

-- The audit: everything, and nothing to write with.
GRANT SELECT ON facts, parcels, volumes, files, copies, checks, loans, holds, releases, proposals, decisions, fetches,
    cosignatures, end_lists, contract_ends, volume_policies, audit_log, accesses TO qianzhi_auditor;

COMMIT;
