-- How was a table of schema shared made?
-- Parameters: name.
SELECT
    row_count,
    withheld,
    group_size,
    key_id,
    refreshed_at
FROM shared.contents
WHERE name = %(name)s
