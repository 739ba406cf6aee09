-- Add one run of a check to the history.
-- Parameters: check_name, check_level, started_at, seconds, result, offenders, examples, reason.
INSERT INTO quality_runs (check_name, level, started_at, seconds, result, offenders, examples, reason)
VALUES (
    %(check_name)s,
    %(check_level)s,
    %(started_at)s,
    %(seconds)s,
    %(result)s,
    %(offenders)s,
    %(examples)s,
    %(reason)s
)
ON CONFLICT (check_name, started_at) DO NOTHING
