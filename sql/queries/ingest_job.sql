-- One job; one that is silent for too long counts as interrupted.
-- Parameters: job_id.
SELECT
    job_id,
    source,
    pages,
    records AS records_processed,
    published,
    rejected,
    error,
    started_at,
    CASE
        WHEN state = 'running' AND heartbeat_at < now() - interval '15 seconds' THEN 'interrupted' ELSE state
    END AS state,
    CASE
        WHEN state = 'running' AND heartbeat_at < now() - interval '15 seconds' THEN heartbeat_at ELSE ended_at
    END AS ended_at
FROM ingest_jobs
WHERE job_id = %(job_id)s
