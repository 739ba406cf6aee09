-- What share of the customers is in each segment?
DROP MATERIALIZED VIEW IF EXISTS segment_shares;
CREATE MATERIALIZED VIEW segment_shares AS
SELECT
    segment,
    count(*) AS customers,
    round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS customers_percent
FROM customer_revenue
GROUP BY segment
WITH NO DATA;
CREATE UNIQUE INDEX segment_shares_key ON segment_shares (segment);
COMMENT ON MATERIALIZED VIEW segment_shares IS 'How many customers are in each segment, and what share that is.';
COMMENT ON COLUMN segment_shares.segment IS '''unknown'': customers whose segment no event has told, or who have none.';
COMMENT ON COLUMN segment_shares.customers IS 'How many customers.';
COMMENT ON COLUMN segment_shares.customers_percent IS 'Of all customers, to 2 decimals.';
COMMENT ON INDEX segment_shares_key IS 'Refreshing while others read.';
