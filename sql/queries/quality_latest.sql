-- What did each check answer last? Checks that were never asked have no row.
-- Parameters: checks, their names.
SELECT
    r.check_name,
    r.level,
    r.started_at,
    r.seconds,
    r.result,
    r.offenders,
    r.examples,
    r.reason
FROM unnest(%(checks)s::text[]) AS c (check_name)
INNER JOIN quality_runs AS r
    ON
        c.check_name = r.check_name
        AND r.started_at = (
            SELECT max(q.started_at)
            FROM quality_runs AS q
            WHERE q.check_name = c.check_name
        )
ORDER BY r.check_name
