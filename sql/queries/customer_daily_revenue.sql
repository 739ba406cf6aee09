-- What did a customer bring in on each day, newest first?
-- Parameters: customer_id; most, of rows.
SELECT
    day,
    revenue,
    interactions
FROM daily_revenue
WHERE customer_id = %(customer_id)s
ORDER BY day DESC
LIMIT (%(most)s)
