-- Who are the top 10 % of customers, and in how many of the last 12 months did each bring something in? The months are
-- the 12 calendar months that were over when this one began.
DROP MATERIALIZED VIEW IF EXISTS top_decile_customers;
CREATE MATERIALIZED VIEW top_decile_customers AS
WITH ranked AS (
    SELECT
        customer_id,
        revenue,
        rank() OVER (ORDER BY revenue DESC) AS place,
        count(*) OVER () AS customers
    FROM customer_revenue
    WHERE revenue > 0
),

top AS (
    SELECT
        customer_id,
        revenue,
        place
    FROM ranked
    WHERE place <= ceil(customers / 10.0)
),

bounds AS (
    SELECT
        date_trunc('month', day::timestamp)::date AS this_month,
        (date_trunc('month', day::timestamp) - interval '12 months')::date AS first_month
    FROM today
),

months AS (
    SELECT
        customer_id,
        date_trunc('month', d.day::timestamp)::date AS month
    FROM daily_revenue AS d
    INNER JOIN top USING (customer_id)
    CROSS JOIN bounds AS b
    WHERE d.day >= b.first_month AND d.day < b.this_month
    GROUP BY customer_id, date_trunc('month', d.day::timestamp)::date
    HAVING sum(d.revenue) > 0
)

SELECT
    top.customer_id,
    top.place,
    top.revenue,
    count(months.month) AS months_with_revenue
FROM top
LEFT JOIN months ON top.customer_id = months.customer_id
GROUP BY top.customer_id, top.place, top.revenue
WITH NO DATA;
CREATE UNIQUE INDEX top_decile_customers_key ON top_decile_customers (customer_id);
CREATE INDEX top_decile_customers_in_order ON top_decile_customers (months_with_revenue, place, customer_id);
COMMENT ON MATERIALIZED VIEW top_decile_customers IS
'The top 10 % of the customers that brought something in; whoever is equal to the last of them is one of them, too.';
COMMENT ON COLUMN top_decile_customers.customer_id IS 'Id of the customer.';
COMMENT ON COLUMN top_decile_customers.place IS '1: the highest revenue; equal revenues share a place.';
COMMENT ON COLUMN top_decile_customers.revenue IS 'As in customer_revenue.';
COMMENT ON COLUMN top_decile_customers.months_with_revenue IS
'In how many of the last 12 full calendar months (UTC) the sum of the revenues was above 0.';
COMMENT ON INDEX top_decile_customers_key IS 'Refreshing while others read.';
COMMENT ON INDEX top_decile_customers_in_order IS 'Those with revenue in every month, page by page.';
