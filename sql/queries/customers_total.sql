-- How many customers are there altogether?
SELECT coalesce(sum(customers), 0)::bigint AS total
FROM customer_counts
