-- Daily revenue adds up to what the channels and the purchases of the same customer brought in, and its interactions
-- to those of the channels.
-- level: error
-- remedy: `c360 verify` says which total is wrong; `c360 rebuild` computes it anew from the facts.
-- kept: revenue_by_day, revenue_otherwise, interactions_by_day, interactions_by_channel
WITH by_day AS (
    SELECT
        customer_id,
        sum(revenue) AS revenue,
        sum(interactions) AS interactions
    FROM daily_revenue
    GROUP BY customer_id
),

by_channel AS (
    SELECT
        customer_id,
        sum(revenue) AS revenue,
        sum(interactions) AS interactions
    FROM channel_totals
    GROUP BY customer_id
),

compared AS (
    SELECT
        customer_id,
        coalesce(d.revenue, 0) AS revenue_by_day,
        coalesce(c.revenue, 0) + coalesce(p.amount, 0) AS revenue_otherwise,
        coalesce(d.interactions, 0) AS interactions_by_day,
        coalesce(c.interactions, 0) AS interactions_by_channel
    FROM by_day AS d
    FULL JOIN by_channel AS c USING (customer_id)
    FULL JOIN customer_purchases AS p USING (customer_id)
)

SELECT *
FROM compared
WHERE revenue_by_day <> revenue_otherwise OR interactions_by_day <> interactions_by_channel
