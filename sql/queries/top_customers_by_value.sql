-- Which customers bought for most? The answer is the first rows; `candidates` says of how many customers, whatever they
-- are like, it was chosen, and `least` the smallest amount among those.
-- Parameters: least, an amount that so many customers reach, or -Infinity; candidates, of whom `least` is told;
-- customer_types, segments and countries, each a list to narrow to, or null for all; most, of rows, not more than
-- candidates: fewer come back when too few customers reach `least`, or too few of those are like that.
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

described AS (
    SELECT
        customer_id,
        t.orders,
        t.units,
        t.amount,
        t.first_purchase_date,
        t.last_purchase_date,
        c.first_name,
        c.last_name,
        c.customer_type,
        c.segment,
        c.country
    FROM candidates AS t
    LEFT JOIN customers AS c USING (customer_id)
)

SELECT
    customer_id,
    first_name,
    last_name,
    customer_type,
    segment,
    country,
    amount AS lifetime_value,
    orders,
    units,
    trim_scale(round(amount / orders, 6)) AS average_order,
    first_purchase_date,
    last_purchase_date,
    (SELECT count(*) FROM candidates) AS candidates,
    (SELECT min(l.amount) FROM candidates AS l) AS least
FROM described
WHERE
    (customer_type = any(%(customer_types)s) OR %(customer_types)s::text[] IS NULL)
    AND (segment = any(%(segments)s) OR %(segments)s::text[] IS NULL)
    AND (country = any(%(countries)s) OR %(countries)s::text[] IS NULL)
ORDER BY amount DESC, length(customer_id) ASC, customer_id ASC
LIMIT (%(most)s)
