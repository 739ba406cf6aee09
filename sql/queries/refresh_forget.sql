-- refresh_forget
-- Runs of a view that are older than a week, except the last that was done.
-- Parameters: view.
DELETE FROM refreshes
WHERE
    view = %(view)s
    AND started_at < now() - interval '7 days'
    AND started_at < (
        SELECT max(done.started_at)
        FROM refreshes AS done
        WHERE done.view = %(view)s AND done.outcome = 'done'
    )
