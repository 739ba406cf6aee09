-- Keep what was counted: the columns as arrays.
-- Parameters: from_category, to_category, distance, times.
INSERT INTO category_pairs (from_category, to_category, distance, times)
SELECT
    from_category,
    to_category,
    distance,
    times
FROM unnest(%(from_category)s::text[], %(to_category)s::text[], %(distance)s::smallint[], %(times)s::bigint[])
    AS counted (from_category, to_category, distance, times)
