-- What was sold per month, category and currency, where enough customers bought it.
-- Where a group is too small, so many of the smallest are withheld with it that a total known elsewhere tells nothing of
-- one of them: two at least, of group_size customers together.
-- Parameters: group_size.
INSERT INTO shared.sales_by_month
WITH groups AS (
    SELECT
        date_trunc('month', day)::date AS month,
        category,
        currency,
        count(DISTINCT customer_id) AS customers,
        count(*) AS orders,
        sum(units) AS units,
        sum(amount) AS amount
    FROM purchases
    GROUP BY date_trunc('month', day), category, currency
),

ranked AS (
    SELECT
        month,
        category,
        currency,
        customers,
        orders,
        units,
        amount,
        count(*) FILTER (WHERE customers < %(group_size)s) OVER stratum AS small_groups,
        row_number() OVER by_size AS place,
        coalesce(sum(customers) OVER (by_size ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM groups
    WINDOW
        stratum AS (PARTITION BY month, currency),
        by_size AS (PARTITION BY month, currency ORDER BY customers, category)
)

SELECT
    month,
    category,
    currency,
    customers,
    orders,
    units,
    amount
FROM ranked
WHERE small_groups = 0 OR (customers >= %(group_size)s AND place > 2 AND before >= %(group_size)s)
