-- The question that table topic_totals answers, asked of the facts.
SELECT
    customer_id,
    channel,
    product,
    sum(count)::bigint AS interactions
FROM interaction_topics
GROUP BY customer_id, channel, product
