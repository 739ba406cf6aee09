-- How often was a customer in touch on each known channel? One row: whether anything is known of the customer, and
-- channel -> interactions for every channel that anybody ever used, the one first used first.
-- Parameters: customer_id.
WITH used AS (
    SELECT
        channel,
        interactions
    FROM channel_totals
    WHERE customer_id = %(customer_id)s
),

profile AS (
    SELECT customer_id
    FROM customers
    WHERE customer_id = %(customer_id)s
),

bought AS (
    SELECT customer_id
    FROM customer_purchases
    WHERE customer_id = %(customer_id)s
)

SELECT
    EXISTS (SELECT FROM profile) OR EXISTS (SELECT FROM used) OR EXISTS (SELECT FROM bought) AS known,
    (
        SELECT
            coalesce(
                json_object_agg(c.channel, coalesce(u.interactions, 0) ORDER BY c.first_at, c.channel),
                '{}'
            )
        FROM channels AS c
        LEFT JOIN used AS u USING (channel)
    ) AS interactions
