-- evaluation
-- How often is the category that was held out the first, or among the first three, guesses: of the next best
-- category, of the most popular ones, of those that the customer bought most?
-- Parameters: most, of customers whose held-out purchase is guessed.
WITH wanted AS (
    SELECT
        customer_id,
        category
    FROM held_out
    ORDER BY md5(customer_id)
    LIMIT (%(most)s)
),

guessed AS (
    SELECT
        w.customer_id,
        n.place
    FROM wanted AS w
    CROSS JOIN LATERAL next_best_categories(w.customer_id) AS n
    WHERE n.category = w.category
),

popular AS (
    SELECT
        category,
        row_number() OVER (ORDER BY purchases DESC, category ASC) AS place
    FROM category_popularity
),

bought AS (
    SELECT
        p.customer_id,
        p.category,
        row_number() OVER (
            PARTITION BY p.customer_id
            ORDER BY count(*) DESC, max(p.occurred_at) DESC, p.category ASC
        ) AS place
    FROM purchases AS p
    INNER JOIN wanted USING (customer_id)
    GROUP BY p.customer_id, p.category
)

SELECT
    (SELECT count(*) FROM ranked_purchases) AS purchases,
    (SELECT count(DISTINCT r.customer_id) FROM ranked_purchases AS r) AS customers,
    count(*) AS guessed,
    count(*) FILTER (WHERE g.place = 1) AS next_best_1,
    count(*) FILTER (WHERE g.place <= 3) AS next_best_3,
    count(*) FILTER (WHERE popular.place = 1) AS popular_1,
    count(*) FILTER (WHERE popular.place <= 3) AS popular_3,
    count(*) FILTER (WHERE b.place = 1) AS bought_1,
    count(*) FILTER (WHERE b.place <= 3) AS bought_3
FROM wanted AS w
LEFT JOIN guessed AS g ON w.customer_id = g.customer_id
LEFT JOIN popular ON w.category = popular.category
LEFT JOIN bought AS b ON w.customer_id = b.customer_id AND w.category = b.category
