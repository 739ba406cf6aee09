-- Let go of a source whose process ended, and forget jobs of long ago.
-- Parameters: source.
WITH outdated AS (
    DELETE FROM ingest_jobs
    WHERE ended_at < now() - interval '30 days'
)

UPDATE ingest_jobs SET state = 'interrupted', ended_at = heartbeat_at
WHERE source = %(source)s AND state = 'running' AND heartbeat_at < now() - interval '15 seconds'
