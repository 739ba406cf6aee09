-- How much do customers of each type talk about each product, and how many of them do?
CREATE OR REPLACE VIEW product_interest AS
SELECT
    customer_type,
    product,
    sum(interactions)::bigint AS interactions,
    sum(customers)::bigint AS customers
FROM product_interest_parts
GROUP BY customer_type, product;
COMMENT ON VIEW product_interest IS 'Interactions and customers per customer type and product; ''unknown'' until the type of a customer is told.';
