-- Tell that a job runs, and how far it is.
-- Parameters: job_id, pages, records, published, rejected.
UPDATE ingest_jobs
SET
    heartbeat_at = now(),
    pages = %(pages)s,
    records = %(records)s,
    published = %(published)s::jsonb,
    rejected = %(rejected)s
WHERE job_id = %(job_id)s AND state = 'running'
