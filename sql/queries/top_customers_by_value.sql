-- Which customers bought for most, of all customers? The answer is the first rows; `candidates` says of how many
-- customers it was chosen, and `least` the smallest amount among those.
-- Parameters: least, an amount that so many customers reach, or -Infinity: fewer rows come back than were asked for when
-- that is no longer true; candidates, of whom `least` is told, and most, of rows, not more than those.
WITH candidates AS (
    SELECT
        customer_id,
        orders,
        units,
        amount,
        first_purchase_date,
        last_purchase_date
    FROM customer_purchases
    WHERE amount >= %(least)s::numeric
    ORDER BY amount DESC, length(customer_id) ASC, customer_id ASC
    LIMIT (%(candidates)s)
),

top AS (
    SELECT *
    FROM candidates
    ORDER BY amount DESC, length(customer_id) ASC, customer_id ASC
    LIMIT (%(most)s)
)

SELECT
    customer_id,
    c.first_name,
    c.last_name,
    c.customer_type,
    c.segment,
    c.country,
    t.amount AS lifetime_value,
    t.orders,
    t.units,
    trim_scale(round(t.amount / t.orders, 6)) AS average_order,
    t.first_purchase_date,
    t.last_purchase_date,
    (SELECT count(*) FROM candidates) AS candidates,
    (SELECT min(l.amount) FROM candidates AS l) AS least
FROM top AS t
LEFT JOIN customers AS c USING (customer_id)
ORDER BY t.amount DESC, length(customer_id) ASC, customer_id ASC
