-- monthly_report
-- Answer the business questions for the month that was over when this one began, and keep the answers.
WITH bounds AS (
    SELECT
        (date_trunc('month', day::timestamp) - interval '1 month')::date AS month,
        date_trunc('month', day::timestamp)::date - 1 AS last_day
    FROM today
),

revenue AS (
    SELECT
        coalesce(sum(r.month_to_date), 0) AS this_month,
        coalesce(sum(r.last_month), 0) AS month_before,
        coalesce(sum(r.year_to_date), 0) AS year_to_date
    FROM bounds AS b
    CROSS JOIN LATERAL revenue_by_period(b.last_day) AS r
),

industries AS (
    SELECT json_agg(i.* ORDER BY i.place ASC, i.industry ASC) AS all_of_them
    FROM industry_revenue AS i
),

segments AS (
    SELECT json_agg(s.* ORDER BY s.customers DESC, s.segment ASC) AS all_of_them
    FROM segment_shares AS s
),

best AS (
    SELECT
        count(*) AS customers,
        count(*) FILTER (WHERE months_with_revenue = 12) AS with_revenue_every_month
    FROM top_decile_customers
)

INSERT INTO monthly_reports (month, made_at, report)
SELECT
    b.month,
    now() AS made_at,
    jsonb_build_object(
        'revenue', jsonb_build_object(
            'month', r.this_month, 'month_before', r.month_before, 'year_to_date', r.year_to_date
        ),
        'industries', coalesce(i.all_of_them, '[]'),
        'segments', coalesce(s.all_of_them, '[]'),
        'customers_who_changed_segment', (SELECT count(*) FROM segment_movers),
        'revenue_of_top_20_customers', (SELECT coalesce(sum(t.revenue), 0) FROM top_20_customers AS t),
        'top_10_percent', jsonb_build_object(
            'customers', best.customers, 'with_revenue_every_month', best.with_revenue_every_month
        )
    ) AS report
FROM bounds AS b
CROSS JOIN revenue AS r
CROSS JOIN industries AS i
CROSS JOIN segments AS s
CROSS JOIN best
ON CONFLICT (month) DO UPDATE SET made_at = excluded.made_at, report = excluded.report
