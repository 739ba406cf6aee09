-- currencies
-- In which currencies has anybody bought anything?
SELECT DISTINCT currency
FROM daily_sales_parts
ORDER BY currency
