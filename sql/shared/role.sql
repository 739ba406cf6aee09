-- The role that may read schema shared, and nothing else. It can't log in: `c360 share grant` makes roles that can.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partner') THEN
        CREATE ROLE partner NOLOGIN;
    END IF;
    -- What every role may do by default: make objects of its own.
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM public', current_database());
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM public', current_schema());
    EXECUTE format('GRANT partner TO %I', current_user);  -- exports are made as this role
END
$$;
GRANT USAGE ON SCHEMA shared TO partner;
GRANT SELECT ON ALL TABLES IN SCHEMA shared TO partner;
