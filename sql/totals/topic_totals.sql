-- How often did a customer talk about each product, on which channel?
CREATE TABLE IF NOT EXISTS topic_totals (
    customer_id text NOT NULL,
    channel text NOT NULL,
    product text NOT NULL,
    partition smallint NOT NULL,
    interactions bigint NOT NULL,
    PRIMARY KEY (customer_id, channel, product, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE topic_totals IS
'Running total per customer, channel and product talked about: the product that the interaction names, else every product discussed in its month.';
COMMENT ON COLUMN topic_totals.customer_id IS 'The customer; the customers stream need not know it.';
COMMENT ON COLUMN topic_totals.channel IS 'What the customer was in touch on.';
COMMENT ON COLUMN topic_totals.product IS 'What the interactions talk about.';
COMMENT ON COLUMN topic_totals.partition IS 'Partition number of the customer''s key.';
COMMENT ON COLUMN topic_totals.interactions IS 'Sum of the counts.';

CREATE OR REPLACE VIEW topic_totals_from_facts AS
SELECT
    customer_id,
    channel,
    product,
    partition,
    sum(count)::bigint AS interactions
FROM interaction_topics
GROUP BY customer_id, channel, product, partition;
COMMENT ON VIEW topic_totals_from_facts IS 'The question that topic_totals answers, asked of the facts.';
