-- What did a check answer before? Newest first.
-- Parameters: check_name, its name; ran_from (inclusive) and ran_to (exclusive), each a moment or null; most, of rows.
SELECT
    check_name,
    level,
    started_at,
    seconds,
    result,
    offenders,
    examples,
    reason
FROM quality_runs
WHERE
    check_name = %(check_name)s
    AND (started_at >= %(ran_from)s OR %(ran_from)s::timestamptz IS NULL)
    AND (started_at < %(ran_to)s OR %(ran_to)s::timestamptz IS NULL)
ORDER BY started_at DESC
LIMIT (%(most)s)
