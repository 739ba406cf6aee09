-- What did a customer do, newest first?
-- Parameters: customer_id; before_at and before_id, the last row of the page before; most, of rows.
SELECT
    event_id,
    coalesce(source_id, event_id::text) AS told_as,
    occurred_at,
    channel,
    product,
    count,
    revenue
FROM interactions
WHERE
    customer_id = %(customer_id)s
    AND (occurred_at, event_id) < (%(before_at)s, %(before_id)s)
ORDER BY occurred_at DESC, event_id DESC
LIMIT (%(most)s)
