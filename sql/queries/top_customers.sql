-- Which customers bought most?
-- Parameters: customer_types, segments and countries, each a list to narrow to, or null for all; sorted_by, a column;
-- direction, 1 for ascending or -1; most, of rows.
WITH bought AS (
    SELECT
        customer_id,
        t.orders,
        t.units,
        t.amount,
        t.first_purchase_date,
        t.last_purchase_date,
        c.customer_type,
        c.segment,
        c.country
    FROM customer_purchases AS t
    LEFT JOIN customers AS c USING (customer_id)
),

top AS (
    SELECT
        customer_id,
        orders,
        units,
        amount,
        first_purchase_date,
        last_purchase_date,
        %(direction)s::numeric * CASE %(sorted_by)s
            WHEN 'lifetime_value' THEN amount
            WHEN 'orders' THEN orders
            WHEN 'units' THEN units
            WHEN 'average_order' THEN amount / orders
            WHEN 'last_purchase_date' THEN last_purchase_date - '2000-01-01'::date
        END AS place
    FROM bought
    WHERE
        (customer_type = any(%(customer_types)s) OR %(customer_types)s::text[] IS NULL)
        AND (segment = any(%(segments)s) OR %(segments)s::text[] IS NULL)
        AND (country = any(%(countries)s) OR %(countries)s::text[] IS NULL)
    ORDER BY place, length(customer_id), customer_id
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
    t.last_purchase_date
FROM top AS t
LEFT JOIN customers AS c USING (customer_id)
ORDER BY t.place, length(customer_id), customer_id
