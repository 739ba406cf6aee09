-- The question of interactions_by_channel.sql, of one product or of one period (or both).
-- A product's totals are kept; a period is counted from the facts.
-- Parameters: customer_id; product or null; counts_from (inclusive) and counts_to (exclusive), each a moment or null.
WITH of_period AS (
    SELECT
        event_id,
        channel,
        count AS interactions
    FROM interactions
    WHERE
        customer_id = %(customer_id)s
        AND (%(counts_from)s::timestamptz IS NOT NULL OR %(counts_to)s::timestamptz IS NOT NULL)
        AND (occurred_at >= %(counts_from)s OR %(counts_from)s::timestamptz IS NULL)
        AND (occurred_at < %(counts_to)s OR %(counts_to)s::timestamptz IS NULL)
),

of_product AS (
    SELECT event_id
    FROM interaction_topics
    WHERE
        customer_id = %(customer_id)s
        AND product = %(product)s
        AND (%(counts_from)s::timestamptz IS NOT NULL OR %(counts_to)s::timestamptz IS NOT NULL)
),

counted AS (
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
        interactions
    FROM of_period
    WHERE %(product)s::text IS NULL
    UNION ALL
    SELECT
        channel,
        interactions
    FROM of_period
    WHERE event_id IN (SELECT p.event_id FROM of_product AS p)
),

used AS (
    SELECT
        channel,
        sum(interactions)::bigint AS interactions
    FROM counted
    GROUP BY channel
),

profile AS (
    SELECT customer_id
    FROM customers
    WHERE customer_id = %(customer_id)s
),

totals AS (
    SELECT customer_id
    FROM channel_totals
    WHERE customer_id = %(customer_id)s
),

bought AS (
    SELECT customer_id
    FROM customer_purchases
    WHERE customer_id = %(customer_id)s
)

SELECT
    EXISTS (SELECT FROM profile) OR EXISTS (SELECT FROM totals) OR EXISTS (SELECT FROM bought) AS known,
    (
        SELECT
            coalesce(
                json_object_agg(c.channel, coalesce(u.interactions, 0) ORDER BY c.first_at, c.channel),
                '{}'
            )
        FROM channels AS c
        LEFT JOIN used AS u USING (channel)
    ) AS interactions
