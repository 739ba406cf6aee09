-- refresh_record
-- Keep one run.
-- Parameters: view, started_at, seconds, outcome, rows, reason, as_of, position, epoch.
INSERT INTO refreshes (view, started_at, seconds, outcome, rows, reason, as_of, position, epoch)
VALUES (
    %(view)s,
    %(started_at)s,
    %(seconds)s,
    %(outcome)s,
    %(rows)s,
    %(reason)s,
    %(as_of)s,
    %(position)s,
    %(epoch)s
)
