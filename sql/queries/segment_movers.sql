-- segment_movers
-- Which customers changed their segment in the last 12 months?
-- Parameters: most, of rows; skip, so many.
SELECT
    customer_id,
    changes,
    last_changed_at,
    old_segment,
    new_segment
FROM segment_movers
ORDER BY last_changed_at DESC, customer_id ASC
LIMIT (%(most)s) OFFSET (%(skip)s)
