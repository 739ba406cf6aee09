-- As many orders were counted per day as per customer.
-- level: error
-- remedy: `c360 verify` says which total is wrong; `c360 rebuild` computes it anew from the facts.
-- kept: by_day, by_customer
SELECT
    by_day,
    by_customer
FROM (
    SELECT
        (SELECT coalesce(sum(orders), 0) FROM daily_sales) AS by_day,
        (SELECT coalesce(sum(orders), 0) FROM customer_purchases) AS by_customer
) AS counted
WHERE by_day <> by_customer
