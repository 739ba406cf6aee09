-- What was sold on each day, in each currency?
-- Parameters: days_from (inclusive) and days_to (exclusive), each a date or null; currencies, a list to narrow to, or
-- null for all; sorted_by, a column; direction, 1 for ascending or -1; most, of rows.
SELECT
    day,
    currency,
    orders,
    units,
    revenue,
    customers
FROM daily_sales
WHERE
    (day >= %(days_from)s OR %(days_from)s::date IS NULL)
    AND (day < %(days_to)s OR %(days_to)s::date IS NULL)
    AND (currency = any(%(currencies)s) OR %(currencies)s::text[] IS NULL)
ORDER BY
    %(direction)s::numeric * CASE %(sorted_by)s
        WHEN 'day' THEN day - '2000-01-01'::date
        WHEN 'orders' THEN orders
        WHEN 'units' THEN units
        WHEN 'revenue' THEN revenue
        WHEN 'customers' THEN customers
    END,
    day,
    currency
LIMIT (%(most)s)
