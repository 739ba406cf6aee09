-- refreshed
-- How old is a materialized view? No row if it was never refreshed.
-- Parameters: view.
SELECT
    started_at AS refreshed_at,
    round(extract(EPOCH FROM now() - started_at)::numeric, 3) AS age_seconds,
    as_of,
    position
FROM refreshes
WHERE view = %(view)s AND outcome = 'done'
ORDER BY started_at DESC, refresh_id DESC
LIMIT 1
