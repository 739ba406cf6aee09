-- Which products does each interaction talk about? The one it names, else every one discussed in its month (UTC).
CREATE OR REPLACE VIEW interaction_topics AS
SELECT
    i.event_id,
    i.customer_id,
    i.channel,
    coalesce(i.product, d.product) AS product,
    i.count,
    i.partition
FROM interactions AS i
LEFT JOIN product_discussions AS d
    ON
        i.product IS NULL
        AND d.month = date_trunc('month', i.occurred_at AT TIME ZONE 'UTC')::date
WHERE coalesce(i.product, d.product) IS NOT NULL;
COMMENT ON VIEW interaction_topics IS 'One row per interaction and product that it talks about, computed from the facts.';
COMMENT ON COLUMN interaction_topics.event_id IS 'The interaction.';
COMMENT ON COLUMN interaction_topics.customer_id IS 'Who was in touch.';
COMMENT ON COLUMN interaction_topics.channel IS 'What the customer was in touch on.';
COMMENT ON COLUMN interaction_topics.product IS 'What it talks about: the product that it names, else one that was discussed in its month.';
COMMENT ON COLUMN interaction_topics.count IS 'How many contacts the interaction stands for.';
COMMENT ON COLUMN interaction_topics.partition IS 'Partition number of the customer''s key.';
