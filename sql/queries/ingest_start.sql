-- Take a source for a job; nothing happens when another job has it.
-- Parameters: job_id, source.
INSERT INTO ingest_jobs (job_id, source)
VALUES (%(job_id)s, %(source)s)
ON CONFLICT (source) WHERE state = 'running' DO NOTHING
