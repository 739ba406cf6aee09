-- Months gained (sign 1) or lost (sign -1) products: by how much do the topic totals move?
INSERT INTO topic_totals AS t (customer_id, channel, product, partition, interactions)
SELECT
    i.customer_id,
    i.channel,
    d.product,
    i.partition,
    sum(i.count * d.sign)::bigint AS interactions
FROM unnest(%(months)s::date[], %(products)s::text[], %(signs)s::bigint[]) AS d (month, product, sign)
INNER JOIN interactions AS i
    ON
        i.product IS NULL
        AND i.occurred_at >= d.month::timestamp AT TIME ZONE 'UTC'
        AND i.occurred_at < (d.month + interval '1 month') AT TIME ZONE 'UTC'
GROUP BY i.customer_id, i.channel, d.product, i.partition
ON CONFLICT (customer_id, channel, product, partition)
DO UPDATE SET interactions = t.interactions + excluded.interactions
