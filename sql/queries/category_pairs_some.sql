-- What some customers contribute to category_pairs.
-- Parameters: after, upto.
SELECT
    from_category,
    to_category,
    distance,
    times
FROM category_pairs_of(%(after)s, %(upto)s)
