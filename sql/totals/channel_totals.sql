-- How often, for how much, since when and until when was a customer in touch on each channel?
CREATE TABLE IF NOT EXISTS channel_totals (
    customer_id text NOT NULL,
    channel text NOT NULL,
    interactions bigint NOT NULL,
    revenue numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, channel)
) WITH (fillfactor = 50);
COMMENT ON TABLE channel_totals IS 'Running total per customer and channel.';
COMMENT ON COLUMN channel_totals.customer_id IS 'The customer; the customers stream need not know it.';
COMMENT ON COLUMN channel_totals.channel IS 'What the customer was in touch on.';
COMMENT ON COLUMN channel_totals.interactions IS 'Sum of the counts.';
COMMENT ON COLUMN channel_totals.revenue IS 'Sum of the revenues in EUR; 0 where none was told.';
COMMENT ON COLUMN channel_totals.first_at IS 'Earliest occurred_at (UTC).';
COMMENT ON COLUMN channel_totals.last_at IS 'Latest occurred_at (UTC).';

CREATE OR REPLACE VIEW channel_totals_from_facts AS
SELECT
    customer_id,
    channel,
    sum(count)::bigint AS interactions,
    coalesce(sum(revenue), 0) AS revenue,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM interactions
GROUP BY customer_id, channel;
COMMENT ON VIEW channel_totals_from_facts IS 'The question that channel_totals answers, asked of the facts.';
