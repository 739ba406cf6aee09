-- next_best_categories
-- What will a customer buy next?
-- Parameters: customer_id; most, of categories.
SELECT
    category,
    probability,
    popularity,
    bought_before,
    evidence
FROM next_best_categories(%(customer_id)s)
WHERE place <= %(most)s
ORDER BY place
