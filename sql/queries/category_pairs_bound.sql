-- Up to which customer, from one on, are so many purchases, and are there more? Null: there are none.
-- Parameters: after, purchases.
WITH bound AS (
    SELECT customer_id
    FROM transactions
    WHERE customer_id > %(after)s
    ORDER BY customer_id ASC
    LIMIT 1 OFFSET %(purchases)s
),

last AS (
    SELECT max(customer_id) AS customer_id
    FROM transactions
    WHERE customer_id > %(after)s
)

SELECT
    coalesce(b.customer_id, l.customer_id) AS upto,
    b.customer_id IS NOT NULL AS more
FROM last AS l
LEFT JOIN bound AS b ON TRUE
