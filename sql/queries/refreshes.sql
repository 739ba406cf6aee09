-- refreshes
-- Of everything that is refreshed: the last run, and the last one that was done; nulls where there is none.
WITH refreshed AS (
    SELECT matviewname AS view
    FROM pg_matviews
    WHERE schemaname = current_schema()
    UNION ALL
    SELECT name AS view
    FROM (VALUES ('category_amounts_wide'), ('monthly_report')) AS others (name)
)

SELECT
    r.view,
    last.started_at AS tried_at,
    last.seconds,
    last.outcome,
    last.reason,
    done.rows,
    done.started_at AS refreshed_at,
    extract(EPOCH FROM now() - done.started_at)::double precision AS age_seconds,
    done.as_of,
    done.position,
    done.epoch
FROM refreshed AS r
LEFT JOIN LATERAL (
    SELECT
        f.started_at,
        f.seconds,
        f.outcome,
        f.reason
    FROM refreshes AS f
    WHERE f.view = r.view
    ORDER BY f.started_at DESC, f.refresh_id DESC
    LIMIT 1
) AS last ON TRUE
LEFT JOIN LATERAL (
    SELECT
        f.started_at,
        f.rows,
        f.as_of,
        f.position,
        f.epoch
    FROM refreshes AS f
    WHERE f.view = r.view AND f.outcome = 'done'
    ORDER BY f.started_at DESC, f.refresh_id DESC
    LIMIT 1
) AS done ON TRUE
ORDER BY r.view
