-- Forget the runs that are older than this.
-- Parameters: days.
DELETE FROM quality_runs
WHERE started_at < now() - make_interval(days => %(days)s)
