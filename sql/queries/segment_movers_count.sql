-- segment_movers_count
-- How many customers changed their segment in the last 12 months?
SELECT count(*) AS total
FROM segment_movers
