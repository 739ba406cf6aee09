-- steady_customers
-- Who of the top tenth brought something in in each of the last 12 months?
-- Parameters: most, of rows; skip, so many.
SELECT
    customer_id,
    place,
    revenue
FROM top_decile_customers
WHERE months_with_revenue = 12
ORDER BY place ASC, customer_id ASC
LIMIT (%(most)s) OFFSET (%(skip)s)
