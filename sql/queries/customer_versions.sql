-- Of which customers has anything moved? What is known of a customer is the same as long as the text is.
-- Each table gives the transactions that wrote the customer's rows: a row that comes or changes adds a later one, a row
-- that goes takes one away. The days are those that the periods of revenue reach back to, at most; these move with the day,
-- too, and the next best category with what was refreshed.
-- Parameters: customer_ids, a list.
SELECT
    wanted.customer_id,
    row(
        (
            SELECT sum(p.xmin::text::bigint) FROM customers AS p
            WHERE p.customer_id = wanted.customer_id
        ),
        (
            SELECT sum(c.xmin::text::bigint) FROM channel_totals AS c
            WHERE c.customer_id = wanted.customer_id
        ),
        (
            SELECT sum(t.xmin::text::bigint) FROM topic_totals AS t
            WHERE t.customer_id = wanted.customer_id
        ),
        (
            SELECT sum(b.xmin::text::bigint) FROM customer_purchases AS b
            WHERE b.customer_id = wanted.customer_id
        ),
        (
            SELECT sum(o.xmin::text::bigint) FROM category_amounts AS o
            WHERE o.customer_id = wanted.customer_id
        ),
        (
            SELECT sum(d.xmin::text::bigint)
            FROM daily_revenue AS d
            WHERE d.customer_id = wanted.customer_id AND d.day > (SELECT t.day - 366 FROM today AS t)
        ),
        (SELECT t.day FROM today AS t),
        (
            SELECT max(r.started_at) FROM refreshes AS r
            WHERE r.outcome = 'done' AND r.view IN ('category_popularity', 'category_transitions')
        )
    )::text AS version
FROM unnest(%(customer_ids)s::text[]) AS wanted (customer_id)
