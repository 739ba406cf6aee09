-- How much customers of each type talked about each product, where enough of them did.
-- Where a group is too small, so many of the smallest are withheld with it that a total known elsewhere tells nothing of
-- one of them: two at least, of group_size customers together.
-- Parameters: group_size.
INSERT INTO shared.interest_by_type
WITH groups AS (
    SELECT
        customer_type,
        product,
        customers,
        interactions
    FROM product_interest
),

ranked AS (
    SELECT
        customer_type,
        product,
        customers,
        interactions,
        count(*) FILTER (WHERE customers < %(group_size)s) OVER stratum AS small_groups,
        row_number() OVER by_size AS place,
        coalesce(sum(customers) OVER (by_size ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM groups
    WINDOW
        stratum AS (PARTITION BY customer_type),
        by_size AS (PARTITION BY customer_type ORDER BY customers, product)
)

SELECT
    customer_type,
    product,
    customers,
    interactions
FROM ranked
WHERE small_groups = 0 OR (customers >= %(group_size)s AND place > 2 AND before >= %(group_size)s)
