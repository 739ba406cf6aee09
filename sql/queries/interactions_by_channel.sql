-- How often was a customer in touch on each known channel? One row: whether anything is known of the customer, and
-- channel -> interactions for every channel that anybody ever used, the one first used first.
-- Parameters: customer_id.
SELECT
    EXISTS (SELECT FROM customers AS c WHERE c.customer_id = %(customer_id)s)
    OR EXISTS (SELECT FROM channel_totals AS t WHERE t.customer_id = %(customer_id)s) AS known,
    (
        SELECT
            coalesce(
                json_object_agg(c.channel, coalesce(t.interactions, 0) ORDER BY c.first_at, c.channel),
                '{}'
            )
        FROM channels AS c
        LEFT JOIN channel_totals AS t ON c.channel = t.channel AND t.customer_id = %(customer_id)s
    ) AS interactions
