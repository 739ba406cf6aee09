-- Tell how a job ended; also of one that was taken for interrupted, while the database was away.
-- Parameters: job_id, state, pages, records, published, rejected, error.
UPDATE ingest_jobs
SET
    state = %(state)s,
    heartbeat_at = now(),
    ended_at = now(),
    pages = %(pages)s,
    records = %(records)s,
    published = %(published)s::jsonb,
    rejected = %(rejected)s,
    error = %(error)s::jsonb
WHERE job_id = %(job_id)s
