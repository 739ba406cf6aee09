-- Which category do customers buy after which? A purchase further back weighs less.
DROP MATERIALIZED VIEW IF EXISTS category_transitions;
CREATE MATERIALIZED VIEW category_transitions AS
WITH pairs AS (
    SELECT
        from_category,
        to_category,
        sum(times) AS times,
        sum(times * power(0.5::double precision, distance - 1)) AS weight
    FROM category_pairs
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
