-- What is known of a customer? No row for one whom nothing is known of; null attributes for one only named by facts.
-- Parameters: customer_id.
WITH profile AS (
    SELECT *
    FROM customers
    WHERE customer_id = %(customer_id)s
),

used AS (
    SELECT
        channel,
        interactions,
        revenue,
        first_at,
        last_at
    FROM channel_totals
    WHERE customer_id = %(customer_id)s
),

discussed AS (
    SELECT
        product,
        channel,
        sum(interactions)::bigint AS interactions
    FROM topic_totals
    WHERE customer_id = %(customer_id)s
    GROUP BY product, channel
),

topics AS (
    SELECT
        product,
        sum(interactions)::bigint AS interactions,
        json_object_agg(channel, interactions ORDER BY channel) AS by_channel
    FROM discussed
    GROUP BY product
),

bought AS (
    SELECT
        orders,
        units,
        amount,
        trim_scale(round(amount / orders, 6)) AS average_order,
        first_purchase_date,
        last_purchase_date
    FROM customer_purchases
    WHERE customer_id = %(customer_id)s
),

of_category AS (
    SELECT
        category,
        orders,
        units,
        amount
    FROM category_amounts
    WHERE customer_id = %(customer_id)s
),

wanted_today AS (
    SELECT
        day,
        %(customer_id)s::text AS customer_id
    FROM today
),

periods AS (
    SELECT
        t.day AS as_of,
        coalesce(r.last_month, 0) AS last_month,
        coalesce(r.last_quarter, 0) AS last_quarter,
        coalesce(r.quarter_before, 0) AS quarter_before,
        coalesce(r.month_to_date, 0) AS month_to_date,
        coalesce(r.year_to_date, 0) AS year_to_date,
        trim_scale(r.quarter_over_quarter) AS quarter_over_quarter
    FROM wanted_today AS t
    LEFT JOIN revenue_by_period(t.day) AS r ON t.customer_id = r.customer_id
),

likeliest AS (
    SELECT
        category,
        probability,
        popularity,
        bought_before,
        evidence
    FROM next_best_categories(%(customer_id)s)
    WHERE place = 1
),

moved AS (
    SELECT
        changed_at,
        old_segment,
        new_segment
    FROM segment_changes
    WHERE customer_id = %(customer_id)s
)

SELECT
    wanted.customer_id,
    p.first_name,
    p.last_name,
    p.email,
    p.phone,
    p.address,
    p.date_of_birth::text AS date_of_birth,
    p.account_balance,
    p.occupation,
    p.customer_type,
    p.segment,
    p.industry,
    p.country,
    p.account_id,
    p.created_at,
    (SELECT coalesce(json_agg(u.* ORDER BY u.first_at ASC, u.channel ASC), '[]') FROM used AS u) AS channels,
    (SELECT coalesce(json_agg(t.* ORDER BY t.interactions DESC, t.product ASC), '[]') FROM topics AS t) AS topics,
    (SELECT to_json(b.*) FROM bought AS b) AS purchases,
    coalesce((SELECT b.amount FROM bought AS b), 0) AS lifetime_value,
    (SELECT coalesce(json_agg(o.* ORDER BY o.amount DESC, o.category ASC), '[]') FROM of_category AS o) AS categories,
    (SELECT to_json(r.*) FROM periods AS r) AS revenue,
    (SELECT to_json(n.*) FROM likeliest AS n) AS next_best_category,
    (SELECT coalesce(json_agg(m.* ORDER BY m.changed_at DESC), '[]') FROM moved AS m) AS segment_changes
FROM (SELECT %(customer_id)s::text AS customer_id) AS wanted
LEFT JOIN profile AS p USING (customer_id)
WHERE p.customer_id IS NOT NULL OR EXISTS (SELECT FROM used) OR EXISTS (SELECT FROM bought)
