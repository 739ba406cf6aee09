-- Each customer pays in one currency: amounts are added as told, and a lifetime value of several says little.
-- level: warn
-- remedy: Ask the facts per currency for these customers, or convert the amounts before they are published.
-- kept: currencies
SELECT
    customer_id,
    string_agg(DISTINCT currency, ', ') AS currencies
FROM transactions
WHERE (SELECT count(DISTINCT d.currency) > 1 FROM daily_sales AS d)
GROUP BY customer_id
HAVING count(DISTINCT currency) > 1
