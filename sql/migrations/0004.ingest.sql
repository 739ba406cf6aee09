-- depends: 0002.access
-- Pulls of HTTP sources that the API was asked for.

CREATE TABLE ingest_jobs (
    job_id uuid PRIMARY KEY,
    source text NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'succeeded', 'failed', 'interrupted')),
    pages bigint NOT NULL DEFAULT 0,
    records bigint NOT NULL DEFAULT 0,
    published jsonb NOT NULL DEFAULT '{}',
    rejected bigint NOT NULL DEFAULT 0,
    error jsonb,
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX ingest_jobs_running ON ingest_jobs (source) WHERE state = 'running';
COMMENT ON TABLE ingest_jobs IS 'Pulls of HTTP sources that were asked of the API; kept for 30 days.';
COMMENT ON COLUMN ingest_jobs.source IS 'Name of its mapping, without .toml.';
COMMENT ON COLUMN ingest_jobs.state IS 'A running job whose heartbeat is older than 15 seconds counts as interrupted: its process ended.';
COMMENT ON COLUMN ingest_jobs.records IS 'Records of the source that were read so far.';
COMMENT ON COLUMN ingest_jobs.published IS 'Stream to the number of its events.';
COMMENT ON COLUMN ingest_jobs.rejected IS 'Records that could not become an event: they are in rejected_events.';
COMMENT ON COLUMN ingest_jobs.error IS 'Why it did not succeed, as a problem (RFC 9457).';
COMMENT ON COLUMN ingest_jobs.heartbeat_at IS 'When its process last told how far it is (UTC): once a second.';
COMMENT ON INDEX ingest_jobs_running IS 'One job per source at a time, whichever process runs it.';
