-- customer_revenue
-- What did a customer bring in, in the periods around a day? Zeros for one without facts in them; no row for one whom
-- nothing is known of.
-- Parameters: customer_id; as_of, a day, or null for today.
WITH wanted AS (
    SELECT
        %(customer_id)s::text AS customer_id,
        coalesce(%(as_of)s::date, day) AS as_of
    FROM today
),

known AS (
    SELECT customer_id
    FROM customers
    WHERE customer_id = %(customer_id)s
    UNION ALL
    SELECT customer_id
    FROM channel_totals
    WHERE customer_id = %(customer_id)s
    UNION ALL
    SELECT customer_id
    FROM customer_purchases
    WHERE customer_id = %(customer_id)s
)

SELECT
    w.customer_id,
    w.as_of,
    coalesce(r.last_month, 0) AS last_month,
    coalesce(r.last_quarter, 0) AS last_quarter,
    coalesce(r.quarter_before, 0) AS quarter_before,
    coalesce(r.month_to_date, 0) AS month_to_date,
    coalesce(r.year_to_date, 0) AS year_to_date,
    trim_scale(r.quarter_over_quarter) AS quarter_over_quarter,
    (
        SELECT max(p.committed_at)
        FROM positions AS p
        WHERE p.topic IN ('interactions', 'transactions')
    ) AS last_updated
FROM wanted AS w
LEFT JOIN revenue_by_period(w.as_of) AS r ON w.customer_id = r.customer_id
WHERE EXISTS (SELECT FROM known)
