-- Which industry brings in most? And is that low, mid or high among the industries?
DROP MATERIALIZED VIEW IF EXISTS industry_revenue;
CREATE MATERIALIZED VIEW industry_revenue AS
WITH industries AS (
    SELECT
        industry,
        count(*) AS customers,
        sum(revenue) AS revenue
    FROM customer_revenue
    GROUP BY industry
),

quartiles AS (
    SELECT
        percentile_cont(0.25) WITHIN GROUP (ORDER BY revenue::double precision) AS revenue_q1,
        percentile_cont(0.75) WITHIN GROUP (ORDER BY revenue::double precision) AS revenue_q3,
        percentile_cont(0.25) WITHIN GROUP (ORDER BY customers::double precision) AS customers_q1,
        percentile_cont(0.75) WITHIN GROUP (ORDER BY customers::double precision) AS customers_q3
    FROM industries
    WHERE industry <> 'unknown'
),

known AS (
    SELECT
        i.industry,
        rank() OVER (ORDER BY i.revenue DESC) AS place,
        CASE
            WHEN i.revenue::double precision < q.revenue_q1 THEN 'Low'
            WHEN i.revenue::double precision > q.revenue_q3 THEN 'High'
            ELSE 'Mid'
        END AS revenue_category,
        CASE
            WHEN i.customers::double precision < q.customers_q1 THEN 'Low'
            WHEN i.customers::double precision > q.customers_q3 THEN 'High'
            ELSE 'Mid'
        END AS customers_category
    FROM industries AS i
    CROSS JOIN quartiles AS q
    WHERE i.industry <> 'unknown'
)

SELECT
    i.industry,
    k.place,
    i.customers,
    i.revenue,
    round(100 * i.revenue / nullif(sum(i.revenue) OVER (), 0), 2) AS revenue_percent,
    k.revenue_category,
    k.customers_category
FROM industries AS i
LEFT JOIN known AS k ON i.industry = k.industry
WITH NO DATA;
CREATE UNIQUE INDEX industry_revenue_key ON industry_revenue (industry);
COMMENT ON MATERIALIZED VIEW industry_revenue IS
'Revenue and customers per industry, with the industries'' places and quartile categories; ''unknown'' takes no part in those.';
COMMENT ON COLUMN industry_revenue.industry IS '''unknown'': customers whose industry no event has told.';
COMMENT ON COLUMN industry_revenue.place IS '1: the highest revenue; equal revenues share a place.';
COMMENT ON COLUMN industry_revenue.customers IS 'How many customers.';
COMMENT ON COLUMN industry_revenue.revenue IS 'Sum of customer_revenue.revenue, as told.';
COMMENT ON COLUMN industry_revenue.revenue_percent IS 'Of all revenue, to 2 decimals; null where that is 0.';
COMMENT ON COLUMN industry_revenue.revenue_category IS
'Low below the first quartile of the industries'' revenues, High above the third, else Mid.';
COMMENT ON COLUMN industry_revenue.customers_category IS 'The same for the numbers of customers.';
COMMENT ON INDEX industry_revenue_key IS 'Refreshing while others read.';
