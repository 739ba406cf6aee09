-- How much do customers of each type talk about each product?
-- Parameters: customer_types and products, each a list to narrow to, or null for all.
SELECT
    customer_type,
    product,
    interactions,
    customers
FROM product_interest
WHERE
    (customer_type = any(%(customer_types)s) OR %(customer_types)s::text[] IS NULL)
    AND (product = any(%(products)s) OR %(products)s::text[] IS NULL)
ORDER BY customer_type, product
