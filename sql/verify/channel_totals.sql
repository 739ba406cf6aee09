-- The question that table channel_totals answers, asked of the facts.
SELECT
    customer_id,
    channel,
    sum(count)::bigint AS interactions,
    coalesce(sum(revenue), 0) AS revenue,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM interactions
GROUP BY customer_id, channel
