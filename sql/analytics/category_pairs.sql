-- How often was a category bought how soon after another one, by the same customer? Counts, for each purchase, the five
-- of the same customer before it. Refunds and purchases whose category is unknown are left out.
-- sql/category_pairs.py asks it of some customers at a time, and keeps what it was told of all of them.
CREATE TABLE IF NOT EXISTS category_pairs (
    from_category text NOT NULL,
    to_category text NOT NULL,
    distance smallint NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (from_category, to_category, distance)
);
COMMENT ON TABLE category_pairs IS
'What category_transitions is made of: counted customer by customer, and replaced when all of them are counted.';
COMMENT ON COLUMN category_pairs.from_category IS 'Bought earlier.';
COMMENT ON COLUMN category_pairs.to_category IS 'Bought later by the same customer; may be the same.';
COMMENT ON COLUMN category_pairs.distance IS '1: nothing was bought in between, 2: one purchase was, up to 5.';
COMMENT ON COLUMN category_pairs.times IS 'How many pairs of purchases.';

DROP FUNCTION IF EXISTS category_pairs_of;
CREATE FUNCTION category_pairs_of(after text, upto text)
RETURNS TABLE (
    from_category text,
    to_category text,
    distance integer,
    times bigint
)
LANGUAGE sql STABLE
AS $$
WITH histories AS (
    SELECT
        category,
        lag(category, 1) OVER history AS before_1,
        lag(category, 2) OVER history AS before_2,
        lag(category, 3) OVER history AS before_3,
        lag(category, 4) OVER history AS before_4,
        lag(category, 5) OVER history AS before_5
    FROM purchases
    WHERE customer_id > after AND customer_id <= upto AND category <> 'unknown' AND amount >= 0
    WINDOW history AS (PARTITION BY customer_id ORDER BY occurred_at, transaction_id)
)

SELECT
    coalesce(before_1, before_2, before_3, before_4, before_5) AS from_category,
    category AS to_category,
    CASE
        WHEN grouping(before_1) = 0 THEN 1
        WHEN grouping(before_2) = 0 THEN 2
        WHEN grouping(before_3) = 0 THEN 3
        WHEN grouping(before_4) = 0 THEN 4
        ELSE 5
    END AS distance,
    count(*) AS times
FROM histories
GROUP BY GROUPING SETS (
    (category, before_1), (category, before_2), (category, before_3), (category, before_4), (category, before_5)
)
HAVING coalesce(before_1, before_2, before_3, before_4, before_5) IS NOT NULL
$$;
COMMENT ON FUNCTION category_pairs_of IS
'The rows that the customers with ids after one and up to another one, in the order of text, contribute to category_pairs.';
