-- Which 20 customers brought in most?
DROP MATERIALIZED VIEW IF EXISTS top_20_customers;
CREATE MATERIALIZED VIEW top_20_customers AS
SELECT
    rank() OVER (ORDER BY revenue DESC) AS place,
    customer_id,
    segment,
    industry,
    revenue
FROM customer_revenue
WHERE revenue > 0
ORDER BY revenue DESC, length(customer_id) ASC, customer_id ASC
LIMIT 20
WITH NO DATA;
CREATE UNIQUE INDEX top_20_customers_key ON top_20_customers (customer_id);
COMMENT ON MATERIALIZED VIEW top_20_customers IS
'The 20 customers with the highest revenue; of those who are equal at the end, the ones with the lower ids.';
COMMENT ON COLUMN top_20_customers.place IS '1: the highest revenue; equal revenues share a place.';
COMMENT ON COLUMN top_20_customers.customer_id IS 'Id of the customer.';
COMMENT ON COLUMN top_20_customers.segment IS '''unknown'' until the customers stream tells it.';
COMMENT ON COLUMN top_20_customers.industry IS '''unknown'' until the customers stream tells it.';
COMMENT ON COLUMN top_20_customers.revenue IS 'As in customer_revenue.';
COMMENT ON INDEX top_20_customers_key IS 'Refreshing while others read.';
