-- How much was sold of each product?
-- Parameters: categories, a list to narrow to, or null for all; sorted_by, a column; direction, 1 for ascending or -1;
-- most, of rows.
WITH described AS (
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
    FROM product_sales AS s
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
