-- What the customers of each segment and region bought, where there are enough of them.
-- Where a group is too small, so many of the smallest are withheld with it that a total known elsewhere tells nothing of
-- one of them: two at least, of group_size customers together.
-- Parameters: group_size.
INSERT INTO shared.spend_by_segment
WITH groups AS (
    SELECT
        coalesce(c.segment, 'unknown') AS segment,
        coalesce(c.country, 'unknown') AS region,
        count(*) AS customers,
        sum(b.orders) AS orders,
        sum(b.amount) AS amount
    FROM customer_purchases AS b
    LEFT JOIN customers AS c USING (customer_id)
    GROUP BY coalesce(c.segment, 'unknown'), coalesce(c.country, 'unknown')
),

ranked AS (
    SELECT
        segment,
        region,
        customers,
        orders,
        amount,
        count(*) FILTER (WHERE customers < %(group_size)s) OVER stratum AS small_groups,
        row_number() OVER by_size AS place,
        coalesce(sum(customers) OVER (by_size ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM groups
    WINDOW
        stratum AS (PARTITION BY segment),
        by_size AS (PARTITION BY segment ORDER BY customers, region)
)

SELECT
    segment,
    region,
    customers,
    orders,
    amount
FROM ranked
WHERE small_groups = 0 OR (customers >= %(group_size)s AND place > 2 AND before >= %(group_size)s)
