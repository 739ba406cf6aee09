-- refresh_record
-- Keep one run.
-- Parameters: view, started_at, outcome, rows, reason, as_of, position, epoch.
INSERT INTO refreshes (view, started_at, seconds, outcome, rows, reason, as_of, position, epoch)
VALUES (
    %(view)s,
    %(started_at)s,
    extract(EPOCH FROM clock_timestamp() - %(started_at)s),
    %(outcome)s,
    %(rows)s,
    %(reason)s,
    %(as_of)s,
    %(position)s,
    %(epoch)s
)
RETURNING seconds
