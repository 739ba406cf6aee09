-- What did a customer bring in on each day, and how often were we in touch?
CREATE TABLE IF NOT EXISTS daily_revenue (
    customer_id text NOT NULL,
    day date NOT NULL,
    facts bigint NOT NULL,
    revenue numeric NOT NULL,
    interactions bigint NOT NULL,
    PRIMARY KEY (customer_id, day)
) WITH (fillfactor = 50);
COMMENT ON TABLE daily_revenue IS 'Running total per customer and day (UTC), of interactions and purchases together.';
COMMENT ON COLUMN daily_revenue.customer_id IS 'The customer; the customers stream need not know it.';
COMMENT ON COLUMN daily_revenue.day IS 'In UTC.';
COMMENT ON COLUMN daily_revenue.facts IS 'Number of interactions and transactions that the row stands for.';
COMMENT ON COLUMN daily_revenue.revenue IS 'Revenues of the interactions plus amounts of the purchases, as told.';
COMMENT ON COLUMN daily_revenue.interactions IS 'Sum of the interactions'' counts.';

CREATE OR REPLACE VIEW daily_revenue_from_facts AS
SELECT
    customer_id,
    day,
    count(*) AS facts,
    coalesce(sum(revenue), 0) AS revenue,
    sum(interactions)::bigint AS interactions
FROM (
    SELECT
        customer_id,
        (occurred_at AT TIME ZONE 'UTC')::date AS day,
        revenue,
        count AS interactions
    FROM interactions
    UNION ALL
    SELECT
        customer_id,
        day,
        amount AS revenue,
        0 AS interactions
    FROM purchases
) AS facts
GROUP BY customer_id, day;
COMMENT ON VIEW daily_revenue_from_facts IS 'The question that daily_revenue answers, asked of the facts.';
