-- segment_shares
-- What share of the customers is in each segment?
SELECT
    segment,
    customers,
    customers_percent
FROM segment_shares
ORDER BY customers DESC, segment ASC
