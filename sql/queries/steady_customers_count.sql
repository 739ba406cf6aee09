-- steady_customers_count
-- How many are the top tenth, and how many of them brought something in in each of the last 12 months?
SELECT
    count(*) AS top_10_percent,
    count(*) FILTER (WHERE months_with_revenue = 12) AS total
FROM top_decile_customers
