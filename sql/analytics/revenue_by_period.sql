-- What did each customer bring in, in the periods around a day? Live, from the running total.
DROP FUNCTION IF EXISTS revenue_by_period;
CREATE FUNCTION revenue_by_period(as_of date)
RETURNS TABLE (
    customer_id text,
    last_month numeric,
    last_quarter numeric,
    quarter_before numeric,
    month_to_date numeric,
    year_to_date numeric,
    quarter_over_quarter numeric
)
LANGUAGE sql STABLE
AS $$
WITH bounds AS (
    SELECT
        date_trunc('month', as_of::timestamp)::date AS this_month,
        (date_trunc('month', as_of::timestamp) - interval '1 month')::date AS last_month,
        date_trunc('quarter', as_of::timestamp)::date AS this_quarter,
        (date_trunc('quarter', as_of::timestamp) - interval '3 months')::date AS last_quarter,
        (date_trunc('quarter', as_of::timestamp) - interval '6 months')::date AS quarter_before,
        date_trunc('year', as_of::timestamp)::date AS this_year
),

sums AS (
    SELECT
        d.customer_id,
        sum(CASE WHEN d.day >= b.last_month AND d.day < b.this_month THEN d.revenue ELSE 0 END) AS last_month,
        sum(CASE WHEN d.day >= b.last_quarter AND d.day < b.this_quarter THEN d.revenue ELSE 0 END) AS last_quarter,
        sum(CASE WHEN d.day >= b.quarter_before AND d.day < b.last_quarter THEN d.revenue ELSE 0 END) AS quarter_before,
        sum(CASE WHEN d.day >= b.this_month THEN d.revenue ELSE 0 END) AS month_to_date,
        sum(CASE WHEN d.day >= b.this_year THEN d.revenue ELSE 0 END) AS year_to_date
    FROM daily_revenue AS d
    CROSS JOIN bounds AS b
    WHERE d.day >= least(b.quarter_before, b.this_year) AND d.day <= as_of
    GROUP BY d.customer_id
)

SELECT
    s.customer_id,
    s.last_month,
    s.last_quarter,
    s.quarter_before,
    s.month_to_date,
    s.year_to_date,
    round(100 * (s.last_quarter - s.quarter_before) / nullif(abs(s.quarter_before), 0), 2) AS quarter_over_quarter
FROM sums AS s
$$;
COMMENT ON FUNCTION revenue_by_period IS
'Per customer with facts in these periods: revenue of the calendar month and quarter before those of as_of (last_month, last_quarter), of the quarter before that (quarter_before), of the month and the year so far, as_of included (month_to_date, year_to_date), and by how many percent last_quarter is above quarter_before (quarter_over_quarter, to 2 decimals; of its absolute value, null where that is 0). Days are those of UTC, revenue as in daily_revenue.';
