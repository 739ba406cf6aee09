-- The topic totals of these products moved: what is the interest in them now?
INSERT INTO product_interest_parts AS p (customer_type, product, partition, interactions, customers)
SELECT
    coalesce(c.customer_type, 'unknown'),
    t.product,
    t.partition,
    sum(t.interactions)::bigint,
    count(DISTINCT t.customer_id)
FROM topic_totals AS t
LEFT JOIN customers AS c USING (customer_id)
WHERE t.product = ANY(%(products)s)
GROUP BY coalesce(c.customer_type, 'unknown'), t.product, t.partition
