-- The question of interactions_by_channel.sql, of one product or of one period (or both).
-- A product's totals are kept; a period is counted from the facts (index interactions_by_customer).
-- Parameters: customer_id; product or null; counts_from (inclusive) and counts_to (exclusive), each a moment or null.
WITH counted AS (
    SELECT
        channel,
        interactions
    FROM topic_totals
    WHERE
        customer_id = %(customer_id)s
        AND product = %(product)s
        AND %(counts_from)s::timestamptz IS NULL
        AND %(counts_to)s::timestamptz IS NULL
    UNION ALL
    SELECT
        channel,
        count AS interactions
    FROM interactions
    WHERE
        customer_id = %(customer_id)s
        AND %(product)s::text IS NULL
        AND (occurred_at >= %(counts_from)s OR %(counts_from)s::timestamptz IS NULL)
        AND (occurred_at < %(counts_to)s OR %(counts_to)s::timestamptz IS NULL)
    UNION ALL
    SELECT
        t.channel,
        t.count AS interactions
    FROM interaction_topics AS t
    INNER JOIN interactions AS i ON t.event_id = i.event_id
    WHERE
        t.customer_id = %(customer_id)s
        AND t.product = %(product)s
        AND (%(counts_from)s::timestamptz IS NOT NULL OR %(counts_to)s::timestamptz IS NOT NULL)
        AND (i.occurred_at >= %(counts_from)s OR %(counts_from)s::timestamptz IS NULL)
        AND (i.occurred_at < %(counts_to)s OR %(counts_to)s::timestamptz IS NULL)
),

summed AS (
    SELECT
        channel,
        sum(interactions)::bigint AS interactions
    FROM counted
    GROUP BY channel
)

SELECT
    EXISTS (SELECT FROM customers AS c WHERE c.customer_id = %(customer_id)s)
    OR EXISTS (SELECT FROM channel_totals AS t WHERE t.customer_id = %(customer_id)s) AS known,
    (
        SELECT
            coalesce(
                json_object_agg(c.channel, coalesce(s.interactions, 0) ORDER BY c.first_at, c.channel),
                '{}'
            )
        FROM channels AS c
        LEFT JOIN summed AS s ON c.channel = s.channel
    ) AS interactions
