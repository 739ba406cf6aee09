-- The job that has a source.
-- Parameters: source.
SELECT job_id
FROM ingest_jobs
WHERE source = %(source)s AND state = 'running'
