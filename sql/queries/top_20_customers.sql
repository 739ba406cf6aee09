-- top_20_customers
-- Which 20 customers brought in most?
SELECT
    place,
    customer_id,
    segment,
    industry,
    revenue
FROM top_20_customers
ORDER BY place ASC, length(customer_id) ASC, customer_id ASC
