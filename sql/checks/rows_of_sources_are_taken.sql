-- No row of a file or page was refused within the last day.
-- level: warn
-- remedy: `c360 rejects` lists the rows with their reason; mend the mapping, then `c360 rejects replay`.
-- kept: stream, field, rows
SELECT
    stream,
    field,
    count(*) AS rows
FROM rejected_events
WHERE topic = 'rejected_events' AND rejected_at >= now() - interval '1 day'
GROUP BY stream, field
