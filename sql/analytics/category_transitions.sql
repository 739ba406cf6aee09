-- Which category do customers buy after which? Counts, for each purchase, the five of the same customer before it; a
-- purchase further back weighs less. Refunds and purchases whose category is unknown are left out.
DROP MATERIALIZED VIEW IF EXISTS category_transitions;
CREATE MATERIALIZED VIEW category_transitions AS
WITH histories AS (
    SELECT
        category,
        lag(category, 1) OVER history AS before_1,
        lag(category, 2) OVER history AS before_2,
        lag(category, 3) OVER history AS before_3,
        lag(category, 4) OVER history AS before_4,
        lag(category, 5) OVER history AS before_5
    FROM purchases
    WHERE category <> 'unknown' AND amount >= 0
    WINDOW history AS (PARTITION BY customer_id ORDER BY occurred_at, transaction_id)
),

distant AS (
    SELECT
        CASE d.distance
            WHEN 1 THEN h.before_1
            WHEN 2 THEN h.before_2
            WHEN 3 THEN h.before_3
            WHEN 4 THEN h.before_4
            ELSE h.before_5
        END AS from_category,
        h.category AS to_category,
        d.distance
    FROM histories AS h
    CROSS JOIN (VALUES (1), (2), (3), (4), (5)) AS d (distance)
),

counted AS (
    SELECT
        from_category,
        to_category,
        distance,
        count(*) AS times
    FROM distant
    WHERE from_category IS NOT NULL
    GROUP BY from_category, to_category, distance
),

pairs AS (
    SELECT
        from_category,
        to_category,
        sum(times) AS times,
        sum(times * power(0.5::double precision, distance - 1)) AS weight
    FROM counted
    GROUP BY from_category, to_category
),

weighed AS (
    SELECT
        from_category,
        to_category,
        times,
        weight,
        sum(times) OVER () AS all_times,
        sum(weight) OVER () AS all_weight,
        sum(weight) OVER (PARTITION BY from_category) AS from_weight,
        sum(weight) OVER (PARTITION BY to_category) AS to_weight
    FROM pairs
)

SELECT
    from_category,
    to_category,
    times::bigint AS times,
    weight,
    from_weight,
    times::double precision / all_times AS support,
    weight / from_weight AS confidence,
    (weight / from_weight) / (to_weight / all_weight) AS lift
FROM weighed
WITH NO DATA;
CREATE UNIQUE INDEX category_transitions_key ON category_transitions (from_category, to_category);
COMMENT ON MATERIALIZED VIEW category_transitions IS
'How often a category was bought within five purchases after another one by the same customer: the evidence of the next best category.';
COMMENT ON COLUMN category_transitions.from_category IS 'Bought earlier.';
COMMENT ON COLUMN category_transitions.to_category IS 'Bought later; may be the same.';
COMMENT ON COLUMN category_transitions.times IS 'How many pairs of purchases.';
COMMENT ON COLUMN category_transitions.weight IS
'The same, where a pair counts 1 if nothing was bought in between, a half with one purchase in between, a quarter with two, and so on.';
COMMENT ON COLUMN category_transitions.from_weight IS 'Sum of the weights of from_category.';
COMMENT ON COLUMN category_transitions.support IS 'times as a share of all pairs.';
COMMENT ON COLUMN category_transitions.confidence IS 'weight / from_weight: how likely to_category follows from_category.';
COMMENT ON COLUMN category_transitions.lift IS
'By how much that is likelier than to_category is after any category: 1 means that from_category says nothing about it.';
COMMENT ON INDEX category_transitions_key IS 'Refreshing while others read, and what follows a category.';
