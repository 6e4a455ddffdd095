-- The roles that brandq needs in PostgreSQL 14 or newer, and what each may do. Plain SQL, for any client; safe to repeat.
--
--   createdb brandq
--   psql -v ON_ERROR_STOP=1 -1 -d brandq -f deploy/postgres/roles.sql        as superuser, in brandq's own database
--   psql -d brandq -c '\password brandq_owner' -c '\password brandq_app'     no role can log in by password before that
--
-- brandq_owner       `brandq migrate` alone: owns database, schema and tables
-- brandq_app         web, workers, clock and every other command: reads and writes rows, and nothing else
-- brandq_monitoring  an exporter: the server's statistics, no row of brandq's
--
-- Tables of an older installation belong to whoever migrated it. Hand them over first: REASSIGN OWNED BY old_role TO brandq_owner;

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['brandq_owner', 'brandq_app', 'brandq_monitoring'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', wanted);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', wanted);
    END LOOP;
    -- by default everybody who reaches the server may connect to every database and make temporary tables there
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('ALTER DATABASE %I OWNER TO brandq_owner', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO brandq_app, brandq_monitoring', current_database());
END
$$;

ALTER SCHEMA public OWNER TO brandq_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO brandq_app;

-- what is there already
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO brandq_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO brandq_app;
-- what later migrations will make
ALTER DEFAULT PRIVILEGES FOR ROLE brandq_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO brandq_app;
ALTER DEFAULT PRIVILEGES FOR ROLE brandq_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO brandq_app;

GRANT pg_monitor TO brandq_monitoring;
