-- The question that view product_interest answers, asked of the facts.
SELECT
    coalesce(c.customer_type, 'unknown') AS customer_type,
    t.product,
    sum(t.count)::bigint AS interactions,
    count(DISTINCT t.customer_id) AS customers
FROM interaction_topics AS t
LEFT JOIN customers AS c USING (customer_id)
GROUP BY coalesce(c.customer_type, 'unknown'), t.product
