-- refresh_moment
-- What is the time, and how far are the totals? The position as in the header C360-Position.
SELECT
    clock_timestamp() AS now,
    (SELECT day FROM today) AS as_of,
    coalesce((
        SELECT
            string_agg(
                topic || ':' || partition || '@' || next_offset, ',' ORDER BY topic COLLATE "C" ASC, partition ASC
            )
        FROM positions
        WHERE retired_at IS NULL
    ), '') AS position,
    (SELECT epoch FROM reattribution) AS epoch
