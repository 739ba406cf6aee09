-- monthly_reports
-- The monthly reports, newest first.
-- Parameters: most, of rows.
SELECT
    month,
    made_at,
    report
FROM monthly_reports
ORDER BY month DESC
LIMIT (%(most)s)
