-- Which day is it? The one place that analytics get it from.
CREATE OR REPLACE VIEW today AS
SELECT (now() AT TIME ZONE 'UTC')::date AS day;
COMMENT ON VIEW today IS 'The current day (UTC), for the views whose answer depends on it.';
COMMENT ON COLUMN today.day IS 'The current day (UTC).';
