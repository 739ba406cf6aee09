-- The question of product_metrics.sql, of one period: counted from the facts.
-- Parameters: as there; sold_from (inclusive) and sold_to (exclusive), each a moment or null.
WITH sold_to_each AS ( -- counting distinct customers takes half as long so, as nothing is sorted
    SELECT
        product,
        customer_id,
        count(*) AS orders,
        sum(units) AS units,
        sum(amount) AS revenue,
        max(occurred_at) AS last_sold
    FROM purchases
    WHERE
        product IS NOT NULL
        AND (occurred_at >= %(sold_from)s OR %(sold_from)s::timestamptz IS NULL)
        AND (occurred_at < %(sold_to)s OR %(sold_to)s::timestamptz IS NULL)
    GROUP BY product, customer_id
),

sold AS (
    SELECT
        product,
        sum(orders)::bigint AS orders,
        sum(units)::bigint AS units,
        sum(revenue) AS revenue,
        count(*) AS customers,
        sum(revenue) / sum(units) AS average_price,
        max(last_sold) AS last_sold
    FROM sold_to_each
    GROUP BY product
),

described AS (
    SELECT
        s.product AS product_id,
        p.name,
        coalesce(p.category, 'unknown') AS category,
        p.price,
        s.orders,
        s.units,
        s.revenue,
        s.customers,
        s.average_price,
        s.last_sold AS last_sold_at
    FROM sold AS s
    LEFT JOIN products AS p ON s.product = p.product_id
)

SELECT
    product_id,
    name,
    category,
    price,
    orders,
    units,
    revenue,
    customers,
    trim_scale(round(average_price, 6)) AS average_price,
    last_sold_at
FROM described
WHERE (category = any(%(categories)s) OR %(categories)s::text[] IS NULL)
ORDER BY
    %(direction)s::numeric * CASE %(sorted_by)s
        WHEN 'revenue' THEN revenue
        WHEN 'orders' THEN orders
        WHEN 'units' THEN units
        WHEN 'customers' THEN customers
        WHEN 'average_price' THEN average_price
        WHEN 'last_sold_at' THEN extract(EPOCH FROM last_sold_at)
    END,
    product_id
LIMIT (%(most)s)
