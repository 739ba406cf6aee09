-- How much is there altogether? One row, from running totals and positions alone: as fast with a million customers.
WITH outcomes AS (
    SELECT
        coalesce(sum(new), 0)::bigint AS new,
        coalesce(sum(repeated), 0)::bigint AS repeated,
        coalesce(sum(corrected), 0)::bigint AS corrected,
        coalesce(sum(withdrawn), 0)::bigint AS withdrawn,
        coalesce(sum(rejected), 0)::bigint AS rejected,
        coalesce(sum(new) FILTER (WHERE topic = 'rejected_events'), 0)::bigint AS refused_rows,
        max(committed_at) FILTER (WHERE retired_at IS NULL AND next_offset > 0) AS committed_at
    FROM positions
),

channels_used AS (
    SELECT
        c.channel,
        c.first_at,
        coalesce(a.interactions, 0) AS interactions
    FROM channels AS c
    LEFT JOIN channel_activity AS a USING (channel)
),

sold AS (
    SELECT
        currency,
        sum(orders)::bigint AS orders,
        sum(units)::bigint AS units,
        sum(revenue) AS revenue
    FROM daily_sales_parts
    GROUP BY currency
)

SELECT
    (SELECT coalesce(sum(c.customers), 0)::bigint FROM customer_counts AS c) AS customers,
    (SELECT coalesce(sum(u.interactions), 0)::bigint FROM channels_used AS u) AS interactions,
    (
        SELECT
            coalesce(
                json_agg(
                    json_build_object('channel', u.channel, 'interactions', u.interactions)
                    ORDER BY u.first_at, u.channel
                ),
                '[]'
            )
        FROM channels_used AS u
    ) AS channels,
    (SELECT coalesce(json_agg(s.* ORDER BY s.orders DESC, s.currency ASC), '[]') FROM sold AS s) AS sales,
    json_build_object(
        'new', o.new,
        'repeated', o.repeated,
        'corrected', o.corrected,
        'withdrawn', o.withdrawn,
        'rejected', o.rejected
    ) AS events,
    o.rejected + o.refused_rows AS refused,
    (SELECT max(r.rejected_at) FROM rejected_events AS r) AS last_refused_at,
    o.committed_at
FROM outcomes AS o
